using System.Text;
using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed class BounceReaderTests
{
    private const string Id = "<0a0b.emailrouter@example.test>";

    private static readonly OrganizationSettings Settings = new() { OrganizationId = new Guid("0a000000-0000-0000-0000-000000000001") };

    public static TheoryData<string, string, string?, string> Shapes { get; } = new()
    {
        { "Postfix", BounceSamples.Postfix, "5.1.1", "550 5.1.1 <ann@adatum.test>: Recipient address rejected: User unknown" },
        { "Office 365", BounceSamples.Office365, "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup" },
        { "Gmail", BounceSamples.Gmail, "5.1.1", "550-5.1.1 The email account that you tried to reach does not exist." },
        { "qmail", BounceSamples.Qmail, "5.1.1", "192.0.2.7 does not like recipient. Remote host said: 550 5.1.1 user unknown Giving up on 192.0.2.7." },
        {
            "Exim", BounceSamples.Exim, "5.1.1",
            "SMTP error from remote mail server after RCPT TO:<ann@adatum.test>: host mx.adatum.test [192.0.2.7]: 550 5.1.1 User unknown"
        },
        { "attachment", BounceSamples.BareAttachment, "5.2.2", "mailbox full, 5.2.2" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_shape_names_the_message_the_recipient_and_the_reason(string name, string template, string? status, string diagnostic)
    {
        Assert.NotEmpty(name);
        (BounceReport? report, _) = Read(BounceSamples.Make(template, Id, "ann@adatum.test"));

        Assert.NotNull(report);
        Assert.Equal(Id, report.MessageId);
        BouncedRecipient recipient = Assert.Single(report.Recipients);
        Assert.Equal(("ann@adatum.test", status, diagnostic), (recipient.Address, recipient.Status, recipient.Diagnostic));
        Assert.Equal(["CRM:0001001"], report.TrackingTokens);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_shape_is_a_non_delivery_report(string name, string template, string? status, string diagnostic)
    {
        Assert.NotEmpty(name + status + diagnostic);
        MessageClassification found = MessageClassifier.Classify(Parse(BounceSamples.Make(template, Id, "ann@adatum.test")));

        Assert.Equal((MessageClassifier.NonDelivery, true), (found.MessageClass, found.IsAutomatic));
    }

    [Fact]
    public void An_envelope_id_is_the_activity_it_names()
    {
        var activity = new Guid("0a000000-0000-0000-0000-0000000000aa");

        Assert.Equal(activity, Read(BounceSamples.Make(BounceSamples.Postfix, Id, "a@adatum.test", envelopeId: activity.ToString("N"))).Report!.ActivityId);
        Assert.Null(Read(BounceSamples.Make(BounceSamples.Postfix, Id, "a@adatum.test", envelopeId: "QQ314159")).Report!.ActivityId);
    }

    [Theory]
    [InlineData(BounceSamples.PostfixDelay)]
    [InlineData(BounceSamples.EximDelay)]
    public void A_delay_is_no_failure(string template)
    {
        (BounceReport? report, List<Evidence> evidence) = Read(BounceSamples.Make(template, Id, "ann@adatum.test"));

        Assert.Null(report);
        Assert.NotEmpty(evidence);
    }

    [Theory]
    [InlineData("From: mailer-daemon@example.test\r\n\r\n")]
    [InlineData("From: mailer-daemon@example.test\r\n\r\nSomething went wrong with your mail.\r\n")]
    [InlineData("From: mailer-daemon@example.test\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n\0\0garbage")]
    public void A_report_that_names_nobody_is_none(string message) => Assert.Null(Read(message).Report);

    [Fact]
    public void The_reason_is_one_line_and_not_endless()
    {
        string message = BounceSamples.Make(BounceSamples.Postfix, Id, "ann@adatum.test").Replace("User unknown", new string('x', 5000), StringComparison.Ordinal);

        Assert.Equal(500, Read(message).Report!.Recipients.Single().Diagnostic!.Length);
    }

    private static MimeMessage Parse(string message) => MimeMessage.Parse(Encoding.UTF8.GetBytes(message));

    private static (BounceReport? Report, List<Evidence> Evidence) Read(string message)
    {
        var evidence = new List<Evidence>();
        return (BounceReader.Read(Parse(message), Settings, evidence), evidence);
    }
}
