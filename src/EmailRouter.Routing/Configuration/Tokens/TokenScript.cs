using System.Diagnostics;
using System.Text;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// Runs a script of the configuration in a PowerShell of its own. The script comes by standard input: it leaves no file behind, is as long as it likes, and other
/// accounts do not see it in the list of processes.
/// </summary>
internal static class TokenScript
{
    /// <summary>The variable that names whose token is wanted.</summary>
    public const string UserVariable = "EMAILROUTER_USER";

    /// <summary>
    /// Only what the script returns reaches the output: what it writes for people (warnings, Write-Host) is left out. Of several objects the last one is the answer; lines of
    /// text belong together. A failure is one line, with the line of the script.
    /// </summary>
    private const string Runner = """
        $ErrorActionPreference = 'Stop'
        $ProgressPreference = 'SilentlyContinue'
        try {
            $text = [IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false)).ReadToEnd()
            $found = @(& ([scriptblock]::Create($text)) 3>$null 4>$null 5>$null 6>$null)
            $answer = if (@($found | Where-Object { $_ -isnot [string] }).Count) { $found[-1] } else { $found -join "`n" }
            if ($answer -isnot [string]) {
                $object = $answer
                if ($object -is [securestring]) { $object = @{ access_token = $object } }
                $kept = [ordered]@{}
                foreach ($name in 'access_token', 'accessToken', 'token', 'expires_on', 'expires_in', 'expiresOn') {
                    $value = $object.$name
                    if ($value -is [securestring]) { $value = [Net.NetworkCredential]::new('', $value).Password }
                    if ($value -is [DateTime] -or $value -is [DateTimeOffset]) { $value = $value.ToString('o') }
                    if ($null -ne $value) { $kept[$name] = $value }
                }

                $answer = $kept | ConvertTo-Json -Compress -Depth 2
            }

            [Console]::Out.WriteLine($answer)
        }
        catch {
            $problem = $_.Exception
            if ($problem.InnerException -is [Management.Automation.ParseException]) { $problem = $problem.InnerException.Errors[0] }
            $line = $_.InvocationInfo.ScriptLineNumber
            if ($problem -is [Management.Automation.Language.ParseError]) { $line = $problem.Extent.StartLineNumber }
            [Console]::Error.WriteLine("line ${line}: $($problem.Message -replace '\s+', ' ')")
            exit 1
        }
        """;

    /// <summary>Tells whether the script asks whose token is wanted.</summary>
    /// <param name="script">The script's lines.</param>
    /// <returns>True when its tokens are not for all.</returns>
    public static bool NamesUser(IReadOnlyList<string> script) => script.Any(line => line.Contains(UserVariable, StringComparison.OrdinalIgnoreCase));

    /// <summary>Makes how PowerShell is started; <see cref="FeedAsync"/> gives it the script.</summary>
    /// <returns>The start, whose streams the caller redirects.</returns>
    public static ProcessStartInfo Start()
    {
        var start = new ProcessStartInfo("pwsh") { StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false) };
        foreach (string argument in new[] { "-NoProfile", "-NonInteractive", "-Command", Runner })
            start.ArgumentList.Add(argument);
        return start;
    }

    /// <summary>Gives the process the script.</summary>
    /// <param name="process">The started process.</param>
    /// <param name="script">The script's lines.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the script was handed over.</returns>
    public static async Task FeedAsync(Process process, IReadOnlyList<string> script, CancellationToken cancellationToken) =>
        await process.StandardInput.WriteAsync(string.Join('\n', script).AsMemory(), cancellationToken).ConfigureAwait(false);
}
