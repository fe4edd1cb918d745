using EmailRouter.Lab.Graph;
using EmailRouter.Mail;
using EmailRouter.Mail.Graph;

namespace EmailRouter.Lab.Tests.Graph;

/// <summary>What reading a mailbox costs, in requests.</summary>
public sealed class GraphRequestCountTests : GraphFixture
{
    private const int Count = 130;

    [Fact]
    public async Task Messages_cost_a_request_each_and_few_beside()
    {
        for (int i = 0; i < Count; i++)
            Store.Deliver(Anna, Mail($"many {i}"));

        MailboxCursor position = await ReadAsync(MailboxCursor.Start, Count, Settlement.Keep);

        // The folder, and a page of the listing for each hundred.
        Assert.Equal((1 + 2 + Count, Count), (Server.RequestCount, Server.CountOf("GET messages/{id}/$value")));

        Server.ClearCounts();
        await ReadAsync(position, 0, Settlement.Keep);
        Assert.Equal(2, Server.RequestCount);
    }

    [Fact]
    public async Task Twenty_messages_are_settled_by_one_request()
    {
        for (int i = 0; i < Count; i++)
            Store.Deliver(Anna, Mail($"many {i}"));

        await ReadAsync(MailboxCursor.Start, Count, Settlement.MarkRead);

        Assert.Equal((1 + 2 + Count + 7, 7), (Server.RequestCount, Server.CountOf("POST $batch")));
        Assert.All(Box.Messages, m => Assert.True(m.IsRead));
    }

    private async Task<MailboxCursor> ReadAsync(MailboxCursor since, int expected, Settlement how)
    {
        var endpoint = new MailEndpoint { Host = string.Empty, Url = Server.ServiceUrl, AllowPlainTextPassword = true };
        var login = new MailLogin(Anna, MailCredential.Token(Anna, _ => new(new AccessToken(Tokens.Issue(LabGraphServer.Resource, roles: ["Mail.ReadWrite"])))));
        await using IMailboxSession session = await new GraphSystem().OpenMailboxAsync(endpoint, login, new MailContext(), default);
        List<MessageRef> messages = await session.ListAsync(since, default).ToListAsync();
        MailboxCursor position = session.Position!.Value;
        int fetched = 0;
        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            using (message)
                fetched += message.Error is null ? 1 : 0;
            await session.SettleAsync(message.Message, how, default);
        }

        await session.CompleteAsync(default);
        Assert.Equal(expected, fetched);
        return position;
    }
}
