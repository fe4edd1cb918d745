using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Lab.Exchange;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using static EmailRouter.Lab.Tests.Exchange.ExchangeWorld;

namespace EmailRouter.Lab.Tests.Exchange;

public sealed class LabExchangeServerTests : IAsyncLifetime
{
    private const string GetInbox =
        "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds></m:GetFolder>";

    private readonly ExchangeWorld world = ExchangeWorld.Start();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => world.DisposeAsync().AsTask();

    [Fact]
    public async Task Who_does_not_log_in_is_told_how_to()
    {
        using HttpResponseMessage anonymous = await world.Client.PostAsync(world.Server.EwsUrl, new StringContent("x"));
        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
        Assert.Equal(["Basic", "Bearer"], anonymous.Headers.WwwAuthenticate.Select(a => a.Scheme));
        using HttpResponseMessage wrong = await world.SendAsync(GetInbox, login: Basic(Anna, "wrong"));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Equal(["NoError"], Codes(await world.CallAsync(GetInbox, login: Basic("CONTOSO\\anna", "secret"))));
    }

    [Fact]
    public async Task A_token_of_an_application_needs_the_impersonation_of_a_mailbox()
    {
        string token = world.Tokens.Issue("https://outlook.office365.com", "app", ["full_access_as_app"]);
        var login = new AuthenticationHeaderValue("Bearer", token);

        Assert.Equal(["NoError"], Codes(await world.CallAsync(GetInbox, impersonate: Anna, login: login)));
        Assert.Equal(["ErrorMissingEmailAddress"], Codes(await world.CallAsync(GetInbox, login: login)));
        Assert.Equal(
            ["ErrorImpersonateUserDenied"],
            Codes(await world.CallAsync(GetInbox, impersonate: Anna, login: new("Bearer", world.Tokens.Issue("https://outlook.office365.com", "weak")))));
        using HttpResponseMessage expired = await world.SendAsync(GetInbox, impersonate: Anna, login: new("Bearer", "nonsense"));
        Assert.Equal(HttpStatusCode.Unauthorized, expired.StatusCode);
        Assert.Contains("invalid_token", expired.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Anna, "NoError")]
    [InlineData(Bert, "ErrorImpersonateUserDenied")]
    [InlineData("nobody@contoso.test", "ErrorNonExistentMailbox")]
    [InlineData("", "ErrorInvalidExchangeImpersonationHeaderData")]
    public async Task A_service_impersonates_only_whom_it_may(string address, string code) =>
        Assert.Equal([code], Codes(await world.CallAsync(GetInbox, impersonate: address, login: Basic("svc-crm", "service"))));

    [Fact]
    public async Task Another_mailbox_opens_only_with_full_access()
    {
        string operation = GetInbox.Replace("Id=\"inbox\"/>", $"Id=\"inbox\"><t:Mailbox><t:EmailAddress>{Bert}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>", StringComparison.Ordinal);
        Assert.Equal(["ErrorFolderNotFound"], Codes(await world.CallAsync(operation)));
        world.Store.Find(Bert)!.Rights.Grant(LabRight.FullAccess, Anna);
        Assert.Equal(["NoError"], Codes(await world.CallAsync(operation)));
    }

    [Theory]
    [InlineData("Exchange2013_SP1", "NoError")]
    [InlineData("Exchange2016", "NoError")]
    [InlineData("V2017_07_11", "NoError")]
    [InlineData("", "NoError")]
    [InlineData("Exchange2019", "ErrorInvalidServerVersion")]
    [InlineData("7", "ErrorInvalidServerVersion")]
    public async Task Versions_it_does_not_know_are_refused(string version, string code)
    {
        world.Version = version;
        (_, XDocument answer) = await world.PostAsync(GetInbox);
        Assert.Equal([code], Codes(answer.Root!.Element(S + "Body")!.Elements().Single()));
        Assert.Equal(code == "NoError" ? 1 : 0, answer.Descendants(T + "ServerVersionInfo").Count());
    }

