using System.Diagnostics;
using EmailRouter.Interop.Tests.Servers;

namespace EmailRouter.Bench;

/// <summary>What the people of Postfix measure servers with: smtp-source, to an smtp-sink.</summary>
internal static class SmtpSourceRival
{
    /// <summary>Says why nothing can be measured; null when it can.</summary>
    public static string? WhyNot() =>
        Installed.Find("smtp-source") is null || Installed.Find("smtp-sink") is null ? "smtp-source and smtp-sink are not installed (package postfix)" : null;

    /// <summary>Starts an smtp-sink on a free port.</summary>
    public static async Task<(ServerProcess Sink, int Port)> StartSinkAsync()
    {
        int port = ServerFolder.FreePorts(1)[0];
        string[] user = Environment.IsPrivilegedProcess ? ["-u", "postfix"] : [];      // as root it demands a user to change to
        ServerProcess sink = ServerProcess.Start("smtp-sink", [.. user, $"127.0.0.1:{port}", "1000"]);
        await sink.WaitForPortAsync(port);
        return (sink, port);
    }

    /// <summary>Sends messages over so many sessions and measures the seconds.</summary>
    public static async Task<double> SendAsync(int port, int sessions, int count, int size)
    {
        long started = Stopwatch.GetTimestamp();
        await ServerProcess.RunAsync(
            "smtp-source",
            ["-d", "-s", $"{sessions}", "-m", $"{count}", "-l", $"{size}", "-f", "box@example.test", "-t", "sales@example.test", $"127.0.0.1:{port}"]);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
