using System.Text;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Tests.Store;

public sealed class LabMailStoreTests
{
    private readonly LabMailStore store = new();
    private readonly LabMailbox anna;
    private readonly LabMailbox bert;

    public LabMailStoreTests()
    {
        anna = store.AddMailbox("anna@contoso.test", "secret");
        bert = store.AddMailbox("bert@contoso.test", "geheim");
    }

    [Fact]
    public void A_rule_forwards_as_attachment_with_every_header_of_the_original()
    {
        AddRule(new LabRuleActions { ForwardAsAttachmentTo = [new MailAddress("bert@contoso.test")] });
        LabMessage original = store.Deliver("anna@contoso.test", Mail("To: anna@contoso.test\r\nX-Trace: 1\r\nSubject: Hello\r\n\r\nText\r\n"));

        MimeMessage forwarded = Assert.Single(bert.Messages).Mime;
        Assert.Equal("FW: Hello", forwarded.Subject);
        Assert.Equal("anna@contoso.test", Assert.Single(forwarded.From).Address);
        MimePart attached = Assert.Single(forwarded.Attachments);
        Assert.Equal("message/rfc822", attached.ContentType.MediaType);
        Assert.Equal("1", attached.EmbeddedMessage!.Headers["X-Trace"]);
        Assert.Equal(original.Id, Assert.Single(anna.Messages).Id);
        Assert.Equal(LabSentBy.InboxRule, Assert.Single(store.Sent).By);
    }

    [Fact]
    public void A_rule_redirects_the_message_itself_and_circles_come_to_an_end()
    {
        AddRule(new LabRuleActions { RedirectTo = [new MailAddress("bert@contoso.test")] });
        bert.ChangeRules(_ => [new LabInboxRule { Id = "1", Name = "back", Actions = new LabRuleActions { RedirectTo = [new MailAddress("anna@contoso.test")] } }]);
        store.Deliver("anna@contoso.test", Mail("From: kunde@fabrikam.test\r\nSubject: Hello\r\n\r\nText\r\n"));

        MimeMessage redirected = Assert.Single(bert.Messages).Mime;
        Assert.Equal("kunde@fabrikam.test", Assert.Single(redirected.From).Address);
        Assert.Equal("<anna@contoso.test>", redirected.Headers["Resent-From"]);
        Assert.Equal(2, anna.Messages.Count);
        Assert.Equal(2, store.Sent.Count);
    }

    [Fact]
    public void Rules_move_copy_mark_and_stop_in_their_order()
    {
        LabFolder crm = anna.CreateFolder(anna.FolderOf(LabFolderNames.Inbox).Id, "CRM");
        anna.ChangeRules(_ =>
        [
            new LabInboxRule { Id = "2", Name = "never", Sequence = 2, Actions = new LabRuleActions { Delete = true } },
            new LabInboxRule
            {
                Id = "1",
                Name = "first",
                Conditions = new LabRulePredicates { SubjectContains = ["crm", "case"], FromAddresses = [new MailAddress("KUNDE@fabrikam.test")] },
                Actions = new LabRuleActions
                {
                    MoveToFolder = crm.Id,
                    CopyToFolder = anna.FolderOf(LabFolderNames.Archive).Id,
                    MarkAsRead = true,
                    AssignCategories = ["CRM"],
                    MarkImportance = "high",
                    StopProcessingRules = true,
                },
            },
        ]);
        LabMessage kept = store.Deliver("anna@contoso.test", Mail("From: kunde@fabrikam.test\r\nSubject: New CASE\r\n\r\n"));
        store.Deliver("anna@contoso.test", Mail("From: other@fabrikam.test\r\nSubject: New CASE\r\n\r\n"));

        Assert.Equal(crm.Id, kept.FolderId);
        Assert.True(kept.IsRead);
        Assert.Equal(["CRM"], kept.Categories);
        Assert.Equal("high", kept.Importance);
        Assert.Single(anna.MessagesIn(anna.FolderOf(LabFolderNames.Archive).Id));
        Assert.Single(anna.MessagesIn(anna.FolderOf(LabFolderNames.DeletedItems).Id));
        Assert.Empty(anna.Messages);
    }

    [Theory]
    [InlineData("Auto-Submitted: auto-replied\r\n", 0)]
    [InlineData("X-MS-Exchange-Inbox-Rules-Loop: other@contoso.test\r\n", 0)]
    [InlineData("Subject: [spam] x\r\n", 0)]
    [InlineData("Subject: x\r\n", 1)]
    public void An_exception_spares_a_message(string header, int forwarded)
    {
        anna.ChangeRules(_ =>
        [
            new LabInboxRule
            {
                Id = "1",
                Name = "forward",
                Exceptions = new LabRulePredicates { IsAutomaticReply = true, IsAutomaticForward = true, HeaderContains = ["Subject: [spam]"] },
                Actions = new LabRuleActions { ForwardAsAttachmentTo = [new MailAddress("crm@elsewhere.test")] },
            },
        ]);
        store.Deliver("anna@contoso.test", Mail(header + "\r\nText\r\n"));

        Assert.Equal(forwarded, store.Sent.Count);
    }

