using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Graph;

public sealed class GraphMessagesTests : GraphFixture
{
    private static readonly (string, string) Immutable = ("Prefer", "IdType=\"ImmutableId\"");

    [Fact]
    public async Task Messages_are_listed_newest_first_page_by_page()
    {
        for (int i = 0; i < 25; i++)
            Store.Deliver(Anna, Mail($"Mail {i}"), DateTimeOffset.UnixEpoch.AddMinutes(i));
        var subjects = new List<string>();
        string? next = "mailFolders/inbox/messages?$select=subject,isRead&$count=true";
        while (next is not null)
        {
            Answer page = await GetAsync(next);
            Assert.Equal(25, page.Json["@odata.count"]!.GetValue<int>());
            Assert.Equal(["@odata.etag", "id", "subject", "isRead"], page.Value[0]!.AsObject().Select(p => p.Key));
            subjects.AddRange(page.Value.Select(m => m!["subject"]!.GetValue<string>()));
            next = page.Json["@odata.nextLink"]?.GetValue<string>();
        }

        Assert.Equal(Enumerable.Range(0, 25).Reverse().Select(i => $"Mail {i}"), subjects);
        Assert.Equal(3, Server.CountOf("GET mailFolders/{id}/messages"));
    }

    [Theory]
    [InlineData("subject eq 'one'", "One")]
    [InlineData("isRead eq true", "Two")]
    [InlineData("not (isRead eq true) and receivedDateTime ge 1970-01-01T00:02:00Z", "Three")]
    [InlineData("receivedDateTime gt 1970-01-01T00:00:30Z and receivedDateTime le 1970-01-01T00:01:00Z", "Two")]
    [InlineData("startswith(subject,'T') and isRead eq false", "Three")]
    [InlineData("contains(subject,'wo') or subject eq 'none'", "Two")]
    [InlineData("internetMessageId eq '<Three@adatum.test>'", "Three")]
    [InlineData("from/emailAddress/address eq 'KIM@adatum.test' and subject ne 'One' and subject ne 'Two'", "Three")]
    [InlineData("categories/any(c:c eq 'CRM')", "Three")]
    [InlineData("singleValueExtendedProperties/Any(ep: ep/id eq 'String {00020329-0000-0000-C000-000000000046} Name Routed' and ep/value eq 'it''s')", "One")]
    public async Task Filters_find_what_they_name(string filter, string subject)
    {
        LabMessage one = Store.Deliver(Anna, Mail("One"), DateTimeOffset.UnixEpoch);
        LabMessage two = Store.Deliver(Anna, Mail("Two"), DateTimeOffset.UnixEpoch.AddMinutes(1));
        LabMessage three = Store.Deliver(Anna, Mail("Three"), DateTimeOffset.UnixEpoch.AddMinutes(2));
        Box.Update(two.Id, m => m with { IsRead = true });
        Box.Update(three.Id, m => m with { Categories = ["CRM"] });
        await PatchAsync(
            $"messages/{await IdOfAsync(one)}",
            JsonNode.Parse("""{"singleValueExtendedProperties":[{"id":"String {00020329-0000-0000-C000-000000000046} Name Routed","value":"it's"}]}""")!);

        Answer answer = await GetAsync($"messages?$filter={Uri.EscapeDataString(filter)}");
        Assert.Equal(200, answer.Status);
        Assert.Equal(subject, Assert.Single(answer.Value)!["subject"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("$filter=subject")]
    [InlineData("$filter=subject eq")]
    [InlineData("$filter=subject eq 'a")]
    [InlineData("$filter=subject is 'a'")]
    [InlineData("$filter=(isRead eq true")]
    [InlineData("$filter=isRead eq true)")]
    [InlineData("$filter=contains(subject)")]
    [InlineData("$filter=nonsense eq 1")]
    [InlineData("$select=nonsense")]
    [InlineData("$orderby=subject sideways")]
    [InlineData("$top=0")]
    [InlineData("$top=1001")]
    [InlineData("$top=many")]
    [InlineData("$skip=-1")]
    [InlineData("$nonsense=1")]
    public async Task Options_that_make_no_sense_are_refused(string query)
    {
        Store.Deliver(Anna, Mail("One"));
        Answer answer = await GetAsync($"messages?{query}");
        Assert.Equal(400, answer.Status);
        Assert.Equal("BadRequest", answer.Code);
    }

    [Fact]
    public async Task An_order_that_the_filter_does_not_begin_with_is_inefficient()
    {
        Store.Deliver(Anna, Mail("One"));
        Assert.Equal("InefficientFilter", (await GetAsync("messages?$filter=isRead eq false&$orderby=receivedDateTime")).Code);
        Assert.Equal(200, (await GetAsync("messages?$filter=receivedDateTime ge 1970-01-01T00:00:00Z and isRead eq false&$orderby=receivedDateTime")).Status);
    }

    [Fact]
    public async Task A_message_shows_what_its_headers_and_parts_say()
    {
        Store.Deliver(Anna, Mail("Offer", "Cc: Ben <ben@contoso.test>\r\nReply-To: sales@adatum.test\r\nImportance: High\r\nX-Case: 4711\r\nIn-Reply-To: <a@b>\r\n"));
        string id = (await GetAsync("messages")).Value[0]!["id"]!.GetValue<string>();
        JsonObject json = (await GetAsync(
            $"messages/{id}?$expand=singleValueExtendedProperties($filter=id eq 'String 0x1042' or id eq 'String {{00020386-0000-0000-C000-000000000046}} Name X-Case')")).Json;
        Assert.Equal("Kim", json["from"]!["emailAddress"]!["name"]!.GetValue<string>());
        Assert.Equal(Anna, json["toRecipients"]![0]!["emailAddress"]!["address"]!.GetValue<string>());
        Assert.Equal("ben@contoso.test", json["ccRecipients"]![0]!["emailAddress"]!["address"]!.GetValue<string>());
        Assert.Equal("sales@adatum.test", json["replyTo"]![0]!["emailAddress"]!["address"]!.GetValue<string>());
        Assert.Equal("high", json["importance"]!.GetValue<string>());
        Assert.Equal("2026-11-20T08:15:00Z", json["sentDateTime"]!.GetValue<string>());
        Assert.Equal("text", json["body"]!["contentType"]!.GetValue<string>());
        Assert.Equal("<Offer@adatum.test>", json["internetMessageId"]!.GetValue<string>());
        Assert.False(json.ContainsKey("internetMessageHeaders"));
        JsonArray properties = json["singleValueExtendedProperties"]!.AsArray();
        Assert.Equal(("String 0x1042", "<a@b>"), (properties[0]!["id"]!.GetValue<string>(), properties[0]!["value"]!.GetValue<string>()));
        Assert.Equal("4711", properties[1]!["value"]!.GetValue<string>());

        JsonArray headers = (await GetAsync($"messages/{id}?$select=internetMessageHeaders")).Json["internetMessageHeaders"]!.AsArray();
        Assert.Contains(headers, h => h!["name"]!.GetValue<string>() == "X-Case" && h["value"]!.GetValue<string>() == "4711");
    }

    [Fact]
    public async Task The_MIME_of_a_message_is_what_was_delivered()
    {
        byte[] mail = Mail("Offer", "Content-Type: text/plain; charset=iso-8859-1\r\n", "\u00FF\r\n");
        LabMessage message = Store.Deliver(Anna, mail);
        Answer answer = await GetAsync($"messages/{await IdOfAsync(message)}/$value");
        Assert.Equal(200, answer.Status);
        Assert.Equal(mail, answer.Body);
    }

    [Fact]
    public async Task A_change_shows_a_new_etag_and_an_old_one_no_longer_fits()
    {
        LabMessage message = Store.Deliver(Anna, Mail("Offer"));
        string id = await IdOfAsync(message);
        string etag = (await GetAsync($"messages/{id}")).Text("@odata.etag");
        Answer changed = await PatchAsync($"messages/{id}", JsonNode.Parse("""{"isRead":true,"categories":["CRM","B"]}""")!, ("If-Match", etag));
        Assert.Equal(200, changed.Status);
        Assert.True(changed.Json["isRead"]!.GetValue<bool>());
        Assert.NotEqual(etag, changed.Text("@odata.etag"));
        Answer conflict = await PatchAsync($"messages/{id}", JsonNode.Parse("""{"isRead":false}""")!, ("If-Match", etag));
        Assert.Equal((412, "ErrorIrresolvableConflict"), (conflict.Status, conflict.Code));
        Assert.Equal(["CRM", "B"], Box.FindMessage(message.Id)!.Categories);
        Assert.True(Box.FindMessage(message.Id)!.IsRead);
    }

    [Fact]
    public async Task A_move_changes_the_id_unless_immutable_ids_are_preferred()
    {
        LabMessage message = Store.Deliver(Anna, Mail("Offer"));
        string id = await IdOfAsync(message);
        Answer moved = await PostAsync($"messages/{id}/move", new JsonObject { ["destinationId"] = "archive" });
        Assert.Equal(201, moved.Status);
        Assert.NotEqual(id, moved.Text("id"));
        Assert.Equal("ErrorItemNotFound", (await GetAsync($"messages/{id}")).Code);

        string stable = (await GetAsync($"messages/{moved.Text("id")}", Immutable)).Text("id");
        Answer back = await PostAsync($"messages/{stable}/move", new JsonObject { ["destinationId"] = "inbox" }, Immutable);
        Assert.Equal(stable, back.Text("id"));
        Assert.Equal("IdType=\"ImmutableId\"", Assert.Single(back.Headers.GetValues("Preference-Applied")));
        Assert.Equal(200, (await GetAsync($"messages/{stable}")).Status);
    }

    [Fact]
    public async Task Deleting_goes_to_Deleted_Items_and_for_good_leaves_nothing()
    {
        LabMessage message = Store.Deliver(Anna, Mail("Offer"));
        string id = await StableIdOfAsync(message);
        Assert.Equal(204, (await DeleteAsync($"messages/{id}")).Status);
        Assert.Equal(Box.FolderOf(LabFolderNames.DeletedItems).Id, Box.FindMessage(message.Id)!.FolderId);
        Assert.Equal(204, (await PostAsync($"messages/{id}/permanentDelete")).Status);
        Assert.Null(Box.FindMessage(message.Id));
        Assert.Equal(404, (await PostAsync($"messages/{id}/permanentDelete")).Status);
    }

    [Theory]
    [InlineData("messages/nonsense", 400, "ErrorInvalidIdMalformed")]
    [InlineData("mailFolders/nonsense/messages", 400, "ErrorInvalidIdMalformed")]
    [InlineData("nonsense", 400, "BadRequest")]
    [InlineData("messages/delta", 400, "BadRequest")]
    public async Task Places_that_do_not_exist_have_their_errors(string path, int status, string code)
    {
        Answer answer = await GetAsync(path, ("client-request-id", "5b0b1c3c-0000-0000-0000-000000000001"));
        Assert.Equal((status, code), (answer.Status, answer.Code));
        Assert.Equal("5b0b1c3c-0000-0000-0000-000000000001", Assert.Single(answer.Headers.GetValues("client-request-id")));
        Assert.Equal(Assert.Single(answer.Headers.GetValues("request-id")), answer.Json["error"]!["innerError"]!["request-id"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_draft_is_made_changed_and_sent_and_keeps_its_immutable_id()
    {
        Answer draft = await PostAsync(
            "messages",
            JsonNode.Parse("""{"subject":"Case","body":{"contentType":"HTML","content":"<p>Hi</p>"},"toRecipients":[{"emailAddress":{"address":"ben@contoso.test"}}],"bccRecipients":[{"emailAddress":{"address":"kim@adatum.test"}}]}""")!,
            Immutable);
        Assert.Equal(201, draft.Status);
        Assert.True(draft.Json["isDraft"]!.GetValue<bool>());
        string id = draft.Text("id");
        await PatchAsync($"messages/{id}", JsonNode.Parse("""{"subject":"Case 4711"}""")!);
        Assert.Equal(201, (await PostAsync($"messages/{id}/attachments", JsonNode.Parse("""{"@odata.type":"#microsoft.graph.fileAttachment","name":"a.txt","contentType":"text/plain","contentBytes":"SGVsbG8="}""")!)).Status);

        Assert.Equal(202, (await PostAsync($"messages/{id}/send")).Status);
        LabSentMessage sent = Assert.Single(Store.Sent);
        Assert.Equal(["ben@contoso.test", "kim@adatum.test"], sent.Recipients);
        Assert.DoesNotContain("kim@adatum.test", Encoding.UTF8.GetString(sent.Content.Span), StringComparison.Ordinal);
        Answer copy = await GetAsync($"messages/{id}?$expand=attachments", Immutable);
        Assert.False(copy.Json["isDraft"]!.GetValue<bool>());
        Assert.Equal("Case 4711", copy.Text("subject"));
        Assert.Equal(draft.Text("internetMessageId"), copy.Text("internetMessageId"));
        Assert.Equal("<p>Hi</p>", copy.Json["body"]!["content"]!.GetValue<string>().TrimEnd());
        Assert.Equal("SGVsbG8=", copy.Json["attachments"]![0]!["contentBytes"]!.GetValue<string>());
        Assert.Single(Store.Find(Ben)!.Messages);
        Assert.Equal(400, (await PostAsync($"messages/{id}/send")).Status);
    }

    [Fact]
    public async Task Mail_is_sent_as_JSON_and_as_MIME()
    {
        Answer json = await PostAsync("sendMail", JsonNode.Parse("""
            {"message":{"subject":"Case","body":{"contentType":"Text","content":"Received."},"toRecipients":[{"emailAddress":{"address":"ben@contoso.test"}}],
             "internetMessageHeaders":[{"name":"x-crm-case","value":"4711"}]},"saveToSentItems":false}
            """)!);
        Assert.Equal(202, json.Status);
        Assert.Empty(Box.MessagesIn(Box.FolderOf(LabFolderNames.SentItems).Id));
        Assert.Contains("x-crm-case: 4711", Encoding.UTF8.GetString(Store.Sent[0].Content.Span), StringComparison.Ordinal);

        Answer mime = await PostMimeAsync("sendMail", "From: anna@contoso.test\r\nTo: ben@contoso.test\r\nSubject: raw\r\nMessage-ID: <raw@contoso.test>\r\nDate: Fri, 20 Nov 2026 08:15:00 +0000\r\n\r\nx\r\n"u8);
        Assert.Equal(202, mime.Status);
        Assert.Equal("<raw@contoso.test>", "<" + Box.MessagesIn(Box.FolderOf(LabFolderNames.SentItems).Id)[0].InternetMessageId!.Trim('<', '>') + ">");
        Assert.Equal(2, Store.Find(Ben)!.Messages.Count);
    }

    [Theory]
    [InlineData("""{"message":{"subject":"x"}}""", 400, "ErrorInvalidRecipients")]
    [InlineData("""{"message":{"toRecipients":[{"emailAddress":{"address":"nonsense"}}]}}""", 400, "ErrorInvalidRecipients")]
    [InlineData("""{"message":{"toRecipients":[{"emailAddress":{"address":"a@b.test"}}],"internetMessageHeaders":[{"name":"In-Reply-To","value":"x"}]}}""", 400, "InvalidInternetMessageHeader")]
    [InlineData("""{"message":{"toRecipients":[{"emailAddress":{"address":"a@b.test"}}],"from":{"emailAddress":{"address":"ben@contoso.test"}}}}""", 403, "ErrorSendAsDenied")]
    [InlineData("""{"message":{"subject":1}}""", 400, "RequestBodyRead")]
    [InlineData("""{}""", 400, "ErrorInvalidRequest")]
    public async Task Mail_that_cannot_be_sent_is_refused_and_nothing_leaves(string body, int status, string code)
    {
        Answer answer = await PostAsync("sendMail", JsonNode.Parse(body)!);
        Assert.Equal((status, code), (answer.Status, answer.Code));
        Assert.Empty(Store.Sent);
    }

    [Fact]
    public async Task MIME_that_is_no_base64_is_refused()
    {
        using var content = new StringContent("From: anna@contoso.test", Encoding.UTF8, "text/plain");
        using HttpResponseMessage answer = await Client.PostAsync($"{Server.ServiceUrl}/users/{Anna}/sendMail", content);
        Assert.Contains("ErrorMimeContentInvalidBase64String", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_above_four_megabytes_is_too_large()
    {
        Answer answer = await PostMimeAsync("sendMail", new byte[4 * 1024 * 1024]);
        Assert.Equal((413, "ErrorMessageSizeExceeded"), (answer.Status, answer.Code));
    }

    private async Task<string> IdOfAsync(LabMessage message) =>
        (await GetAsync($"messages?$select=id&$filter=internetMessageId eq '{Uri.EscapeDataString("<" + message.InternetMessageId!.Trim('<', '>') + ">")}'")).Value[0]!["id"]!.GetValue<string>();

    private async Task<string> StableIdOfAsync(LabMessage message) =>
        (await GetAsync($"messages/{await IdOfAsync(message)}", Immutable)).Text("id");
}
