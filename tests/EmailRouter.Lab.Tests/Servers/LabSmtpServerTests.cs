using System.Text;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Servers;

public sealed class LabSmtpServerTests : IAsyncLifetime
{
    private readonly LabMailStore store = new();
    private readonly LabFaults faults = new();
    private readonly LabSmtpServer server;

    public LabSmtpServerTests() => server = new LabSmtpServer(store, new LabSmtpOptions { Faults = faults, MaxSize = 100_000, MaxRecipients = 3 });

    public Task InitializeAsync()
    {
        store.AddMailbox("anna@contoso.test", "secret");
        store.AddMailbox("ben@contoso.test", "secret");
        server.Start();
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => server.DisposeAsync().AsTask();

    [Fact]
    public async Task A_message_is_logged_byte_for_byte_and_delivered_with_trace_headers()
    {
        await using LineClient client = await HelloAsync();
        await TransactAsync(client, "kim@adatum.test", "anna@contoso.test", "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n");

        LabSentMessage sent = Assert.Single(store.Sent);
        Assert.Equal("kim@adatum.test", sent.EnvelopeFrom);
        Assert.Equal(["anna@contoso.test"], sent.Recipients);
        Assert.Equal("Subject: x\r\n\r\n.dot\r\nend\r\n", Encoding.ASCII.GetString(sent.Content.Span));
        string delivered = Encoding.ASCII.GetString(Assert.Single(store.Find("anna@contoso.test")!.Messages).Content.Span);
        Assert.StartsWith("Return-Path: <kim@adatum.test>\r\nDelivered-To: anna@contoso.test\r\nReceived: ", delivered, StringComparison.Ordinal);
        Assert.EndsWith("Subject: x\r\n\r\n.dot\r\nend\r\n", delivered, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\n.\nb\r\n", "a\n.\nb\r\n")]
    [InlineData("a\n.\r\nb\r\n", "a\n.\r\nb\r\n")]
    [InlineData("a\r\n.\nb\r\n", "a\r\n\nb\r\n")]
    [InlineData("a\r\n.\r.\r\n", "a\r\n\r.\r\n")]
    [InlineData("a\r.\r\nb\r\n", "a\r.\r\nb\r\n")]
    [InlineData("", "")]
    public async Task Only_CRLF_dot_CRLF_ends_a_message(string body, string kept)
    {
        await using LineClient client = await HelloAsync();
        await TransactAsync(client, "kim@adatum.test", "anna@contoso.test", body + ".\r\n");
        Assert.Equal(kept, Encoding.ASCII.GetString(Assert.Single(store.Sent).Content.Span));
    }

    [Fact]
    public async Task A_message_that_arrives_byte_by_byte_is_the_same()
    {
        const string Data = "a\r\n..b\r\n\r.c\r\n..\r\n.\r\n";
        await using LineClient client = await HelloAsync();
        await client.SendAsync("MAIL FROM:<kim@adatum.test>");
        await client.SendAsync("RCPT TO:<anna@contoso.test>");
        await client.SendAsync("DATA");
        foreach (char c in Data)
            await client.WriteAsync(c.ToString());
        Assert.StartsWith("250", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Equal("a\r\n.b\r\n\r.c\r\n.\r\n", Encoding.ASCII.GetString(Assert.Single(store.Sent).Content.Span));
    }

    [Fact]
    public async Task Recipients_are_answered_one_by_one()
    {
        await using LineClient client = await HelloAsync();
        await client.WriteAsync(
            "MAIL FROM:<>\r\nRCPT TO:<anna@contoso.test>\r\nRCPT TO:<nobody@contoso.test>\r\nRCPT TO:<kim@adatum.test>\r\n" +
            "RCPT TO:<ben@contoso.test>\r\nDATA\r\n");
        Assert.StartsWith("250 2.1.0", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250 2.1.5", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("554 5.7.1", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250 2.1.5", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("354", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250 2.0.0", await client.SendAsync("x\r\n."), StringComparison.Ordinal);
        LabSentMessage sent = Assert.Single(store.Sent);
        Assert.Equal(string.Empty, sent.EnvelopeFrom);
        Assert.Equal(["anna@contoso.test", "ben@contoso.test"], sent.Recipients);
    }

    [Fact]
    public async Task Whoever_logs_in_may_relay()
    {
        await using LineClient client = await HelloAsync();
        Assert.StartsWith("235", await client.SendAsync("AUTH PLAIN " + Convert.ToBase64String("\0anna@contoso.test\0secret"u8)), StringComparison.Ordinal);
        await TransactAsync(client, "anna@contoso.test", "kim@adatum.test", "x\r\n.\r\n");
        Assert.Equal("anna@contoso.test", Assert.Single(store.Sent).UserName);
    }

    [Fact]
    public async Task A_wrong_password_is_535()
    {
        await using LineClient client = await HelloAsync();
        await client.SendAsync("AUTH LOGIN");
        await client.SendAsync(Convert.ToBase64String("anna@contoso.test"u8));
        Assert.StartsWith("535 5.7.8", await client.SendAsync(Convert.ToBase64String("wrong"u8)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Envelope_parameters_are_understood_and_logged()
    {
        await using LineClient client = await HelloAsync();
        await client.SendAsync("MAIL FROM:<kim@adatum.test> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=a+2Bb SMTPUTF8");
        await client.SendAsync("RCPT TO:<anna@contoso.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;anna@contoso.test");
        await client.SendAsync("DATA");
        await client.SendAsync("x\r\n.");
        LabSentMessage sent = Assert.Single(store.Sent);
        Assert.Equal("a+b", sent.EnvelopeId);
        Assert.Equal("FAILURE,DELAY", sent.Notify["anna@contoso.test"]);
        Assert.True(sent.IsUtf8);
        Assert.True(sent.Is8Bit);
    }

    [Theory]
    [InlineData("MAIL FROM:<kim@adatum.test> SIZE=100001", "552 5.3.4")]
    [InlineData("MAIL FROM:<kim@adatum.test> FOO=1", "555 5.5.4")]
    [InlineData("MAIL FROM:<grün@adatum.test>", "553 5.6.7")]
    [InlineData("MAIL FROM:kim@adatum.test", "501 5.1.7")]
    [InlineData("MAIL FROM:<kim", "501 5.1.7")]
    [InlineData("MAIL", "501 5.1.7")]
    [InlineData("RCPT TO:<anna@contoso.test>", "503 5.5.1")]
    [InlineData("DATA", "503 5.5.1")]
    [InlineData("EHLO", "501 5.5.4")]
    [InlineData("STARTTLS now please", "220 2.0.0")]
    [InlineData("BDAT 5 LAST", "500 5.5.1")]
    [InlineData("", "500 5.5.1")]
    public async Task Wrong_commands_get_their_codes(string command, string code)
    {
        await using LineClient client = await HelloAsync();
        Assert.StartsWith(code, await client.SendAsync(command), StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_data_than_allowed_is_refused_after_the_dot_and_the_session_goes_on()
    {
        await using LineClient client = await HelloAsync();
        await client.SendAsync("MAIL FROM:<kim@adatum.test>");
        await client.SendAsync("RCPT TO:<anna@contoso.test>");
        await client.SendAsync("DATA");
        Assert.StartsWith("552 5.3.4", await client.SendAsync(new string('x', 200_000) + "\r\n."), StringComparison.Ordinal);
        Assert.Empty(store.Sent);
        Assert.StartsWith("250", await client.SendAsync("NOOP"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_many_recipients_are_deferred()
    {
        await using LineClient client = await HelloAsync();
        await client.SendAsync("AUTH PLAIN " + Convert.ToBase64String("\0anna@contoso.test\0secret"u8));
        await client.SendAsync("MAIL FROM:<anna@contoso.test>");
        for (int i = 0; i < 3; i++)
            Assert.StartsWith("250", await client.SendAsync($"RCPT TO:<kim{i}@adatum.test>"), StringComparison.Ordinal);
        Assert.StartsWith("452 4.5.3", await client.SendAsync("RCPT TO:<kim3@adatum.test>"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task STARTTLS_makes_the_client_start_again()
    {
        await using LineClient client = await HelloAsync();
        await client.SendAsync("MAIL FROM:<kim@adatum.test>");
        Assert.StartsWith("220", await client.SendAsync("STARTTLS"), StringComparison.Ordinal);
        await client.SecureAsync();
        Assert.StartsWith("503", await client.SendAsync("MAIL FROM:<kim@adatum.test>"), StringComparison.Ordinal);
        Assert.DoesNotContain(await EhloAsync(client), l => l.Contains("STARTTLS", StringComparison.Ordinal));
        await TransactAsync(client, "kim@adatum.test", "anna@contoso.test", ".\r\n");
        Assert.True(Assert.Single(store.Sent).IsSecure);
    }

    [Fact]
    public async Task Commands_injected_behind_STARTTLS_end_the_connection()
    {
        await using LineClient client = await HelloAsync();
        await client.WriteAsync("STARTTLS\r\nMAIL FROM:<kim@adatum.test>\r\n");
        Assert.StartsWith("220", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
    }

    [Fact]
    public async Task Quoted_local_parts_may_hold_anything()
    {
        store.AddMailbox("\"odd > one\"@contoso.test", "p");
        await using LineClient client = await HelloAsync();
        await TransactAsync(client, "kim@adatum.test", "\"odd > one\"@contoso.test", ".\r\n");
        Assert.Equal(["\"odd > one\"@contoso.test"], Assert.Single(store.Sent).Recipients);
    }

    [Fact]
    public async Task Extensions_can_be_switched_off_and_a_login_demanded()
    {
        var options = new LabSmtpOptions { RequireAuthentication = true, RequireTlsForLogin = true, Without = new HashSet<string> { "SMTPUTF8", "SIZE" } };
        await using var strict = new LabSmtpServer(store, options);
        strict.Start();
        await using LineClient client = await LineClient.ConnectAsync(strict);
        await client.ReadAsync();
        List<string> lines = await EhloAsync(client);
        Assert.DoesNotContain(lines, l => l[4..].Split(' ', '\r')[0] is "SMTPUTF8" or "SIZE" or "AUTH");
        Assert.StartsWith("530", await client.SendAsync("MAIL FROM:<kim@adatum.test>"), StringComparison.Ordinal);
        Assert.StartsWith("538", await client.SendAsync("AUTH PLAIN AAA="), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fault_a_recipient_is_refused_for_now_or_for_good()
    {
        faults.Add(new LabFault(LabFaultKind.TemporaryFailure) { Command = "RCPT", Mailbox = "anna@contoso.test" });
        faults.Add(new LabFault(LabFaultKind.PermanentFailure) { Command = "RCPT", Mailbox = "ben@contoso.test" });
        await using LineClient client = await HelloAsync();
        await client.SendAsync("MAIL FROM:<kim@adatum.test>");
        Assert.StartsWith("451 4.3.0", await client.SendAsync("RCPT TO:<anna@contoso.test>"), StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1", await client.SendAsync("RCPT TO:<ben@contoso.test>"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fault_the_answer_to_the_final_dot_is_lost_but_the_message_is_there()
    {
        faults.Add(new LabFault(LabFaultKind.LoseAnswer) { Command = "." });
        await using LineClient client = await HelloAsync();
        await client.SendAsync("MAIL FROM:<kim@adatum.test>");
        await client.SendAsync("RCPT TO:<anna@contoso.test>");
        await client.SendAsync("DATA");
        Assert.Null(await client.SendAsync("x\r\n."));
        Assert.Single(store.Sent);
        Assert.Single(store.Find("anna@contoso.test")!.Messages);
    }

    [Fact]
    public async Task Fault_dropped_at_the_final_dot_nothing_is_there()
    {
        faults.Add(new LabFault(LabFaultKind.Drop) { Command = "." });
        await using LineClient client = await HelloAsync();
        await client.SendAsync("MAIL FROM:<kim@adatum.test>");
        await client.SendAsync("RCPT TO:<anna@contoso.test>");
        await client.SendAsync("DATA");
        Assert.Null(await client.SendAsync("x\r\n."));
        Assert.Empty(store.Sent);
    }

    [Fact]
    public async Task Fault_shutdown_is_421()
    {
        faults.Add(new LabFault(LabFaultKind.Shutdown) { Command = "MAIL" });
        await using LineClient client = await HelloAsync();
        Assert.StartsWith("421 4.3.2", await client.SendAsync("MAIL FROM:<kim@adatum.test>"), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
    }

    [Fact]
    public async Task A_trace_shows_the_dialogue_without_passwords()
    {
        var lines = new List<string>();
        await using var traced = new LabSmtpServer(store, new LabSmtpOptions { Trace = l => { lock (lines) lines.Add(l); } });
        traced.Start();
        await using LineClient client = await LineClient.ConnectAsync(traced);
        await client.ReadAsync();
        await EhloAsync(client);
        string secret = Convert.ToBase64String("\0anna@contoso.test\0secret"u8);
        await client.SendAsync("AUTH PLAIN " + secret);
        lock (lines)
        {
            Assert.Contains("C: AUTH PLAIN ********", lines);
            Assert.DoesNotContain(lines, l => l.Contains(secret, StringComparison.Ordinal));
        }
    }

    private async Task<LineClient> HelloAsync()
    {
        LineClient client = await LineClient.ConnectAsync(server);
        Assert.StartsWith("220", await client.ReadAsync(), StringComparison.Ordinal);
        await EhloAsync(client);
        return client;
    }

    private static async Task<List<string>> EhloAsync(LineClient client)
    {
        await client.WriteAsync("EHLO client.test\r\n");
        var lines = new List<string>();
        do
            lines.Add((await client.ReadAsync())!);
        while (lines[^1].StartsWith("250-", StringComparison.Ordinal));
        Assert.StartsWith("250 ", lines[^1], StringComparison.Ordinal);
        return lines;
    }

    private static async Task TransactAsync(LineClient client, string from, string to, string data)
    {
        Assert.StartsWith("250", await client.SendAsync($"MAIL FROM:<{from}>"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.SendAsync($"RCPT TO:<{to}>"), StringComparison.Ordinal);
        Assert.StartsWith("354", await client.SendAsync("DATA"), StringComparison.Ordinal);
        await client.WriteAsync(data);
        Assert.StartsWith("250", await client.ReadAsync(), StringComparison.Ordinal);
    }
}
