using System.Net;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;
using static EmailRouter.Mail.Tests.Exchange.EwsScript;

namespace EmailRouter.Mail.Tests.Exchange;

public sealed class ExchangeSenderTests
{
    private const string Mail = "From: Box <box@example.com>\r\nTo: a@x.example, B <b@x.example>\r\nCc: c@x.example\r\nMessage-ID: <1@example.com>\r\n\r\nhello\r\n";

    [Fact]
    public async Task A_message_is_sent_as_it_is_and_kept_in_Sent_Items()
    {
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", Answer("CreateItem", Success("CreateItem", "<m:Items/>")));
        await using IMailSender sender = await script.OpenSenderAsync();

        SendReceipt receipt = await sender.SendAsync(Message("A@x.example", "b@x.example", "c@x.example"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal(["A@x.example", "b@x.example", "c@x.example"], receipt.Recipients.Select(r => r.Address));
        XElement create = script.Request(1);
        Assert.Equal("SendAndSaveCopy", create.Attribute("MessageDisposition")!.Value);
        Assert.Equal("sentitems", create.Descendants(T + "DistinguishedFolderId").Single().Attribute("Id")!.Value);
        Assert.Equal(Mail, Encoding.UTF8.GetString(Convert.FromBase64String(create.Descendants(T + "MimeContent").Single().Value)));
        Assert.Empty(create.Descendants(T + "Mailbox"));
        Assert.Equal(Encoding.UTF8.GetByteCount(script.Http.Requests[1].Body), int.Parse(script.Http.Requests[1].Headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Recipients_that_no_header_shows_are_blind_copies()
    {
        EwsScript script = new EwsScript().With("saveSentCopy", "false").OnOpen().On("CreateItem", Answer("CreateItem", Success("CreateItem")));
        await using IMailSender sender = await script.OpenSenderAsync();

        await sender.SendAsync(Message("a@x.example", "b@x.example", "c@x.example", "secret@x.example"), default);

        Assert.Equal("SendOnly", script.Request(1).Attribute("MessageDisposition")!.Value);
        Assert.Equal(["secret@x.example"], Addresses(script, "BccRecipients"));
        Assert.Empty(Addresses(script, "ToRecipients"));
    }

    [Fact]
    public async Task Who_has_the_message_already_does_not_get_it_again()
    {
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", Answer("CreateItem", Success("CreateItem")));
        await using IMailSender sender = await script.OpenSenderAsync();

        await sender.SendAsync(Message("b@x.example", "other@x.example"), default);

        Assert.Equal(["b@x.example"], Addresses(script, "ToRecipients"));
        Assert.Empty(Addresses(script, "CcRecipients"));
        Assert.Equal(["other@x.example"], Addresses(script, "BccRecipients"));
    }

    [Theory]
    [InlineData("delegate", "CORP\\svc", "box@example.com")]
    [InlineData("impersonation", "CORP\\svc", null)]
    [InlineData("own", "CORP\\box", null)]
    public async Task A_delegate_says_for_whom_it_sends(string access, string user, string? from)
    {
        EwsScript script = new EwsScript { Login = new("box@example.com", MailCredential.Password(user, "x")) }.With("access", access).OnOpen().On("CreateItem", Answer("CreateItem", Success("CreateItem")));
        await using IMailSender sender = await script.OpenSenderAsync();

        await sender.SendAsync(Message("a@x.example", "b@x.example", "c@x.example"), default);

        Assert.Equal(from, Addresses(script, "From").SingleOrDefault());
    }

    [Theory]
    [InlineData("delegate", "svc@example.com", "onBehalf", "box@example.com", "svc@example.com")]
    [InlineData("own", "svc@example.com", "ONBEHALF", "box@example.com", "svc@example.com")]
    [InlineData("own", "svc@example.com", "author", "box@example.com", null)]
    [InlineData("delegate", "svc@example.com", "", "box@example.com", null)]
    [InlineData("own", "BOX@example.com", "onBehalf", null, null)]
    public async Task On_behalf_the_account_is_named_beside_the_author(string access, string user, string sendAs, string? from, string? sender)
    {
        EwsScript script = new EwsScript { Login = new("box@example.com", MailCredential.Password(user, "x")) }
            .With("access", access).With("sendAs", sendAs).OnOpen().On("CreateItem", Answer("CreateItem", Success("CreateItem")));
        await using IMailSender opened = await script.OpenSenderAsync();

        await opened.SendAsync(Message("a@x.example", "b@x.example", "c@x.example", "blind@x.example"), default);

        Assert.Equal(from, Addresses(script, "From").SingleOrDefault());
        Assert.Equal(sender, Addresses(script, "Sender").SingleOrDefault());
    }

    [Theory]
    [InlineData("delegate", "CORP\\svc", "onBehalf", "name@domain")]
    [InlineData("impersonation", "svc@example.com", "onBehalf", "delegate or own")]
    [InlineData("delegate", "svc@example.com", "maybe", "author or onBehalf")]
    public async Task On_behalf_of_nobody_that_can_be_named_nothing_is_sent(string access, string user, string sendAs, string remedy)
    {
        EwsScript script = new EwsScript { Login = new("box@example.com", MailCredential.Password(user, "x")) }.With("access", access).With("sendAs", sendAs);

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenSenderAsync());

        Assert.Equal("MailInvalidOption", e.ErrorId);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
        Assert.Empty(script.Http.Requests);
    }

    [Fact]
    public async Task The_journal_hears_of_it_before_the_last_byte_leaves()
    {
        var order = new List<string>();
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", (_, _) =>
        {
            order.Add("answered");
            return Task.FromResult(ScriptedHttp.Answer(HttpStatusCode.OK, Answer("CreateItem", Success("CreateItem"))));
        });
        await using IMailSender sender = await script.OpenSenderAsync();

        await sender.SendAsync(Message("a@x.example") with
        {
            BeforeCommit = (recipients, _) =>
            {
                order.Add(string.Join(",", recipients));
                return ValueTask.CompletedTask;
            },
        }, default);

        Assert.Equal(["a@x.example", "answered"], order);
    }

    [Fact]
    public async Task When_the_journal_fails_the_request_never_ends()
    {
        EwsScript script = new EwsScript().OnOpen();
        await using IMailSender sender = await script.OpenSenderAsync();

        var e = await Assert.ThrowsAsync<InvalidOperationException>(async () => await sender.SendAsync(
            Message("a@x.example") with { BeforeCommit = (_, _) => throw new InvalidOperationException("disk full") }, default));

        Assert.Equal("disk full", e.Message);
        Assert.Single(script.Http.Requests);
    }

    [Theory]
    [InlineData("ErrorSendAsDenied", SendStatus.Rejected, "Send As")]
    [InlineData("ErrorMessageSizeExceeded", SendStatus.Rejected, "limit")]
    [InlineData("ErrorMimeContentInvalid", SendStatus.Rejected, "MIME")]
    [InlineData("ErrorUnheardOf", SendStatus.Rejected, "ErrorUnheardOf")]
    [InlineData("ErrorSubmissionQuotaExceeded", SendStatus.Deferred, "later")]
    [InlineData("ErrorQuotaExceeded", SendStatus.Deferred, "quota")]
    [InlineData("ErrorTimeoutExpired", SendStatus.Uncertain, "broke off")]
    public async Task What_the_server_says_decides(string code, SendStatus status, string words)
    {
        foreach (bool asFault in (bool[])[false, true])
        {
            EwsScript script = new EwsScript().OnOpen()
                .On("CreateItem", asFault ? Fault(code) : Answer("CreateItem", Error("CreateItem", code)), asFault ? HttpStatusCode.InternalServerError : HttpStatusCode.OK);
            await using IMailSender sender = await script.OpenSenderAsync();

            SendReceipt receipt = await sender.SendAsync(Message("a@x.example"), default);

            Assert.Equal(status, receipt.Status);
            Assert.Contains(words, receipt.Reply, StringComparison.Ordinal);
            Assert.All(receipt.Recipients, r => Assert.Equal(status, r.Status));
        }
    }

    [Fact]
    public async Task A_busy_server_defers_until_it_says()
    {
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", Fault("ErrorServerBusy", BackOff(9000, "t")), HttpStatusCode.InternalServerError);
        await using IMailSender sender = await script.OpenSenderAsync();

        SendReceipt receipt = await sender.SendAsync(Message("a@x.example"), default);

        Assert.Equal((SendStatus.Deferred, TimeSpan.FromSeconds(9)), (receipt.Status, receipt.RetryAfter));
    }

    [Theory]
    [InlineData(503, SendStatus.Deferred)]
    [InlineData(413, SendStatus.Rejected)]
    [InlineData(502, SendStatus.Uncertain)]
    public async Task A_status_of_something_on_the_way_decides(int status, SendStatus expected)
    {
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", string.Empty, (HttpStatusCode)status);
        await using IMailSender sender = await script.OpenSenderAsync();

        Assert.Equal(expected, (await sender.SendAsync(Message("a@x.example"), default)).Status);
    }

    [Fact]
    public async Task A_right_that_is_missing_is_no_fault_of_the_message()
    {
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", Fault("ErrorImpersonateUserDenied"), HttpStatusCode.InternalServerError);
        await using IMailSender sender = await script.OpenSenderAsync();

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await sender.SendAsync(Message("a@x.example"), default));

        Assert.Equal("MailImpersonationDenied", e.ErrorId);
    }

    [Theory]
    [InlineData("lost")]
    [InlineData("cut")]
    [InlineData("nonsense")]
    public async Task Without_an_answer_nobody_knows(string how)
    {
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", (_, _) => how switch
        {
            "lost" => throw new HttpRequestException("reset"),
            "cut" => Task.FromResult(ScriptedBodyStream.Response([Answer("CreateItem", Success("CreateItem"))[..300]])),
            _ => Task.FromResult(ScriptedHttp.Answer(HttpStatusCode.OK, "{}")),
        });
        await using IMailSender sender = await script.OpenSenderAsync();

        Assert.Equal(SendStatus.Uncertain, (await sender.SendAsync(Message("a@x.example"), default)).Status);
    }

    [Fact]
    public async Task A_connection_that_breaks_before_the_last_byte_sent_nothing()
    {
        EwsScript script = new EwsScript().OnOpen();
        await using IMailSender sender = await script.OpenSenderAsync();

        // The network fails while the message is on its way, before the journal is asked.
        var e = await Assert.ThrowsAsync<MailConnectionException>(async () => await sender.SendAsync(
            Message("a@x.example") with { BeforeCommit = (_, _) => throw new MailConnectionException("MailConnectionLost", MailStep.Send, "lost", "again") }, default));

        Assert.Equal("MailConnectionLost", e.ErrorId);
    }

    [Fact]
    public async Task A_refused_log_in_sent_nothing()
    {
        EwsScript script = new EwsScript().OnOpen().On("CreateItem", string.Empty, HttpStatusCode.Unauthorized);
        await using IMailSender sender = await script.OpenSenderAsync();

        await Assert.ThrowsAsync<MailAuthenticationException>(async () => await sender.SendAsync(Message("a@x.example"), default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nobody")]
    [InlineData("a b@x.example")]
    [InlineData("a@x.example\r\n")]
    public async Task An_address_that_is_none_is_the_messages_fault(string address)
    {
        EwsScript script = new EwsScript().OnOpen();
        await using IMailSender sender = await script.OpenSenderAsync();

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await sender.SendAsync(Message(address), default));

        Assert.Equal(MailException.InvalidAddress, e.ErrorId);
    }

    [Theory]
    [InlineData("true", "<t:Message><t:ItemId Id=\"I1\"/></t:Message>", true)]
    [InlineData("true", "", false)]
    [InlineData("false", "", null)]
    public async Task Sent_messages_are_looked_up_by_their_Message_ID(string keeps, string found, bool? expected)
    {
        string nothing = Success("FindItem", "<m:RootFolder TotalItemsInView=\"0\" IncludesLastItemInRange=\"true\"><t:Items/></m:RootFolder>");
        EwsScript script = new EwsScript().With("saveSentCopy", keeps).OnOpen()
            .On("FindItem", Answer("FindItem", nothing, Success("FindItem", $"<m:RootFolder><t:Items>{found}</t:Items></m:RootFolder>"), nothing));
        await using IMailSender sender = await script.OpenSenderAsync();

        Assert.Equal(expected, await ((ISentLookup)sender).WasSentAsync("<1@example.com>", default));

        Assert.Equal("<1@example.com>", script.Request(1).Descendants(T + "Constant").Single().Attribute("Value")!.Value);
        Assert.Equal(["sentitems", "outbox", "deleteditems"], script.Request(1).Descendants(T + "DistinguishedFolderId").Select(f => f.Attribute("Id")!.Value));
    }

    [Fact]
    public async Task A_look_up_that_reaches_only_some_folders_knows_nothing()
    {
        string nothing = Success("FindItem", "<m:RootFolder><t:Items/></m:RootFolder>");
        EwsScript script = new EwsScript().OnOpen().On("FindItem", Answer("FindItem", nothing, Error("FindItem", "ErrorFolderNotFound"), nothing))
            .On("FindItem", Answer("FindItem", nothing, Error("FindItem", "ErrorMailboxStoreUnavailable"), nothing));
        await using IMailSender sender = await script.OpenSenderAsync();

        Assert.Null(await ((ISentLookup)sender).WasSentAsync("<1@example.com>", default));
        await Assert.ThrowsAsync<MailCommandException>(async () => await ((ISentLookup)sender).WasSentAsync("<1@example.com>", default));
    }

    private static OutgoingMessage Message(params string[] recipients) => new()
    {
        EnvelopeFrom = "box@example.com",
        Recipients = recipients,
        MessageId = "<1@example.com>",
        Content = MessageBuffer.Wrap(Encoding.UTF8.GetBytes(Mail)),
    };

    private static IEnumerable<string> Addresses(EwsScript script, string element) =>
        script.Request(1).Descendants(T + element).SelectMany(r => r.Descendants(T + "EmailAddress")).Select(a => a.Value);
}
