namespace EmailRouter.Mime.Tests.Parsing;

public sealed class BodyStructureTests
{
    [Fact]
    public void A_message_of_one_part_is_its_own_body()
    {
        Assert.Equal("x", Mail.Parse("a: b\r\n\r\nx").TextBody!.GetText());
        Assert.Equal("x", Mail.Parse("Content-Type: text/html\r\n\r\nx").HtmlBody!.GetText());
        Assert.Null(Mail.Parse("Content-Type: text/html\r\n\r\nx").TextBody);
        Assert.Null(Mail.Parse("Content-Type: application/pdf\r\n\r\nx").TextBody);
        Assert.Single(Mail.Parse("Content-Type: application/pdf\r\n\r\nx").Attachments);
        Assert.Single(Mail.Parse("Content-Disposition: attachment\r\n\r\nx").Attachments);
    }

    [Fact]
    public void Text_between_files_is_all_body()
    {
        MimeMessage message = Multi(
            "mixed", ("Content-Type: text/html", "one"), ("Content-Type: application/pdf\r\nContent-Disposition: inline; filename=a.pdf", "pdf"),
                ("Content-Type: text/html", "two"));

        Assert.Equal("one", message.HtmlBody!.GetText());
        Assert.Null(message.TextBody);
        Assert.Equal(["one", "two"], message.BodyParts.Select(part => part.GetText()));
        Assert.Equal("a.pdf", Assert.Single(message.Attachments).FileName);
    }

    [Fact]
    public void A_footer_does_not_become_the_body()
    {
        MimeMessage message = Multi("mixed", ("Content-Type: text/plain", "message"), ("Content-Type: text/html", "footer of the list"));

        Assert.Equal("message", message.TextBody!.GetText());
        Assert.Null(message.HtmlBody);
        Assert.Equal(2, message.BodyParts.Count);
    }

    [Fact]
    public void Of_alternatives_the_last_html_and_the_first_plain_count()
    {
        MimeMessage message = Multi(
            "alternative", ("Content-Type: text/plain", "plain"), ("Content-Type: text/html", "html 1"), ("Content-Type: text/x-amp-html", "amp"),
                ("Content-Type: text/html", "html 2"));

        Assert.Equal("plain", message.TextBody!.GetText());
        Assert.Equal("html 2", message.HtmlBody!.GetText());
        Assert.Equal("html 2", Assert.Single(message.BodyParts).GetText());
        Assert.Empty(message.Attachments);
    }

    [Fact]
    public void A_calendar_among_alternatives_is_an_attachment()
    {
        MimeMessage message = Multi("alternative", ("Content-Type: text/plain", "plain"), ("Content-Type: text/html", "html"),
            ("Content-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR"));

        Assert.True(Assert.Single(message.Attachments).ContentType.Is("text", "calendar"));
        Assert.Equal("html", message.HtmlBody!.GetText());
    }

    [Fact]
    public void Html_before_plain_is_still_html()
    {
        MimeMessage message = Multi("alternative", ("Content-Type: text/html", "html"), ("Content-Type: text/plain", "plain"));

        Assert.Equal("html", Assert.Single(message.BodyParts).GetText());
        Assert.Equal("plain", message.TextBody!.GetText());
    }

    [Fact]
    public void The_start_parameter_names_the_main_part()
    {
        MimeMessage message = Mail.Parse(
            "Content-Type: multipart/related; boundary=b; start=\"<main>\"\r\n\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <pic>\r\n\r\np\r\n"
            + "--b\r\nContent-Type: text/html\r\nContent-ID: <other>\r\n\r\nother\r\n--b\r\nContent-Type: text/html\r\nContent-ID: <main>\r\n\r\n"
                + "main\r\n--b--\r\n");

        Assert.Equal("main", message.HtmlBody!.GetText());
        Assert.Equal(["pic", "other"], message.Attachments.Select(part => part.ContentId));
        Assert.True(message.Attachments[0].IsInline);
    }

    [Fact]
    public void Pictures_before_the_text_do_not_hide_it()
    {
        MimeMessage message = Multi("related", ("Content-Type: image/png\r\nContent-ID: <pic>", "p"), ("Content-Type: text/html", "main"));

        Assert.Equal("main", message.HtmlBody!.GetText());
        Assert.Single(message.Attachments);
    }

    [Fact]
    public void Text_with_a_file_name_or_marked_as_attachment_is_an_attachment()
    {
        MimeMessage message = Multi(
            "mixed",
            ("Content-Type: text/plain\r\nContent-Disposition: attachment", "first"),
            ("Content-Type: text/plain; name=log.txt", "second"),
            ("Content-Type: text/plain", "body"));

        Assert.Equal("body", message.TextBody!.GetText());
        Assert.Equal(2, message.Attachments.Count);
    }

    [Fact]
    public void Encrypted_content_is_no_body()
    {
        MimeMessage message = Multi("encrypted", ("Content-Type: application/pgp-encrypted", "Version: 1"), ("Content-Type: text/plain", "-----BEGIN"));

        Assert.Null(message.TextBody);
        Assert.Equal(2, message.Attachments.Count);
    }

    [Fact]
    public void A_signed_message_shows_what_was_signed()
    {
        MimeMessage message = Multi("signed", ("Content-Type: text/plain", "signed text"),
            ("Content-Type: application/pgp-signature; name=s.asc", "-----BEGIN"));

        Assert.Equal("signed text", message.TextBody!.GetText());
        Assert.Equal("s.asc", Assert.Single(message.Attachments).FileName);
    }

    [Fact]
    public void A_report_shows_its_text_and_keeps_its_fields()
    {
        MimeMessage message = Multi("report", ("Content-Type: text/plain", "sorry"), ("Content-Type: message/delivery-status", "Reporting-MTA: dns; a"),
            ("Content-Type: message/rfc822", "Subject: x\r\n\r\ny"));

        Assert.Equal("sorry", message.TextBody!.GetText());
        Assert.Equal(["message/delivery-status", "message/rfc822"], message.Attachments.Select(part => part.ContentType.MediaType));
    }

    private static MimeMessage Multi(string subtype, params (string Headers, string Body)[] parts) =>
        Mail.Parse($"Content-Type: multipart/{subtype}; boundary=b\r\n\r\n"
            + $"{string.Concat(parts.Select(part => $"--b\r\n{part.Headers}\r\n\r\n{part.Body}\r\n"))}--b--\r\n");
}
