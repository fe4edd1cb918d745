using EmailRouter.Mail;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Routing.Tests.Outgoing;

public sealed class SenderPoolTests
{
    [Fact]
    public async Task A_server_that_has_enough_connections_gets_no_more_and_the_message_takes_the_next_one_free()
    {
        var system = new Limited(most: 1);
        var route = new SendRoute("Relay", system, new MailEndpoint { Host = "smtp.contoso.test" }, new MailLogin("a@contoso.test", MailCredential.Anonymous), 3);
        await using var pool = new SenderPool(new MailContext());
        SenderPool.Rented first = await pool.RentAsync(route, default);

        Task<SenderPool.Rented> second = pool.RentAsync(route, default).AsTask();
        Task<SenderPool.Rented> third = pool.RentAsync(route, default).AsTask();
        Assert.False(second.IsCompleted || third.IsCompleted);
        Assert.Equal(3, system.Asked);
        first.Keep();
        await first.DisposeAsync();
        SenderPool.Rented next = await await Task.WhenAny(second, third);
        next.Keep();
        await next.DisposeAsync();
        SenderPool.Rented last = await (second.IsCompletedSuccessfully && await second == next ? third : second);

        Assert.Same(first.Sender, last.Sender);
        Assert.Equal(3, system.Asked);
        await last.DisposeAsync();
    }

    [Fact]
    public async Task Without_any_open_connection_it_is_the_servers_fault()
    {
        var route = new SendRoute("Relay", new Limited(most: 0), new MailEndpoint { Host = "smtp.contoso.test" }, new MailLogin("a@contoso.test", MailCredential.Anonymous), 3);
        await using var pool = new SenderPool(new MailContext());

        MailException e = await Assert.ThrowsAnyAsync<MailException>(async () => await pool.RentAsync(route, default));

        Assert.Equal(MailException.TooManyConnections, e.ErrorId);
    }

    private sealed class Limited(int most) : IMailSystem
    {
        private int open;

        public int Asked { get; private set; }

        public string Name => "Limited";

        public MailDoors Doors => MailDoors.Sender;

        public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
        {
            Asked++;
            return open++ < most
                ? ValueTask.FromResult<IMailSender>(new Sender())
                : throw new MailConnectionException(MailException.TooManyConnections, MailStep.Greeting, "432 4.3.2", "Fewer.") { IsTransient = true };
        }
    }

    private sealed class Sender : IMailSender
    {
        public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
