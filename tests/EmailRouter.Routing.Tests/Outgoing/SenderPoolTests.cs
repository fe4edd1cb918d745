using EmailRouter.Mail;
using EmailRouter.Mime;
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
        SenderPool.Rented first = await pool.RentAsync(route, null, default);

        Task<SenderPool.Rented> second = pool.RentAsync(route, null, default).AsTask();
        Task<SenderPool.Rented> third = pool.RentAsync(route, null, default).AsTask();
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

        MailException e = await Assert.ThrowsAnyAsync<MailException>(async () => await pool.RentAsync(route, null, default));

        Assert.Equal(MailException.TooManyConnections, e.ErrorId);
    }

    [Fact]
    public async Task Who_waits_first_is_announced_on_the_connection_and_gets_that_very_one()
    {
        SendRoute route = One();
        await using var pool = new SenderPool(new MailContext());
        OutgoingMessage[] messages = [Message(), Message(), Message()];
        SenderPool.Rented first = await pool.RentAsync(route, messages[0], default);
        Task<SenderPool.Rented> second = pool.RentAsync(route, messages[1], default).AsTask();
        Task<SenderPool.Rented> third = pool.RentAsync(route, messages[2], default).AsTask();

        await first.SendAsync(messages[0], default);
        Assert.Same(messages[1], ((Announcer)first.Sender).Announced);
        Assert.False(second.IsCompleted);
        first.Keep();
        await first.DisposeAsync();
        SenderPool.Rented next = await second;

        Assert.Same(first.Sender, next.Sender);
        Assert.False(third.IsCompleted);
        await next.SendAsync(messages[1], default);
        Assert.Same(messages[2], ((Announcer)next.Sender).Announced);
        next.Keep();
        await next.DisposeAsync();
        SenderPool.Rented last = await third;
        await last.SendAsync(messages[2], default);
        Assert.Null(((Announcer)last.Sender).Announced);
        await last.DisposeAsync();
    }

    [Fact]
    public async Task Who_was_announced_on_a_connection_that_failed_gets_a_new_one()
    {
        SendRoute route = One();
        await using var pool = new SenderPool(new MailContext());
        OutgoingMessage[] messages = [Message(), Message()];
        SenderPool.Rented first = await pool.RentAsync(route, messages[0], default);
        Task<SenderPool.Rented> second = pool.RentAsync(route, messages[1], default).AsTask();
        await first.SendAsync(messages[0], default);

        await first.DisposeAsync();
        SenderPool.Rented next = await second;

        Assert.NotSame(first.Sender, next.Sender);
        Assert.True(((Announcer)first.Sender).IsDisposed);
        await next.DisposeAsync();
    }

    [Fact]
    public async Task Who_gives_up_waiting_is_not_announced_and_takes_no_place()
    {
        SendRoute route = One();
        using var stop = new CancellationTokenSource();
        await using var pool = new SenderPool(new MailContext());
        OutgoingMessage[] messages = [Message(), Message(), Message()];
        SenderPool.Rented first = await pool.RentAsync(route, messages[0], default);
        Task<SenderPool.Rented> second = pool.RentAsync(route, messages[1], stop.Token).AsTask();
        Task<SenderPool.Rented> third = pool.RentAsync(route, messages[2], default).AsTask();

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await second);
        await first.SendAsync(messages[0], default);
        first.Keep();
        await first.DisposeAsync();

        Assert.Same(messages[2], ((Announcer)first.Sender).Announced);
        await (await third).DisposeAsync();
        await (await pool.RentAsync(route, messages[0], default)).DisposeAsync();
    }

    [Fact]
    public async Task Who_was_announced_gives_up_only_after_the_one_before_has_its_outcome()
    {
        SendRoute route = One();
        using var stop = new CancellationTokenSource();
        await using var pool = new SenderPool(new MailContext());
        OutgoingMessage[] messages = [Message(), Message()];
        SenderPool.Rented first = await pool.RentAsync(route, messages[0], default);
        Task<SenderPool.Rented> second = pool.RentAsync(route, messages[1], stop.Token).AsTask();
        await first.SendAsync(messages[0], default);

        await stop.CancelAsync();
        Assert.False(second.IsCompleted);      // its bytes are still looked at
        first.Keep();
        await first.DisposeAsync();

        await (await second).DisposeAsync();
        await (await pool.RentAsync(route, messages[0], default)).DisposeAsync();
    }

    [Fact]
    public async Task A_look_up_that_waits_is_no_message_to_announce()
    {
        SendRoute route = One();
        await using var pool = new SenderPool(new MailContext());
        OutgoingMessage message = Message();
        SenderPool.Rented first = await pool.RentAsync(route, message, default);
        Task<SenderPool.Rented> lookup = pool.RentAsync(route, null, default).AsTask();

        await first.SendAsync(message, default);

        Assert.Null(((Announcer)first.Sender).Announced);
        first.Keep();
        await first.DisposeAsync();
        await (await lookup).DisposeAsync();
    }

    private static SendRoute One() =>
        new("Relay", new Announcing(), new MailEndpoint { Host = "smtp.contoso.test" }, new MailLogin("a@contoso.test", MailCredential.Anonymous), 1);

    private static OutgoingMessage Message() => new()
    {
        EnvelopeFrom = "a@contoso.test",
        Recipients = ["b@contoso.test"],
        MessageId = "<1@contoso.test>",
        Content = MessageBuffer.Wrap("x\r\n"u8.ToArray()),
    };

    private sealed class Announcing : IMailSystem
    {
        public string Name => "Announcing";

        public MailDoors Doors => MailDoors.Sender;

        public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IMailSender>(new Announcer());
    }

    /// <summary>Asks for the next message with each.</summary>
    private sealed class Announcer : IPipelinedSender
    {
        public OutgoingMessage? Announced { get; private set; }

        public bool IsDisposed { get; private set; }

        public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, Func<OutgoingMessage?> following, CancellationToken cancellationToken)
        {
            Announced = following();
            return ValueTask.FromResult(new SendReceipt { Status = SendStatus.Accepted, Reply = "250", Recipients = [] });
        }

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return ValueTask.CompletedTask;
        }
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
