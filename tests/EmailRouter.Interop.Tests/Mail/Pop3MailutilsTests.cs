using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Pop3;

namespace EmailRouter.Interop.Tests.Mail;

/// <summary>The POP3 client against a second server, whose sizes do not hold and who writes a header of its own into what it hands out.</summary>
public sealed class Pop3MailutilsTests(MailutilsFixture fixture) : IClassFixture<MailutilsFixture>
{
    private MailEndpoint Pop3s => new() { Host = "localhost", Port = fixture.Server.Pop3sPort, CertificatePins = [fixture.Server.Pin] };

    [ServerFact(Software.Mailutils)]
    public async Task Mail_is_listed_fetched_whole_and_deleted_over_tls()
    {
        for (int i = 0; i < 50; i++)
            await fixture.Server.DeliverAsync("anna", SampleMessages.Make(i, eightBit: i % 2 == 0));
        List<string> ids;
        await using (IMailboxSession session = await OpenAsync("anna", Pop3s))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            ids = [.. messages.Select(m => m.Id)];
            Assert.Equal(50, ids.Distinct().Count());
            int number = 0;
            await foreach (FetchedMessage message in session.FetchAsync(messages, default))
            {
                using (message)
                {
                    Assert.Null(message.Error);
                    Assert.Equal(Encoding.UTF8.GetString(SampleMessages.Make(number, eightBit: number % 2 == 0)), WithoutUidl(message.Content!.Memory.Span));
                }

                if (number++ % 2 == 0)
                    await session.SettleAsync(message.Message, Settlement.Delete, default);
            }

            Assert.Equal(50, number);
            await session.CompleteAsync(default);
        }

        Assert.Equal(25, fixture.Server.Count("anna"));
        await using IMailboxSession second = await OpenAsync("anna", Pop3s);
        Assert.Equal(ids.Where((_, i) => i % 2 == 1), (await second.ListAsync(MailboxCursor.Start, default).ToListAsync()).Select(m => m.Id));
    }

    [ServerFact(Software.Mailutils)]
    public async Task Without_quit_nothing_is_deleted()
    {
        await fixture.Server.DeliverAsync("bert", SampleMessages.Make(1));
        await using (IMailboxSession session = await OpenAsync("bert", Pop3s))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            await session.SettleAsync(messages[0], Settlement.Delete, default);
        }

        Assert.Equal(1, fixture.Server.Count("bert"));
    }

    [ServerFact(Software.Mailutils)]
    public async Task A_wrong_password_is_an_authentication_error()
    {
        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await OpenAsync("carl", Pop3s, "wrong"));

        Assert.Equal(("MailAuthenticationFailed", false), (e.ErrorId, e.IsTransient));
    }

    [ServerFact(Software.Mailutils)]
    public async Task A_password_does_not_cross_a_clear_line()
    {
        MailException e = await Assert.ThrowsAnyAsync<MailException>(
            async () => await OpenAsync("carl", new MailEndpoint { Host = "localhost", Port = fixture.Server.Pop3Port, Tls = TlsMode.None }));

        Assert.DoesNotContain(e.Conversation, l => l.Contains("PASS", StringComparison.Ordinal));
    }

    /// <summary>The server writes its ids into the messages; everything else must be as it was.</summary>
    private static string WithoutUidl(ReadOnlySpan<byte> message)
    {
        string text = Encoding.UTF8.GetString(message);
        int at = text.IndexOf("X-UIDL: ", StringComparison.Ordinal);
        return at < 0 ? text : text.Remove(at, text.IndexOf("\r\n", at, StringComparison.Ordinal) + 2 - at);
    }

    private static async Task<IMailboxSession> OpenAsync(string user, MailEndpoint endpoint, string password = MailutilsServer.Password)
    {
        string address = $"{user}@{MailutilsServer.Domain}";
        return await new Pop3System().OpenMailboxAsync(endpoint, new MailLogin(address, MailCredential.Password(address, password)), new MailContext(), default);
    }
}