    [Fact]
    public void A_broken_or_disabled_rule_is_not_applied_and_a_permanent_deletion_keeps_nothing()
    {
        anna.ChangeRules(_ =>
        [
            new LabInboxRule { Id = "1", Name = "off", IsEnabled = false, Actions = new LabRuleActions { Delete = true } },
            new LabInboxRule { Id = "2", Name = "broken", HasError = true, Actions = new LabRuleActions { Delete = true } },
        ]);
        store.Deliver("anna@contoso.test", Mail("\r\n"));
        Assert.Single(anna.Messages);

        AddRule(new LabRuleActions { PermanentDelete = true });
        LabMessage gone = store.Deliver("anna@contoso.test", Mail("\r\n"));
        Assert.Null(anna.FindMessage(gone.Id));
        Assert.Single(anna.Messages);
    }

    [Fact]
    public void A_submission_reaches_local_and_other_recipients_and_keeps_a_copy_with_its_blind_recipients()
    {
        string sentItems = anna.FolderOf(LabFolderNames.SentItems).Id;
        LabSubmitted submitted = store.Submit(new LabSubmission(
            anna, Mail("To: kunde@fabrikam.test\r\nBcc: bert@contoso.test\r\nSubject: Hello\r\n\r\nText\r\n")) { SaveTo = sentItems });

        Assert.Equal(["kunde@fabrikam.test", "bert@contoso.test"], submitted.Sent.Recipients);
        Assert.Equal(submitted.Sent, Assert.Single(store.Sent));
        MimeMessage arrived = Assert.Single(bert.Messages).Mime;
        Assert.Empty(arrived.Bcc);
        Assert.Equal("anna@contoso.test", Assert.Single(arrived.From).Address);
        Assert.NotNull(arrived.MessageId);
        Assert.NotNull(arrived.Date);
        LabMessage copy = Assert.Single(anna.MessagesIn(sentItems));
        Assert.Equal(submitted.Copy, copy);
        Assert.Single(copy.Mime.Bcc);
        Assert.True(copy.IsRead);
        Assert.Equal(arrived.MessageId, copy.InternetMessageId);
    }

    [Fact]
    public void What_cannot_be_delivered_comes_back_as_a_report()
    {
        bert.Quota = 1;
        store.Submit(new LabSubmission(anna, Mail("To: nobody@contoso.test, bert@contoso.test\r\nSubject: Hello\r\n\r\nText\r\n")));

        Assert.Equal(["REPORT.IPM.Note.NDR", "REPORT.IPM.Note.NDR"], anna.Messages.Select(m => m.ItemClass));
        Assert.Empty(bert.Messages);
        Assert.Equal([LabSentBy.Submission, LabSentBy.Report, LabSentBy.Report], store.Sent.Select(s => s.By));
    }

    [Fact]
    public void Sending_for_another_one_needs_the_right_to()
    {
        byte[] content = Mail("From: bert@contoso.test\r\nTo: kunde@fabrikam.test\r\n\r\n");
        Assert.Equal(LabStoreError.SendAsDenied, Assert.Throws<LabStoreException>(() => store.Submit(new LabSubmission(anna, content))).Error);
        Assert.Equal(
            LabStoreError.NoRecipients, Assert.Throws<LabStoreException>(() => store.Submit(new LabSubmission(anna, Mail("Subject: x\r\n\r\n")))).Error);
        Assert.Empty(store.Sent);

        bert.Rights.Grant(LabRight.SendOnBehalf, "anna@contoso.test");
        Assert.Equal("anna@contoso.test", Parse(store.Submit(new LabSubmission(anna, content))).Sender!.Address);
        bert.Rights.Grant(LabRight.SendAs, "ANNA@contoso.test");
        Assert.Null(Parse(store.Submit(new LabSubmission(anna, content))).Sender);

        static MimeMessage Parse(LabSubmitted submitted) => MimeMessage.Parse(submitted.Sent.Content);
    }

    [Fact]
    public void Accounts_log_in_and_impersonate_only_as_they_may()
    {
        LabAccount service = store.AddAccount("svc-crm", "pass");
        Assert.Equal("anna@contoso.test", store.LogIn("Anna@contoso.test", "secret")!.Name);
        Assert.Null(store.LogIn("anna@contoso.test", "pass"));
        Assert.Null(store.LogIn("nobody", "pass"));
        Assert.Null(store.LogIn("svc-crm", string.Empty));
        Assert.Equal(service, store.LogIn("svc-crm", "pass"));

        Assert.False(service.CanImpersonate(anna));
        service.AllowImpersonation("ANNA@contoso.test");
        Assert.True(service.CanImpersonate(anna));
        Assert.False(service.CanImpersonate(bert));
        Assert.False(service.CanOpen(bert));
        bert.Rights.Grant(LabRight.FullAccess, "svc-crm");
        Assert.True(service.CanOpen(bert));
    }

    [Theory]
    [InlineData("Subject: x\r\n\r\n", "IPM.Note")]
    [InlineData("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\n", "IPM.Note.SMIME")]
    [InlineData("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", "IPM.Note.SMIME.MultipartSigned")]
    [InlineData("Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", "IPM.Schedule.Meeting.Request")]
    public void The_item_class_follows_from_the_content(string content, string itemClass) =>
        Assert.Equal(itemClass, store.Deliver("anna@contoso.test", Mail(content)).ItemClass);

    private static byte[] Mail(string text) => Encoding.ASCII.GetBytes(text);

    private void AddRule(LabRuleActions actions) =>
        anna.ChangeRules(rules => [.. rules, new LabInboxRule { Id = $"r{rules.Count}", Name = "rule", Actions = actions }]);
}
