namespace EmailRouter.Interop.Tests.Servers;

/// <summary>One Dovecot for the tests of a class; none where it is not installed, since then they are skipped.</summary>
public sealed class DovecotFixture : IAsyncLifetime
{
    private DovecotServer? server;

    public DovecotServer Server => server ?? throw new InvalidOperationException("Dovecot is not installed; the test should have been skipped.");

    public async Task InitializeAsync()
    {
        if (Installed.WhyNot(Software.Dovecot) is null)
            server = await DovecotServer.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
    }
}

/// <summary>One Postfix for the tests of a class, with a Dovecot behind its AUTH where there is one.</summary>
public sealed class PostfixFixture : IAsyncLifetime
{
    private DovecotServer? accounts;
    private PostfixServer? server;

    public PostfixServer Server => server ?? throw new InvalidOperationException("Postfix is not installed; the test should have been skipped.");

    public async Task InitializeAsync()
    {
        if (Installed.WhyNot(Software.Postfix) is not null)
            return;
        if (Installed.WhyNot(Software.Dovecot) is null)
            accounts = await DovecotServer.StartAsync();
        server = await PostfixServer.StartAsync(accounts);
    }

    public async Task DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
        if (accounts is not null)
            await accounts.DisposeAsync();
    }
}

/// <summary>One pair of Mailutils servers for the tests of a class, with the users anna to emil.</summary>
public sealed class MailutilsFixture : IAsyncLifetime
{
    private MailutilsServer? server;

    public MailutilsServer Server => server ?? throw new InvalidOperationException("GNU Mailutils is not installed; the test should have been skipped.");

    public async Task InitializeAsync()
    {
        if (Installed.WhyNot(Software.Mailutils) is null)
            server = await MailutilsServer.StartAsync("anna", "bert", "carl", "dora", "emil");
    }

    public async Task DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
    }
}
