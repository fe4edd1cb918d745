using EmailRouter.Mime.Reports;

namespace EmailRouter.Mime.Tests.Reports;

public sealed class FeedbackReportTests
{
    [Fact]
    public void A_complaint_is_read()
    {
        FeedbackReport report = FeedbackReport.Read(Mail.ParseLines("""
            Content-Type: multipart/report; report-type=feedback-report; boundary=b

            --b

            A user complains.
            --b
            Content-Type: message/feedback-report

            Feedback-Type: Abuse
            User-Agent: SomeGenerator/1.0
            Version: 1
            Original-Mail-From: <ann@example.test>
            Original-Rcpt-To: <bob@example.com>
            Original-Rcpt-To: carl@example.com
            Received-Date: Mon, 4 Sep 2017 10:00:00 +0000
            Source-IP: 192.0.2.1

            --b
            Content-Type: message/rfc822

            Message-ID: <offer.1@example.test>

            Buy now.
            --b--
            """))!;

        Assert.Equal("abuse", report.FeedbackType);
        Assert.Equal("SomeGenerator/1.0", report.UserAgent);
        Assert.Equal("ann@example.test", report.OriginalMailFrom);
        Assert.Equal(["bob@example.com", "carl@example.com"], report.OriginalRecipients);
        Assert.Equal("192.0.2.1", report.SourceIP);
        Assert.Equal(new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.Zero), report.ArrivalDate);
        Assert.Equal("<offer.1@example.test>", report.Original!.MessageId);
    }

    [Fact]
    public void An_empty_report_says_nothing()
    {
        FeedbackReport report = FeedbackReport.Read(Mail.ParseLines("Content-Type: message/feedback-report\n\n"))!;

        Assert.Null(report.FeedbackType);
        Assert.Null(report.ArrivalDate);
        Assert.Empty(report.OriginalRecipients);
    }

    [Fact]
    public void Other_messages_are_no_feedback() => Assert.Null(FeedbackReport.Read(Mail.ParseLines("Subject: x\n\ny")));
}
