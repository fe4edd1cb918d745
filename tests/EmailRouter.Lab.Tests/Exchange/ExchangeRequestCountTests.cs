using System.Text;
using EmailRouter.Mail;
using EmailRouter.Mail.Exchange;

namespace EmailRouter.Lab.Tests.Exchange;

/// <summary>What reading a mailbox costs, in requests.</summary>
public sealed class ExchangeRequestCountTests : IAsyncLifetime
{
    private const int Count = 130;

    private readonly ExchangeWorld world = ExchangeWorld.Start();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => world.DisposeAsync().AsTask();

    [Fact]
    public async Task Ten_messages_are_fetched_and_a_hundred_settled_by_one_request()
    {
        for (int i = 0; i < Count; i++)
            world.Deliver($"From: Kim <kim@adatum.test>\r\nTo: {ExchangeWorld.Anna}\r\nSubject: many {i}\r\nMessage-ID: <{i}@adatum.test>\r\n\r\nhello\r\n");
        var endpoint = new MailEndpoint { Host = world.Server.Host, Url = world.Server.EwsUrl, AllowPlainTextPassword = true };
        var login = new MailLogin(ExchangeWorld.Anna, MailCredential.Password(ExchangeWorld.Anna, "secret"));

        await using (IMailboxSession session = await new ExchangeSystem().OpenMailboxAsync(endpoint, login, new MailContext(), default))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            await foreach (FetchedMessage message in session.FetchAsync(messages, default))
            {
                using (message)
                    Assert.Contains("Subject: many", Encoding.UTF8.GetString(message.Content!.Memory.Span), StringComparison.Ordinal);
            }

            foreach (MessageRef message in messages)
                await session.SettleAsync(message, Settlement.MarkRead, default);
            await session.CompleteAsync(default);
        }

        Assert.Equal(
            [("GetItem", 13), ("SyncFolderItems", 1), ("UpdateItem", 2)],
            world.Server.RequestsByKind.Where(k => k.Key != "GetFolder").Select(k => (k.Key, k.Value)));
        Assert.InRange(world.Server.CountOf("GetFolder"), 1, 2);
        Assert.All(world.Mailbox.Messages, m => Assert.True(m.IsRead));
    }
}
