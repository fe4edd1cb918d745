using System.Net;
using System.Text;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed class GraphSenderTests
{
    private const string Text = "From: box@example.test\r\nTo: Ann <ann@example.com>\r\nCc: bob@example.com\r\nMessage-ID: <1@example.test>\r\nSubject: hi\r\n\r\nhello\r\n";

    [Fact]
    public async Task A_message_is_drafted_and_then_sent()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D=1","isDraft":true}""", HttpStatusCode.Created).Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http);
        var committed = new List<int>();

        SendReceipt receipt = await sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com") with
        {
            BeforeCommit = (recipients, _) =>
            {
                Assert.Equal(["ann@example.com", "bob@example.com"], recipients);
                committed.Add(http.Requests.Count);
                return ValueTask.CompletedTask;
            },
        }, default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Contains("request-id", receipt.Reply, StringComparison.Ordinal);
        Assert.Equal(["POST " + User + "messages", "POST " + User + "messages/D%3D1/send"], http.Requests.Select(r => $"{r.Method} {r.Url.AbsoluteUri}"));
        Assert.Equal(("text/plain", Text), (http.Requests[0].Headers["Content-Type"], Mime(http.Requests[0])));
        Assert.Equal([1], committed);
    }

    [Fact]
    public async Task A_message_goes_in_one_request_where_that_is_wanted()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http, ("sendMode", "direct"));

        SendReceipt receipt = await sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal(User + "sendMail", http.Last().Url.AbsoluteUri);
        Assert.Equal(Text, Mime(http.Last()));
    }

    [Fact]
    public async Task Who_is_not_named_gets_it_by_Bcc_and_the_stored_bytes_stay()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http, ("sendMode", "direct"));
        OutgoingMessage message = Message(Text, "ANN@example.com", "bob@example.com", "cid@example.com", "dan@example.com", "CID@example.com");

        await sender.SendAsync(message, default);

        Assert.Equal("Bcc: cid@example.com,\r\n dan@example.com\r\n" + Text, Mime(http.Last()));
        Assert.Equal(Text, Encoding.UTF8.GetString(message.Content.Memory.Span));
    }

    [Fact]
    public async Task Who_is_named_without_being_a_recipient_must_not_get_it()
    {
        var http = new ScriptedHttp();
        await using IMailSender sender = await SenderAsync(http);

        SendReceipt receipt = await sender.SendAsync(Message(Text, "ann@example.com"), default);

        Assert.Equal(SendStatus.Rejected, receipt.Status);
        Assert.Contains("bob@example.com", receipt.Reply, StringComparison.Ordinal);
        Assert.Empty(http.Requests);
    }

    [Theory]
    [InlineData("x\r\nTo: evil@example.com")]
    [InlineData("no-address")]
    [InlineData("")]
    public async Task An_address_that_is_none_is_rejected(string recipient)
    {
        var http = new ScriptedHttp();
        await using IMailSender sender = await SenderAsync(http);

        Assert.Equal(SendStatus.Rejected, (await sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com", recipient), default)).Status);
        Assert.Empty(http.Requests);
    }

    [Theory]
    [InlineData(403, "ErrorSendAsDenied", SendStatus.Rejected, null)]
    [InlineData(413, "ErrorMessageSizeExceeded", SendStatus.Rejected, null)]
    [InlineData(400, "ErrorMimeContentInvalidBase64String", SendStatus.Rejected, null)]
    [InlineData(400, "ErrorInvalidRecipients", SendStatus.Rejected, null)]
    [InlineData(507, "ErrorQuotaExceeded", SendStatus.Deferred, 3600)]
    [InlineData(429, "ErrorSubmissionQuotaExceeded", SendStatus.Deferred, 900)]
    public async Task A_refusal_of_the_message_is_an_outcome_and_leaves_no_draft(int status, string code, SendStatus expected, int? retryAfter)
    {
        ScriptedHttp draft = new ScriptedHttp().Error(status, code);
        await using IMailSender first = await SenderAsync(draft);
        ScriptedHttp send = new ScriptedHttp().Json("""{"id":"D"}""").Error(status, code).Then(HttpStatusCode.NoContent);
        await using IMailSender second = await SenderAsync(send);

        SendReceipt atDraft = await first.SendAsync(Message(Text, "ann@example.com", "bob@example.com"), default);
        SendReceipt atSend = await second.SendAsync(Message(Text, "ann@example.com", "bob@example.com"), default);

        Assert.All([atDraft, atSend], r => Assert.Equal((expected, retryAfter), (r.Status, (int?)r.RetryAfter?.TotalSeconds)));
        Assert.All(atSend.Recipients, r => Assert.Contains(code, r.Reply, StringComparison.Ordinal));
        Assert.Equal("DELETE", send.Last().Method);
    }

    [Fact]
    public async Task A_missing_permission_is_no_fault_of_the_message()
    {
        ScriptedHttp http = new ScriptedHttp().Error(403, "ErrorAccessDenied");
        await using IMailSender sender = await SenderAsync(http);

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com"), default));

        Assert.Equal("MailPermissionMissing", e.ErrorId);
        Assert.Contains("Mail.Send", e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_throttled_sending_is_repeated_when_the_time_is_up()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D"}""").Error(429, "ApplicationThrottled", headers: ("Retry-After", "5")).Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http);

        SendReceipt receipt = await http.DriveAsync(sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com"), default));

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal([5], http.Waits());
    }

    [Fact]
    public async Task A_journal_that_cannot_be_written_stops_the_sending_and_removes_the_draft()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D"}""").Then(HttpStatusCode.NoContent);
        await using IMailSender sender = await SenderAsync(http);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await sender.SendAsync(
            Message(Text, "ann@example.com", "bob@example.com") with { BeforeCommit = (_, _) => throw new InvalidOperationException() }, default));

        Assert.Equal("DELETE " + User + "messages/D", $"{http.Last().Method} {http.Last().Url.AbsoluteUri}");
    }

    [Theory]
    [InlineData("""{"isDraft":false}""", SendStatus.Accepted)]
    [InlineData("""{"isDraft":true,"@odata.etag":"W/7"}""", SendStatus.Deferred)]
    public async Task After_a_lost_answer_the_draft_tells_what_became_of_it(string state, SendStatus expected)
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D"}""").Then(_ => throw new HttpRequestException("reset"));
        int checks = expected == SendStatus.Accepted ? 1 : 4;
        for (int i = 0; i < checks; i++)
            http.Json(state);
        http.Then(HttpStatusCode.NoContent);
        await using IMailSender sender = await SenderAsync(http);

        SendReceipt receipt = await http.DriveAsync(sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com"), default));

        Assert.Equal(expected, receipt.Status);
        if (expected == SendStatus.Deferred)
            Assert.Equal(("DELETE", "W/7"), (http.Last().Method, http.Last().Headers["If-Match"]));
    }

    [Fact]
    public async Task What_an_earlier_attempt_left_behind_is_removed_before_the_next_draft()
    {
        ScriptedHttp http = new ScriptedHttp()
            .Json("""{"value":[{"id":"S","isDraft":false,"@odata.etag":"W/1"},{"id":"A","isDraft":true,"@odata.etag":"W/2"},{"id":"B","isDraft":true,"@odata.etag":"W/3"}]}""")
            .Then(HttpStatusCode.NoContent).Then(HttpStatusCode.NoContent).Json("""{"id":"D"}""").Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http);

        SendReceipt receipt = await sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com") with { IsRepeated = true }, default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Contains("internetMessageId eq '<1@example.test>'", http.Requests[0].PathAndQuery(), StringComparison.Ordinal);
        Assert.Equal(
            [("DELETE", "messages/A", "W/2"), ("DELETE", "messages/B", "W/3")],
            http.Requests.Skip(1).Take(2).Select(r => (r.Method, r.Url.AbsoluteUri[User.Length..], r.Headers["If-Match"])));
    }

    [Fact]
    public async Task A_draft_that_cannot_be_removed_does_not_keep_the_message_back()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"value":[{"id":"A","isDraft":true,"@odata.etag":"W/2"}]}""").Error(412, "ErrorIrresolvableConflict")
            .Json("""{"id":"D"}""").Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http);

        Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com") with { IsRepeated = true }, default)).Status);
    }

    [Theory]
    [InlineData("""{"value":[{"id":"s","isDraft":false}]}""", SendStatus.Accepted)]
    [InlineData("""{"value":[]}""", SendStatus.Uncertain)]
    public async Task A_draft_that_is_nowhere_is_looked_for_by_its_Message_ID(string found, SendStatus expected)
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D"}""").Then(HttpStatusCode.GatewayTimeout);
        for (int i = 0; i < 4; i++)
            http.Error(404, "ErrorItemNotFound");
        http.Json(found);
        await using IMailSender sender = await SenderAsync(http);

        SendReceipt receipt = await http.DriveAsync(sender.SendAsync(Message(Text, "ann@example.com", "bob@example.com"), default));

        Assert.Equal(expected, receipt.Status);
        Assert.Contains("internetMessageId eq '<1@example.test>'", http.Last().PathAndQuery(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"value":[{"isDraft":true,"createdDateTime":"2026-01-01T00:00:00Z"},{"isDraft":false}]}""", true)]
    [InlineData("""{"value":[{"isDraft":true,"createdDateTime":"2026-01-01T00:00:00Z"}]}""", false)]
    [InlineData("""{"value":[{"isDraft":true,"createdDateTime":"2026-01-05T07:59:00Z"}]}""", null)]
    [InlineData("""{"value":[{"isDraft":true}]}""", null)]
    [InlineData("""{"value":[]}""", null)]
    [InlineData("{}", null)]
    public async Task Whether_it_was_sent_is_said_only_when_it_is_known(string found, bool? expected)
    {
        ScriptedHttp http = new ScriptedHttp().Json(found);
        await using IMailSender sender = await SenderAsync(http);

        Assert.Equal(expected, await ((ISentLookup)sender).WasSentAsync("<it's@example.test>", default));
        Assert.Contains("'<it''s@example.test>'", http.Last().PathAndQuery(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_may_only_send_cannot_know()
    {
        ScriptedHttp http = new ScriptedHttp().Error(403, "ErrorAccessDenied");
        await using IMailSender sender = await SenderAsync(http, ("sendMode", "direct"));

        Assert.Null(await ((ISentLookup)sender).WasSentAsync("<1@example.test>", default));
    }

    [Fact]
    public async Task Large_attachments_follow_the_draft_piece_by_piece_without_the_token()
    {
        byte[] file = [.. Enumerable.Range(0, 5_000_000).Select(i => (byte)(i % 251))];
        string start = "From: box@example.test\r\nTo: ann@example.com\r\nIn-Reply-To: <0@example.com>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello";
        string end = "\r\n--b\r\nContent-Type: text/x-small; name=small.txt\r\nContent-Disposition: attachment\r\n\r\nsmall\r\n--b--\r\n";
        string big = "\r\n--b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=dump.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Convert.ToBase64String(file);
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D"}""", HttpStatusCode.Created)
            .Json("""{"uploadUrl":"https://outlook.office.com/up/1?authtoken=geheim","nextExpectedRanges":["0-"]}""", HttpStatusCode.Created)
            .Json("""{"nextExpectedRanges":["3276800-"]}""")
            .Then(_ => throw new HttpRequestException("reset"))
            .Json("""{"nextExpectedRanges":["4000000-4999999"]}""")
            .Then(HttpStatusCode.Created)
            .Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http);

        SendReceipt receipt = await sender.SendAsync(Message(start + big + end, "ann@example.com"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal(start + end, Mime(http.Requests[0]));
        Assert.Equal("""{"AttachmentItem":{"attachmentType":"file","size":5000000,"name":"dump.zip","contentType":"application/zip"}}""", http.Requests[1].Body);
        Assert.Equal(["bytes 0-3276799/5000000", "bytes 3276800-4999999/5000000", "bytes 4000000-4999999/5000000"],
            http.Requests.Where(r => r.Method == "PUT").Select(r => r.Headers["Content-Range"]));
        Assert.All(http.Requests.Where(r => r.Url.Host == "outlook.office.com"), r => Assert.False(r.Headers.ContainsKey("Authorization")));
        Assert.DoesNotContain(http.Log, l => l.Contains("geheim", StringComparison.Ordinal));
        Assert.EndsWith("/send", http.Last().Url.AbsoluteUri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_attachment_that_is_just_too_large_for_the_message_goes_in_one_request()
    {
        string big = new string('x', 78) + "\r\n";
        string body = string.Concat(Enumerable.Repeat(big, 25_000));
        string message = "From: box@example.test\r\nTo: ann@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; name=a.txt\r\n\r\n" + body
            + "\r\n--b\r\nContent-Type: text/plain; name=b.txt\r\n\r\n" + body + "\r\n--b--\r\n";
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D"}""").Then(HttpStatusCode.Created).Then(HttpStatusCode.Accepted);
        await using IMailSender sender = await SenderAsync(http);

        Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(Message(message, "ann@example.com"), default)).Status);

        Assert.Single(MimeMessage.Parse(Encoding.UTF8.GetBytes(Mime(http.Requests[0]))).Attachments);
        Assert.EndsWith("/attachments", http.Requests[1].Url.AbsoluteUri, StringComparison.Ordinal);
        Assert.Contains("\"contentBytes\":\"", http.Requests[1].Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b", "signed")]
    [InlineData("Content-Type: text/plain", "text alone")]
    public async Task What_cannot_be_taken_apart_is_rejected_in_words(string type, string words)
    {
        var http = new ScriptedHttp();
        await using IMailSender sender = await SenderAsync(http);
        string message = "From: box@example.test\r\nTo: ann@example.com\r\n" + type + "\r\n\r\n" + string.Concat(Enumerable.Repeat("--b\r\n" + new string('x', 900) + "\r\n", 4000));

        SendReceipt receipt = await sender.SendAsync(Message(message, "ann@example.com"), default);

        Assert.Equal(SendStatus.Rejected, receipt.Status);
        Assert.Contains(words, receipt.Reply, StringComparison.Ordinal);
        Assert.Empty(http.Requests);
    }

    [Theory]
    [InlineData("""{"nextExpectedRanges":["0-"]}""", "does not advance")]
    [InlineData("""{"nextExpectedRanges":["9999999999-"]}""", "bytes that there are not")]
    [InlineData("""{"nextExpectedRanges":["x"]}""", "bytes that there are not")]
    public async Task An_upload_that_leads_nowhere_ends(string answer, string words)
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"id":"D"}""").Json("""{"uploadUrl":"https://outlook.office.com/up"}""").Json(answer).Then(HttpStatusCode.NoContent);
        await using IMailSender sender = await SenderAsync(http);
        string message = "From: box@example.test\r\nTo: ann@example.com\r\nContent-Type: application/pdf\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 900) + "\r\n", 5000));

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await sender.SendAsync(Message(message, "ann@example.com"), default));

        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Equal("DELETE", http.Last().Method);
    }

    private static async Task<IMailSender> SenderAsync(ScriptedHttp http, params (string Name, string Value)[] options) =>
        await NewSystem().OpenSenderAsync(Endpoint(options), Login(), http.Context with { Steps = null }, default);

    private static OutgoingMessage Message(string text, params string[] recipients) => new()
    {
        EnvelopeFrom = Address,
        Recipients = recipients,
        MessageId = "<1@example.test>",
        Content = MessageBuffer.Wrap(Encoding.UTF8.GetBytes(text)),
    };

    private static string Mime(SentRequest request) => Encoding.UTF8.GetString(Convert.FromBase64String(request.Body));
}
