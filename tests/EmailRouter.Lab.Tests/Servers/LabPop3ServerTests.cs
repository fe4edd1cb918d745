using System.Text;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Servers;

public sealed class LabPop3ServerTests : IAsyncLifetime
{
    private readonly LabMailStore store = new();
    private readonly LabFaults faults = new();
    private readonly LabPop3Server server;

    public LabPop3ServerTests() => server = new LabPop3Server(store, new LabServerOptions { Faults = faults });

    public Task InitializeAsync()
    {
        store.AddMailbox("anna@contoso.test", "secret");
        server.Start();
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => server.DisposeAsync().AsTask();

    [Fact]
    public async Task A_maildrop_is_listed_read_and_emptied_at_QUIT()
    {
        Deliver("Subject: one\r\n\r\n.dot\r\n..two\r\n");
        Deliver("Subject: two\r\n\r\nb");
        await using LineClient client = await LoginAsync();

        Assert.Equal($"+OK 2 {29 + 17}", await client.SendAsync("STAT"));
        Assert.Equal("+OK", await client.SendAsync("UIDL"));
        Assert.Equal(store.Find("anna@contoso.test")!.Messages.Select((m, i) => $"{i + 1} {m.Uidl}\r\n"), await client.ReadMultiAsync());
        Assert.Equal("+OK 29 octets", await client.SendAsync("RETR 1"));
        Assert.Equal(["Subject: one\r\n", "\r\n", "..dot\r\n", "...two\r\n"], await client.ReadMultiAsync());
        Assert.Equal("+OK", await client.SendAsync("TOP 1 1"));
        Assert.Equal(["Subject: one\r\n", "\r\n", "..dot\r\n"], await client.ReadMultiAsync());
        Assert.Equal("+OK 17 octets", await client.SendAsync("RETR 2"));
        Assert.Equal(["Subject: two\r\n", "\r\n", "b\r\n"], await client.ReadMultiAsync());
        Assert.StartsWith("+OK", await client.SendAsync("DELE 1"), StringComparison.Ordinal);
        Assert.StartsWith("-ERR", await client.SendAsync("RETR 1"), StringComparison.Ordinal);
        Assert.Equal(2, store.Find("anna@contoso.test")!.Messages.Count);
        Assert.StartsWith("+OK", await client.SendAsync("QUIT"), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
        Assert.Single(store.Find("anna@contoso.test")!.Messages);
    }

    [Fact]
    public async Task A_connection_that_closes_without_QUIT_deletes_nothing_and_gives_the_lock_back()
    {
        Deliver("Subject: one\r\n\r\n");
        await using (LineClient client = await LoginAsync())
            await client.SendAsync("DELE 1");

        await WaitAsync(() => !store.Find("anna@contoso.test")!.IsLocked);
        Assert.Single(store.Find("anna@contoso.test")!.Messages);
    }

    [Fact]
    public async Task RSET_takes_deletions_back()
    {
        Deliver("Subject: one\r\n\r\n");
        await using LineClient client = await LoginAsync();
        await client.SendAsync("DELE 1");
        Assert.Equal("+OK 0 0", await client.SendAsync("STAT"));
        await client.SendAsync("RSET");
        await client.SendAsync("QUIT");
        Assert.Single(store.Find("anna@contoso.test")!.Messages);
    }

    [Fact]
    public async Task A_second_session_is_refused_as_in_use()
    {
        await using LineClient first = await LoginAsync();
        await using LineClient second = await LineClient.ConnectAsync(server);
        await second.ReadAsync();
        await second.SendAsync("USER anna@contoso.test");
        Assert.StartsWith("-ERR [IN-USE]", await second.SendAsync("PASS secret"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("anna@contoso.test", "wrong")]
    [InlineData("nobody@contoso.test", "secret")]
    public async Task A_wrong_credential_is_refused_with_the_AUTH_code(string user, string password)
    {
        await using LineClient client = await LineClient.ConnectAsync(server);
        await client.ReadAsync();
        await client.SendAsync("USER " + user);
        Assert.StartsWith("-ERR [AUTH]", await client.SendAsync("PASS " + password), StringComparison.Ordinal);
    }

    [Fact]
    public async Task STLS_secures_the_connection_and_what_was_said_before_is_forgotten()
    {
        await using LineClient client = await LineClient.ConnectAsync(server);
        await client.ReadAsync();
        await client.SendAsync("USER anna@contoso.test");
        Assert.StartsWith("+OK", await client.SendAsync("STLS"), StringComparison.Ordinal);
        await client.SecureAsync();
        Assert.StartsWith("-ERR", await client.SendAsync("PASS secret"), StringComparison.Ordinal);
        Assert.StartsWith("+OK", await client.SendAsync("CAPA"), StringComparison.Ordinal);
        Assert.DoesNotContain("STLS\r\n", await client.ReadMultiAsync());
    }

    [Fact]
    public async Task Commands_injected_behind_STLS_end_the_connection()
    {
        await using LineClient client = await LineClient.ConnectAsync(server);
        await client.ReadAsync();
        await client.WriteAsync("STLS\r\nCAPA\r\n");
        Assert.StartsWith("+OK", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
    }

    [Theory]
    [InlineData("AUTH PLAIN AGFubmFAY29udG9zby50ZXN0AHNlY3JldA==", true)]
    [InlineData("AUTH PLAIN AGFubmFAY29udG9zby50ZXN0AHdyb25n", false)]
    [InlineData("AUTH PLAIN !!!", false)]
    [InlineData("AUTH NTLM", false)]
    public async Task SASL_with_an_initial_response(string command, bool isAccepted)
    {
        await using LineClient client = await LineClient.ConnectAsync(server);
        await client.ReadAsync();
        Assert.StartsWith(isAccepted ? "+OK" : "-ERR", await client.SendAsync(command), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SASL_LOGIN_asks_for_user_and_password()
    {
        await using LineClient client = await LineClient.ConnectAsync(server);
        await client.ReadAsync();
        Assert.Equal("+ VXNlcm5hbWU6", await client.SendAsync("AUTH LOGIN"));
        Assert.Equal("+ UGFzc3dvcmQ6", await client.SendAsync(Convert.ToBase64String("anna@contoso.test"u8)));
        Assert.StartsWith("+OK", await client.SendAsync(Convert.ToBase64String("secret"u8)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pipelined_commands_are_answered_in_order()
    {
        Deliver("Subject: one\r\n\r\n1\r\n");
        Deliver("Subject: two\r\n\r\n2\r\n");
        await using LineClient client = await LoginAsync();
        await client.WriteAsync("RETR 1\r\nRETR 2\r\nNOOP\r\nQUIT\r\n");
        Assert.StartsWith("+OK", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Contains("1\r\n", await client.ReadMultiAsync());
        Assert.StartsWith("+OK", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Contains("2\r\n", await client.ReadMultiAsync());
        Assert.Equal("+OK\r\n", await client.ReadAsync());
        Assert.StartsWith("+OK", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
    }

    [Theory]
    [InlineData("RETR")]
    [InlineData("RETR 0")]
    [InlineData("RETR 9")]
    [InlineData("RETR -1")]
    [InlineData("RETR 99999999999999")]
    [InlineData("TOP 1")]
    [InlineData("TOP 1 x")]
    [InlineData("LIST 7")]
    [InlineData("XYZZY")]
    [InlineData("")]
    public async Task Nonsense_is_answered_with_ERR_and_the_session_goes_on(string command)
    {
        Deliver("Subject: one\r\n\r\n1\r\n");
        await using LineClient client = await LoginAsync();
        Assert.StartsWith("-ERR", await client.SendAsync(command), StringComparison.Ordinal);
        Assert.Equal("+OK", await client.SendAsync("NOOP"));
    }

    [Fact]
    public async Task A_line_without_end_closes_the_session_only()
    {
        await using LineClient client = await LineClient.ConnectAsync(server);
        await client.ReadAsync();
        await client.WriteAsync(new string('x', 40_000));
        Assert.StartsWith("-ERR", await client.ReadAsync(), StringComparison.Ordinal);
        await using LineClient next = await LoginAsync();
    }

    [Fact]
    public async Task Capabilities_can_be_switched_off()
    {
        await using var bare = new LabPop3Server(store, new LabServerOptions { Without = new HashSet<string> { "UIDL", "TOP", "PIPELINING", "STLS" } });
        bare.Start();
        await using LineClient client = await LoginAsync(bare);
        Assert.StartsWith("+OK", await client.SendAsync("CAPA"), StringComparison.Ordinal);
        Assert.DoesNotContain(await client.ReadMultiAsync(), l => l.Trim() is "UIDL" or "TOP" or "PIPELINING");
        Assert.StartsWith("-ERR", await client.SendAsync("UIDL"), StringComparison.Ordinal);
        Assert.StartsWith("-ERR", await client.SendAsync("TOP 1 0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_mailboxes_are_read_at_once()
    {
        for (int i = 0; i < 20; i++)
            store.Deliver(store.AddMailbox($"user{i}@contoso.test", "p").Address, Encoding.ASCII.GetBytes($"Subject: {i}\r\n\r\n"));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            await using LineClient client = await LoginAsync(server, $"user{i}@contoso.test", "p", tls: i % 2 == 0);
            Assert.StartsWith("+OK", await client.SendAsync("RETR 1"), StringComparison.Ordinal);
            Assert.Contains($"Subject: {i}\r\n", await client.ReadMultiAsync());
            Assert.StartsWith("+OK", await client.SendAsync("QUIT"), StringComparison.Ordinal);
        }));
    }

    [Fact]
    public async Task Fault_drop_at_a_command_closes_without_an_answer()
    {
        Deliver("Subject: one\r\n\r\n1\r\n");
        faults.Add(new LabFault(LabFaultKind.Drop) { Command = "RETR" });
        await using LineClient client = await LoginAsync();
        Assert.Null(await client.SendAsync("RETR 1"));
    }

    [Fact]
    public async Task Fault_drop_after_bytes_lets_so_many_through()
    {
        Deliver("Subject: one\r\n\r\n1\r\n");
        faults.Add(new LabFault(LabFaultKind.Drop) { Command = "RETR", AfterBytes = 20 });
        await using LineClient client = await LoginAsync();
        Assert.Equal("+OK 19 octets", await client.SendAsync("RETR 1"));
        Assert.Equal("Subje", await client.ReadAsync());
    }

    [Fact]
    public async Task Fault_half_a_line()
    {
        faults.Add(new LabFault(LabFaultKind.HalfLine) { Command = "CONNECT", Times = 1 });
        await using (LineClient client = await LineClient.ConnectAsync(server))
        {
            string? half = await client.ReadAsync();
            Assert.StartsWith("+OK", half, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', half!);
        }

        await using LineClient next = await LoginAsync();
    }

    [Fact]
    public async Task Fault_locked_concerns_one_mailbox_only()
    {
        store.AddMailbox("ben@contoso.test", "secret");
        faults.Add(new LabFault(LabFaultKind.Locked) { Mailbox = "ben@contoso.test" });
        await using LineClient anna = await LoginAsync();
        await using LineClient ben = await LineClient.ConnectAsync(server);
        await ben.ReadAsync();
        await ben.SendAsync("USER ben@contoso.test");
        Assert.StartsWith("-ERR [IN-USE]", await ben.SendAsync("PASS secret"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fault_refused_login_passes_when_it_has_struck_often_enough()
    {
        faults.Add(new LabFault(LabFaultKind.RefuseLogin) { Times = 1 });
        await using LineClient client = await LineClient.ConnectAsync(server);
        await client.ReadAsync();
        await client.SendAsync("USER anna@contoso.test");
        Assert.StartsWith("-ERR [AUTH]", await client.SendAsync("PASS secret"), StringComparison.Ordinal);
        await client.SendAsync("USER anna@contoso.test");
        Assert.StartsWith("+OK", await client.SendAsync("PASS secret"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fault_temporary_and_permanent_failures_have_their_codes()
    {
        using (faults.Add(new LabFault(LabFaultKind.TemporaryFailure) { Command = "UIDL" }))
        {
            await using LineClient client = await LoginAsync();
            Assert.StartsWith("-ERR [SYS/TEMP]", await client.SendAsync("UIDL"), StringComparison.Ordinal);
            await client.SendAsync("QUIT");
        }

        faults.Add(new LabFault(LabFaultKind.PermanentFailure) { Command = "UIDL", Skip = 1 });
        await using LineClient next = await LoginAsync();
        Assert.Equal("+OK", await next.SendAsync("UIDL"));
        await next.ReadMultiAsync();
        Assert.StartsWith("-ERR [SYS/PERM]", await next.SendAsync("UIDL"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fault_lost_answer_to_QUIT_deletes_and_says_nothing()
    {
        Deliver("Subject: one\r\n\r\n1\r\n");
        faults.Add(new LabFault(LabFaultKind.LoseAnswer) { Command = "QUIT" });
        await using LineClient client = await LoginAsync();
        await client.SendAsync("DELE 1");
        Assert.Null(await client.SendAsync("QUIT"));
        Assert.Empty(store.Find("anna@contoso.test")!.Messages);
    }

    [Fact]
    public async Task Fault_stall_answers_nothing_until_the_server_stops()
    {
        faults.Add(new LabFault(LabFaultKind.Stall) { Command = "STAT" });
        await using LineClient client = await LoginAsync();
        Task<string?> answer = client.SendAsync("STAT");
        await using (LineClient other = await LineClient.ConnectAsync(server))
            Assert.StartsWith("+OK", await other.ReadAsync(), StringComparison.Ordinal);
        Assert.False(answer.IsCompleted);
        await server.DisposeAsync();
        Assert.Null(await answer);
    }

    [Fact]
    public async Task Fault_slow_bytes_arrive_all()
    {
        faults.Add(new LabFault(LabFaultKind.SlowBytes) { Command = "STAT", Delay = TimeSpan.FromMilliseconds(1) });
        await using LineClient client = await LoginAsync();
        Assert.Equal("+OK 0 0", await client.SendAsync("STAT"));
    }

    [Fact]
    public async Task Fault_expired_certificate()
    {
        faults.Add(new LabFault(LabFaultKind.ExpiredCertificate) { Times = 1 });
        await using (LineClient client = await LineClient.ConnectAsync(server, tls: true))
            Assert.True(client.ServerCertificateExpiry < store.Clock.GetUtcNow());
        await using LineClient next = await LineClient.ConnectAsync(server, tls: true);
        Assert.True(next.ServerCertificateExpiry > store.Clock.GetUtcNow());
    }

    private void Deliver(string message) => store.Deliver("anna@contoso.test", Encoding.ASCII.GetBytes(message));

    private Task<LineClient> LoginAsync() => LoginAsync(server);

    private static async Task<LineClient> LoginAsync(LabPop3Server server, string user = "anna@contoso.test", string password = "secret", bool tls = false)
    {
        LineClient client = await LineClient.ConnectAsync(server, tls);
        Assert.StartsWith("+OK", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("+OK", await client.SendAsync("USER " + user), StringComparison.Ordinal);
        Assert.StartsWith("+OK", await client.SendAsync("PASS " + password), StringComparison.Ordinal);
        return client;
    }

    /// <summary>The other end of a closed connection notices it a moment later.</summary>
    private static async Task WaitAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
            await Task.Delay(5, limit.Token);
    }
}
