using System.Text;
using System.Text.RegularExpressions;
using EmailRouter.Crm.Dataverse;

namespace EmailRouter.Crm.Tests.Dataverse;

/// <summary>The store against a server that says what real ones say: what goes on the wire, and what faults lead to.</summary>
public sealed class DataverseStoreTests : IAsyncDisposable
{
    private static readonly Guid anna = new("aaaaaaaa-0000-0000-0000-000000000001");
    private static readonly Guid support = new("bbbbbbbb-0000-0000-0000-000000000002");
    private static readonly Guid carl = new("cccccccc-0000-0000-0000-000000000003");
    private static readonly Guid activity = new("eeeeeeee-0000-0000-0000-000000000005");

    private readonly ScriptedOrganization server = new();
    private readonly DataverseStore store;

    public DataverseStoreTests() => store = new DataverseStore(ScriptedServer.Endpoint, server.Http.Context);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    [Fact]
    public async Task Settings_come_from_columns_and_switches()
    {
        OrganizationSettings settings = await store.GetSettingsAsync(default);

        Assert.Equal(("Contoso", 2, 9999, 120), (settings.Name, settings.TrackingTokenIdDigits, settings.MaximumTrackingNumber, settings.MaximumSubjectLength));
        Assert.Equal(["CRM:", "OLD:"], settings.TrackingPrefixes);
        Assert.True(settings.EnableSmartMatching);
        Assert.False(settings.AutoCreateOnPromote);
        Assert.True(settings.AddQueueItemsForTrackedEmail);
        Assert.Equal(["exe", "js"], settings.BlockedAttachments.Order());
        Assert.Equal(1_048_576, settings.MaxUploadFileSize);
    }

    [Fact]
    public async Task Mailboxes_are_users_queues_and_forward_mailboxes_with_their_settings()
    {
        List<CrmMailbox> mailboxes = [];
        await foreach (CrmMailbox mailbox in store.GetMailboxesAsync(default))
            mailboxes.Add(mailbox);

        Assert.Equal(["anna@example.test", "forward@example.test", "support@example.test"], mailboxes.Select(m => m.Address));
        Assert.Equal([CrmMailboxKind.User, CrmMailboxKind.Forward, CrmMailboxKind.Queue], mailboxes.Select(m => m.Kind));
        CrmMailbox user = mailboxes[0];
        Assert.Equal((FilteringMethod.FromLeadsContactsAccounts, AutoCreate.Lead, true, support), (user.Filter, user.AutoCreate, user.IsSendAsAllowed, user.DefaultQueueId!.Value));
        Assert.Equal((DeliveryMethod.Router, AccessApproval.Approved), (user.OutgoingDelivery, user.Approval));
        Assert.Equal((anna, DeliveryMethod.Router, AccessApproval.Approved), (mailboxes[2].OwnerUserId, mailboxes[2].OutgoingDelivery, mailboxes[2].Approval));
        Assert.Equal(DeliveryMethod.ForwardMailbox, mailboxes[1].IncomingDelivery);
    }

    [Fact]
    public async Task Deciding_and_promoting_cost_a_request_each_once_settings_are_known()
    {
        await store.LookupAsync(new RecordQuery { Addresses = ["x@customer.test"] }, default);
        await store.GetSettingsAsync(default);
        int before = server.Http.All.Count;

        await store.LookupAsync(
            new RecordQuery { MessageIds = ["<a@x>", "<b@x>"], TrackingTokens = ["CRM:001"], ConversationId = Guid.NewGuid(), Addresses = [.. Enumerable.Range(0, 300).Select(i => $"user{i}@customer.test")] },
            default);
        Assert.Equal(before + 1, server.Http.All.Count);
        CreateEmailResult created = await store.CreateEmailAsync(Email(), default);

        Assert.Equal(before + 2, server.Http.All.Count);
        Assert.True(created.Created);
    }

