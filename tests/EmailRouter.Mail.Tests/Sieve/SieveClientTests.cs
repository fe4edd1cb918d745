using EmailRouter.Mail.Sieve;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Sieve;

public sealed class SieveClientTests
{
    private const string Greeting = """
        S: "IMPLEMENTATION" "test"\r\n"SIEVE" "copy include"\r\n"SASL" "PLAIN"\r\n"VERSION" "1.0"\r\nOK "ready"

        """;

    private const string LoggedIn = Greeting + """
        C: AUTHENTICATE "PLAIN" "AGJveABzM2NyZXQtd29yZA=="      S: OK
        C: CAPABILITY      S: "SIEVE" "copy include"\r\n"VERSION" "1.0"\r\n"MAXREDIRECTS" "4"\r\nOK

        """;

    private static readonly MailCredential Password = MailCredential.Password("box", "s3cret-word");

    private static readonly MailEndpoint Plain = new() { Host = "mx.example.test", Tls = TlsMode.None, AllowPlainTextPassword = true };

    private static readonly ForwardingRule Rule = new() { Name = "crm", Target = "f@example.test", Kind = ForwardingKinds.Redirect, ForwardAutomaticMail = true };

    public static TheoryData<string, Playing> Quirks
    {
        get
        {
            var data = new TheoryData<string, Playing>();
            foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Sieve", "Scripts"), "*.txt").Order())
            {
                foreach (Playing playing in new[] { new Playing(), new Playing(BareLf: true), new Playing(OneByteAtATime: true) })
                    data.Add(Path.GetFileNameWithoutExtension(file), playing);
            }

            return data;
        }
    }

