using System.Net;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Mail.Exchange;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;
using static EmailRouter.Mail.Tests.Exchange.EwsScript;

namespace EmailRouter.Mail.Tests.Exchange;

public sealed class ExchangeSessionTests
{
    private const string Mail = "Message-ID: <a@example.com>\r\nThread-Index: AQ==\r\nSubject: hi\r\n\r\nhello\r\n";

    [Fact]
    public async Task What_came_is_listed_oldest_first_with_class_size_and_date_and_one_cursor_for_each_page()
    {
        EwsScript script = new EwsScript().OnOpen()
            .On("SyncFolderItems", Page("s1=", false, Create("I2", "2026-01-05T07:00:02Z"), Create("I1", "2026-01-05T07:00:01Z", "REPORT.IPM.Note.NDR", 4711),
                "<t:Update><t:Message><t:ItemId Id=\"I9\"/></t:Message></t:Update><t:Delete><t:ItemId Id=\"I8\"/></t:Delete><t:ReadFlagChange><t:ItemId Id=\"I7\"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>"))
            .On("SyncFolderItems", Page("s2=", true, Create("I3", kind: "IPM.Schedule.Meeting.Request", element: "MeetingRequest")));
        await using IMailboxSession session = await script.OpenAsync();

        Assert.Null(session.Position);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(["I1", "I2", "I3"], messages.Select(m => m.Id));
        Assert.Equal(["REPORT.IPM.Note.NDR", "IPM.Note", "IPM.Schedule.Meeting.Request"], messages.Select(m => m.MessageClass));
        Assert.Equal((4711L, new DateTimeOffset(2026, 1, 5, 7, 0, 1, TimeSpan.Zero)), (messages[0].Size, messages[0].ReceivedOn));
        Assert.Equal([null, "Inbox=s1=", "Inbox=s2="], messages.Select(m => m.Cursor?.Value));
        Assert.Equal("Inbox=s2=", session.Position!.Value.Value);
        Assert.Null(script.Request(1).Element(M + "SyncState"));
        Assert.Equal("s1=", script.Request(2).Element(M + "SyncState")!.Value);
        Assert.Equal("512", script.Request(2).Element(M + "MaxChangesReturned")!.Value);
        Assert.Equal("F1", script.Request(2).Descendants(T + "FolderId").Single().Attribute("Id")!.Value);
    }

    [Fact]
    public async Task The_position_moves_on_although_nothing_new_came()
    {
        EwsScript script = new EwsScript().OnOpen().On("SyncFolderItems", Page("s5=", true, "<t:Delete><t:ItemId Id=\"I8\"/></t:Delete>"));
        await using IMailboxSession session = await script.OpenAsync();

        Assert.Empty(await session.ListAsync(new MailboxCursor("Inbox=s4="), default).ToListAsync());

        Assert.Equal("Inbox=s5=", session.Position!.Value.Value);
        Assert.Equal("s4=", script.Request(1).Element(M + "SyncState")!.Value);
    }

    [Theory]
    [InlineData("ErrorInvalidSyncStateData")]
    [InlineData("ErrorSyncFolderNotFound")]
    public async Task A_position_that_is_lost_means_listing_from_the_start(string code)
    {
        EwsScript script = new EwsScript().OnOpen().On("SyncFolderItems", Answer("SyncFolderItems", Error("SyncFolderItems", code))).On("SyncFolderItems", Page("s1", true, Create("I1")));
        await using IMailboxSession session = await script.OpenAsync();

        MessageRef message = Assert.Single(await session.ListAsync(new MailboxCursor("Inbox=old"), default).ToListAsync());

        Assert.Equal(("I1", "Inbox=s1"), (message.Id, message.Cursor?.Value));
        Assert.Null(script.Request(2).Element(M + "SyncState"));
    }

    [Fact]
    public async Task A_state_that_is_refused_again_without_any_is_an_error_and_no_loop()
    {
        EwsScript script = new EwsScript().OnOpen().On("SyncFolderItems", Answer("SyncFolderItems", Error("SyncFolderItems", "ErrorInvalidSyncStateData")));
        await using IMailboxSession session = await script.OpenAsync();

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.Equal("MailSyncStateLost", e.ErrorId);
    }

