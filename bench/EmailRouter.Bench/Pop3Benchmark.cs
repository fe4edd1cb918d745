using System.Diagnostics;
using System.Globalization;
using System.Text;
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
        long bytes = await FillAsync(server, count);
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
                theirs = Math.Min(theirs, await MpopAsync(server, folder, target));
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

    private static async Task<long> FillAsync(DovecotServer server, int count)
    {
        var random = new Random(1);
        long total = 0;
        for (int i = 0; i < count; i++)
        {
            // Most mail is small; one in ten carries an attachment.
            int lines = i % 10 == 0 ? random.Next(300, 5000) : random.Next(20, 150);
            var text = new StringBuilder();
            text.Append(CultureInfo.InvariantCulture, $"From: box{i}@example.test\r\nTo: sales@example.test\r\n");
            text.Append(CultureInfo.InvariantCulture, $"Subject: number {i}\r\nMessage-ID: <{i}@example.test>\r\n\r\n");
            for (int line = 0; line < lines; line++)
                text.Append("JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl\r\n");
            byte[] message = Encoding.ASCII.GetBytes(text.ToString());
            total += message.Length;
            await server.DeliverAsync("bench", message);
        }

        return total;
    }

    private static async Task<double> MpopAsync(DovecotServer server, string folder, string target)
    {
        long started = Stopwatch.GetTimestamp();
        await ServerProcess.RunAsync(
            "mpop",
            "--file=/dev/null",
            "--host=localhost",
            $"--port={server.Pop3sPort}",
            "--auth=plain",
            "--user=bench",
            $"--passwordeval=echo {DovecotServer.Password}",
            "--tls=on",
            "--tls-starttls=off",
            "--tls-certcheck=off",
            "--pipelining=on",
            "--received-header=off",
            "--only-new=off",
            "--keep=on",
            $"--uidls-file={Path.Combine(folder, "uidls")}",
            "--quiet",
            $"--delivery=mbox,{target}");
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
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