    /// <summary>Each script logs in, lists the scripts "old" (active) and "new", and reads "old", which is <c>keep;</c>.</summary>
    [Theory]
    [MemberData(nameof(Quirks))]
    public async Task Scripts_are_listed_and_read_whatever_the_server_is_like(string server, Playing playing)
    {
        var transport = new ScriptedTransport(Script.Load("Sieve", server), playing);

        await using (SieveClient client = await OpenAsync(transport, Plain with { Tls = TlsMode.StartTlsWhenAvailable }))
        {
            Assert.Equal([new("old", true), new("new", false)], await client.ListAsync(default));
            Assert.Equal("keep;", (await client.GetAsync("old", default)).TrimEnd());
            Assert.True(client.Capabilities.Has("copy"));
        }

        transport.AssertPlayedToTheEnd();
        Assert.DoesNotContain(transport.Log, l => l.Contains("s3cret", StringComparison.Ordinal) || l.Contains("AGJveABz", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Starttls_is_demanded_where_the_profile_does()
    {
        var transport = new ScriptedTransport(Greeting);

        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(() => OpenAsync(transport, Plain with { Tls = TlsMode.StartTls }));

        Assert.Equal("MailStartTlsNotOffered", e.ErrorId);
    }

    [Fact]
    public async Task Plain_text_behind_the_answer_to_starttls_is_an_injection()
    {
        var transport = new ScriptedTransport("""
            S: "SASL" ""\r\n"STARTTLS"\r\nOK "ready"
            C: STARTTLS      S: OK\r\n"SASL" "PLAIN"\r\nOK
            """);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(() => OpenAsync(transport, Plain with { Tls = TlsMode.StartTls }));

        Assert.Equal("MailStartTlsInjection", e.ErrorId);
    }

    [Theory]
    [InlineData("NO (TRYLATER) \"busy\"", "MailServerTemporarilyUnavailable", true)]
    [InlineData("NO (AUTH-TOO-WEAK) \"no\"", "MailAuthenticationFailed", false)]
    [InlineData("NO \"wrong s3cret-word\"", "MailAuthenticationFailed", false)]
    [InlineData("BYE (REFERRAL \"sieve://b.example.test\") \"elsewhere\"", "MailServerRefusedConnection", false)]
    public async Task A_refused_login_says_why(string answer, string id, bool transient)
    {
        var transport = new ScriptedTransport(Greeting + "C: AUTHENTICATE \"PLAIN\" \"***      S: " + answer);

        MailException e = await Assert.ThrowsAnyAsync<MailException>(() => OpenAsync(transport, Plain));

        Assert.Equal(id, e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
        Assert.DoesNotContain("s3cret", e.Message, StringComparison.Ordinal);
        if (answer.StartsWith("BYE", StringComparison.Ordinal))
            Assert.Contains("b.example.test", e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_mechanisms_before_tls_gets_the_right_advice()
    {
        var transport = new ScriptedTransport("S: \"SASL\" \"\"\\r\\n\"STARTTLS\"\\r\\nOK");

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(() => OpenAsync(transport, Plain));

        Assert.Equal("MailNoMechanism", e.ErrorId);
        Assert.Contains("STARTTLS", e.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HELLO", "MailProtocolError")]
    [InlineData("\"a", "MailProtocolError")]
    [InlineData("{x}", "MailProtocolError")]
    [InlineData("{99999999}", "MailResponseTooLong")]
    [InlineData("{-1}", "MailProtocolError")]
    [InlineData("{4294967297}", "MailProtocolError")]
    public async Task Nonsense_ends_the_connection_with_a_clear_error(string greeting, string id)
    {
        MailException e = await Assert.ThrowsAnyAsync<MailException>(() => OpenAsync(new ScriptedTransport("S: " + greeting), Plain));

        Assert.Equal(id, e.ErrorId);
    }

    [Fact]
    public async Task A_rule_is_checked_saved_written_read_again_and_compared()
    {
        var saved = new List<SieveScript>();
        var transport = new ScriptedTransport(LoggedIn + """
            C: LISTSCRIPTS      S: "user" ACTIVE\r\nOK
            C: GETSCRIPT "user"      S: "keep;"\r\nOK
            C: HAVESPACE "user" 138      S: OK
            C: CHECKSCRIPT {138+}
            C: # EmailRouter begin
            C: require ["copy"];
            C: # EmailRouter rule crm
            C: redirect :copy "f@example.test";
            C: # EmailRouter end
            C: keep;      S: OK (WARNINGS) "careful"
            C: PUTSCRIPT "user" {138+}
            C: # EmailRouter begin
            C: require ["copy"];
            C: # EmailRouter rule crm
            C: redirect :copy "f@example.test";
            C: # EmailRouter end
            C: keep;      S: OK
            C: LISTSCRIPTS      S: "user" ACTIVE\r\nOK
            C: GETSCRIPT "user"      S: {136}\r\n(script)
            S: OK
            """.Replace("(script)", Inserted(), StringComparison.Ordinal)
            .Replace("136", InsertedLength(), StringComparison.Ordinal).Replace("138", InsertedLength(), StringComparison.Ordinal));
        await using SieveClient client = await OpenAsync(transport, Plain);

        RuleChange result = await new SieveInboxRules(client).DeployAsync(
            Rule, new RuleDeployment { SavePrevious = (name, text, _) => { saved.Add(new SieveScript(name, text)); return ValueTask.CompletedTask; } }, default);

        Assert.Equal(RuleChangeKind.Added, result.Kind);
        Assert.Contains("block in the script \"user\"", result.Detail, StringComparison.Ordinal);
        Assert.Equal(["careful"], result.Warnings);
        Assert.Equal(new SieveScript("user", "keep;"), Assert.Single(saved));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_script_that_the_server_refuses_is_never_written()
    {
        var transport = new ScriptedTransport(LoggedIn + """
            C: LISTSCRIPTS      S: OK
            C: HAVESPACE "emailrouter" ***      S: OK
            C: CHECKSCRIPT ***
            C: # EmailRouter begin
            C: require ["copy"];
            C: # EmailRouter rule crm
            C: redirect :copy "f@example.test";
            C: # EmailRouter end
            C:      S: NO {17}\r\nline 1: no such x
            """);
        await using SieveClient client = await OpenAsync(transport, Plain);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await new SieveInboxRules(client).DeployAsync(Rule, new RuleDeployment(), default));

        Assert.Contains("line 1: no such x", e.Message, StringComparison.Ordinal);
        Assert.Equal(MailStep.Rules, e.Step);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_script_that_does_not_come_back_as_sent_is_undone()
    {
        var transport = new ScriptedTransport(LoggedIn + """
            C: LISTSCRIPTS      S: OK
            C: HAVESPACE "emailrouter" ***      S: OK
            C: CHECKSCRIPT ***
            C: # EmailRouter begin
            C: require ["copy"];
            C: # EmailRouter rule crm
            C: redirect :copy "f@example.test";
            C: # EmailRouter end
            C:      S: OK
            C: PUTSCRIPT "emailrouter" ***
            C: # EmailRouter begin
            C: require ["copy"];
            C: # EmailRouter rule crm
            C: redirect :copy "f@example.test";
            C: # EmailRouter end
            C:      S: OK
            C: SETACTIVE "emailrouter"      S: OK
            C: LISTSCRIPTS      S: "emailrouter" ACTIVE\r\nOK
            C: GETSCRIPT "emailrouter"      S: "discard;"\r\nOK
            C: SETACTIVE ""      S: OK
            """);
        await using SieveClient client = await OpenAsync(transport, Plain);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await new SieveInboxRules(client).DeployAsync(Rule, new RuleDeployment(), default));

        Assert.Equal("MailScriptNotKept", e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("\"SIEVE\" \"fileinto\"", "copy")]
    [InlineData("\"SIEVE\" \"copy\"\\r\\n\"MAXREDIRECTS\" \"0\"", "redirects")]
    public async Task A_server_that_cannot_forward_says_what_it_lacks(string capabilities, string lacking)
    {
        var transport = new ScriptedTransport(Greeting + $"""
            C: AUTHENTICATE "PLAIN" "***      S: OK
            C: CAPABILITY      S: {capabilities}\r\nOK
            """);
        await using SieveClient client = await OpenAsync(transport, Plain);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await new SieveInboxRules(client).DeployAsync(Rule, new RuleDeployment(), default));

        Assert.Equal("MailRulesUnsupported", e.ErrorId);
        Assert.Contains(lacking, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quota_and_missing_scripts_have_their_own_errors()
    {
        var transport = new ScriptedTransport(LoggedIn + """
            C: HAVESPACE "a" 999999      S: NO (QUOTA/MAXSIZE) "too big"
            C: GETSCRIPT "zz"      S: NO (NONEXISTENT) "no such script"
            C: DELETESCRIPT "a"      S: NO (ACTIVE) "is active"
            """);
        await using SieveClient client = await OpenAsync(transport, Plain);

        Assert.Equal("MailScriptQuota", (await Assert.ThrowsAsync<MailCommandException>(async () => await client.RequireSpaceAsync("a", 999999, default))).ErrorId);
        Assert.Equal("MailScriptMissing", (await Assert.ThrowsAsync<MailCommandException>(async () => await client.GetAsync("zz", default))).ErrorId);
        Assert.Equal("MailScriptActive", (await Assert.ThrowsAsync<MailCommandException>(async () => await client.DeleteAsync("a", default))).ErrorId);
        Assert.Equal("MailInvalidArgument", (await Assert.ThrowsAsync<MailCommandException>(async () => await client.DeleteAsync("a\r\nLOGOUT", default))).ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    private static string Inserted() => ForwardingScript.Insert("keep;", Rule).Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string InsertedLength() => ForwardingScript.Insert("keep;", Rule).Length.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<SieveClient> OpenAsync(ScriptedTransport transport, MailEndpoint endpoint) =>
        await SieveClient.OpenAsync(endpoint, new MailLogin("box@example.test", Password), transport.Context, default);
}
