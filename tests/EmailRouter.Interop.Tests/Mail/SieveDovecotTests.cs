using System.Net.Sockets;
using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Sieve;

namespace EmailRouter.Interop.Tests.Mail;

/// <summary>ManageSieve against Pigeonhole, and rules that really run when mail is delivered through LMTP.</summary>
public sealed class SieveDovecotTests(SieveFixture fixture) : IClassFixture<SieveFixture>
{
    private const string UserScript = "require [\"fileinto\", \"mailbox\"];\r\nif header :contains \"Subject\" \"work\" {\r\n  fileinto :create \"Work\";\r\n  stop;\r\n}\r\n";

    private static readonly ForwardingRule Rule = new()
    {
        Name = "crm",
        Target = "forward@example.test",
        Kind = ForwardingKinds.Redirect,
        OriginHeader = "X-EmailRouter-Mailbox",
        OriginValue = "carl@example.test",
        LoopHeader = "X-EmailRouter-Loop",
        LoopValue = "router.example.test",
    };

    private MailEndpoint Endpoint => new()
    {
        Host = "localhost",
        Port = fixture.Server.SievePort,
        Tls = TlsMode.StartTls,
        CertificatePins = [fixture.Server.Pin],
    };

    [ServerFact(Software.Dovecot, Software.Pigeonhole)]
    public async Task Each_mechanism_logs_in_behind_starttls()
    {
        foreach (string mechanism in new[] { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256" })
        {
            await using SieveClient client = await OpenAsync("anna", Endpoint with { Mechanisms = [mechanism] });
            Assert.Empty(await client.ListAsync(default));
            Assert.Equal(4, client.Capabilities.MaximumRedirects);
        }

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(() => OpenAsync("anna", Endpoint, "wrong"));
        Assert.Equal("MailAuthenticationFailed", e.ErrorId);
    }

    [ServerFact(Software.Dovecot, Software.Pigeonhole)]
    public async Task Scripts_go_there_and_back_and_errors_are_told()
    {
        await using SieveClient client = await OpenAsync("bert", Endpoint);
        string script = UserScript + "# Ümläute \"quoted\" \\ and {7}\r\n";
        await client.PutAsync("mine \"one\"", script, default);
        await client.SetActiveAsync("mine \"one\"", default);

        Assert.Equal([new SieveScriptEntry("mine \"one\"", true)], await client.ListAsync(default));
        Assert.Equal(script, await client.GetAsync("mine \"one\"", default));
        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await client.CheckAsync("require \"nosuch\";", default));
        Assert.Contains("nosuch", e.Message, StringComparison.Ordinal);
        Assert.Equal("MailScriptActive", (await Assert.ThrowsAsync<MailCommandException>(async () => await client.DeleteAsync("mine \"one\"", default))).ErrorId);
        Assert.Equal("MailScriptMissing", (await Assert.ThrowsAsync<MailCommandException>(async () => await client.GetAsync("zz", default))).ErrorId);
        await client.SetActiveAsync(null, default);
        await client.DeleteAsync("mine \"one\"", default);
        Assert.Empty(await client.ListAsync(default));
    }

    [ServerFact(Software.Dovecot, Software.Pigeonhole)]
    public async Task The_rule_forwards_and_the_users_script_goes_on_working_in_either_placement()
    {
        foreach (ForwardingPlacement placement in new[] { ForwardingPlacement.Block, ForwardingPlacement.Include })
        {
            string user = "carl-" + placement.ToString().ToLowerInvariant();
            await using SieveClient client = await OpenAsync(user, Endpoint);
            await client.PutAsync("roundcube", UserScript, default);
            await client.SetActiveAsync("roundcube", default);
            var saved = new List<SieveScript>();
            var rules = new SieveInboxRules(client);
            var how = new RuleDeployment { Placement = placement, SavePrevious = Save };

            RuleChange planned = await rules.DeployAsync(Rule, how with { DryRun = true }, default);
            Assert.Equal(UserScript, await client.GetAsync("roundcube", default));
            Assert.Empty(saved);
            RuleChange deployed = await rules.DeployAsync(Rule, how, default);
            RuleChange again = await rules.DeployAsync(Rule, how, default);
            await DeliverAsync(user, $"X-EmailRouter-Mailbox: forged@example.test\r\nSubject: work {user}\r\nMessage-ID: <w-{user}@example.test>\r\n\r\nx\r\n");
            await DeliverAsync(user, $"Subject: other {user}\r\nMessage-ID: <o-{user}@example.test>\r\n\r\nx\r\n");
            await DeliverAsync(user, $"Subject: loop {user}\r\nX-EmailRouter-Loop: router.example.test 1\r\nMessage-ID: <l-{user}@example.test>\r\n\r\nx\r\n");
            await DeliverAsync(user, $"Subject: auto {user}\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <a-{user}@example.test>\r\n\r\nx\r\n");

            Assert.Equal((RuleChangeKind.Added, RuleChangeKind.Added, RuleChangeKind.None), (planned.Kind, deployed.Kind, again.Kind));
            Assert.Contains(placement == ForwardingPlacement.Block ? "block" : "includes", deployed.Detail, StringComparison.Ordinal);
            Assert.Equal(("crm", "forward@example.test"), (await rules.ListAsync(default)).Select(r => (r.Name, r.Targets.Single())).Single());
            Assert.Equal(new SieveScript("roundcube", UserScript), Assert.Single(saved));
            string[] forwarded = fixture.Forwarded(user);
            Assert.Equal(2, forwarded.Length);
            Assert.All(forwarded, f => Assert.Contains("forward@example.test", f, StringComparison.Ordinal));
            Assert.Contains(forwarded, f => f.Contains($"Subject: work {user}", StringComparison.Ordinal));
            Assert.All(forwarded, f => Assert.Contains("X-EmailRouter-Mailbox: carl@example.test", f, StringComparison.OrdinalIgnoreCase));
            Assert.All(forwarded, f => Assert.DoesNotContain("forged@", f, StringComparison.Ordinal));
            Assert.All(forwarded, f => Assert.Contains($"X-Sieve-Redirected-From: {user}", f, StringComparison.Ordinal));
            Assert.Equal(3, fixture.Server.Messages(user).Count);
            Assert.All(fixture.Server.Messages(user), m => Assert.DoesNotContain("X-EmailRouter-Mailbox", Encoding.UTF8.GetString(m), StringComparison.OrdinalIgnoreCase));
            Assert.Contains("Subject: work", Encoding.UTF8.GetString(Assert.Single(fixture.Server.Messages(user + "/.Work"))), StringComparison.Ordinal);

            RuleChange removal = await rules.RemoveAsync("crm", how with { DryRun = true }, default);
            Assert.Single(await rules.ListAsync(default));
            RuleChange removed = await rules.RemoveAsync("crm", how, default);
            Assert.Equal((RuleChangeKind.Removed, RuleChangeKind.Removed), (removal.Kind, removed.Kind));
            Assert.Equal([new SieveScriptEntry("roundcube", true)], await client.ListAsync(default));
            Assert.Equal(UserScript, await client.GetAsync("roundcube", default));
            await DeliverAsync(user, $"Subject: later {user}\r\nMessage-ID: <z-{user}@example.test>\r\n\r\nx\r\n");
            Assert.Equal(2, fixture.Forwarded(user).Length);

            ValueTask Save(string name, string text, CancellationToken cancellationToken)
            {
                if (saved.Count == 0)
                    saved.Add(new SieveScript(name, text));
                return ValueTask.CompletedTask;
            }
        }
    }

    [ServerFact(Software.Dovecot, Software.Pigeonhole)]
    public async Task Without_a_script_of_the_user_the_rule_comes_and_goes_alone()
    {
        await using SieveClient client = await OpenAsync("dora", Endpoint);
        await using IInboxRules rules = await new SieveSystem().OpenRulesAsync(
            Endpoint, new MailLogin("dora@example.test", MailCredential.Password("dora", DovecotServer.Password)), new MailContext(), default);
        var how = new RuleDeployment();

        await rules.DeployAsync(Rule, how, default);
        await DeliverAsync("dora", "Subject: alone dora\r\nMessage-ID: <d@example.test>\r\n\r\nx\r\n");
        RuleChange changed = await rules.DeployAsync(Rule with { Target = "elsewhere@example.test" }, how, default);

        Assert.Equal(RuleChangeKind.Updated, changed.Kind);
        Assert.Single(fixture.Forwarded("dora"));
        Assert.Single(fixture.Server.Messages("dora"));
        Assert.Equal(["elsewhere@example.test"], Assert.Single(await rules.ListAsync(default)).Targets);
        await rules.RemoveAsync("crm", how, default);
        Assert.Equal(RuleChangeKind.None, (await rules.RemoveAsync("crm", how, default)).Kind);
        Assert.Empty(await client.ListAsync(default));
        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await rules.DeployAsync(Rule with { Kind = ForwardingKinds.Attachment }, how, default));
        Assert.Equal("MailRulesUnsupported", e.ErrorId);
    }

    private async Task<SieveClient> OpenAsync(string user, MailEndpoint endpoint, string password = DovecotServer.Password) => await SieveClient.OpenAsync(
        endpoint, new MailLogin(user + "@example.test", MailCredential.Password(user, password)), new MailContext(), default);

    private async Task DeliverAsync(string user, string message)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", fixture.Server.LmtpPort);
        await using NetworkStream stream = socket.GetStream();
        using var reader = new StreamReader(stream);
        await ExpectAsync("220");
        foreach (string command in new[] { "LHLO test.example.test", "MAIL FROM:<sender@example.test>", $"RCPT TO:<{user}>", "DATA" })
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"));
            await ExpectAsync(command == "DATA" ? "354" : "250");
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes($"From: sender@example.test\r\n{message}.\r\n"));
        await ExpectAsync("250");

        async Task ExpectAsync(string code)
        {
            string? line;
            do
                line = await reader.ReadLineAsync();
            while (line?.Length > 3 && line[3] == '-');
            Assert.True(line?.StartsWith(code, StringComparison.Ordinal), $"{line}; {fixture.Server.Log}");
        }
    }
}
