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
            var rules = new ForwardingRules(client);
            var saved = new List<SieveScript>();

            ForwardingResult deployed = await rules.DeployAsync(Rule, placement, Save, default);
            ForwardingResult again = await rules.DeployAsync(Rule, placement, Save, default);
            await DeliverAsync(user, $"Subject: work {user}\r\nMessage-ID: <w-{user}@example.test>\r\n\r\nx\r\n");
            await DeliverAsync(user, $"Subject: other {user}\r\nMessage-ID: <o-{user}@example.test>\r\n\r\nx\r\n");
            await DeliverAsync(user, $"Subject: loop {user}\r\nX-EmailRouter-Loop: router.example.test 1\r\nMessage-ID: <l-{user}@example.test>\r\n\r\nx\r\n");
            await DeliverAsync(user, $"Subject: auto {user}\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <a-{user}@example.test>\r\n\r\nx\r\n");

            Assert.Equal((RuleChangeKind.Added, placement), (deployed.Change, deployed.Placement));
            Assert.Equal(RuleChangeKind.None, again.Change);
            Assert.Equal(new SieveScript("roundcube", UserScript), Assert.Single(saved));
            string[] forwarded = fixture.Forwarded(user);
            Assert.Equal(2, forwarded.Length);
            Assert.All(forwarded, f => Assert.Contains("forward@example.test", f, StringComparison.Ordinal));
            Assert.Contains(forwarded, f => f.Contains($"Subject: work {user}", StringComparison.Ordinal));
            Assert.Equal(3, fixture.Server.Messages(user).Count);
            Assert.Contains("Subject: work", Encoding.UTF8.GetString(Assert.Single(fixture.Server.Messages(user + "/.Work"))), StringComparison.Ordinal);

            ForwardingResult removed = await rules.RemoveAsync("crm", Save, default);
            Assert.Equal(RuleChangeKind.Removed, removed.Change);
            Assert.Equal([new SieveScriptEntry("roundcube", true)], await client.ListAsync(default));
            Assert.Equal(UserScript, await client.GetAsync("roundcube", default));
            await DeliverAsync(user, $"Subject: later {user}\r\nMessage-ID: <z-{user}@example.test>\r\n\r\nx\r\n");
            Assert.Equal(2, fixture.Forwarded(user).Length);

            ValueTask Save(SieveScript script, CancellationToken cancellationToken)
            {
                if (saved.Count == 0)
                    saved.Add(script);
                return ValueTask.CompletedTask;
            }
        }
    }

    [ServerFact(Software.Dovecot, Software.Pigeonhole)]
    public async Task Without_a_script_of_the_user_the_rule_comes_and_goes_alone()
    {
        await using SieveClient client = await OpenAsync("dora", Endpoint);
        var rules = new ForwardingRules(client);

        await rules.DeployAsync(Rule, ForwardingPlacement.Automatic, null, default);
        await DeliverAsync("dora", "Subject: alone dora\r\nMessage-ID: <d@example.test>\r\n\r\nx\r\n");
        ForwardingResult changed = await rules.DeployAsync(Rule with { Target = "elsewhere@example.test" }, ForwardingPlacement.Automatic, null, default);

        Assert.Equal(RuleChangeKind.Updated, changed.Change);
        Assert.Single(fixture.Forwarded("dora"));
        Assert.Single(fixture.Server.Messages("dora"));
        Assert.True(await rules.IsDeployedAsync("crm", default));
        await rules.RemoveAsync("crm", null, default);
        Assert.Empty(await client.ListAsync(default));
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