    [Fact]
    public async Task A_server_that_says_there_is_more_and_does_not_move_on_is_an_error_and_no_loop()
    {
        EwsScript script = new EwsScript().OnOpen().On("SyncFolderItems", Page("s1", false)).On("SyncFolderItems", Page("s1", false));
        await using IMailboxSession session = await script.OpenAsync();

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.Equal("MailAnswerInvalid", e.ErrorId);
    }

    [Fact]
    public async Task Several_folders_have_one_cursor_with_a_state_each()
    {
        EwsScript script = new EwsScript().With("folders", "Inbox; Inbox/CRM done; Archive").OnOpen().OnOpen()
            .On("FindFolder", Answer("FindFolder", Success("FindFolder", $"<m:RootFolder IncludesLastItemInRange=\"true\"><t:Folders>{Folder("F2", "crm DONE")}</t:Folders></m:RootFolder>")))
            .On("FindFolder", Answer("FindFolder", Success("FindFolder", $"<m:RootFolder><t:Folders>{Folder("F3", "Archive")}</t:Folders></m:RootFolder>")))
            .On("SyncFolderItems", Page("a1", true, Create("I1"))).On("SyncFolderItems", Page("b2", true)).On("SyncFolderItems", Page("c2", true, Create("I3")));
        await using IMailboxSession session = await script.OpenAsync();

        List<MessageRef> messages = await session.ListAsync(new MailboxCursor("Archive=c1 Inbox%2FCRM%20done=b1 =x nonsense"), default).ToListAsync();

        Assert.Equal(["Archive=c1 Inbox=a1 Inbox%2FCRM%20done=b1", "Archive=c2 Inbox=a1 Inbox%2FCRM%20done=b2"], messages.Select(m => m.Cursor?.Value));
        Assert.Equal([null, "b1", "c1"], Enumerable.Range(4, 3).Select(i => script.Request(i).Element(M + "SyncState")?.Value));
        Assert.Equal("msgfolderroot", script.Request(3).Descendants(T + "DistinguishedFolderId").Single().Attribute("Id")!.Value);
    }

    [Fact]
    public async Task A_folder_of_the_profile_that_is_missing_is_told_and_not_made()
    {
        EwsScript script = new EwsScript().With("folders", "Inbox/Gone").OnOpen().On("FindFolder", Answer("FindFolder", Success("FindFolder", "<m:RootFolder><t:Folders/></m:RootFolder>")));

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenAsync());

