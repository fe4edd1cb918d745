using System.Text;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Imap;

public sealed class ImapQuirkTests
{
    /// <summary>Scripts that are about something else than fetching and settling the inbox.</summary>
    private static readonly string[] Others = ["33-odd-names", "35-proton-special-use", "36-icewarp-refusal"];

    public static TheoryData<string, Playing> Quirks
    {
        get
        {
            var data = new TheoryData<string, Playing>();
            foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Imap", "Scripts"), "*.txt").Order())
            {
                // Bare line feeds would make the lengths of the literals wrong.
                foreach (Playing playing in Others.Contains(Path.GetFileNameWithoutExtension(file)) ? [] : (Playing[])[new(), new(OneByteAtATime: true)])
                    data.Add(Path.GetFileNameWithoutExtension(file), playing);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Quirks))]
    public async Task Mail_is_fetched_and_settled_whatever_the_server_is_like(string server, Playing playing)
    {
        var transport = new ScriptedTransport(Script.Load("Imap", server), playing);
        bool move = server.StartsWith("01", StringComparison.Ordinal) || server.StartsWith("05", StringComparison.Ordinal);

        List<string> texts = await ImapClientTests.RunAsync(transport, move ? Settlement.MoveTo("CRM/done") : Settlement.Delete);

        Assert.NotEmpty(texts);
        Assert.All(texts, t => Assert.StartsWith("Subject: ", t, StringComparison.Ordinal));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_date_that_is_none_is_null_and_others_are_read()
    {
        var transport = new ScriptedTransport(Script.Load("Imap", "13-domino-date-zero"));
        await using IMailboxSession session = await ImapClientTests.OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        Assert.All(messages, m => Assert.Null(m.ReceivedOn));

        transport = new ScriptedTransport(Script.Load("Imap", "20-yandex-endless-bye"));
        await using IMailboxSession other = await ImapClientTests.OpenAsync(transport);
        messages = await other.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(new DateTimeOffset(2026, 1, 5, 8, 0, 0, TimeSpan.Zero), messages[0].ReceivedOn);
        Assert.Equal(new DateTimeOffset(2026, 1, 15, 8, 30, 0, TimeSpan.Zero), messages[1].ReceivedOn);
    }

    [Fact]
    public async Task Decimals_are_numbers()
    {
        var transport = new ScriptedTransport(Script.Load("Imap", "15-mailru-decimals"));
        await using IMailboxSession session = await ImapClientTests.OpenAsync(transport);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal([9_373L, 20L], messages.Select(m => m.Size));
    }

    [Fact]
    public async Task Without_lasting_uids_a_hash_names_the_message_and_there_is_no_cursor()
    {
        var transport = new ScriptedTransport(Script.Load("Imap", "21-smartermail-uidvalidity-zero"));
        await using IMailboxSession session = await ImapClientTests.OpenAsync(transport);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.StartsWith("sha256:", messages[0].Id, StringComparison.Ordinal);
        Assert.NotEqual(messages[0].Id, messages[1].Id);
        Assert.Equal(messages[0].Id + "#2", messages[2].Id);
        Assert.All(messages, m => Assert.Null(m.Cursor));
    }

    [Fact]
    public async Task What_a_wrong_length_leaves_over_is_never_taken_for_a_response()
    {
        var transport = new ScriptedTransport(Script.Load("Imap", "17-qq-short-literal"));

        List<string> texts = await ImapClientTests.RunAsync(transport, Settlement.Delete);

        Assert.Equal(["Subject: one\r\n\r\n* not a response but mail\r\nrest", "Subject: two\r\n\r\nsecond"], texts);
    }

    [Fact]
    public async Task Odd_names_of_folders_are_understood()
    {
        MailEndpoint endpoint = ImapClientTests.Plain with { Options = new Dictionary<string, string> { ["folders"] = "Orders & more/Bücher; [Gmail]/All [x]; *" } };
        string select = """
            C: A4 SELECT "Orders &- more/B&APw-cher"    S: * 0 EXISTS\r\nA4 OK [READ-WRITE] done
            C: A5 SELECT "[Gmail]/All [x]"    S: * 0 EXISTS\r\nA5 OK done
            C: A6 SELECT "INBOX"    S: * 0 EXISTS\r\nA6 OK done
            C: A7 SELECT "Tab&AAk-name here"    S: * 0 EXISTS\r\nA7 OK done
            C: A8 SELECT "Orders &- more"    S: * 0 EXISTS\r\nA8 OK done
            C: A9 SELECT "Orders2"    S: * 0 EXISTS\r\nA9 OK done
            """;
        var transport = new ScriptedTransport(Script.Parse(
            await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Imap", "Scripts", "33-odd-names.txt")) + select));
        await using IMailboxSession session = await ImapClientTests.OpenAsync(transport, endpoint);

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Special_folders_are_found_where_special_use_is_announced_and_refused()
    {
        var transport = new ScriptedTransport(Script.Load("Imap", "35-proton-special-use"));
        MailEndpoint endpoint = ImapClientTests.Plain with { Options = new Dictionary<string, string> { ["Folders"] = @"\Sent" } };
        await using IMailboxSession session = await ImapClientTests.OpenAsync(transport, endpoint);

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        await session.CompleteAsync(default);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_greeting_without_an_asterisk_that_turns_away_is_reported_with_its_text()
    {
        var transport = new ScriptedTransport(Script.Load("Imap", "36-icewarp-refusal"));

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await ImapClientTests.OpenAsync(transport));

        Assert.Equal("MailServerRefusedConnection", e.ErrorId);
        Assert.Contains("Intrusion prevention blocked your address", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_sparse_set_is_split_into_commands_that_old_servers_take()
    {
        uint[] uids = [.. Enumerable.Range(0, 400).Select(i => (uint)(4_000_000_000 + (i * 2)))];
        var script = new StringBuilder();
        script.AppendLine("""
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: A1 LOGIN "sales" ***    S: A1 OK [CAPABILITY IMAP4rev1] in
            C: A2 SELECT "INBOX"    S: * 400 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA2 OK [READ-WRITE] done
            """);
        script.AppendLine(@"C: A3 UID SEARCH UID 1:* UNDELETED    S: * SEARCH " + string.Join(' ', uids) + @"\r\nA3 OK done");
        int tag = 4;
        foreach (uint[] part in uids.Chunk(73))
            script.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $@"C: A{tag} UID FETCH {string.Join(',', part)} (UID INTERNALDATE RFC822.SIZE)    S: {string.Concat(part.Select(u => $@"* 1 FETCH (UID {u} RFC822.SIZE 9)\r\n"))}A{tag++} OK");
        var transport = new ScriptedTransport(script.ToString());
        await using IMailboxSession session = await ImapClientTests.OpenAsync(transport);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(uids.Select(u => $"7.{u}"), messages.Select(m => m.Id));
        Assert.All(transport.Log.Where(l => l.StartsWith("C: ", StringComparison.Ordinal)), l => Assert.True(l.Length < 1000));
        transport.AssertPlayedToTheEnd();
    }
}