    [Fact]
    public async Task An_older_server_refuses_what_came_later()
    {
        await using ExchangeWorld old = ExchangeWorld.Start(EwsVersion.Exchange2010SP2);
        Assert.Equal(["ErrorInvalidServerVersion"], Codes(await old.CallAsync(GetInbox)));
        old.Version = "Exchange2010_SP1";
        Assert.Equal(["NoError"], Codes(await old.CallAsync("<m:GetInboxRules/>")));
        Assert.Equal(
            ["ErrorSchemaValidation"],
            Codes(await old.CallAsync("<m:UpdateItem ConflictResolution=\"AlwaysOverwrite\" SuppressReadReceipts=\"true\"><m:ItemChanges/></m:UpdateItem>")));
        old.Version = "Exchange2010";
        Assert.Equal(["ErrorSchemaValidation"], Codes(await old.CallAsync("<m:GetInboxRules/>")));
    }

    [Theory]
    [InlineData("<m:GetFolder><m:FolderIds/><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape></m:GetFolder>", "ErrorSchemaValidation")]
    [InlineData("<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape></m:GetItem>", "ErrorSchemaValidation")]
    [InlineData("<m:GetItem><m:ItemShape><t:IncludeMimeContent>true</t:IncludeMimeContent><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds/></m:GetItem>", "ErrorSchemaValidation")]
    [InlineData("<m:Nonsense/>", "ErrorInvalidRequest")]
    [InlineData("", "ErrorInvalidRequest")]
    [InlineData("<m:GetItem>", "ErrorInvalidRequest")]
    public async Task What_does_not_fit_the_schema_is_a_fault_with_the_place(string operation, string code)
    {
        XElement fault = await world.CallAsync(operation);
        Assert.Equal([code], Codes(fault));
        Assert.Equal(code == "ErrorSchemaValidation", fault.Descendants(T + "LinePosition").Any());
    }