        Assert.Equal(("MailFolderNotFound", MailStep.OpenMailbox), (e.ErrorId, e.Step));
        Assert.Contains("Inbox/Gone", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_are_fetched_together_in_order_and_what_is_gone_is_told()
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item("I1", Mail), Error("GetItem", "ErrorItemNotFound", details: "<m:Items/>"), Item("I3", Mail)));
        await using IMailboxSession session = await script.OpenAsync();

        List<FetchedMessage> fetched = await session.FetchAsync([new("I1"), new("I2"), new("I3")], default).ToListAsync();

        Assert.Equal(["I1", "I2", "I3"], fetched.Select(f => f.Message.Id));
        Assert.Equal([null, MailException.MessageGone, null], fetched.Select(f => f.Error?.ErrorId));
        Assert.Equal(Mail, Text(fetched[0]));
        Assert.Equal(["I1", "I2", "I3"], script.Request(1).Descendants(T + "ItemId").Select(i => i.Attribute("Id")!.Value));
    }

    [Fact]
    public async Task Batches_are_limited_by_count_and_by_size_and_large_messages_come_alone()
    {
        EwsScript script = new EwsScript().OnOpen();
        foreach (int count in (int[])[10, 1, 1, 3])
            script.On("GetItem", (request, _) =>
            {
                string[] ids = [.. OperationOf(request).Descendants(T + "ItemId").Select(i => i.Attribute("Id")!.Value)];
                Assert.Equal(count, ids.Length);
                return Task.FromResult(ScriptedHttp.Answer(HttpStatusCode.OK, Answer("GetItem", [.. ids.Select(id => Item(id, Mail))])));
            });
        MessageRef[] messages =
        [
            .. Enumerable.Range(0, 11).Select(i => new MessageRef($"S{i}") { Size = 1000 }), new("L1") { Size = 6 << 20 },
            new("M1") { Size = 4 << 20 }, new("M2") { Size = 4 << 20 }, new("M3") { Size = 1 << 20 },
        ];
        await using IMailboxSession session = await script.OpenAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();

        Assert.Equal(messages.Select(m => m.Id), fetched.Select(f => f.Message.Id));
        Assert.All(fetched, f => Assert.Equal(Mail, Text(f)));
        script.Http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task The_next_request_is_under_way_while_the_first_is_waited_for()
    {
        var second = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        string[] ids = [.. Enumerable.Range(0, 20).Select(i => $"I{i}")];
        EwsScript script = new EwsScript().OnOpen()
            .On("GetItem", async (_, stop) =>
            {
                await second.Task.WaitAsync(TimeSpan.FromMinutes(1), stop);
                return ScriptedHttp.Answer(HttpStatusCode.OK, Answer("GetItem", [.. ids[..10].Select(id => Item(id, Mail))]));
            })
            .On("GetItem", (_, _) =>
            {
                second.SetResult();
                return Task.FromResult(ScriptedHttp.Answer(HttpStatusCode.OK, Answer("GetItem", [.. ids[10..].Select(id => Item(id, Mail))])));
            });
        await using IMailboxSession session = await script.OpenAsync();

        List<FetchedMessage> fetched = await session.FetchAsync([.. ids.Select(id => new MessageRef(id) { Size = 1000 })], default).ToListAsync();

        Assert.Equal(ids, fetched.Select(f => f.Message.Id));
    }

    [Fact]
    public async Task Whoever_stops_fetching_does_not_wait_for_the_next_request()
    {
        string[] ids = [.. Enumerable.Range(0, 20).Select(i => $"I{i}")];
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        EwsScript script = new EwsScript().OnOpen()
            .On("GetItem", Answer("GetItem", [.. ids[..10].Select(id => Item(id, Mail))]))
            .On("GetItem", async (_, stop) =>
            {
                asked.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, stop);
                throw new InvalidOperationException("It goes on although nobody waits.");
            });
        await using IMailboxSession session = await script.OpenAsync();

        await foreach (FetchedMessage first in session.FetchAsync([.. ids.Select(id => new MessageRef(id) { Size = 1000 })], default))
        {
            first.Dispose();
            await asked.Task.WaitAsync(TimeSpan.FromMinutes(1));
            break;
        }

        script.Http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task What_the_item_knows_and_its_MIME_does_not_is_put_into_the_header()
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item(
            "I1",
            "Subject: hi\r\n\r\nhello\r\n",
            "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x71\" PropertyType=\"Binary\"/><t:Value>AQHTJWSH</t:Value></t:ExtendedProperty><t:InternetMessageId>&lt;a@b.example&gt;</t:InternetMessageId>")));
        await using IMailboxSession session = await script.OpenAsync();

        FetchedMessage fetched = Assert.Single(await session.FetchAsync([new("I1")], default).ToListAsync());

        Assert.Equal("Message-ID: <a@b.example>\r\nThread-Index: AQHTJWSH\r\nSubject: hi\r\n\r\nhello\r\n", Text(fetched));
    }

    [Fact]
    public async Task What_the_MIME_says_itself_is_left_as_it_is()
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item(
            "I1", Mail, "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"113\" PropertyType=\"Binary\"/><t:Value>BQ==</t:Value></t:ExtendedProperty><t:InternetMessageId>&lt;other@b&gt;</t:InternetMessageId>")));
        await using IMailboxSession session = await script.OpenAsync();

        Assert.Equal(Mail, Text(Assert.Single(await session.FetchAsync([new("I1")], default).ToListAsync())));
    }

    [Fact]
    public async Task A_large_message_is_decoded_piece_by_piece_into_a_file()
    {
        byte[] mime = new byte[5_000_000];
        new Random(7).NextBytes(mime);
        string base64 = Convert.ToBase64String(mime, Base64FormattingOptions.InsertLineBreaks);
        string[] parts = Answer("GetItem", Success("GetItem", "<m:Items><t:Message><t:MimeContent>@</t:MimeContent><t:ItemId Id=\"I1\"/></t:Message></m:Items>")).Split('@');
        EwsScript script = new EwsScript().OnOpen().On("GetItem", (_, _) => Task.FromResult(ScriptedBodyStream.Response(
            [parts[0], .. base64.Chunk(100_003).Select(c => new string(c)), parts[1]])));
        await using IMailboxSession session = await script.OpenAsync();

        using FetchedMessage fetched = Assert.Single(await session.FetchAsync([new("I1") { Size = mime.Length }], default).ToListAsync());

        Assert.True(fetched.Content!.IsSpooled);
        Assert.True(fetched.Content.Memory.Span.SequenceEqual(mime));
    }

    [Fact]
    public async Task A_message_of_100_MB_is_spooled()
    {
        const int Pieces = 1000;
        byte[] piece = new byte[99_999];        // a multiple of three, so that every piece of base64 is whole
        new Random(8).NextBytes(piece);
        string base64 = Convert.ToBase64String(piece);
        string[] parts = Answer("GetItem", Success("GetItem", "<m:Items><t:Message><t:MimeContent>@</t:MimeContent><t:ItemId Id=\"I1\"/></t:Message></m:Items>")).Split('@');
        EwsScript script = new EwsScript().OnOpen().On("GetItem", (_, _) => Task.FromResult(ScriptedBodyStream.Response(
            Enumerable.Repeat(base64, Pieces).Prepend(parts[0]).Append(parts[1]))));
        await using IMailboxSession session = await script.OpenAsync();

        using FetchedMessage fetched = Assert.Single(await session.FetchAsync([new("I1") { Size = Pieces * piece.Length }], default).ToListAsync());

        Assert.Equal((Pieces * piece.Length, true), (fetched.Content!.Length, fetched.Content.IsSpooled));
        Assert.True(fetched.Content.Memory.Span[^piece.Length..].SequenceEqual(piece));
    }

    [Fact]
    public async Task A_message_over_the_limit_costs_only_itself()
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item("I2", new string('x', 3000)), Item("I3", Mail)));
        MailContext context = script.Context with { Buffers = new MessageBufferOptions { MaximumSize = 2000 } };
        await using IMailboxSession session = await new ExchangeSystem().OpenMailboxAsync(script.Endpoint, script.Login, context, default);

        List<FetchedMessage> fetched = await session.FetchAsync([new("I1") { Size = 5000 }, new("I2"), new("I3")], default).ToListAsync();

        Assert.Equal([MailException.MessageTooLarge, MailException.MessageTooLarge, null], fetched.Select(f => f.Error?.ErrorId));
        Assert.Equal(Mail, Text(fetched[2]));
    }

    [Theory]
    [InlineData("ErrorMimeContentConversionFailed", "MailMessageUnavailable", false)]
    [InlineData("ErrorItemCorrupt", "MailMessageUnavailable", false)]
    [InlineData("ErrorAccessDenied", "MailAccessDenied", false)]
    [InlineData("ErrorMailboxStoreUnavailable", "MailServerTemporarilyUnavailable", true)]
    [InlineData("ErrorNobodyHasHeardOf", "MailServerRefused", false)]
    public async Task A_message_the_server_cannot_give_is_told_with_code_and_words(string code, string errorId, bool transient)
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Error("GetItem", code)));
        await using IMailboxSession session = await script.OpenAsync();

        FetchedMessage fetched = Assert.Single(await session.FetchAsync([new("I1")], default).ToListAsync());

        Assert.Equal((errorId, transient), (fetched.Error!.ErrorId, fetched.Error.IsTransient));
        Assert.Contains($"{code}: Words of the server.", fetched.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_item_that_spoils_the_answer_costs_only_itself()
    {
        string spoiled = Answer("GetItem", Item("I1", Mail), Item("I2", Mail)).Replace("CQ\"/></t:Message></m:Items></m:GetItemResponseMessage></m:ResponseMessages>", "<<<", StringComparison.Ordinal);
        EwsScript script = new EwsScript().OnOpen().On("GetItem", spoiled).On("GetItem", Answer("GetItem", Item("I1", Mail)))
            .On("GetItem", Answer("GetItem", Success("GetItem", "<m:Items><t:Message><t:MimeContent>no base64!</t:MimeContent></t:Message></m:Items>")));
        await using IMailboxSession session = await script.OpenAsync();

        List<FetchedMessage> fetched = await session.FetchAsync([new("I1"), new("I2")], default).ToListAsync();

        Assert.Equal([null, "MailMessageUnavailable"], fetched.Select(f => f.Error?.ErrorId));
    }

    [Fact]
    public async Task An_item_without_MIME_content_is_unavailable()
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item("I1", null), Item("I2", string.Empty, element: "Contact")));
        await using IMailboxSession session = await script.OpenAsync();

        Assert.All(await session.FetchAsync([new("I1"), new("I2")], default).ToListAsync(), f => Assert.Equal("MailMessageUnavailable", f.Error!.ErrorId));
    }

    [Fact]
    public async Task A_server_that_is_busy_stops_the_fetching_and_says_for_how_long()
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item("I1", Mail), Error("GetItem", "ErrorServerBusy", details: BackOff(297749, "m"))));
        await using IMailboxSession session = await script.OpenAsync();

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.FetchAsync([new("I1"), new("I2")], default).ToListAsync());

        Assert.Equal(("MailServerThrottled", true, TimeSpan.FromMilliseconds(297749)), (e.ErrorId, e.IsTransient, e.RetryAfter));
    }

    [Theory]
    [InlineData("Microsoft Mail Internet Headers Version 2.0\r\nFrom: a@example.com\r\nSubject: hi\r\n\r\n")]
    [InlineData("From: a@example.com\nSubject: hi\n")]
    public async Task A_header_is_fetched_as_it_came_by_transport(string header)
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item("I1", null,
            $"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x7d\" PropertyType=\"String\"/><t:Value>{new XText(header)}</t:Value></t:ExtendedProperty>")));
        await using IMailboxSession session = await script.OpenAsync();

        using FetchedMessage fetched = await session.FetchHeaderAsync(new MessageRef("I1"), default);

        Assert.Equal("From: a@example.com\r\nSubject: hi\r\n\r\n", Text(fetched));
        Assert.Empty(script.Request(1).Descendants(T + "IncludeMimeContent"));
    }

    [Fact]
    public async Task The_header_of_a_message_that_never_crossed_the_wire_is_that_of_its_MIME()
    {
        EwsScript script = new EwsScript().OnOpen().On("GetItem", Answer("GetItem", Item("I1", null))).On("GetItem", Answer("GetItem", Item("I1", Mail)));
        await using IMailboxSession session = await script.OpenAsync();

        using FetchedMessage fetched = await session.FetchHeaderAsync(new MessageRef("I1"), default);

        Assert.Equal(Mail[..^7], Text(fetched));
    }

    [Fact]
    public async Task Messages_are_marked_read_together_without_sending_receipts()
    {
        EwsScript script = new EwsScript().OnOpen().On("UpdateItem", Answer("UpdateItem", Success("UpdateItem"), Success("UpdateItem")));
        await using IMailboxSession session = await script.OpenAsync();

        await session.SettleAsync(new MessageRef("I1") { MessageClass = "IPM.Note" }, Settlement.MarkRead, default);
        await session.SettleAsync(new MessageRef("I2") { MessageClass = "IPM.Schedule.Meeting.Request" }, Settlement.MarkRead, default);
        await session.SettleAsync(new MessageRef("I3") { MessageClass = "IPM.Contact" }, Settlement.MarkRead, default);
        await session.SettleAsync(new MessageRef("I4"), Settlement.Keep, default);
        await session.CompleteAsync(default);

        XElement update = script.Request(1);
        Assert.Equal("true", update.Attribute("SuppressReadReceipts")!.Value);
        Assert.Equal("SendToNone", update.Attribute("SendMeetingInvitationsOrCancellations")!.Value);
        Assert.Equal([T + "Message", T + "MeetingRequest"], update.Descendants(T + "SetItemField").Select(f => f.Elements().Last().Name));
    }

    [Fact]
    public async Task A_category_is_added_to_those_a_message_has()
    {
        EwsScript script = new EwsScript().OnOpen()
            .On("GetItem", Answer("GetItem", Item("I1", null, "<t:Categories><t:String>Red &amp; blue</t:String></t:Categories>"), Item("I2", null, "<t:Categories><t:String>crm</t:String></t:Categories>"), Error("GetItem", "ErrorItemNotFound")))
            .On("UpdateItem", Answer("UpdateItem", Success("UpdateItem")));
        await using IMailboxSession session = await script.OpenAsync();

        foreach (string id in (string[])["I1", "I2", "I3"])
            await session.SettleAsync(new MessageRef(id), Settlement.Categorize("CRM"), default);
        await session.CompleteAsync(default);

        Assert.Equal("I1", Assert.Single(script.Request(2).Descendants(T + "ItemId")).Attribute("Id")!.Value);
        Assert.Equal(["Red & blue", "CRM"], script.Request(2).Descendants(T + "String").Select(s => s.Value));
    }

    [Fact]
    public async Task A_folder_to_move_to_is_made_when_it_is_missing_and_found_when_somebody_else_made_it_meanwhile()
    {
        string nothing = Answer("FindFolder", Success("FindFolder", "<m:RootFolder><t:Folders/></m:RootFolder>"));
        EwsScript script = new EwsScript().OnOpen().OnOpen().On("FindFolder", nothing).On("CreateFolder", Answer("CreateFolder", Success("CreateFolder", $"<m:Folders>{Folder("F2")}</m:Folders>")))
            .On("FindFolder", nothing).On("CreateFolder", Answer("CreateFolder", Error("CreateFolder", "ErrorFolderExists")))
            .On("FindFolder", Answer("FindFolder", Success("FindFolder", $"<m:RootFolder><t:Folders>{Folder("F3", "Done")}</t:Folders></m:RootFolder>")))
            .On("MoveItem", Answer("MoveItem", Success("MoveItem"), Error("MoveItem", "ErrorItemNotFound")));
        await using IMailboxSession session = await script.OpenAsync();

        await session.SettleAsync(new MessageRef("I1"), Settlement.MoveTo("Inbox/CRM/Done"), default);
        await session.SettleAsync(new MessageRef("I2"), Settlement.MoveTo("Inbox/CRM/Done"), default);
        await session.CompleteAsync(default);

        Assert.Equal(["F1", "F2"], Enumerable.Range(0, 8).Where(i => script.Request(i).Name.LocalName == "CreateFolder").Select(i => script.Request(i).Descendants(T + "FolderId").Single().Attribute("Id")!.Value));
        Assert.Equal("F3", script.Request(7).Descendants(T + "FolderId").Single().Attribute("Id")!.Value);
    }

    [Theory]
    [InlineData("", "MoveToDeletedItems")]
    [InlineData("hard", "HardDelete")]
    [InlineData("soft", "SoftDelete")]
    public async Task Messages_are_deleted_as_the_profile_says(string option, string type)
    {
        EwsScript script = new EwsScript().With("delete", option).OnOpen().On("DeleteItem", Answer("DeleteItem", Success("DeleteItem")));
        await using IMailboxSession session = await script.OpenAsync();

        await session.SettleAsync(new MessageRef("I1"), Settlement.Delete, default);
        await session.CompleteAsync(default);

        Assert.Equal(type, script.Request(1).Attribute("DeleteType")!.Value);
    }

    [Fact]
    public async Task A_hundred_settlements_make_a_request_and_what_a_refused_one_stops_goes_by_itself()
    {
        EwsScript script = new EwsScript().OnOpen()
            .On("DeleteItem", Answer("DeleteItem", [.. Enumerable.Repeat(Success("DeleteItem"), 50), Error("DeleteItem", "ErrorAccessDenied"), .. Enumerable.Repeat(Error("DeleteItem", "ErrorBatchProcessingStopped", kind: "Warning"), 49)]))
            .On("DeleteItem", Answer("DeleteItem", [.. Enumerable.Repeat(Success("DeleteItem"), 49)]));
        await using IMailboxSession session = await script.OpenAsync();

        for (int i = 0; i < 100; i++)
            await session.SettleAsync(new MessageRef($"I{i}"), Settlement.Delete, default);

        script.Http.AssertPlayedToTheEnd();
        Assert.Equal("I51", script.Request(2).Descendants(T + "ItemId").First().Attribute("Id")!.Value);
        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.CompleteAsync(default));
        Assert.Equal(("MailAccessDenied", MailStep.Settle), (e.ErrorId, e.Step));
    }

    [Fact]
    public async Task An_answer_that_says_too_little_about_settlements_is_an_error()
    {
        EwsScript script = new EwsScript().OnOpen().On("DeleteItem", Answer("DeleteItem", Success("DeleteItem")));
        await using IMailboxSession session = await script.OpenAsync();
        await session.SettleAsync(new MessageRef("I1"), Settlement.Delete, default);
        await session.SettleAsync(new MessageRef("I2"), Settlement.Delete, default);

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await session.CompleteAsync(default));

        Assert.Equal("MailAnswerInvalid", e.ErrorId);
    }

    private static string Text(FetchedMessage fetched)
    {
        using MessageBuffer content = fetched.Content!;
        return Encoding.UTF8.GetString(content.Memory.Span);
    }
}
