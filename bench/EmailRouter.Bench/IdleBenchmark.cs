using System.Diagnostics;
using System.Globalization;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Imap;

namespace EmailRouter.Bench;

/// <summary>Holds many idle IMAP connections over TLS to one Dovecot in this process, and tells what each of them keeps.</summary>
internal sealed class IdleBenchmark : IBenchmark
{
    private static readonly TimeSpan settling = TimeSpan.FromSeconds(5);

    public string Name => "idle";

    public string Summary => "[connections]: memory of idle IMAP connections over TLS";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1000;
        if (Installed.WhyNot(Software.Dovecot) is { } reason)
        {
            Console.WriteLine($"Not measured: {reason}.");
            return 1;
        }

        await using DovecotServer server = await DovecotServer.StartAsync();
        await server.DeliverAsync("idle0", "Subject: first\r\n\r\nhello\r\n"u8.ToArray());
        var sessions = new List<IMailboxSession> { await OpenAsync(server, 0) };     // what the first one loads is not the connections'
        long before = Resident();
        long heapBefore = GC.GetTotalMemory(forceFullCollection: true);
        while (sessions.Count <= count)
        {
            int first = sessions.Count;
            sessions.AddRange(await Task.WhenAll(Enumerable.Range(first, Math.Min(20, count + 1 - first)).Select(i => OpenAsync(server, i))));
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<bool>[] waiting = [.. sessions.Select(s => s.WaitForMailAsync(TimeSpan.FromMinutes(5), stop.Token).AsTask())];
        await Task.Delay(settling, cancellationToken);
        long heap = GC.GetTotalMemory(forceFullCollection: true) - heapBefore;
        long resident = Resident() - before;
        Console.WriteLine($"{count} idle IMAP connections over TLS, {waiting.Count(w => !w.IsCompleted)} waiting");
        Console.WriteLine($"managed heap {heap / 1024.0 / count,6:0.0} KB each");
        Console.WriteLine($"resident     {resident / 1024.0 / count,6:0.0} KB each  (target 80)");

        await server.DeliverAsync("idle0", "Subject: second\r\n\r\nhello\r\n"u8.ToArray());
        bool woken = await waiting[0].WaitAsync(TimeSpan.FromMinutes(1), cancellationToken);
        Console.WriteLine(woken ? "and one was woken by a new message" : "but a new message woke nobody");
        await stop.CancelAsync();
        foreach (IMailboxSession session in sessions)
            await session.DisposeAsync();
        return woken ? 0 : 1;
    }

    private static async Task<IMailboxSession> OpenAsync(DovecotServer server, int number)
    {
        var endpoint = new MailEndpoint { Host = "localhost", Port = server.ImapsPort, CertificatePins = [server.Pin] };
        var login = new MailLogin($"idle{number}@example.test", MailCredential.Password($"idle{number}", DovecotServer.Password));
        IMailboxSession session = await new ImapSystem().OpenMailboxAsync(endpoint, login, new MailContext(), default);
        await foreach (MessageRef _ in session.ListAsync(MailboxCursor.Start, default))
        {
            // Only so that the mailbox is selected, as it is after a poll.
        }

        return session;
    }

    private static long Resident()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using Process self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