    [Fact]
    public async Task Entities_of_a_document_type_are_not_expanded()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, world.Server.EwsUrl)
        {
            Content = new StringContent("<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>", Encoding.UTF8, "text/xml"),
        };
        request.Headers.Authorization = Basic(Anna, "secret");
        using HttpResponseMessage answer = await world.Client.SendAsync(request);
        Assert.Contains("ErrorInvalidRequest", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Faults_speak_as_Exchange_does()
    {
        using (world.Faults.Add(new LabFault(LabFaultKind.Throttle) { RetryAfter = TimeSpan.FromSeconds(12) }))
        {
            XElement busy = await world.CallAsync(GetInbox);
            Assert.Equal(["ErrorServerBusy"], Codes(busy));
            Assert.Equal("12000", busy.Descendants(T + "Value").Single(v => v.Attribute("Name")!.Value == "BackOffMilliseconds").Value);
        }

        using (world.Faults.Add(new LabFault(LabFaultKind.ResponseCode) { Command = "GetFolder", Reply = "ErrorMailboxMoveInProgress" }))
            Assert.Equal(["ErrorMailboxMoveInProgress"], Codes(await world.CallAsync(GetInbox)));
        using (world.Faults.Add(new LabFault(LabFaultKind.ItemError) { Mailbox = Anna }))
            Assert.Equal(["ErrorItemNotFound"], Codes(await world.CallAsync(GetInbox)));
        using (world.Faults.Add(new LabFault(LabFaultKind.LoginPage)))
        {
            using HttpResponseMessage page = await world.SendAsync(GetInbox);
            Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        }

        Assert.Equal(["NoError"], Codes(await world.CallAsync(GetInbox)));
        Assert.Equal(5, world.Server.CountOf("GetFolder"));
    }

    [Fact]
    public async Task Folders_are_made_found_renamed_and_deleted()
    {
        XElement made = await world.CallAsync(
            "<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id=\"inbox\"/></m:ParentFolderId><m:Folders><t:Folder><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>CRM</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>");
        Assert.Equal(["NoError"], Codes(made));
        string id = Id(made, "FolderId");
        XElement found = await world.CallAsync(
            "<m:FindFolder Traversal=\"Deep\"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:Restriction><t:IsEqualTo><t:FieldURI FieldURI=\"folder:DisplayName\"/><t:FieldURIOrConstant><t:Constant Value=\"crm\"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id=\"msgfolderroot\"/></m:ParentFolderIds></m:FindFolder>");
        Assert.Equal(id, Id(found, "FolderId"));
        Assert.Equal("CRM", Inner(found, "DisplayName"));
        Assert.Equal(["ErrorFolderExists"], Codes(await world.CallAsync(
            "<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id=\"inbox\"/></m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>Crm</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>")));
        Assert.Equal(["NoError"], Codes(await world.CallAsync($"<m:DeleteFolder DeleteType=\"HardDelete\"><m:FolderIds><t:FolderId Id=\"{id}\"/></m:FolderIds></m:DeleteFolder>")));
        Assert.Equal(["ErrorFolderNotFound", "ErrorInvalidIdMalformed", "ErrorFolderNotFound", "NoError"], Codes(await world.CallAsync(
            $"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:FolderId Id=\"{id}\"/><t:FolderId Id=\"x\"/><t:DistinguishedFolderId Id=\"calendar\"/><t:DistinguishedFolderId Id=\"sentitems\"/></m:FolderIds></m:GetFolder>")));
    }

    [Fact]
    public async Task A_message_is_found_and_read_with_its_MIME_and_properties()
    {
        world.Deliver("From: Kunde <kunde@fabrikam.test>\r\nTo: anna@contoso.test\r\nMessage-ID: <a@fabrikam.test>\r\nX-Crm-Routed: 1\r\nSubject: One \u0001 two\r\n\r\nText\r\n");
        XElement found = await world.FindAsync(shape: "AllProperties");
        XElement read = await world.CallAsync(
            "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent><t:BodyType>Text</t:BodyType><t:AdditionalProperties>" +
            "<t:FieldURI FieldURI=\"item:Body\"/><t:FieldURI FieldURI=\"calendar:Start\"/><t:FieldURI FieldURI=\"message:From\"/><t:ExtendedFieldURI PropertyTag=\"0x1035\" PropertyType=\"String\"/>" +
            "<t:ExtendedFieldURI DistinguishedPropertySetId=\"InternetHeaders\" PropertyName=\"X-Crm-Routed\" PropertyType=\"String\"/></t:AdditionalProperties></m:ItemShape>" +
            $"<m:ItemIds>{ItemId(found)}<t:ItemId Id=\"x\"/></m:ItemIds></m:GetItem>");

        Assert.Equal(["NoError", "ErrorInvalidIdMalformed"], Codes(read));
        Assert.Equal(world.Mailbox.Messages[0].Content.ToArray(), Convert.FromBase64String(Inner(read, "MimeContent")));
        Assert.Equal("Text\r\n", Inner(read, "Body").ReplaceLineEndings("\r\n"));
        Assert.Equal("kunde@fabrikam.test", Inner(read, "EmailAddress"));
        Assert.Equal(["<a@fabrikam.test>", "1"], read.Descendants(T + "ExtendedProperty").Select(p => p.Element(T + "Value")!.Value));
        Assert.Equal("0x1035", read.Descendants(T + "ExtendedFieldURI").First().Attribute("PropertyTag")!.Value);
        Assert.Equal("false", Inner(found, "IsRead"));
    }

    [Fact]
    public async Task Search_expressions_sort_orders_and_pages_work()
    {
        for (int i = 1; i <= 5; i++)
            world.Deliver($"From: k@fabrikam.test\r\nSubject: Case {i}{(i == 3 ? " urgent" : string.Empty)}\r\n\r\n");
        world.Mailbox.Update(world.Mailbox.Messages[0].Id, m => m with { IsRead = true });
        const string unread = "<t:IsEqualTo><t:FieldURI FieldURI=\"message:IsRead\"/><t:FieldURIOrConstant><t:Constant Value=\"0\"/></t:FieldURIOrConstant></t:IsEqualTo>";
        const string urgent = "<t:Contains ContainmentMode=\"Substring\" ContainmentComparison=\"IgnoreCase\"><t:FieldURI FieldURI=\"item:Subject\"/><t:Constant Value=\"URGENT\"/></t:Contains>";
        const string ascending = "<m:SortOrder><t:FieldOrder Order=\"Ascending\"><t:FieldURI FieldURI=\"item:Subject\"/></t:FieldOrder></m:SortOrder>";

        Assert.Equal(["Case 5", "Case 4", "Case 3 urgent", "Case 2", "Case 1"], await SubjectsAsync());
        Assert.Equal(["Case 3 urgent"], await SubjectsAsync($"<m:Restriction><t:And>{unread}{urgent}</t:And></m:Restriction>"));
        Assert.Equal(["Case 2", "Case 4", "Case 5"], await SubjectsAsync($"<m:Restriction><t:And>{unread}<t:Not>{urgent}</t:Not></t:And></m:Restriction>{ascending}"));
        Assert.Empty(await SubjectsAsync("<m:Restriction><t:Exists><t:ExtendedFieldURI DistinguishedPropertySetId=\"PublicStrings\" PropertyName=\"CrmId\" PropertyType=\"String\"/></t:Exists></m:Restriction>"));
        Assert.Equal(["ErrorSchemaValidation"], Codes(await world.FindAsync(more: $"<m:Restriction><t:And>{unread}</t:And></m:Restriction>")));

        XElement page = await world.FindAsync(more: ascending, view: "<m:IndexedPageItemView MaxEntriesReturned=\"2\" Offset=\"2\" BasePoint=\"Beginning\"/>", shape: "Default");
        Assert.Equal(["Case 3 urgent", "Case 4"], page.Descendants(T + "Subject").Select(s => s.Value));
        XElement root = page.Descendants(M + "RootFolder").Single();
        Assert.Equal(("4", "5", "false"), (root.Attribute("IndexedPagingOffset")!.Value, root.Attribute("TotalItemsInView")!.Value, root.Attribute("IncludesLastItemInRange")!.Value));

        async Task<string[]> SubjectsAsync(string more = "") => [.. (await world.FindAsync(more: more, shape: "Default")).Descendants(T + "Subject").Select(s => s.Value)];
    }

    [Fact]
    public async Task A_message_is_updated_moved_and_deleted_under_new_ids()
    {
        world.Deliver("Subject: x\r\n\r\n");
        string first = ItemId(await world.FindAsync());
        string Update(string id, string how) =>
            $"<m:UpdateItem MessageDisposition=\"SaveOnly\" ConflictResolution=\"{how}\" SuppressReadReceipts=\"true\"><m:ItemChanges><t:ItemChange>{id}<t:Updates>" +
            "<t:SetItemField><t:FieldURI FieldURI=\"message:IsRead\"/><t:Message><t:IsRead>1</t:IsRead></t:Message></t:SetItemField>" +
            "<t:SetItemField><t:FieldURI FieldURI=\"item:Categories\"/><t:Message><t:Categories><t:String>CRM</t:String></t:Categories></t:Message></t:SetItemField>" +
            "<t:SetItemField><t:ExtendedFieldURI DistinguishedPropertySetId=\"PublicStrings\" PropertyName=\"CrmId\" PropertyType=\"String\"/><t:Message><t:ExtendedProperty>" +
            "<t:ExtendedFieldURI DistinguishedPropertySetId=\"PublicStrings\" PropertyName=\"CrmId\" PropertyType=\"String\"/><t:Value>4711</t:Value></t:ExtendedProperty></t:Message></t:SetItemField>" +
            "</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>";

        XElement updated = await world.CallAsync(Update(first, "NeverOverwrite"));
        Assert.Equal(["NoError"], Codes(updated));
        Assert.Equal(["ErrorIrresolvableConflict"], Codes(await world.CallAsync(Update(first, "NeverOverwrite").Replace("4711", "4712", StringComparison.Ordinal))));
        LabMessage message = Assert.Single(world.Mailbox.Messages);
        Assert.True(message.IsRead);
        Assert.Equal(["CRM"], message.Categories);
        Assert.Equal(["4711"], message.Properties["String {00020329-0000-0000-c000-000000000046} Name CrmId"]);

        string Move(string id) => $"<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id=\"archive\"/></m:ToFolderId><m:ItemIds>{id}</m:ItemIds></m:MoveItem>";
        XElement moved = await world.CallAsync(Move(ItemId(updated)));
        Assert.NotEqual(Id(updated), Id(moved));
        Assert.Equal(["ErrorItemNotFound"], Codes(await world.CallAsync(Move(ItemId(updated)))));
        Assert.Equal(["NoError"], Codes(await world.CallAsync($"<m:DeleteItem DeleteType=\"MoveToDeletedItems\"><m:ItemIds>{ItemId(moved)}</m:ItemIds></m:DeleteItem>")));
        Assert.Equal(world.Mailbox.FolderOf(LabFolderNames.DeletedItems).Id, world.Mailbox.FindMessage(message.Id)!.FolderId);
    }

    [Fact]
    public async Task MIME_is_sent_at_once_or_by_way_of_Drafts()
    {
        string mime = Convert.ToBase64String(Encoding.ASCII.GetBytes("From: anna@contoso.test\r\nTo: bert@contoso.test\r\nMessage-ID: <s@contoso.test>\r\nSubject: Hi\r\n\r\nText\r\n"));
        string Create(string disposition) => $"<m:CreateItem MessageDisposition=\"{disposition}\"><m:Items><t:Message><t:MimeContent CharacterSet=\"UTF-8\">{mime}</t:MimeContent></t:Message></m:Items></m:CreateItem>";

        XElement sent = await world.CallAsync(Create("SendAndSaveCopy"));
        Assert.Equal(["NoError"], Codes(sent));
        Assert.Empty(sent.Descendants(T + "ItemId"));
        Assert.Equal("<s@contoso.test>", Assert.Single(world.Mailbox.MessagesIn(world.Mailbox.FolderOf(LabFolderNames.SentItems).Id)).InternetMessageId);
        Assert.Single(world.Store.Find(Bert)!.Messages);

        XElement draft = await world.CallAsync(Create("SaveOnly"));
        Assert.True(Assert.Single(world.Mailbox.MessagesIn(world.Mailbox.FolderOf(LabFolderNames.Drafts).Id)).IsDraft);
        Assert.Equal(["NoError"], Codes(await world.CallAsync($"<m:SendItem SaveItemToFolder=\"false\"><m:ItemIds>{ItemId(draft)}</m:ItemIds></m:SendItem>")));
        Assert.Equal(["ErrorItemNotFound"], Codes(await world.CallAsync($"<m:SendItem SaveItemToFolder=\"false\"><m:ItemIds>{ItemId(draft)}</m:ItemIds></m:SendItem>")));
        Assert.Equal(2, world.Store.Find(Bert)!.Messages.Count);

        mime = Convert.ToBase64String(Encoding.ASCII.GetBytes("From: bert@contoso.test\r\nTo: x@fabrikam.test\r\n\r\n"));
        Assert.Equal(["ErrorSendAsDenied"], Codes(await world.CallAsync(Create("SendOnly"))));
        mime = "???";
        Assert.Equal(["ErrorMimeContentInvalidBase64String"], Codes(await world.CallAsync(Create("SendOnly"))));
    }

    [Fact]
    public async Task A_folder_is_followed_from_any_state()
    {
        for (int i = 0; i < 3; i++)
            world.Deliver($"Subject: {i}\r\n\r\n");
        XElement first = await SyncAsync(string.Empty, 2);
        Assert.Equal(["2", "1"], first.Descendants(T + "Subject").Select(s => s.Value));
        Assert.Equal("false", first.Descendants(M + "IncludesLastItemInRange").Single().Value);
        XElement second = await SyncAsync(State(first), 2);
        Assert.Equal(["0"], second.Descendants(T + "Subject").Select(s => s.Value));
        Assert.Equal("true", second.Descendants(M + "IncludesLastItemInRange").Single().Value);

        IReadOnlyList<LabMessage> messages = world.Mailbox.Messages;
        world.Mailbox.Update(messages[0].Id, m => m with { IsRead = true });
        world.Mailbox.Update(messages[1].Id, m => m with { Categories = ["CRM"] });
        world.Mailbox.Delete(messages[2].Id, LabDeletion.Hard);
        world.Deliver("Subject: 3\r\n\r\n");
        XElement third = await SyncAsync(State(second), 512);
        Assert.Equal(["ReadFlagChange", "Update", "Delete", "Create"], third.Descendants(M + "Changes").Single().Elements().Select(c => c.Name.LocalName));
        Assert.Empty((await SyncAsync(State(third), 512)).Descendants(M + "Changes").Single().Elements());

        world.Mailbox.ForgetChanges();
        Assert.Equal(["ErrorInvalidSyncStateData"], Codes(await SyncAsync(State(third), 512)));
        Assert.Equal(["ErrorInvalidSyncStateData"], Codes(await SyncAsync("nonsense", 512)));
        Assert.Equal(["ErrorSchemaValidation"], Codes(await SyncAsync(string.Empty, 513)));

        static string State(XElement answer) => answer.Descendants(M + "SyncState").Single().Value;
        Task<XElement> SyncAsync(string state, int count) => world.CallAsync(
            "<m:SyncFolderItems><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id=\"inbox\"/></m:SyncFolderId>" +
            (state.Length == 0 ? string.Empty : $"<m:SyncState>{state}</m:SyncState>") + $"<m:MaxChangesReturned>{count}</m:MaxChangesReturned></m:SyncFolderItems>");
    }

    [Fact]
    public async Task Rules_are_changed_all_or_none_and_listed_again()
    {
        const string forward =
            "<t:ForwardAsAttachmentToRecipients><t:Address><t:EmailAddress>bert@contoso.test</t:EmailAddress></t:Address></t:ForwardAsAttachmentToRecipients>";
        string Create(string name, string actions) =>
            $"<t:CreateRuleOperation><t:Rule><t:DisplayName>{name}</t:DisplayName><t:Priority>1</t:Priority><t:IsEnabled>true</t:IsEnabled><t:Exceptions><t:IsNDR>true</t:IsNDR></t:Exceptions><t:Actions>{actions}</t:Actions></t:Rule></t:CreateRuleOperation>";
        string Update(string operations, string blob = "") => $"<m:UpdateInboxRules>{blob}<m:Operations>{operations}</m:Operations></m:UpdateInboxRules>";

        world.Mailbox.HasOutlookRuleBlob = true;
        Assert.Equal(["ErrorOutlookRuleBlobExists"], Codes(await world.CallAsync(Update(Create("one", forward)))));
        Assert.Equal(["NoError"], Codes(await world.CallAsync(Update(Create("one", forward), "<m:RemoveOutlookRuleBlob>true</m:RemoveOutlookRuleBlob>"))));
        XElement refused = await world.CallAsync(Update(Create("two", forward) + Create("three", forward.Replace("bert", "nobody", StringComparison.Ordinal))));
        Assert.Equal(["ErrorInboxRulesValidationError"], Codes(refused));
        Assert.Equal(("1", "RecipientDoesNotExist"), (Inner(refused, "OperationIndex"), Inner(refused, "ErrorCode")));

        XElement listed = await world.CallAsync($"<m:GetInboxRules><m:MailboxSmtpAddress>{Anna}</m:MailboxSmtpAddress></m:GetInboxRules>");
        Assert.Equal("one", listed.Descendants(T + "DisplayName").Single().Value);
        Assert.Equal("true", Inner(listed, "IsNDR"));
        Assert.Equal("false", listed.Element(M + "OutlookRuleBlobExists")!.Value);
        world.Deliver("From: k@fabrikam.test\r\nSubject: x\r\n\r\n");
        Assert.Equal("FW: x", Assert.Single(world.Store.Find(Bert)!.Messages).Mime.Subject);

        string id = Inner(listed, "RuleId");
        Assert.Equal(["NoError"], Codes(await world.CallAsync(Update($"<t:DeleteRuleOperation><t:RuleId>{id}</t:RuleId></t:DeleteRuleOperation>"))));
        Assert.Empty(world.Mailbox.Rules);
        Assert.Equal(["ErrorInboxRulesValidationError"], Codes(await world.CallAsync(Update($"<t:DeleteRuleOperation><t:RuleId>{id}</t:RuleId></t:DeleteRuleOperation>"))));
        Assert.Equal(["ErrorSchemaValidation"], Codes(await world.CallAsync(Update(Create("x", "<t:StopProcessingRules>true</t:StopProcessingRules>" + forward)))));
    }

    [Fact]
    public async Task Names_are_resolved_and_ids_tell_their_mailbox()
    {
        Assert.Equal(["NoError"], Codes(await world.CallAsync("<m:ResolveNames ReturnFullContactData=\"false\"><m:UnresolvedEntry>smtp:bert</m:UnresolvedEntry></m:ResolveNames>")));
        Assert.Equal(["ErrorNameResolutionNoResults"], Codes(await world.CallAsync("<m:ResolveNames ReturnFullContactData=\"false\"><m:UnresolvedEntry>zoe</m:UnresolvedEntry></m:ResolveNames>")));
        world.Store.AddMailbox("berta@contoso.test", "x");
        XElement several = await world.CallAsync("<m:ResolveNames ReturnFullContactData=\"false\"><m:UnresolvedEntry>bert</m:UnresolvedEntry></m:ResolveNames>");
        Assert.Equal(["ErrorNameResolutionMultipleResults"], Codes(several));
        Assert.Equal(2, several.Descendants(T + "Resolution").Count());
        string id = Id(await world.CallAsync(GetInbox), "FolderId");
        XElement converted = await world.CallAsync($"<m:ConvertId DestinationFormat=\"EwsId\"><m:SourceIds><t:AlternateId Format=\"EwsId\" Id=\"{id}\" Mailbox=\"x@y\"/></m:SourceIds></m:ConvertId>");
        Assert.Equal(Anna, converted.Descendants(M + "AlternateId").Single().Attribute("Mailbox")!.Value);
    }
}
