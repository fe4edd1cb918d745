using System.Buffers;
using System.Text;

namespace EmailRouter.Mime.Tests;

public sealed class SevenBitTransformTests
{
    [Fact]
    public void A_message_that_fits_stays_to_the_byte()
    {
        const string Mail = "Subject: a\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n";

        Assert.Equal(Mail, Write(Mail));
    }

    [Fact]
    public void Text_becomes_quoted_printable_and_says_the_same()
    {
        string text = Write("Subject: Grüße aus Köln\r\nFrom: Jörg Müller <j@example.test>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nStraße\r\n.dot\r\nend\r\n");

        MimeMessage message = Parse(text);
        Assert.Equal("Grüße aus Köln", message.Subject);
        Assert.Equal(("Jörg Müller", "j@example.test"), (message.From[0].DisplayName, message.From[0].Address));
        Assert.Equal(MimeTransferEncoding.QuotedPrintable, message.Root.TransferEncoding);
        Assert.Equal("Straße\r\n.dot\r\nend\r\n", message.Root.GetText());
    }

    [Fact]
    public void A_part_without_an_encoding_gets_one()
    {
        MimeMessage message = Parse(Write("Subject: a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nStraße, and enough of plain words behind it\r\n"));

        Assert.Equal("Straße, and enough of plain words behind it\r\n", message.Root.GetText());
        Assert.Equal("a", message.Subject);
    }

    [Fact]
    public void Every_part_of_a_multipart_is_carried_and_the_containers_are_7_bit()
    {
        string nested = "Subject: Änderung\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ninnen: ä\r\n";
        string mail = "Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--x\r\n"
            + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nä ö ü and so on for a while\r\n--x\r\n"
            + "Content-Type: application/octet-stream; name=\"Ü.bin\"\r\nContent-Disposition: attachment; filename=\"Ü.bin\"\r\nContent-Transfer-Encoding: binary\r\n\r\n\u00e4\u0001\n\r\u0000z\r\n--x\r\n"
            + "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + nested + "\r\n--x--\r\n";

        MimeMessage message = Parse(Write(mail));

        Assert.Equal(MimeTransferEncoding.SevenBit, message.Root.TransferEncoding);
        Assert.Equal("ä ö ü and so on for a while", message.Root.Parts[0].GetText());
        Assert.Equal("Ü.bin", message.Root.Parts[1].FileName);
        var bytes = new ArrayBufferWriter<byte>();
        message.Root.Parts[1].DecodeTo(bytes);
        Assert.Equal(Encoding.UTF8.GetBytes("\u00e4\u0001\n\r\u0000z"), bytes.WrittenSpan.ToArray());
        Assert.Equal("Änderung", message.Root.Parts[2].EmbeddedMessage!.Subject);
        Assert.StartsWith("innen: ä", message.Root.Parts[2].EmbeddedMessage!.Root.GetText(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_that_is_too_long_is_broken_by_encoding()
    {
        string line = new('x', 2000);

        MimeMessage message = Parse(Write($"Subject: a\r\n\r\n{line}\r\n"));

        Assert.Equal(line + "\r\n", message.Root.GetText());
        Assert.True(Encoding.UTF8.GetString(message.Source.Span).Split("\r\n").All(l => l.Length <= 998));
    }

    [Theory]
    [InlineData("DKIM-Signature: v=1\r\nSubject: a\r\n\r\nä\r\n", "DKIM")]
    [InlineData("Subject: a\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nä\r\n", "PGP")]
    [InlineData("Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\nä\r\n--x--\r\n", "signed")]
    [InlineData("Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nContent-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\nä\r\n--x--\r\n--y--\r\n", "signed")]
    [InlineData("From: <jörg@example.test>\r\n\r\na\r\n", "cannot be written in ASCII")]
    [InlineData("Content-Type: multipart/mixed; boundary=x\r\n\r\npreämble\r\n--x\r\n\r\na\r\n--x--\r\n", "outside")]
    public void What_would_be_damaged_is_refused_with_the_reason(string mail, string reason)
    {
        var output = new ArrayBufferWriter<byte>();

        string? why = SevenBitTransform.Write(Parse(mail), output);

        Assert.Contains(reason, why, StringComparison.Ordinal);
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void A_domain_beyond_ascii_becomes_its_a_label()
    {
        Assert.Equal("a@xn--bcher-kva.example.test", Parse(Write("From: Ä <a@bücher.example.test>\r\n\r\na\r\n")).From[0].Address);
    }

    [Fact]
    public void Whatever_goes_in_what_comes_out_is_7_bit_or_nothing()
    {
        var random = new Random(7);
        string[] pieces = ["Subject: ä\r\n", "Content-Type: text/plain\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "\r\n", "--b\r\n", "--b--\r\n", "ü", "\n", "\r", "Content-Type: message/rfc822\r\n",
            "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: binary\r\n", "To: ö <x@example.test>\r\n", "\0", new string('l', 1200), " "];
        for (int round = 0; round < 3000; round++)
        {
            string mail = string.Concat(Enumerable.Range(0, random.Next(14)).Select(_ => pieces[random.Next(pieces.Length)]));
            var output = new ArrayBufferWriter<byte>();
            if (SevenBitTransform.Write(Parse(mail), output) is null)
                Assert.True(Ascii.IsValid(output.WrittenSpan) && !output.WrittenSpan.Contains((byte)0), mail);
        }
    }

    private static MimeMessage Parse(string mail) => MimeMessage.Parse(Encoding.UTF8.GetBytes(mail));

    private static string Write(string mail)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Null(SevenBitTransform.Write(Parse(mail), output));
        Assert.True(Ascii.IsValid(output.WrittenSpan));
        return Encoding.ASCII.GetString(output.WrittenSpan);
    }
}
