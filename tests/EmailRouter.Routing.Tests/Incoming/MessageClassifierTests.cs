using System.Text;
using EmailRouter.Mime;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed class MessageClassifierTests
{
    [Theory]
    [InlineData("REPORT.IPM.Note.NDR", true)]
    [InlineData("IPM.Note.Rules.ReplyTemplate.Microsoft", true)]
    [InlineData("IPM.Note.Custom", false)]
    public void The_mail_servers_item_class_counts_before_the_headers(string itemClass, bool isAutomatic)
    {
        MimeMessage message = MimeMessage.Parse("From: ann@adatum.test\r\nSubject: hello\r\n\r\nhi\r\n"u8.ToArray());

        MessageClassification found = MessageClassifier.Classify(message, itemClass);

        Assert.Equal((itemClass, isAutomatic), (found.MessageClass, found.IsAutomatic));
        Assert.Contains(itemClass, found.Evidence!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_headers_say_of_machines_counts_beside_an_ordinary_item_class()
    {
        MimeMessage message = MimeMessage.Parse("From: ann@adatum.test\r\nAuto-Submitted: auto-replied\r\n\r\nhi\r\n"u8.ToArray());

        MessageClassification found = MessageClassifier.Classify(message, "IPM.Note");

        Assert.Equal(("IPM.Note", true), (found.MessageClass, found.IsAutomatic));
    }

    [Theory]
    [InlineData("Auto-Submitted: auto-replied")]
    [InlineData("Auto-Submitted: Auto-Replied (vacation); owner-email=\"x\"")]
    [InlineData("X-Autoreply: yes")]
    [InlineData("X-Autorespond: vacation")]
    [InlineData("X-AutoReply-From: ann@adatum.test")]
    [InlineData("X-Mail-Autoreply: 1")]
    [InlineData("Precedence: auto_reply")]
    [InlineData("Precedence: auto-reply")]
    [InlineData("Delivered-To: autoresponder")]
    [InlineData("Subject: Automatic reply: x\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All")]
    [InlineData("Subject: Automatische Antwort: x\r\nX-MS-Exchange-Inbox-Rules-Loop: ann@adatum.test")]
    [InlineData("Subject: Out of Office: x\r\nX-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent")]
    public void Automatic_replies_are_of_the_class_of_out_of_office_replies(string headers) =>
        Assert.Equal((MessageClassifier.OutOfOffice, true), Classify(headers));

    [Theory]
    [InlineData("Auto-Submitted: auto-generated")]
    [InlineData("Auto-Submitted: auto-notified; x=y")]
    [InlineData("X-Auto-Response-Suppress: DR, OOF, AutoReply")]
    [InlineData("X-Auto-Response-Suppress: All")]
    [InlineData("Precedence: bulk")]
    [InlineData("Precedence: List")]
    [InlineData("Precedence: junk")]
    [InlineData("List-Id: <dev.lists.example.test>")]
    [InlineData("List-Unsubscribe: <mailto:leave@lists.example.test>")]
    [InlineData("List-Post: <mailto:dev@lists.example.test>")]
    [InlineData("X-FC-MachineGenerated: true")]
    [InlineData("X-Loop: dev@lists.example.test")]
    [InlineData("X-MS-Exchange-Inbox-Rules-Loop: ann@adatum.test")]
    [InlineData("Return-Path: <>")]
    [InlineData("From: no-reply@adatum.test")]
    [InlineData("From: noreply+4711@adatum.test")]
    [InlineData("From: Do_Not_Reply@adatum.test")]
    [InlineData("From: dev-bounces@lists.example.test")]
    [InlineData("From: bounces+4711@adatum.test")]
    [InlineData("From: owner-dev@lists.example.test")]
    public void Lists_and_notices_are_automatic_and_otherwise_ordinary(string headers) => Assert.Equal((MessageClassifier.Note, true), Classify(headers));

    [Theory]
    [InlineData("Subject: hello")]
    [InlineData("Subject: Automatic reply: how do I switch it off?")]
    [InlineData("Auto-Submitted: no")]
    [InlineData("Auto-Submitted: No (a person)")]
    [InlineData("X-Autoreply: no")]
    [InlineData("X-Auto-Response-Suppress: None")]
    [InlineData("X-Auto-Response-Suppress: DR, RN")]
    [InlineData("Precedence: first-class")]
    [InlineData("Delivered-To: ann@adatum.test")]
    [InlineData("From: bouncer@club.test")]
    [InlineData("From: owner@adatum.test")]
    [InlineData("From: noreen@adatum.test")]
    public void People_are_not_automatic(string headers) => Assert.Equal((MessageClassifier.Note, false), Classify(headers));

    [Fact]
    public void A_delay_and_a_success_are_told_from_a_failure()
    {
        Assert.Equal(MessageClassifier.Delayed, ClassOf(BounceSamples.PostfixDelay));
        Assert.Equal(MessageClassifier.Delivery, ClassOf(BounceSamples.PostfixDelay.Replace("Action: delayed", "Action: relayed", StringComparison.Ordinal)));
        Assert.Equal(MessageClassifier.NonDelivery, ClassOf(BounceSamples.PostfixDelay.Replace("Action: delayed", "Action: failed", StringComparison.Ordinal)));

        static string ClassOf(string sample) => MessageClassifier.Classify(MimeMessage.Parse(Encoding.UTF8.GetBytes(BounceSamples.Make(sample, "<a@b.test>", "ann@adatum.test")))).MessageClass;
    }

    [Fact]
    public void A_report_in_an_ordinary_multipart_counts_only_from_a_server()
    {
        string mixed = BounceSamples.Make(BounceSamples.Postfix, "<a@b.test>", "ann@adatum.test")
            .Replace("multipart/report; report-type=delivery-status;", "multipart/mixed;", StringComparison.Ordinal)
            .Replace("Auto-Submitted: auto-replied\r\n", string.Empty, StringComparison.Ordinal);
        string forwarded = mixed.Replace("Return-Path: <>\r\n", string.Empty, StringComparison.Ordinal)
            .Replace("MAILER-DAEMON@mx.example.test (Mail Delivery System)", "ann@adatum.test", StringComparison.Ordinal);

        Assert.Equal((MessageClassifier.NonDelivery, true), Of(mixed));
        Assert.Equal((MessageClassifier.Note, false), Of(forwarded));
    }

    private static (string Class, bool IsAutomatic) Classify(string headers) => Of(
        $"{headers}\r\n{(headers.StartsWith("From:", StringComparison.Ordinal) ? string.Empty : "From: ann@adatum.test\r\n")}To: sales@example.test\r\n\r\nhello\r\n");

    private static (string Class, bool IsAutomatic) Of(string message)
    {
        MessageClassification found = MessageClassifier.Classify(MimeMessage.Parse(Encoding.UTF8.GetBytes(message)));
        Assert.Equal(found.IsAutomatic, found.Evidence is not null);
        return (found.MessageClass, found.IsAutomatic);
    }
}
