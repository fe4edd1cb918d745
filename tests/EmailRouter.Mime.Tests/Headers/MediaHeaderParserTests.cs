namespace EmailRouter.Mime.Tests.Headers;

public sealed class MediaHeaderParserTests
{
    // RFC 2231 3 and 4.
    [Fact]
    public void Continuations_are_joined()
    {
        ContentType type = ContentType.Parse("message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n"
            + " URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"");

        Assert.Equal("ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar", type.Parameters["url"]);
        Assert.Equal("URL", type.Parameters["Access-Type"]);
    }

    [Fact]
    public void Charset_and_language_are_read()
    {
        ContentType type = ContentType.Parse(
            "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A");

        Assert.Equal("This is ***fun***", type.Parameters["title"]);
    }

    [Fact]
    public void Encoded_and_plain_segments_may_be_mixed()
    {
        ContentType type = ContentType.Parse(
            "application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"");

        Assert.Equal("This is even more ***fun*** isn't it!", type.Parameters["title"]);
    }

    [Theory]
    [InlineData("attachment; filename=\"a b.pdf\"", "a b.pdf")]
    [InlineData("attachment; filename=a b.pdf", "a b.pdf")]
    [InlineData("attachment; filename=report (1).pdf; size=3", "report (1).pdf")]
    [InlineData("attachment; filename=\"C:\\temp\\x.pdf\"", "C:\\temp\\x.pdf")]
    [InlineData("attachment; filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt")]
    [InlineData("attachment; filename=\"no end.txt", "no end.txt")]
    [InlineData("attachment; filename==?utf-8?Q?gr=C3=BC=C3=9Fe.txt?=", "grüße.txt")]
    [InlineData("attachment; filename=\"=?utf-8?Q?gr=C3=BC=C3=9Fe.txt?=\"", "grüße.txt")]
    [InlineData("attachment; filename=\"=?utf-8?B?Z3LD?=\r\n =?utf-8?B?vMOfZS50eHQ=?=\"", "grüße.txt")]
    [InlineData("attachment; filename*=utf-8''gr%C3%BC%C3%9Fe.txt", "grüße.txt")]
    [InlineData("attachment; filename*=\"utf-8''gr%C3%BC%C3%9Fe.txt\"", "grüße.txt")]
    [InlineData("attachment; filename*=iso-8859-1'de'gr%FC%DFe.txt", "grüße.txt")]
    [InlineData("attachment; filename=old.txt; filename*=utf-8''new.txt", "new.txt")]
    [InlineData("attachment; filename*=utf-8''new.txt; filename=old.txt", "new.txt")]
    [InlineData("attachment; filename*1*=%C3%9Fe.txt; filename*0*=utf-8''gr%C3%BC", "grüße.txt")]
    [InlineData("attachment; filename*0*=utf-8''%C3; filename*1*=%BC.txt", "ü.txt")]
    [InlineData("attachment; filename*0=a; filename*2=c.txt", "ac.txt")]
    [InlineData("attachment; filename*1=a; filename*2=b.txt", "ab.txt")]
    [InlineData("attachment; filename*0=\"=?utf-8?Q?gr=C3=BC\"; filename*1=\"=C3=9Fe.txt?=\"", "grüße.txt")]
    [InlineData("attachment; filename=UTF-8''na%C3%AFve.txt", "naïve.txt")]
    [InlineData("attachment; filename=100%25.txt", "100%25.txt")]
    [InlineData("attachment; filename*=x-unknown''caf%E9.txt", "café.txt")]
    [InlineData("attachment; filename*=utf-8''bad%ZZ.txt", "bad%ZZ.txt")]
    [InlineData("attachment; filename*=plain.txt", "plain.txt")]
    [InlineData("=?utf-8?Q?attachment;_filename=3D\"gr=C3=BC=C3=9Fe.txt\"?=", "grüße.txt")]
    [InlineData("attachment; filename=\"a=0D=0Ab.txt\"", "a=0D=0Ab.txt")]
    [InlineData("attachment; filename*=utf-8''a%0D%0Ab%00.txt", "a b.txt")]
    [InlineData("attachment filename=\"x.txt\"", "x.txt")]
    [InlineData("filename=\"x.txt\"", "x.txt")]
    [InlineData("attachment; filename=", null)]
    [InlineData("attachment; =x; filename", null)]
    [InlineData("", null)]
    public void File_names_are_read_in_every_form(string value, string? name) =>
        Assert.Equal(name, ContentDisposition.Parse(value).FileName);

    [Fact]
    public void Raw_file_names_have_the_charset_of_their_header() =>
        Assert.Equal("Привет", Mail.Parse("Content-Type: text/plain; charset=koi8-r; name=\"\u00F0\u00D2\u00C9\u00D7\u00C5\u00D4\"\r\n\r\n").Root.FileName);

    [Theory]
    [InlineData("text/plain; charset=utf-8", "utf-8")]
    [InlineData("text/plain; charset=\"utf-8\"", "utf-8")]
    [InlineData("text/plain; charset=us-ascii (Plain text)", "us-ascii")]
    [InlineData("text/plain; charset = utf-8 ; format=flowed", "utf-8")]
    [InlineData("text/plain; format=flowed charset=utf-8", "utf-8")]
    [InlineData("text/plain; charset=", null)]
    [InlineData("text/plain", null)]
    public void Charsets_are_read(string value, string? charset) => Assert.Equal(charset, ContentType.Parse(value).Charset);

    [Theory]
    [InlineData("text/HTML; x", "text/html")]
    [InlineData("text", "text/plain")]
    [InlineData("html", "text/html")]
    [InlineData("", "text/plain")]
    [InlineData(";", "text/plain")]
    [InlineData("image", "image/octet-stream")]
    [InlineData("message", "message/rfc822")]
    [InlineData("application/pdf/x", "application/pdf")]
    [InlineData("\"text/html\"", "text/html")]
    [InlineData("a(b/c", "text/plain")]
    [InlineData("///", "text/plain")]
    public void Types_are_sanitised(string value, string type) => Assert.Equal(type, ContentType.Parse(value).MediaType);

    [Theory]
    [InlineData("inline", false, true)]
    [InlineData("ATTACHMENT", true, false)]
    [InlineData("x-other", true, false)]
    [InlineData("", false, false)]
    public void Dispositions_are_told_apart(string value, bool isAttachment, bool isInline)
    {
        ContentDisposition disposition = ContentDisposition.Parse(value);

        Assert.Equal((isAttachment, isInline), (disposition.IsAttachment, disposition.IsInline));
    }
}
