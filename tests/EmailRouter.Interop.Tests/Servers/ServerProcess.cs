using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace EmailRouter.Interop.Tests.Servers;

/// <summary>A server's process: started in the foreground, ended by its id, and with this process at the latest.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process process;
    private readonly StringBuilder output = new();

    private ServerProcess(Process process)
    {
        this.process = process;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    public bool HasExited => process.HasExited;

    /// <summary>Gets or sets the file with the id of the process to end, where the one we started is only a script around it.</summary>
    public string? PidFile { get; set; }

    /// <summary>Gets what the server has printed.</summary>
    public string Output
    {
        get
        {
            lock (output)
                return output.ToString();
        }
    }

    public static ServerProcess Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(Installed.Find(program) ?? program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        var server = new ServerProcess(new Process { StartInfo = start });
        server.process.OutputDataReceived += server.Take;
        server.process.ErrorDataReceived += server.Take;
        server.process.Start();
        server.process.StandardInput.Close();
        server.process.BeginOutputReadLine();
        server.process.BeginErrorReadLine();
        return server;
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        await using ServerProcess run = Start(program, arguments);
        using var limit = new CancellationTokenSource(Patience);
        await run.process.WaitForExitAsync(limit.Token);
        return run.process.ExitCode == 0
            ? run.Output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {run.process.ExitCode}: {run.Output}");
    }

    /// <summary>Waits until a port of the server takes connections.</summary>
    public async Task WaitForPortAsync(int port, Func<string>? explain = null)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port);
                return;
            }
            catch (SocketException e)
            {
                if (HasExited || Stopwatch.GetElapsedTime(started) > Patience)
                    throw new InvalidOperationException($"The server does not answer on port {port}: {Output}{explain?.Invoke()}", e);
                await Task.Delay(50);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        if (!process.HasExited)
        {
            Terminate();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
            }
        }

        process.Dispose();
    }

    private void Take(object sender, DataReceivedEventArgs e)
    {
        lock (output)
            output.AppendLine(e.Data);
    }

    private void OnExit(object? sender, EventArgs e)
    {
        if (!process.HasExited)
            Terminate();
    }

    /// <summary>Asks the server to end, so that it ends its children; killing it would orphan them.</summary>
    private void Terminate()
    {
        // The daemon keeps a lock on its file, so only a program that does not care for locks can read it.
        string id = PidFile is not null && File.Exists(PidFile)
            ? $"$(cat '{PidFile}')"
            : process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture);
        using Process? kill = Process.Start("sh", ["-c", $"kill -TERM {id}"]);
        kill?.WaitForExit();
    }
}
