using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration.Tokens;

/// <summary>Tokens of real programs, run as the router runs them.</summary>
public sealed class CommandGrantTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_command_gets_the_service_and_the_user_as_arguments_without_a_shell()
    {
        if (OperatingSystem.IsWindows())
            return;
        string path = Script("""printf '%s|' "$@" >> "$0.seen"; echo '{"access_token":"t0ken-1","expires_in":3600}'""");
        TokenSource source = Source();
        ProfileConfiguration profile = Profile(path, "--resource", "{resource}", "--for", "{user}; touch x");

        AccessToken token = await source.GetAsync(profile, "box@example.test", default);
        await source.GetAsync(profile, "box@example.test", default);

        Assert.Equal("t0ken-1", token.Value);
        Assert.Equal("--resource|https://outlook.office365.com|--for|box@example.test; touch x|", await File.ReadAllTextAsync(path + ".seen"));
    }

    [Fact]
    public async Task A_token_is_got_anew_when_it_was_refused_or_ends()
    {
        if (OperatingSystem.IsWindows())
            return;
        string path = Script("""echo x >> "$0.seen"; echo "{\"access_token\":\"t$(wc -l < "$0.seen" | tr -d ' ')\",\"expires_in\":3600}" """);
        TokenSource source = Source();
        var credential = Assert.IsType<TokenCredential>(source.CredentialOf(Profile(path), "box@example.test"));

        var tokens = new List<string> { (await credential.GetTokenAsync(default)).Value, (await credential.RenewAsync!(default)).Value };
        clock.Advance(TimeSpan.FromMinutes(54));
        tokens.Add((await credential.GetTokenAsync(default)).Value);
        clock.Advance(TimeSpan.FromMinutes(2));
        tokens.Add((await credential.GetTokenAsync(default)).Value);

        Assert.Equal(["t1", "t2", "t2", "t3"], tokens);
    }

    [Fact]
    public async Task A_command_that_fails_is_quoted_by_its_complaint_and_never_by_its_output()
    {
        if (OperatingSystem.IsWindows())
            return;
        string path = Script("echo s3cret; echo 'Please log in' >&2; exit 3");

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(Profile(path), "box@example.test", default));

        Assert.Equal("MailTokenRefused", e.ErrorId);
        Assert.Contains("ended with 3: Please log in", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", e.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("echo not a token")]
    [InlineData("exit 0")]
    [InlineData("head -c 300000 /dev/zero | tr '\\0' a")]
    public async Task What_is_no_token_is_refused(string body)
    {
        if (OperatingSystem.IsWindows())
            return;

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(Profile(Script(body)), "box@example.test", default));

        Assert.Contains("printed neither", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_does_not_exist_is_named()
    {
        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () =>
            await Source().GetAsync(Profile(folder["missing"]), "box@example.test", default));

        Assert.Contains(folder["missing"], e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_hangs_is_ended_at_its_limit()
    {
        if (OperatingSystem.IsWindows())
            return;
        string path = Script("sleep 600");

        Task<AccessToken> asking = Source().GetAsync(Profile(path), "box@example.test", default).AsTask();
        clock.Advance(TimeSpan.FromSeconds(61));
        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(() => asking);

        Assert.Contains("did not end within 60 s", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_that_gives_up_gets_its_own_cancellation()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var stop = new CancellationTokenSource();
        Task<AccessToken> asking = Source().GetAsync(Profile(Script("sleep 600")), "box@example.test", stop.Token).AsTask();

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    [Fact]
    public async Task A_command_is_told_by_its_surroundings_what_the_token_is_for()
    {
        if (OperatingSystem.IsWindows())
            return;
        string path = Script("""printf '%s|' "$EMAILROUTER_PROFILE" "$EMAILROUTER_SERVER" "$EMAILROUTER_RESOURCE" "$EMAILROUTER_SCOPE" "$EMAILROUTER_TENANT" "$EMAILROUTER_USER" "$1" >> "$0.seen"; echo t0ken""");
        TokenSource source = Source();
        ProfileConfiguration everybodys = Profile(path);
        everybodys = everybodys with { OAuth = everybodys.OAuth! with { TenantId = "contoso.test", Scopes = ["https://a.test/x", "https://a.test/y"] } };

        await source.GetAsync(everybodys, "one@example.test", default);
        await source.GetAsync(everybodys, "two@example.test", default);
        await source.GetAsync(Profile(path, "{user}"), "two@example.test", default);

        Assert.Equal(
            "Office|outlook.example.test|https://a.test|https://a.test/x https://a.test/y|contoso.test|||"
                + "Office|outlook.example.test|https://outlook.office365.com|https://outlook.office365.com/.default||two@example.test|two@example.test|",
            await File.ReadAllTextAsync(path + ".seen"));
    }

    [Fact]
    public async Task A_token_in_the_complaint_is_not_quoted()
    {
        if (OperatingSystem.IsWindows())
            return;
        string path = Script("echo s3cret-s3cret-s3cret; echo 'Bad s3cret-s3cret-s3cret and eyJhbGciOiJub25l.eyJhIjoxfQ.x' >&2; exit 3");

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(Profile(path), "box@example.test", default));

        Assert.Contains("ended with 3: Bad *** and ***", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_command_gets_another_token()
    {
        if (OperatingSystem.IsWindows())
            return;
        TokenSource source = Source();
        string path = Script("echo \"t-$1\"");

        await source.GetAsync(Profile(path, "one"), "box@example.test", default);

        Assert.Equal("t-two", (await source.GetAsync(Profile(path, "two"), "box@example.test", default)).Value);
    }

    private static ProfileConfiguration Profile(string command, params string[] arguments) => new()
    {
        Name = "Office",
        Direction = MailDirection.Incoming,
        System = "Imap",
        Host = "outlook.example.test",
        CredentialSource = CredentialSource.OAuth,
        OAuth = new OAuthConfiguration { Flow = OAuthFlow.Command, Command = command, Arguments = arguments },
    };

    private TokenSource Source() => new(folder.Path, SecretProtector.For(folder["emailrouter.json"])) { Clock = clock };

    private string Script(string body)
    {
        string path = folder["get-token"];
        File.WriteAllText(path, "#!/bin/sh\n" + body + "\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
