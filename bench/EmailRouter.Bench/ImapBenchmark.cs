using System.Diagnostics;
using System.Globalization;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Imap;

namespace EmailRouter.Bench;

/// <summary>Downloads one mailbox from one Dovecot by IMAP over TLS: the router's client beside mbsync. Both write a file for each message into memory.</summary>
internal sealed class ImapBenchmark : IBenchmark
{
    private const int Rounds = 5;

    public string Name => "imap";

    public string Summary => "[messages]: download beside mbsync from the same Dovecot";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3000;
        if ((Installed.WhyNot(Software.Dovecot) ?? (Installed.Find("mbsync") is null ? "mbsync is not installed (package isync)" : null)) is { } reason)
        {
            Console.WriteLine($"Not measured: {reason}.");
            return 1;
        }

        await using DovecotServer server = await DovecotServer.StartAsync();
        long bytes = await MpopRival.FillAsync(server, count);
        string memory = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        string folder = Path.Combine(memory, "er-bench-" + Path.GetRandomFileName());
        Console.WriteLine($"{count} messages, {bytes / 1e6:0} MB, TLS, same Dovecot, best of {Rounds}");
        double ours = double.MaxValue;
        double theirs = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            theirs = Math.Min(theirs, await InFolderAsync(folder, () => MbsyncAsync(server, folder)));
            ours = Math.Min(ours, await InFolderAsync(folder, () => DownloadAsync(server, folder, count, bytes)));
        }

        Console.WriteLine($"mbsync       {count / theirs,8:0} messages/s  {bytes / 1e6 / theirs,7:0.0} MB/s");
        Console.WriteLine($"EmailRouter  {count / ours,8:0} messages/s  {bytes / 1e6 / ours,7:0.0} MB/s");
        Console.WriteLine($"ratio        {theirs / ours,8:0.00}  (target 0.80)");
        return 0;
    }

    private static async Task<double> InFolderAsync(string folder, Func<Task<double>> measure)
    {
        Directory.CreateDirectory(folder);
        try
        {
            return await measure();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> MbsyncAsync(DovecotServer server, string folder)
    {
        string configuration = Path.Combine(folder, "mbsyncrc");
        await File.WriteAllTextAsync(
            configuration,
            $"""
            FSync no
            IMAPAccount bench
            Host localhost
            Port {server.ImapsPort}
            User bench
            Pass {DovecotServer.Password}
            SSLType IMAPS
            SystemCertificates no
            CertificateFile {server.CertificateFile}

            IMAPStore far
            Account bench

            MaildirStore near
            Path {folder}/mail/
            Inbox {folder}/mail/INBOX

            Channel bench
            Far :far:
            Near :near:
            Patterns INBOX
            Create Near
            Sync PullNew
            SyncState {folder}/state

            """);
        long started = Stopwatch.GetTimestamp();
        Directory.CreateDirectory(Path.Combine(folder, "mail"));
        await ServerProcess.RunAsync("mbsync", "-q", "-c", configuration, "bench");
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<double> DownloadAsync(DovecotServer server, string folder, int count, long bytes)
    {
        long started = Stopwatch.GetTimestamp();
        long got = 0;
        var endpoint = new MailEndpoint { Host = "localhost", Port = server.ImapsPort, CertificatePins = [server.Pin] };
        await using IMailboxSession session = await new ImapSystem().OpenMailboxAsync(
            endpoint, new MailLogin("bench@example.test", MailCredential.Password("bench", DovecotServer.Password)), new MailContext(), default);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            using (message)
            {
                ReadOnlyMemory<byte> content = (message.Content ?? throw message.Error!).Memory;
                got += content.Length;
                using var file = File.OpenHandle(Path.Combine(folder, message.Message.Id), FileMode.CreateNew, FileAccess.Write);
                RandomAccess.Write(file, content.Span, 0);
            }
        }

        await session.CompleteAsync(default);
        if (messages.Count != count || got != bytes)
            throw new InvalidOperationException($"{messages.Count} messages, {got} bytes instead of {count}, {bytes}");
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
