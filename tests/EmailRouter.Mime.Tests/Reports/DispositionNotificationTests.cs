using EmailRouter.Mime.Reports;

namespace EmailRouter.Mime.Tests.Reports;

public sealed class DispositionNotificationTests
{
    [Fact]
    public void A_receipt_is_read()
    {
        DispositionNotification receipt = Read("""
            Reporting-UA: desk.example.com; Mailer 1.0
            Original-Recipient: rfc822;bob@example.com
            Final-Recipient: rfc822;robert@example.com
            Original-Message-ID: <offer.1@example.test>
            Disposition: manual-action/MDN-sent-manually; Displayed/error, expired
            """);

        Assert.Equal("desk.example.com; Mailer 1.0", receipt.ReportingUa);
        Assert.Equal("bob@example.com", receipt.OriginalRecipient);
        Assert.Equal("robert@example.com", receipt.FinalRecipient);
        Assert.Equal("<offer.1@example.test>", receipt.OriginalMessageId);
        Assert.Equal("displayed", receipt.DispositionType);
        Assert.Equal(["error", "expired"], receipt.Modifiers);
        Assert.True(receipt.IsManual);
        Assert.Null(receipt.Original);
    }

    [Theory]
    [InlineData("Disposition: automatic-action/MDN-sent-automatically; deleted", "deleted", false)]
    [InlineData("Disposition: manual-action", null, true)]
    [InlineData("Disposition: ;", null, false)]
    [InlineData("Disposition: ; /", null, false)]
    [InlineData("Final-Recipient: rfc822;x@example.com\n\n\nDisposition: a;dispatched", "dispatched", false)]
    [InlineData("", null, false)]
    public void What_is_missing_is_null(string body, string? type, bool isManual)
    {
        DispositionNotification receipt = Read(body);

        Assert.Equal(type, receipt.DispositionType);
        Assert.Empty(receipt.Modifiers);
        Assert.Equal(isManual, receipt.IsManual);
        Assert.Null(receipt.OriginalMessageId);
    }

    [Fact]
    public void The_returned_message_tells_the_id_that_the_fields_do_not() =>
        Assert.Equal("<a@example.test>", DispositionNotification.Read(Mail.ParseLines(
            "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/disposition-notification\n\nDisposition: a; displayed\n--b\n"
            + "Content-Type: message/rfc822\n\nMessage-ID: <a@example.test>\n\nHi\n--b--\n"))!.OriginalMessageId);

    [Fact]
    public void Other_messages_are_no_receipt() => Assert.Null(DispositionNotification.Read(Mail.ParseLines("Subject: x\n\ny")));

    private static DispositionNotification Read(string body) => DispositionNotification.Read(Mail.ParseLines(
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nRead.\n--b\nContent-Type: message/disposition-notification\n\n"
        + body + "\n--b--\n"))!;
}
