using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// Tokens that a program or script of the administrator's prints, as credential helpers do. It runs without a shell, with a time limit and a limit of its output, and finds what it needs in its
/// arguments and in environment variables.
/// </summary>
internal sealed partial class CommandGrant(TokenSubject subject, TimeProvider clock) : ITokenGrant
{
    private const int MaximumOutput = 64 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public bool IsPerUser { get; } = subject.OAuth.Script.Count > 0
        ? TokenScript.NamesUser(subject.OAuth.Script)
        : subject.OAuth.Arguments.Any(argument => argument.Contains("{user}", StringComparison.Ordinal));

    private bool IsScript => subject.OAuth.Script.Count > 0;

    private string Path => subject.OAuth.Command ?? string.Empty;

    /// <inheritdoc/>
    public async ValueTask<AccessToken> GetAsync(string? user, bool renew, CancellationToken cancellationToken)
    {
        string? whose = IsPerUser ? user : null;
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using Process process = Start(whose);
        try
        {
            Task<string> output = ReadAsync(process.StandardOutput, either.Token);
            Task<string> complaint = ReadAsync(process.StandardError, either.Token);
            await FeedAsync(process, either.Token).ConfigureAwait(false);
            await Task.WhenAll(output, complaint).ConfigureAwait(false);
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            string printed = await output.ConfigureAwait(false);
            string said = Clean(await complaint.ConfigureAwait(false), printed);
            if (process.ExitCode != 0)
                throw Failed(whose, $"ended with {process.ExitCode}{said}");
            return CommandAnswer.Read(printed, clock.GetUtcNow()) ?? throw Failed(whose, $"{(IsScript ? "returned" : "printed")} neither a token nor JSON with access_token{said}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed(whose, $"did not end within {Limit.TotalSeconds:0} s");
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

    /// <summary>What the program complains of goes into a message: one line, nothing that moves a terminal's cursor, and no token.</summary>
    private static string Clean(string text, string printed)
    {
        string line = text.Trim().Split('\n', 2)[0].Trim();
        foreach (string word in printed.Split([' ', '"', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(word => word.Length >= 16))
            line = line.Replace(word, "***", StringComparison.Ordinal);
        line = WebToken().Replace(line, "***");
        return line.Length == 0 ? string.Empty : $": {new string([.. line.Take(300).Select(c => char.IsControl(c) ? ' ' : c)])}";
    }

    [GeneratedRegex(@"eyJ[\w-]{8,}(\.[\w-]*)*")]
    private static partial Regex WebToken();

    private async Task FeedAsync(Process process, CancellationToken cancellationToken)
    {
        try
        {
            if (IsScript)
                await TokenScript.FeedAsync(process, subject.OAuth.Script, cancellationToken).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before it read the script; its exit code and complaint say why.
        }
    }

    private Process Start(string? user)
    {
        ProcessStartInfo start = IsScript ? TokenScript.Start() : StartOfCommand(user);
        start.UseShellExecute = false;
        start.CreateNoWindow = true;
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        foreach ((string name, string? value) in Variables(user))
        {
            // A variable of the router's own surroundings must not stand in for one that is not known.
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start) ?? throw Failed(user, "could not be started");
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            throw Failed(user, $"could not be started: {e.Message}", e);
        }
    }

    private ProcessStartInfo StartOfCommand(string? user)
    {
        bool isFile = Path.EndsWith(".ps1", StringComparison.OrdinalIgnoreCase);
        var start = new ProcessStartInfo(isFile ? "pwsh" : Path);
        if (isFile)
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

        return start;
    }

    /// <summary>The user is told only to those whose tokens are kept for each user: otherwise the first one's token would be everybody's.</summary>
    private IEnumerable<(string Name, string? Value)> Variables(string? user) =>
    [
        ("EMAILROUTER_PROFILE", subject.IsDeployment ? null : subject.Name),
        ("EMAILROUTER_DEPLOYMENT", subject.IsDeployment ? subject.Name : null),
        ("EMAILROUTER_SERVER", subject.Server),
        ("EMAILROUTER_RESOURCE", subject.Resource),
        ("EMAILROUTER_SCOPE", string.Join(' ', subject.Scopes)),
        ("EMAILROUTER_TENANT", subject.OAuth.TenantId),
        (TokenScript.UserVariable, user),

        // Colors would be letters in a message.
        ("NO_COLOR", "1"),
    ];

    private TokenException Failed(string? user, string what, Exception? cause = null) => new(
        "Refused",
        $"the {(IsScript ? "token script" : $"command {Path}")}{(user is null ? string.Empty : $", asked for {user},")} {what}",
        IsScript
            ? "Try the script in a PowerShell of its own (pwsh -NoProfile) under the router's account: it must return an access token, or an object with access_token and expires_on."
            : "Run the command under the router's account: it must print an access token, or JSON with access_token and expires_on, and end with 0.",
        cause);
}
