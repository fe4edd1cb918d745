using System.Globalization;
using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Maildir;

namespace EmailRouter.Interop.Tests.Mail;

/// <summary>Maildirs that other programs write and read.</summary>
public sealed class MaildirTests(DovecotFixture fixture) : IClassFixture<DovecotFixture>
{
    [ServerFact(Software.Dovecot, Software.Python)]
    public async Task What_Dovecot_delivers_is_read_and_Dovecot_sees_what_was_settled()
    {
        await ServerProcess.RunAsync(
            "python3",
            "-c",
            """
            import imaplib, smtplib, sys
            lmtp = smtplib.LMTP('127.0.0.1', int(sys.argv[1]))
            for i in range(3):
                lmtp.sendmail('ann@adatum.test', ['maildir@example.test'], f'Subject: m{i}\r\nMessage-ID: <m{i}@adatum.test>\r\n\r\nbody {i}\r\n.dot\r\n')
            lmtp.quit()
            imap = imaplib.IMAP4('127.0.0.1', int(sys.argv[2]))
            imap.starttls()
            imap.login('maildir', sys.argv[3])
            imap.create('"Archive.Gr&APYA3w-e"')
            """,
            fixture.Server.LmtpPort.ToString(CultureInfo.InvariantCulture),
            fixture.Server.ImapPort.ToString(CultureInfo.InvariantCulture),
            DovecotServer.Password);

        List<string> subjects = [];
        await using (IMailboxSession session = await OpenAsync(fixture.Server.Maildir("maildir")))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            await foreach (FetchedMessage fetched in session.FetchAsync(messages, default))
            {
                using (fetched)
                {
                    Mime.MimeMessage message = Mime.MimeMessage.Parse(fetched.Content!.Memory);
                    subjects.Add(message.Subject);
                    Settlement how = message.Subject switch { "m0" => Settlement.MarkRead, "m1" => Settlement.MoveTo("Archive/Größe"), _ => Settlement.Keep };
                    await session.SettleAsync(fetched.Message, how, default);
                }
            }

            await session.CompleteAsync(default);
        }

        string seen = await ServerProcess.RunAsync(
            "python3",
            "-c",
            """
            import imaplib, sys
            imap = imaplib.IMAP4('127.0.0.1', int(sys.argv[1]))
            imap.starttls()
            imap.login('maildir', sys.argv[2])
            for folder in ['INBOX', '"Archive.Gr&APYA3w-e"']:
                count = imap.select(folder, readonly=True)[1][0].decode()
                print(folder, count, [imap.fetch(n, '(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1][0][0].decode().split('FLAGS')[1][:10] + imap.fetch(n, '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1][0][1].decode().strip() for n in imap.search(None, 'ALL')[1][0].split()])
            """,
            fixture.Server.ImapPort.ToString(CultureInfo.InvariantCulture),
            DovecotServer.Password);

        Assert.Equal(["m0", "m1", "m2"], subjects.Order(StringComparer.Ordinal));
        string[] lines = seen.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("INBOX 2 ", lines[0], StringComparison.Ordinal);
        Assert.Contains(@"(\\Seen", lines[0], StringComparison.Ordinal);
        Assert.Contains("Subject: m0", lines[0], StringComparison.Ordinal);
        Assert.Contains("Subject: m2", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("\"Archive.Gr&APYA3w-e\" 1 ", lines[1], StringComparison.Ordinal);
        Assert.Contains("Subject: m1", lines[1], StringComparison.Ordinal);
    }

    [ServerFact(Software.Python)]
    public async Task What_Python_writes_is_read_and_Python_sees_what_was_settled()
    {
        string root = Directory.CreateTempSubdirectory("emailrouter-maildir-").FullName;
        string path = Path.Combine(root, "Maildir");
        try
        {
            string ids = await ServerProcess.RunAsync(
                "python3",
                "-c",
                """
                import mailbox, sys
                box = mailbox.Maildir(sys.argv[1], create=True)
                print(box.add('Subject: new\n\nnew\n'))
                flagged = mailbox.MaildirMessage('Subject: flagged\n\nflagged\n')
                flagged.set_subdir('cur')
                flagged.set_flags('FR')
                print(box.add(flagged))
                trashed = mailbox.MaildirMessage('Subject: trashed\n\n')
                trashed.set_subdir('cur')
                trashed.set_flags('T')
                box.add(trashed)
                """,
                path);
            await using (IMailboxSession session = await OpenAsync(path))
            {
                List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
                Assert.Equal(ids.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal), messages.Select(m => m.Id).Order(StringComparer.Ordinal));
                foreach (MessageRef message in messages)
                {
                    using FetchedMessage header = await session.FetchHeaderAsync(message, default);
                    bool flagged = Encoding.UTF8.GetString(header.Content!.Memory.Span).Contains("flagged", StringComparison.Ordinal);
                    await session.SettleAsync(message, flagged ? Settlement.MarkRead : Settlement.MoveTo("Done"), default);
                }

                await session.CompleteAsync(default);
            }

            string seen = await ServerProcess.RunAsync(
                "python3",
                "-c",
                """
                import mailbox, sys
                box = mailbox.Maildir(sys.argv[1], create=False)
                print(sorted((m['subject'], m.get_flags(), m.get_subdir()) for m in box), box.list_folders(), [(m['subject'], m.get_subdir()) for m in box.get_folder('Done')])
                """,
                path);

            Assert.Equal("[('flagged', 'FRS', 'cur'), ('trashed', 'T', 'cur')] ['Done'] [('new', 'new')]", seen.Trim());
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static ValueTask<IMailboxSession> OpenAsync(string path) => new MaildirSystem().OpenMailboxAsync(
        new MailEndpoint { Host = string.Empty, Path = path }, new MailLogin("maildir@example.test", MailCredential.Anonymous), new MailContext(), default);
}
