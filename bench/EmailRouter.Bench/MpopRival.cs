using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmailRouter.Interop.Tests.Servers;

namespace EmailRouter.Bench;

/// <summary>What somebody would use instead to fetch mail: mpop, from a Dovecot mailbox that is filled the same way every time.</summary>
internal static class MpopRival
{
    /// <summary>Fills the mailbox of the user "bench".</summary>
    public static async Task<long> FillAsync(DovecotServer server, int count)
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

    /// <summary>Downloads the mailbox and measures the seconds.</summary>
    public static async Task<double> DownloadAsync(DovecotServer server, string folder, string target)
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
}
