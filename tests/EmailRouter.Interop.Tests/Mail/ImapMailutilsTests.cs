using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Imap;

namespace EmailRouter.Interop.Tests.Mail;

/// <summary>The IMAP client against a second server, without UIDPLUS and MOVE and with SCRAM.</summary>
public sealed class ImapMailutilsTests(MailutilsFixture fixture) : IClassFixture<MailutilsFixture>
{
    // The server announces -PLUS mechanisms, but binds them to a value that TLS 1.3 does not have; an administrator has to choose another.
    private MailEndpoint Imaps => new()
    {
        Host = "localhost", Port = fixture.Server.ImapsPort, CertificatePins = [fixture.Server.Pin], Mechanisms = ["SCRAM-SHA-256"],
    };

    [ServerFact(Software.Mailutils)]
    public async Task Mail_is_listed_fetched_byte_for_byte_and_deleted()
    {
        for (int i = 0; i < 50; i++)
            await fixture.Server.DeliverAsync("anna", SampleMessages.Make(i, eightBit: i % 2 == 0));
        MailboxCursor cursor = MailboxCursor.Start;
        await using (IMailboxSession session = await OpenAsync("anna", Imaps))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            Assert.Equal(50, messages.Count);
            int number = 0;
            await foreach (FetchedMessage message in session.FetchAsync(messages, default))
            {
                using (message)
                {
                    Assert.Null(message.Error);
                    Assert.Equal(Encoding.UTF8.GetString(SampleMessages.Make(number, eightBit: number % 2 == 0)), Encoding.UTF8.GetString(message.Content!.Memory.Span));
                }

                await session.SettleAsync(message.Message, number++ % 2 == 0 ? Settlement.Delete : Settlement.MarkRead, default);
            }

            Assert.Equal(50, number);
            cursor = messages[^1].Cursor!.Value;
            await session.CompleteAsync(default);
        }

        // Without UIDPLUS deleted messages stay, marked, until their owner expunges; they are not listed again.
        await using (IMailboxSession again = await OpenAsync("anna", Imaps))
            Assert.Equal(25, await again.ListAsync(MailboxCursor.Start, default).CountAsync());
        await fixture.Server.DeliverAsync("anna", SampleMessages.Make(77));
        await using IMailboxSession second = await OpenAsync("anna", Imaps);
        MessageRef fresh = Assert.Single(await second.ListAsync(cursor, default).ToListAsync());
        using FetchedMessage header = await second.FetchHeaderAsync(fresh, default);
        Assert.Contains("Message-ID: <77@example.test>", Encoding.ASCII.GetString(header.Content!.Memory.Span), StringComparison.Ordinal);
    }

    [ServerFact(Software.Mailutils)]
    public async Task Each_mechanism_logs_in_and_a_wrong_password_is_an_authentication_error()
    {
        foreach (string mechanism in new[] { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256" })
        {
            await using (IMailboxSession session = await OpenAsync("dora", Imaps with { Mechanisms = [mechanism] }))
                await session.CompleteAsync(default);
            MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
                async () => await OpenAsync("dora", Imaps with { Mechanisms = [mechanism] }, "wrong"));
            Assert.Equal(("MailAuthenticationFailed", false), (e.ErrorId, e.IsTransient));
        }
    }

    [ServerFact(Software.Mailutils)]
    public async Task Moved_mail_is_in_its_folder_and_no_longer_listed()
    {
        for (int i = 0; i < 3; i++)
            await fixture.Server.DeliverAsync("emil", SampleMessages.Make(i));
        await using (IMailboxSession session = await OpenAsync("emil", Imaps))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            await session.SettleAsync(messages[1], Settlement.MoveTo("Archive"), default);
            await session.CompleteAsync(default);
        }

        await using IMailboxSession inbox = await OpenAsync("emil", Imaps);
        Assert.Equal(2, await inbox.ListAsync(MailboxCursor.Start, default).CountAsync());
        await using IMailboxSession archive = await OpenAsync("emil", Imaps with { Options = new Dictionary<string, string> { ["folders"] = "Archive" } });
        List<MessageRef> moved = await archive.ListAsync(MailboxCursor.Start, default).ToListAsync();
        using FetchedMessage message = Assert.Single(await archive.FetchAsync(moved, default).ToListAsync());
        Assert.Equal(Encoding.UTF8.GetString(SampleMessages.Make(1)), Encoding.UTF8.GetString(message.Content!.Memory.Span));
    }

    private static async Task<IMailboxSession> OpenAsync(string user, MailEndpoint endpoint, string password = MailutilsServer.Password)
    {
        string address = $"{user}@{MailutilsServer.Domain}";
        return await new ImapSystem().OpenMailboxAsync(endpoint, new MailLogin(address, MailCredential.Password(address, password)), new MailContext(), default);
    }
}
