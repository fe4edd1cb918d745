using System.Diagnostics;
using System.Globalization;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Pop3;

namespace EmailRouter.Bench;

/// <summary>Downloads one mailbox from one Dovecot over TLS: the router's client beside mpop. Both write what they got into one file in memory.</summary>
internal sealed class Pop3Benchmark : IBenchmark
{
    private const int Rounds = 5;

    public string Name => "pop3";

    public string Summary => "[messages]: download beside mpop from the same Dovecot";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3000;
        if ((Installed.WhyNot(Software.Dovecot) ?? Installed.WhyNot(Software.Mpop)) is { } reason)
        {
            Console.WriteLine($"Not measured: {reason}.");
            return 1;
        }

        await using DovecotServer server = await DovecotServer.StartAsync();
        long bytes = await MpopRival.FillAsync(server, count);
        string folder = Directory.CreateTempSubdirectory("er-bench-").FullName;
        string target = Directory.Exists("/dev/shm") ? "/dev/shm/" + Path.GetFileName(folder) : Path.Combine(folder, "mbox");
        try
        {
            Console.WriteLine($"{count} messages, {bytes / 1e6:0} MB, TLS, same Dovecot, best of {Rounds}");
            double ours = double.MaxValue;
            double theirs = double.MaxValue;
            for (int round = 0; round < Rounds; round++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                File.Delete(target);
                theirs = Math.Min(theirs, await MpopRival.DownloadAsync(server, folder, target));
                File.Delete(target);
                ours = Math.Min(ours, await DownloadAsync(server, target, count, bytes));
            }

            Console.WriteLine($"mpop         {count / theirs,8:0} messages/s  {bytes / 1e6 / theirs,7:0.0} MB/s");
            Console.WriteLine($"EmailRouter  {count / ours,8:0} messages/s  {bytes / 1e6 / ours,7:0.0} MB/s");
            Console.WriteLine($"ratio        {theirs / ours,8:0.00}  (target 0.80)");
            return 0;
        }
        finally
        {
            File.Delete(target);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> DownloadAsync(DovecotServer server, string target, int count, long bytes)
    {
        long started = Stopwatch.GetTimestamp();
        long got = 0;
        await using (FileStream file = new(target, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 1 << 16 }))
        {
            var endpoint = new MailEndpoint { Host = "localhost", Port = server.Pop3sPort, CertificatePins = [server.Pin] };
            await using IMailboxSession session = await new Pop3System().OpenMailboxAsync(
                endpoint, new MailLogin("bench@example.test", MailCredential.Password("bench", DovecotServer.Password)), new MailContext(), default);
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            await foreach (FetchedMessage message in session.FetchAsync(messages, default))
            {
                using (message)
                {
                    ReadOnlyMemory<byte> content = (message.Content ?? throw message.Error!).Memory;
                    got += content.Length;
                    file.Write(content.Span);
                }
            }

            await session.CompleteAsync(default);
            if (messages.Count != count || got != bytes)
                throw new InvalidOperationException($"{messages.Count} messages, {got} bytes instead of {count}, {bytes}");
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
