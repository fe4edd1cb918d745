using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>Tokens that a program of the administrator's prints, as credential helpers do. It runs without a shell, with a time limit and a limit of its output.</summary>
internal sealed class CommandGrant(TokenSubject subject, TimeProvider clock) : ITokenGrant
{
    private const int MaximumOutput = 64 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private string Path => subject.OAuth.Command ?? string.Empty;

    /// <inheritdoc/>
    public bool IsPerUser { get; } = subject.OAuth.Arguments.Any(argument => argument.Contains("{user}", StringComparison.Ordinal));

    /// <inheritdoc/>
    public async ValueTask<AccessToken> GetAsync(string? user, bool renew, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using Process process = Start(user);
        try
        {
            process.StandardInput.Close();
            Task<string> output = ReadAsync(process.StandardOutput, either.Token);
            Task<string> complaint = ReadAsync(process.StandardError, either.Token);
            await Task.WhenAll(output, complaint).ConfigureAwait(false);
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            if (process.ExitCode != 0)
                throw Failed($"ended with {process.ExitCode}{(await complaint.ConfigureAwait(false) is { Length: > 0 } said ? $": {Clean(said)}" : string.Empty)}");
            return CommandAnswer.Read(await output.ConfigureAwait(false), clock.GetUtcNow()) ?? throw Failed("printed neither a token nor JSON with access_token");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed($"did not end within {Limit.TotalSeconds:0} s");
        }
        finally
        {
            Stop(process);
        }
    }

    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        char[] buffer = new char[4096];
        int read;
        while ((read = await reader.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            // The rest is read, so that the program can end, and thrown away.
            text.Append(buffer, 0, Math.Min(read, MaximumOutput + 1 - text.Length));
        }

        return text.ToString();
    }

    private static void Stop(Process process)
    {
        try
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has ended meanwhile.
        }
    }

    /// <summary>What the program complains of goes into a message: one line, nothing that moves a terminal's cursor.</summary>
    private static string Clean(string text)
    {
        string line = text.Trim().Split('\n', 2)[0].Trim();
        return new([.. line.Take(300).Select(c => char.IsControl(c) ? ' ' : c)]);
    }

    private Process Start(string? user)
    {
        bool isScript = Path.EndsWith(".ps1", StringComparison.OrdinalIgnoreCase);
        var start = new ProcessStartInfo(isScript ? "pwsh" : Path)
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (isScript)
        {
            foreach (string argument in new[] { "-NoProfile", "-NonInteractive", "-File", Path })
                start.ArgumentList.Add(argument);
        }

        foreach (string argument in subject.OAuth.Arguments)
        {
            start.ArgumentList.Add(argument
                .Replace("{resource}", subject.Resource, StringComparison.Ordinal)
                .Replace("{scope}", string.Join(' ', subject.Scopes), StringComparison.Ordinal)
                .Replace("{user}", user ?? string.Empty, StringComparison.Ordinal));
        }

        try
        {
            return Process.Start(start) ?? throw Failed("could not be started");
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            throw Failed($"could not be started: {e.Message}", e);
        }
    }

    private TokenException Failed(string what, Exception? cause = null) => new(
        "Refused",
        $"the command {Path} {what}",
        "Run the command under the router's account: it must print an access token, or JSON with access_token and expires_on, and end with 0.",
        cause);
}
