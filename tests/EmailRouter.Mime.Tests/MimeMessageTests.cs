namespace EmailRouter.Mime.Tests;

public sealed class MimeMessageTests
{
    private const string Sample = """
        Return-Path: <ann@example.com>
        Received: from a.example by b.example; Mon, 4 Sep 2017 10:00:05 +0000
        From: =?utf-8?Q?Ann_M=C3=BCller?= <ann@example.com>
        To: "Support, First Line" <support@example.test>,
         bob@example.test
        Cc: Team: carl@example.test, "Dora" <dora@example.test>;
        Subject: =?iso-8859-1?Q?Gr=FC=DFe?= aus Wien
        Date: Mon, 4 Sep 2017 12:00:00 +0200
        Message-ID: <1@example.com>
        In-Reply-To: <0@example.test>
        References: <a@example.test>
         <0@example.test>
        Thread-Index: AQHTJWSHSywMzSz8o0OJud48nG50GQ==
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary="outer"

        This is a preamble.
        --outer
        Content-Type: multipart/alternative; boundary=inner

        --inner
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: quoted-printable

        Hello =E2=82=AC=
         World
        --inner
        Content-Type: multipart/related; boundary=rel

        --rel
        Content-Type: text/html; charset=utf-8

        <p>Hello <img src="cid:pic@1"></p>
        --rel
        Content-Type: image/png
        Content-ID: <pic@1>
        Content-Transfer-Encoding: base64

        iVBORw0K
        --rel--
        --inner--

        --outer
        Content-Type: application/pdf; name="a.pdf"
        Content-Disposition: attachment; filename="offer 1.pdf"
        Content-Transfer-Encoding: base64

        JVBERi0x
        LjQK
        --outer
        Content-Type: message/rfc822

        From: eve@example.net
        Subject: inside

        inner text
        --outer--
        epilogue

        """;

    [Fact]
    public void The_parts_of_an_ordinary_message_are_found()
    {
        MimeMessage message = Mail.ParseLines(Sample);

        Assert.Empty(message.Diagnostics);
        Assert.Equal("Grüße aus Wien", message.Subject);
        Assert.Equal([new MailAddress("Ann Müller", "ann@example.com")], message.From);
        Assert.Equal([new MailAddress("Support, First Line", "support@example.test"), new MailAddress("bob@example.test")], message.To);
        Assert.Equal([new MailAddress("carl@example.test"), new MailAddress("Dora", "dora@example.test")], message.Cc);
        Assert.Equal("<1@example.com>", message.MessageId);
        Assert.Equal(["<0@example.test>"], message.InReplyTo);
        Assert.Equal(["<a@example.test>", "<0@example.test>"], message.References);
        Assert.Equal(new DateTimeOffset(2017, 9, 4, 12, 0, 0, TimeSpan.FromHours(2)), message.Date);
        Assert.Equal("AQHTJWSHSywMzSz8o0OJud48nG50GQ==", message.ThreadIndex);
        Assert.Equal("Hello € World", message.TextBody!.GetText());
        Assert.Equal("<p>Hello <img src=\"cid:pic@1\"></p>", message.HtmlBody!.GetText());
        Assert.Equal(["image/png", "application/pdf \"offer 1.pdf\"", "message/rfc822"], message.Attachments.Select(part => part.ToString()));
        Assert.Equal([true, false, false], message.Attachments.Select(part => part.IsInline));
        Assert.Equal("pic@1", message.Attachments[0].ContentId);
        Assert.Equal("%PDF-1.4\n"u8.ToArray(), message.Attachments[1].Decode());
        Assert.Equal(9, message.Attachments[1].GetDecodedLength());
        Assert.Equal("inside", message.Attachments[2].EmbeddedMessage!.Subject);
        Assert.Equal("inner text", message.Attachments[2].EmbeddedMessage!.TextBody!.GetText());
        Assert.Equal(8, message.AllParts().Count());
    }

    [Fact]
    public void Groups_are_kept_where_they_are_asked_for()
    {
        IReadOnlyList<MailAddressGroup> groups = Mail.ParseLines(Sample).GetAddressGroups("Cc");

        MailAddressGroup group = Assert.Single(groups);
        Assert.Equal("Team", group.Name);
        Assert.Equal(2, group.Members.Count);
    }
}