    [Fact]
    public async Task A_lookup_asks_every_table_with_address_columns_custom_ones_too()
    {
        RecordLookup found = await store.LookupAsync(
            new RecordQuery { MessageIds = ["<o'brien@x>"], TrackingTokens = ["CRM:0001042"], Addresses = ["Carl@Customer.test", "vip@customer.test"] }, default);

        string[] lines = server.Http.All[^1].Lines;
        Assert.Contains(lines, l => l.Contains("messageid eq '<o''brien@x>'", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("trackingtoken eq 'CRM:0001042' and directioncode eq true&$orderby=createdon desc&$top=10", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("/new_members?$select=new_memberid,new_name,new_mail,statecode,_ownerid_value&$filter=(new_mail eq 'Carl@Customer.test' or new_mail eq 'vip@customer.test')",
            StringComparison.Ordinal));
        AddressOwner owner = found.Owners["carl@customer.test"].Single(o => o.Record.LogicalName == "contact");
        Assert.Equal((new RecordReference("contact", carl), "Carl", "emailaddress2", true, true, anna), (owner.Record, owner.Record.Name, owner.Column, owner.IsActive, owner.DoNotEmail, owner.OwnerId!.Value));
        Assert.Equal("new_member", Assert.Single(found.Owners["vip@customer.test"]).Record.LogicalName);
        StoredEmail email = found.ByMessageId["<o'brien@x>"];
        Assert.Equal((activity, "account"), (email.ActivityId, email.Regarding!.LogicalName));
        Assert.Equal([support], email.QueueIds);
        Assert.Equal(activity, found.ByTrackingToken["crm:0001042"].ActivityId);
    }

    [Fact]
    public async Task Without_the_right_to_read_definitions_the_usual_tables_are_asked()
    {
        server.Metadata = false;

        await store.LookupAsync(new RecordQuery { Addresses = ["carl@customer.test"] }, default);

        string[] lines = server.Http.All[^1].Lines;
        Assert.Equal(["systemusers", "contacts", "accounts", "leads", "equipments", "teams", "businessunits", "queues"], lines.Select(l => l.Split('/')[4].Split('?')[0]));
    }

    [Fact]
    public async Task Many_addresses_are_asked_in_pieces_that_fit_an_address()
    {
        await store.LookupAsync(new RecordQuery { Addresses = [.. Enumerable.Range(0, 900).Select(i => $"recipient.number.{i}@customer.example.test")] }, default);

        Asked asked = server.Http.All[^1];
        Assert.All(asked.Text.Split("\r\n").Where(l => l.StartsWith("GET ", StringComparison.Ordinal)), l => Assert.True(l.Length < 32_000));
        Assert.All(asked.Lines, l => Assert.True(l.Split(" or ").Length <= 120));
        for (int i = 0; i < 900; i++)
            Assert.Contains(asked.Lines, l => l.Contains("/contacts?", StringComparison.Ordinal) && l.Contains($"'recipient.number.{i}@customer.example.test'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_email_is_created_with_everything_in_one_change_set()
    {
        NewEmail email = Email() with
        {
            QueueIds = [support, support],
            SenderRecord = new NewSenderRecord("contact", carl, "Carl von Customer", "carl@customer.test", anna),
            Regarding = new RecordReference("new_member", carl),
            CorrelatedActivityId = activity,
            InReplyTo = "<parent@x>",
            Attachments = [new EmailAttachment("a.txt", "text/plain", 4, _ => ValueTask.FromResult<Stream>(new MemoryStream("text"u8.ToArray()))) { ContentId = "img1" }],
        };

        CreateEmailResult result = await store.CreateEmailAsync(email, default);

        Assert.Equal([support], result.MadeQueueItems);
        Asked asked = server.Http.All[^1];
        Assert.Equal(["GET", "PATCH", "POST", "POST", "POST", "PATCH"], asked.Lines.Select(l => l.Split(' ')[0]));
        Assert.Contains($"/contacts({carl})", asked.Lines[1], StringComparison.Ordinal);
        Assert.Contains("If-None-Match: *", asked.Text, StringComparison.Ordinal);
        Assert.Contains("\"lastname\":\"Customer\",\"emailaddress1\":\"carl@customer.test\",\"firstname\":\"Carl von\"", asked.Text, StringComparison.Ordinal);
        Assert.Contains($"\"activityid\":\"{activity}\"", asked.Text, StringComparison.Ordinal);
        Assert.Contains($"\"regardingobjectid_new_member_email@odata.bind\":\"/new_members({carl})\"", asked.Text, StringComparison.Ordinal);
        Assert.Contains($"\"CorrelatedActivityId_Email@odata.bind\":\"/emails({activity})\"", asked.Text, StringComparison.Ordinal);
        Assert.Contains($"\"participationtypemask\":1,\"partyid_contact@odata.bind\":\"/contacts({carl})\",\"addressused\":\"carl@customer.test\"", asked.Text, StringComparison.Ordinal);
        Assert.Contains($"\"partyid_systemuser@odata.bind\":\"/systemusers({anna})\"", asked.Text, StringComparison.Ordinal);
        Assert.Contains("\"attachmentcontentid\":\"img1\",\"attachmentnumber\":1,\"body\":\"dGV4dA==\"}", asked.Text, StringComparison.Ordinal);
        Assert.Contains("{\"statecode\":1,\"statuscode\":4}", asked.Text, StringComparison.Ordinal);

        // The definitions say that this column cannot be given.
        Assert.DoesNotContain("inreplyto", asked.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_email_that_is_there_is_left_as_it_is()
    {
        server.Create = () => ScriptedServer.Part(412, """{"error":{"code":"0x80040237","message":"A record with matching key values already exists."}}""");
        server.Emails = [$$"""{"activityid":"{{activity}}","statuscode":4,"directioncode":false}"""];

        CreateEmailResult result = await store.CreateEmailAsync(Email(), default);

        Assert.Equal((activity, false), (result.ActivityId, result.Created));
    }

    [Fact]
    public async Task An_incoming_email_of_the_same_message_id_wins_and_ours_is_taken_back()
    {
        Guid other = Guid.NewGuid();
        server.SameMessageId = [$$"""{"activityid":"{{other}}"}"""];

        CreateEmailResult result = await store.CreateEmailAsync(Email(), default);

        Assert.Equal((other, false), (result.ActivityId, result.Created));
        Assert.Equal(("DELETE", $"/api/data/v9.2/emails({activity})"), (server.Http.All[^1].Method, server.Http.All[^1].Path));
    }

    [Fact]
    public async Task A_senders_record_that_is_there_already_is_not_created_again()
    {
        int tries = 0;
        server.Create = () => tries++ == 0 ? ScriptedServer.Part(412, """{"error":{"code":"0x80040237","message":"A record with matching key values already exists."}}""") : null;

        CreateEmailResult result = await store.CreateEmailAsync(Email() with { SenderRecord = new NewSenderRecord("contact", carl, "Carl", "carl@customer.test", anna) }, default);

        Assert.True(result.Created);
        Assert.DoesNotContain(server.Http.All[^1].Lines, l => l.StartsWith("PATCH /api/data/v9.2/contacts", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_a_plug_in_says_is_about_the_record()
    {
        server.Create = () => ScriptedServer.Part(400, """{"error":{"code":"0x80040265","message":"No email on Sundays"}}""");

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => store.CreateEmailAsync(Email(), default).AsTask());

        Assert.Equal(("CrmPluginRefused", true), (refused.ErrorId, refused.IsAboutRecord));
        Assert.Contains("No email on Sundays", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, """{"error":{"code":"0x80044a02","message":"Attachment file size is too big."}}""")]
    [InlineData(413, "")]
    public async Task An_attachment_the_server_finds_too_large_is_about_the_record_and_names_the_setting(int status, string json)
    {
        server.Create = () => ScriptedServer.Part(status, json);
        var file = new EmailAttachment("a.txt", "text/plain", 4, _ => ValueTask.FromResult<Stream>(new MemoryStream("text"u8.ToArray())));

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => store.CreateEmailAsync(Email() with { Attachments = [file] }, default).AsTask());

        Assert.Equal(("CrmAttachmentTooLarge", true, false), (refused.ErrorId, refused.IsAboutRecord, refused.IsTransient));
        Assert.Contains("maxuploadfilesize", refused.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_as_long_as_the_column_goes_whole_and_the_notice_that_it_was_cut_goes_with_it()
    {
        string body = new('x', 1_048_576);

        await store.CreateEmailAsync(Email() with { Description = body, Notification = EmailNotification.BodyTruncated }, default);

        Assert.Contains($"\"description\":\"{body}\"", server.Http.All[^1].Text, StringComparison.Ordinal);
        Assert.Contains("\"notifications\":2", server.Http.All[^1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Large_attachments_go_in_blocks_before_the_email_is_received()
    {
        byte[] content = new byte[13_000_000];
        new Random(1).NextBytes(content);
        var file = new EmailAttachment("large.bin", "application/octet-stream", content.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(content)));

        await store.CreateEmailAsync(Email() with { Attachments = [file] }, default);

        string[] paths = [.. server.Http.Requests.Select(r => r.Path.Split('/')[^1]).SkipWhile(p => p != "InitializeAttachmentBlocksUpload")];
        Assert.Equal(["InitializeAttachmentBlocksUpload", "UploadBlock", "UploadBlock", "UploadBlock", "UploadBlock", "CommitAttachmentBlocksUpload", "$batch"], paths);
        byte[] sent = [.. server.Http.Requests.Where(r => r.Path.EndsWith("UploadBlock", StringComparison.Ordinal))
            .SelectMany(r => Convert.FromBase64String(Regex.Match(r.Text, "\"BlockData\":\"([^\"]*)\"").Groups[1].Value))];
        Assert.Equal(content, sent);
        Assert.Contains("\"statuscode\":4", server.Http.All[^1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Five_hundred_emails_are_claimed_and_completed_in_forty_requests()
    {
        server.Pending = 500;
        await store.GetSettingsAsync(default);
        int before = server.Http.All.Count;

        var claimed = new List<PendingEmail>();
        for (int i = 0; i < 10; i++)
            claimed.AddRange(await store.ClaimPendingAsync(new ClaimRequest { MaxCount = 50, MaxPerSender = 50 }, default));
        await Task.WhenAll(claimed.Select(e => store.CompleteAsync(e, new SendOutcome.Sent($"<{e.ActivityId}@example.test>", server.Http.Clock.GetUtcNow()), default).AsTask()));

        Assert.Equal(500, claimed.Select(c => c.ActivityId).Distinct().Count());
        Assert.Equal(500, server.Sent);
        Assert.InRange(server.Http.All.Count - before, 20, 40);
        PendingEmail first = claimed[0];
        Assert.Equal(("text/html", "anna@example.test", "Anna"), (first.MimeType, first.FromAddress, first.FromName));
        Assert.Equal(["anna@example.test", "carl@customer.test"], first.Parties.Select(p => p.AddressUsed));
        Assert.True(first.Parties[1].DoNotEmail);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("dddddddd-0000-0000-0000-000000000004")]
    public async Task An_email_without_token_gets_one_of_the_senders_counter(string? objectId)
    {
        server.ObjectId = objectId;
        server.Pending = 1;
        server.PendingToken = null;

        PendingEmail email = Assert.Single(await store.ClaimPendingAsync(new ClaimRequest(), default));

        Assert.Equal(("CRM:0010007", "Offer CRM:0010007"), (email.TrackingToken, email.Subject));
        Asked asked = server.Http.All.Single(r => r.Lines.Any(l => l.Contains("GetTrackingTokenEmail", StringComparison.Ordinal)));
        Assert.Contains(objectId is null ? $"\r\nMSCRMCallerID: {anna}\r\n" : $"\r\nCallerObjectId: {objectId}\r\n", asked.Text, StringComparison.Ordinal);
        Assert.Equal(objectId is null, asked.Text.Contains("MSCRMCallerID", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_the_server_makes_no_token_the_router_makes_its_own()
    {
        server.Pending = 1;
        server.PendingToken = null;
        server.MakesTokens = false;

        PendingEmail email = Assert.Single(await store.ClaimPendingAsync(new ClaimRequest(), default));

        Assert.Matches("^CRM:0[0-9]{2}[0-9]{4}$", email.TrackingToken);
        Assert.Equal("Offer " + email.TrackingToken, email.Subject);
    }

    [Fact]
    public async Task An_email_that_another_router_claimed_is_left_to_it()
    {
        server.Pending = 3;
        server.LostClaims = 1;

        Assert.Equal(3, (await store.ClaimPendingAsync(new ClaimRequest(), default)).Count + server.TakenByOthers);
    }

    [Fact]
    public async Task A_completion_whose_answer_was_lost_is_seen_as_done()
    {
        server.Pending = 1;
        PendingEmail email = Assert.Single(await store.ClaimPendingAsync(new ClaimRequest(), default));
        server.LoseAnswers = 1;

        await store.CompleteAsync(email, new SendOutcome.Sent("<s@example.test>", server.Http.Clock.GetUtcNow()), default);

        Assert.Equal(1, server.Sent);
    }

    [Fact]
    public async Task Attachments_are_opened_when_they_are_read()
    {
        server.Pending = 1;
        PendingEmail email = Assert.Single(await store.ClaimPendingAsync(new ClaimRequest(), default));
        EmailAttachment attachment = Assert.Single(email.Attachments);
        Assert.Equal(("offer.pdf", 5, "logo"), (attachment.FileName, attachment.Size, attachment.ContentId));
        Assert.DoesNotContain(server.Http.All, r => r.Path.Contains("activitymimeattachments", StringComparison.Ordinal));

        await using Stream content = await attachment.Open(default);
        using var reader = new StreamReader(content);

        Assert.Equal("hello", await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task A_report_of_access_names_what_is_missing_and_what_stands_against()
    {
        CrmAccess access = await store.ReportAccessAsync(default);

        Assert.Equal(("Router", "Contoso", "9.2.24032.165"), (access.User, access.Organization, access.Version));
        Assert.Contains(access.Findings, f => f.Id == "CrmPrivilegeMissing" && f.Text.Contains("prvAppendToQueue", StringComparison.Ordinal) && !f.Text.Contains("prvReadActivity", StringComparison.Ordinal));
        Assert.Contains(access.Findings, f => f.Id == "CrmServerSideSync");
        Assert.Contains(access.Findings, f => f.Id == "CrmMailboxes" && f.Severity == CrmFindingSeverity.Right);
    }

    [Theory]
    [InlineData(31, null)]
    [InlineData(30, CrmFindingSeverity.Warning)]
    [InlineData(0, CrmFindingSeverity.Error)]
    [InlineData(-1, CrmFindingSeverity.Error)]
    public async Task A_report_of_access_warns_before_the_certificate_of_the_log_in_expires(int days, CrmFindingSeverity? severity)
    {
        CrmToken token = ScriptedServer.Token("router") with { CertificateExpiresOn = server.Http.Clock.GetUtcNow().AddDays(days).AddMinutes(days > 30 ? 1 : 0) };
        await using var other = new DataverseStore(ScriptedServer.Endpoint with { Credentials = [token] }, server.Http.Context);

        CrmAccess access = await other.ReportAccessAsync(default);

        CrmFinding? finding = access.Findings.SingleOrDefault(f => f.Id == "CrmCertificateExpires");
        Assert.Equal(severity, finding?.Severity);
        Assert.True(finding is null || (finding.Text.Contains("Token of router", StringComparison.Ordinal) && finding.Remedy is { Length: > 0 }));
    }

    [Fact]
    public async Task The_server_decides_by_check_and_deliver()
    {
        await using var organization = new DataverseOrganization(store);
        IncomingEmail email = Incoming() with { Subject = "RE: it's 50% + #1 ü" };

        CheckResult check = await organization.CheckAsync(email, default);
        DeliverResult delivered = await organization.DeliverAsync(email, check, default);

        Assert.Equal((CheckReason.CorrelationMatch, true, activity, true), (check.Reason, check.ShouldDeliver, delivered.ActivityId, delivered.Created));
        Assert.Contains(
            "CheckIncomingEmail(MessageId=@m,Subject=@s,From=@f,To=@t,Cc=@c,Bcc=@b)?@m='<a1@customer.test>'&@s='RE: it''s 50% + #1 ü'&@f='carl@customer.test'&@t='anna@example.test;ben@example.test'&@c=''&@b=''",
            server.Http.Requests.SelectMany(r => r.Lines).First(l => l.Contains("CheckIncoming", StringComparison.Ordinal)), StringComparison.Ordinal);
        Asked deliver = server.Http.All[^1];
        Assert.Contains("POST /api/data/v9.2/emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail HTTP/1.1", deliver.Text, StringComparison.Ordinal);
        Assert.Contains("\"ReceivedOn\":\"2026-01-31T08:05:00Z\"", deliver.Text, StringComparison.Ordinal);
        Assert.Contains("\"Attachments\":[{\"@odata.type\":\"Microsoft.Dynamics.CRM.activitymimeattachment\",\"filename\":\"po.pdf\",\"mimetype\":\"application/pdf\",\"body\":\"cGRm\"}]}\r\n",
            deliver.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_server_is_told_of_the_polled_mailbox_and_of_what_is_answered()
    {
        await using var organization = new DataverseOrganization(store);
        IncomingEmail email = Incoming() with
        {
            To = [new EmailAddress("everybody@example.test")],
            Mailbox = new RecordReference("systemuser", anna),
            DeliveredTo = ["Support@example.test", "elsewhere@example.test"],
            InReplyTo = ["<lost@x>"],
            References = ["<o'brien@x>", "<lost@x>"],
            ConversationIndex = "AdywESIz",
        };

        CheckResult check = await organization.CheckAsync(email, default);
        await organization.DeliverAsync(email, check, default);

        string[] asked = [.. server.Http.Requests.SelectMany(r => r.Lines).Where(l => l.Contains("CheckIncoming", StringComparison.Ordinal))];
        Assert.Equal(2, asked.Length);
        Assert.Contains("&@t='everybody@example.test'&@c=''&@b='anna@example.test;support@example.test'", asked[0], StringComparison.Ordinal);
        Assert.Contains("inreplyto\":\"\\u003Clost@x", asked[0], StringComparison.Ordinal);
        Assert.Contains("inreplyto\":\"\\u003Co\\u0027brien@x", asked[1], StringComparison.Ordinal);
        Assert.Contains(
            "\"ExtraProperties\":{\"@odata.type\":\"Microsoft.Dynamics.CRM.email\",\"inreplyto\":\"<o'brien@x>\",\"conversationindex\":\"AdywESIz\"}", server.Http.All[^1].Text, StringComparison.Ordinal);
        Assert.Contains("\"Bcc\":\"anna@example.test;support@example.test\"", server.Http.All[^1].Text, StringComparison.Ordinal);
        Assert.Contains(check.Evidence, e => e.Text.Contains("anna@example.test, support@example.test as blind recipients", StringComparison.Ordinal));
        Assert.Contains(check.Evidence, e => e.Text.Contains("answers <o'brien@x>", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_mailbox_that_the_email_names_is_not_told_twice()
    {
        await using var organization = new DataverseOrganization(store);

        CheckResult check = await organization.CheckAsync(
            Incoming() with { To = [new EmailAddress("Anna@Example.test")], Mailbox = new RecordReference("systemuser", anna), DeliveredTo = ["anna@example.test"] }, default);

        Assert.Contains("&@b=''", server.Http.Requests.SelectMany(r => r.Lines).First(l => l.Contains("CheckIncoming", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Single(check.Evidence);
    }

    [Fact]
    public async Task What_was_there_just_before_was_not_promoted_by_this_delivery()
    {
        await using var organization = new DataverseOrganization(store);
        CheckResult check = await organization.CheckAsync(Incoming(), default);
        server.SameMessageId = [$$"""{"activityid":"{{activity}}","directioncode":false}"""];

        DeliverResult delivered = await organization.DeliverAsync(Incoming(), check, default);

        Assert.Equal((activity, false), (delivered.ActivityId, delivered.Created));
    }

    [Fact]
    public async Task A_server_that_says_it_made_none_and_has_none_is_not_believed()
    {
        await using var organization = new DataverseOrganization(store);
        CheckResult check = await organization.CheckAsync(Incoming(), default);
        server.Delivered = Guid.Empty;

        CrmException unreadable = await Assert.ThrowsAsync<CrmException>(() => organization.DeliverAsync(Incoming(), check, default).AsTask());

        Assert.Equal("CrmAnswerUnreadable", unreadable.ErrorId);
    }

    [Theory]
    [InlineData(-1, false, CheckReason.Unknown)]
    [InlineData(0, false, CheckReason.Duplicate)]
    [InlineData(1, false, CheckReason.NoCorrelationMatch)]
    [InlineData(2, true, CheckReason.CorrelationMatch)]
    [InlineData(3, false, CheckReason.NoRecipientMatch)]
    [InlineData(4, false, CheckReason.InternalEmailReject)]
    [InlineData(5, true, CheckReason.SenderMatch)]
    [InlineData(6, true, CheckReason.AcceptAll)]
    [InlineData(7, false, CheckReason.InvalidSender)]
    [InlineData(42, false, CheckReason.Unknown)]
    public async Task Every_reason_of_the_server_is_understood(int code, bool delivers, CheckReason reason)
    {
        await using var organization = new DataverseOrganization(store);
        server.Check = $$"""{"ShouldDeliver":{{(delivers ? "true" : "false")}},"ReasonCode":{{code}}}""";
        server.SameMessageId = [$$"""{"activityid":"{{activity}}"}"""];

        CheckResult check = await organization.CheckAsync(Incoming(), default);

        Assert.Equal((reason, delivers, reason == CheckReason.Duplicate ? activity : (Guid?)null), (check.Reason, check.ShouldDeliver, check.ExistingActivityId));
    }

    private static IncomingEmail Incoming() => new()
    {
        ActivityId = activity,
        MessageId = "<a1@customer.test>",
        Subject = "Order",
        From = new EmailAddress("carl@customer.test", "Carl"),
        To = [new EmailAddress("anna@example.test"), new EmailAddress("ben@example.test")],
        ReceivedOn = new DateTimeOffset(2026, 1, 31, 9, 5, 0, TimeSpan.FromHours(1)),
        Body = "<p>Thanks</p>",
        BodyType = "text/html",
        Attachments = [new EmailAttachment("po.pdf", "application/pdf", 3, _ => ValueTask.FromResult<Stream>(new MemoryStream(Encoding.ASCII.GetBytes("pdf"))))],
    };

    private NewEmail Email() => new()
    {
        ActivityId = activity,
        MessageId = "<a1@customer.test>",
        Subject = "Order 17",
        Description = "<p>Please ship.</p>",
        MimeType = "text/html",
        OwnerId = anna,
        Sender = "carl@customer.test",
        ToRecipients = "anna@example.test",
        ReceivedOn = server.Http.Clock.GetUtcNow(),
        Parties =
        [
            new ActivityParty(ParticipationType.Sender, "carl@customer.test") { UnresolvedPartyName = "Carl" },
            new ActivityParty(ParticipationType.To, "anna@example.test", new RecordReference("systemuser", anna)),
        ],
    };
}
