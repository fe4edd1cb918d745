using System.Text;
using EmailRouter.Mime.Reports;

namespace EmailRouter.Mime.Tests.Reports;

public sealed class DeliveryStatusTests
{
    private const string Original = """
        From: ann@example.test
        To: bob@example.com
        Subject: Offer
        Message-ID: <offer.1@example.test>
        """;

    private const string PerMessage = """
        Reporting-MTA: dns; mx.example.com
        Original-Envelope-Id: Q2FB-77
        Arrival-Date: Mon, 4 Sep 2017 10:00:00 +0000

        """;

    private const string Bob = """
        Original-Recipient: rfc822;bob@example.com
        Final-Recipient: RFC822; <robert@example.com>
        Action: failed
        Status: 5.1.1
        Remote-MTA: dns; inner.example.com
        Diagnostic-Code: smtp; 550 5.1.1 User
         unknown
        Last-Attempt-Date: Mon, 4 Sep 2017 10:01:00 +0000

        """;

    private const string Carl = """
        Final-Recipient: rfc822; carl@example.com
        Action: delayed (still trying)
        Status: 4.4.7 (timeout)
        Will-Retry-Until: Fri, 8 Sep 2017 10:00:00 +0000

        """;

    [Fact]
    public void Message_and_recipients_are_read()
    {
        DeliveryStatus status = Read(PerMessage + "\n" + Bob + "\n" + Carl);

        Assert.Equal("mx.example.com", status.ReportingMta);
        Assert.Equal("Q2FB-77", status.OriginalEnvelopeId);
        Assert.Equal(new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.Zero), status.ArrivalDate);
        Assert.Equal("<offer.1@example.test>", status.OriginalMessageId);
        Assert.Equal("Offer", status.Original!.Subject);
        Assert.Equal(DeliveryAction.Failed, status.WorstAction);
        Assert.Equal(2, status.Recipients.Count);
        DeliveryStatusRecipient bob = status.Recipients[0];
        Assert.Equal("bob@example.com", bob.OriginalRecipient);
        Assert.Equal("robert@example.com", bob.FinalRecipient);
        Assert.Equal(DeliveryAction.Failed, bob.Action);
        Assert.Equal("5.1.1", bob.Status);
        Assert.Equal("inner.example.com", bob.RemoteMta);
        Assert.Equal("smtp", bob.DiagnosticType);
        Assert.Equal("550 5.1.1 User unknown", bob.Diagnostic);
        Assert.Equal(new DateTimeOffset(2017, 9, 4, 10, 1, 0, TimeSpan.Zero), bob.LastAttemptDate);
        DeliveryStatusRecipient carl = status.Recipients[1];
        Assert.Null(carl.OriginalRecipient);
        Assert.Equal(DeliveryAction.Delayed, carl.Action);
        Assert.Equal("4.4.7", carl.Status);
        Assert.Equal(new DateTimeOffset(2017, 9, 8, 10, 0, 0, TimeSpan.Zero), carl.WillRetryUntil);
        Assert.Equal("carl@example.com: Delayed 4.4.7", carl.ToString());
    }

    [Fact]
    public void Groups_after_the_first_may_be_encoded()
    {
        string rest = Convert.ToBase64String(Mail.Bytes(Bob + "\n" + Carl), Base64FormattingOptions.InsertLineBreaks);
        DeliveryStatus status = Read(PerMessage + "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + rest + "\n");

        Assert.Equal(["robert@example.com", "carl@example.com"], status.Recipients.Select(static r => r.FinalRecipient));
        Assert.Equal("Q2FB-77", status.OriginalEnvelopeId);
    }

    [Fact]
    public void A_part_that_is_encoded_as_a_whole_is_decoded()
    {
        string body = Convert.ToBase64String(Mail.Bytes(PerMessage + "\n" + Bob));
        DeliveryStatus status = DeliveryStatus.Read(Mail.ParseLines(
            "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n" + body + "\n--b--\n"))!;

        Assert.Equal("robert@example.com", Assert.Single(status.Recipients).FinalRecipient);
        Assert.Null(status.Original);
        Assert.Null(status.OriginalMessageId);
    }

    [Theory]
    [InlineData("\n\n\n" + PerMessage + "\n \t\n\n\n" + Bob + "\n\n\n\n" + Carl + "\n\n")]       // too many blank lines
    [InlineData(PerMessage + Bob + Carl)]                                                       // none at all
    [InlineData(PerMessage + "\nFinal-Recipient: rfc822;robert@example.com\n\nAction: failed\n\n" + Carl)]      // in the midst of a group
    [InlineData(PerMessage + "\n" + Bob + "\nnonsense without colon\n\n" + Carl)]
    public void Blank_lines_too_many_or_too_few_change_nothing(string body)
    {
        DeliveryStatus status = Read(body);

        Assert.Equal(["robert@example.com", "carl@example.com"], status.Recipients.Select(static r => r.FinalRecipient));
        Assert.Equal([DeliveryAction.Failed, DeliveryAction.Delayed], status.Recipients.Select(static r => r.Action));
        Assert.Equal("mx.example.com", status.ReportingMta);
    }

    [Theory]
    [InlineData("Action: failed\nStatus: 5.0.0\n", 1, DeliveryAction.Failed)]
    [InlineData("Reporting-MTA: dns; a\n", 0, DeliveryAction.Unknown)]
    [InlineData("", 0, DeliveryAction.Unknown)]
    [InlineData("Final-Recipient: bob@example.com", 1, DeliveryAction.Unknown)]
    [InlineData("Final-Recipient: bob@example.com\nAction: 1\n", 1, DeliveryAction.Unknown)]
    [InlineData("Final-Recipient: bob@example.com\nAction:\n", 1, DeliveryAction.Unknown)]
    [InlineData("Final-Recipient: a\nAction: delivered\n\nFinal-Recipient: b\nAction: relayed", 2, DeliveryAction.Delivered)]
    public void Short_groups_are_read_as_far_as_they_go(string body, int recipients, DeliveryAction worst)
    {
        DeliveryStatus status = Read(body);

        Assert.Equal(recipients, status.Recipients.Count);
        Assert.Equal(worst, status.WorstAction);
    }

    [Theory]
    [InlineData("Status: 5.1.1", "5.1.1")]
    [InlineData("Status: 5", null)]
    [InlineData("Status: 5\nDiagnostic-Code: smtp; 550-5.7.26 not authenticated", "5.7.26")]
    [InlineData("Diagnostic-Code: smtp;550 #5.1.0 Address rejected", "5.1.0")]
    [InlineData("Diagnostic-Code: smtp; 550 host 192.0.2.1 said 5.4.1234", null)]
    public void The_status_may_stand_in_the_diagnostic(string fields, string? expected) =>
        Assert.Equal(expected, Read(PerMessage + "\nFinal-Recipient: rfc822;b@example.com\n" + fields + "\n").Recipients[0].Status);

    [Fact]
    public void International_reports_are_read()
    {
        DeliveryStatus status = DeliveryStatus.Read(Mail.ParseLines("""
            Content-Type: multipart/report; boundary=b; report-type=delivery-status

            --b
            Content-Type: message/global-delivery-status
            Content-Transfer-Encoding: 8bit

            Reporting-MTA: dns; mx.example.com

            Original-Recipient: utf-8; j\x{fc}rgen@example.com
            Final-Recipient: utf-8; jürgen@example.com
            Action: failed

            --b
            Content-Type: message/global-headers

            Message-ID: <ü@example.test>

            --b--
            """))!;

        Assert.Equal("jürgen@example.com", status.Recipients[0].OriginalRecipient);
        Assert.Equal("jürgen@example.com", status.Recipients[0].FinalRecipient);
        Assert.Equal("<ü@example.test>", status.OriginalMessageId);
    }

    [Theory]
    [InlineData(@"utf-8; a\x{110000}b", @"a\x{110000}b")]
    [InlineData(@"utf-8; a\x{d800}b", @"a\x{d800}b")]
    [InlineData(@"utf-8; a\x{a}b", @"a\x{a}b")]
    [InlineData(@"utf-8; a\x{e9", @"a\x{e9")]
    [InlineData(@"rfc822; a\x{e9}", @"a\x{e9}")]
    [InlineData("rfc822;", null)]
    [InlineData("rfc822; <>", null)]
    public void Broken_addresses_stay_as_they_are(string field, string? expected) =>
        Assert.Equal(expected, Read("Final-Recipient: " + field + "\n").Recipients[0].FinalRecipient);

    [Fact]
    public void Other_messages_are_no_report() => Assert.Null(DeliveryStatus.Read(Mail.ParseLines("Subject: x\n\nAction: failed\n")));

    [Fact]
    public void The_number_of_recipients_and_fields_is_limited()
    {
        var body = new StringBuilder();
        for (int i = 0; i < 3000; i++)
            body.Append(System.Globalization.CultureInfo.InvariantCulture, $"Final-Recipient: rfc822;r{i}@example.com\nAction: failed\n\n");
        DeliveryStatus many = Read(body.ToString());
        DeliveryStatus wide = Read("Final-Recipient: a\n" + string.Concat(Enumerable.Repeat("X-More: 1\n", 5000)));

        Assert.Equal(1000, many.Recipients.Count);
        Assert.Equal(200, wide.Recipients[0].Fields.Count);
        Assert.Equal(199, wide.Recipients[0].Fields.GetAll("x-more").Count);
    }

    private static DeliveryStatus Read(string body) => DeliveryStatus.Read(Mail.ParseLines(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nIt did not work.\n--b\nContent-Type: message/delivery-status\n\n" + body
        + "\n--b\nContent-Type: text/rfc822-headers\n\n" + Original + "\n--b--\n"))!;
}
