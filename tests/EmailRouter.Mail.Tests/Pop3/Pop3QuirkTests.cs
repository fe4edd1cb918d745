using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Pop3;

public sealed class Pop3QuirkTests
{
    public static TheoryData<string, Playing> Quirks
    {
        get
        {
            var data = new TheoryData<string, Playing>();
            foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Pop3", "Scripts"), "*.txt").Order())
            {
                foreach (Playing playing in new[] { new Playing(), new Playing(BareLf: true), new Playing(OneByteAtATime: true) })
                    data.Add(Path.GetFileNameWithoutExtension(file), playing);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Quirks))]
    public async Task Mail_is_fetched_and_deleted_whatever_the_server_is_like(string server, Playing playing)
    {
        var transport = new ScriptedTransport(Script.Load("Pop3", server), playing);

        await Pop3ClientTests.RunAsync(transport);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Messages_that_share_an_id_are_told_apart()
    {
        var transport = new ScriptedTransport(Script.Load("Pop3", "no-uidl"));
        await using IMailboxSession session = await Pop3ClientTests.OpenAsync(transport);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.StartsWith("sha256:", messages[0].Id, StringComparison.Ordinal);
        Assert.Equal(messages[0].Id + "#2", messages[1].Id);
    }

    [Fact]
    public async Task A_size_that_makes_no_sense_is_no_size()
    {
        var transport = new ScriptedTransport(Script.Load("Pop3", "uidl-with-holes"));
        await using IMailboxSession session = await Pop3ClientTests.OpenAsync(transport);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(["a", "b", "c"], messages.Select(m => m.Id));
        Assert.Null(messages[2].Size);
    }

    [Theory]
    [InlineData("USER\\r\\nUIDL", "-ERR not now")]
    [InlineData("USER", "-ERR [SYS/TEMP] not now")]
    public async Task A_passing_failure_of_uidl_does_not_make_every_message_a_new_one(string capabilities, string answer)
    {
        var transport = new ScriptedTransport($"""
            S: +OK
            C: CAPA            S: +OK\r\n{capabilities}\r\n.
            C: USER sales      S: +OK
            C: PASS ***        S: +OK
            C: CAPA            S: +OK\r\n{capabilities}\r\n.
            C: UIDL            S: {answer}
            C: LIST            S: +OK\r\n1 30\r\n.
            """);
        await using IMailboxSession session = await Pop3ClientTests.OpenAsync(transport);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.Equal(MailStep.List, e.Step);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_server_with_neither_uidl_nor_top_is_named()
    {
        var transport = new ScriptedTransport("""
            S: +OK
            C: CAPA            S: -ERR
            C: USER sales      S: +OK
            C: PASS ***        S: +OK
            C: UIDL            S: -ERR
            C: LIST            S: +OK\r\n1 30\r\n.
            C: TOP 1 0         S: -ERR
            """);
        await using IMailboxSession session = await Pop3ClientTests.OpenAsync(transport);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.Equal("MailNoStableIds", e.ErrorId);
    }

    [Fact]
    public async Task Without_top_the_header_is_cut_from_the_message()
    {
        var transport = new ScriptedTransport("""
            S: +OK
            C: CAPA            S: -ERR
            C: USER sales      S: +OK
            C: PASS ***        S: +OK
            C: UIDL            S: +OK\r\n1 a\r\n.
            C: LIST            S: +OK\r\n1 30\r\n.
            C: TOP 1 0         S: -ERR unknown command
            C: RETR 1          S: +OK\r\nSubject: one\r\n\r\ntext\r\n.
            """);
        await using IMailboxSession session = await Pop3ClientTests.OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        using FetchedMessage header = await session.FetchHeaderAsync(messages[0], default);

        Assert.Equal("Subject: one\r\n\r\n"u8.ToArray(), header.Content!.Memory.ToArray());
    }
}
