using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration.Tokens;

/// <summary>Token scripts, run by a real PowerShell as the router runs them.</summary>
public sealed class TokenScriptTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PowerShellFact]
    public async Task A_script_finds_what_it_needs_and_returns_an_object()
    {
        TokenSource source = Source();
        ProfileConfiguration profile = Profile(
            "Write-Host 'for people'",
            "Write-Warning 'also for people'",
            $"$env:EMAILROUTER_PROFILE, $env:EMAILROUTER_USER, $env:EMAILROUTER_RESOURCE | Add-Content '{folder["seen"]}'",
            "$token = ConvertTo-SecureString 't0ken' -AsPlainText -Force",
            "[pscustomobject]@{",
            "    Token     = $token",
            "    ExpiresOn = [DateTimeOffset]'2026-11-22T10:00:00Z'",
            "}");

        AccessToken token = await source.GetAsync(profile, "one@example.test", default);
        await source.GetAsync(profile, "one@example.test", default);
        await source.GetAsync(profile, "two@example.test", default);

        Assert.Equal(new AccessToken("t0ken", new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero)), token);
        Assert.Equal(
            ["Office", "one@example.test", "https://outlook.office365.com", "Office", "two@example.test", "https://outlook.office365.com"],
            await File.ReadAllLinesAsync(folder["seen"]));
    }

    [PowerShellTheory]
    [InlineData("'t0ken'")]
    [InlineData("'{', '\"access_token\": \"t0ken\"', '}'")]
    [InlineData("Get-Date; @{ access_token = 't0ken'; expires_in = 60 }")]
    [InlineData("ConvertTo-SecureString 't0ken' -AsPlainText -Force")]
    public async Task A_token_comes_as_text_lines_an_object_or_a_secure_string(string script) =>
        Assert.Equal("t0ken", (await Source().GetAsync(Profile(script), "box@example.test", default)).Value);

    [PowerShellTheory]
    [InlineData("\nthrow 'The vault is closed'", "ended with 1: line 2: The vault is closed")]
    [InlineData("[Console]::Error.WriteLine('no log-in'); exit 7", "ended with 7: no log-in")]
    [InlineData("Get-Nothing", "ended with 1: line 1: The term 'Get-Nothing' is not recognized")]
    [InlineData("if (", "ended with 1: line 1: Missing condition")]
    [InlineData("Get-Date", "returned neither a token nor JSON with access_token")]
    [InlineData("Read-Host 'Password'", "NonInteractive")]
    public async Task A_script_that_gives_no_token_is_quoted_by_its_complaint(string script, string expected)
    {
        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
            async () => await Source().GetAsync(Profile([.. script.Split('\n'), "# EMAILROUTER_USER"]), "box@example.test", default));

        Assert.Equal("MailTokenRefused", e.ErrorId);
        Assert.StartsWith("No token for the profile Office: the token script, asked for box@example.test, ", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    private static ProfileConfiguration Profile(params string[] script) => new()
    {
        Name = "Office",
        Direction = MailDirection.Incoming,
        System = "Imap",
        Host = "outlook.example.test",
        CredentialSource = CredentialSource.OAuth,
        OAuth = new OAuthConfiguration { Flow = OAuthFlow.Command, Script = script },
    };

    private TokenSource Source() => new(folder.Path, SecretProtector.For(folder["emailrouter.json"])) { Clock = new ManualClock() };
}

/// <summary>A test that starts PowerShell; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PowerShellFactAttribute : FactAttribute
{
    public PowerShellFactAttribute() => Skip = WhyNot;

    public static string? WhyNot { get; } = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Any(folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh"))) ? null : "pwsh is not on the PATH.";
}

/// <summary>The same for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PowerShellTheoryAttribute : TheoryAttribute
{
    public PowerShellTheoryAttribute() => Skip = PowerShellFactAttribute.WhyNot;
}
