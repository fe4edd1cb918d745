using System.Globalization;
using System.Text;

namespace EmailRouter.Mime.Tests.Parsing;

/// <summary>Every limit is reached once, and what was there before it is still there.</summary>
public sealed class LimitTests
{
    [Fact]
    public void Of_a_message_that_is_too_large_the_headers_are_read()
    {
        MimeMessage message = Mail.Parse(
            "Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n", new MimeLimits { MaximumMessageSize = 50 });

        Assert.Equal("s", message.Subject);
        Assert.Empty(message.Root.Parts);
        Assert.Contains(MimeDiagnosticCode.MessageTooLarge, message.Codes());
    }

    [Fact]
    public void Headers_beyond_the_length_of_a_section_are_left_out()
    {
        MimeMessage message = Mail.Parse($"Subject: s\r\nX: {new string('x', 100)}\r\nTo: a@example.com\r\n\r\nbody",
            new MimeLimits { MaximumHeaderSectionLength = 60 });

        Assert.Equal("s", message.Subject);
        Assert.Single(message.Headers);
        Assert.Equal("body", message.TextBody!.GetText());
        Assert.Equal([MimeDiagnosticCode.HeaderSectionTooLong], message.Codes());
    }

    [Fact]
    public void A_header_that_is_too_long_is_cut()
    {
        MimeMessage message = Mail.Parse($"To: a@example.com, {new string('x', 300)}\r\nSubject: s\r\n\r\nbody", new MimeLimits { MaximumHeaderLength = 100 });

        Assert.Equal("a@example.com", message.To[0].Address);
        Assert.Equal(100, message.Headers[0].RawValue.Length);
        Assert.Equal("s", message.Subject);
        Assert.Contains(MimeDiagnosticCode.HeaderTooLong, message.Codes());
    }

    [Fact]
    public void Headers_beyond_their_number_are_left_out()
    {
        MimeMessage message = Mail.Parse(string.Concat(Enumerable.Repeat("X: y\r\n", 2100)) + "\r\nbody");

        Assert.Equal(2000, message.Headers.Count);
        Assert.Equal("body", message.TextBody!.GetText());
        Assert.Equal([MimeDiagnosticCode.TooManyHeaders], message.Codes());
    }

    [Fact]
    public void Parts_that_lie_too_deep_are_leaves()
    {
        var text = new StringBuilder();
        for (int i = 0; i < 60; i++)
            text.Append(CultureInfo.InvariantCulture, $"Content-Type: multipart/mixed; boundary=b{i:000}\r\n\r\n--b{i:000}\r\n");
        text.Append("\r\nthe end");
        MimeMessage message = Mail.Parse(text.ToString());

        Assert.Equal(51, message.AllParts().Count());
        Assert.Contains("the end", message.AllParts().Last().RawBody.Text());
        Assert.Contains(MimeDiagnosticCode.NestingTooDeep, message.Codes());
    }

    [Fact]
    public void Parts_beyond_their_number_are_left_out()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + string.Concat(Enumerable.Repeat("--b\r\n\r\nx\r\n", 1200))
            + "--b--\r\n");

        Assert.Equal(1000, message.AllParts().Count());
        Assert.Equal("x", message.Root.Parts[^1].GetText());
        Assert.Equal([MimeDiagnosticCode.TooManyParts], message.Codes());
    }

    [Fact]
    public void Messages_that_lie_too_deep_are_leaves()
    {
        MimeMessage message = Mail.Parse(string.Concat(Enumerable.Repeat("Content-Type: message/rfc822\r\n\r\n", 12)) + "Subject: deep\r\n\r\n");

        int depth = 0;
        for (MimeMessage? inner = message.Root.EmbeddedMessage; inner is not null; inner = inner.Root.EmbeddedMessage)
            depth++;
        Assert.Equal(10, depth);
        Assert.Contains(MimeDiagnosticCode.MessagesNestedTooDeep, message.Codes());
    }

    [Fact]
    public void A_boundary_that_is_too_long_is_none()
    {
        string boundary = new('b', 251);
        MimeMessage message = Mail.Parse($"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n--{boundary}\r\n\r\none\r\n--{boundary}--\r\n");

        Assert.Empty(message.Root.Parts);
        Assert.Contains(MimeDiagnosticCode.BoundaryTooLong, message.Codes());
    }

    [Fact]
    public void Text_is_cut_at_its_length_without_splitting_a_character()
    {
        MimeMessage message = Mail.ParseLines("Content-Type: text/plain; charset=utf-8\n\nab😀cd", new MimeLimits { MaximumTextLength = 3 });

        Assert.Equal("ab", message.TextBody!.GetText());
        Assert.Equal("ab😀", message.TextBody.GetText(4));
        Assert.Equal("ab😀cd", message.TextBody.GetText(400));
        Assert.Equal([MimeDiagnosticCode.TextTruncated], message.Codes());
    }

    [Theory]
    [InlineData("base64")]
    [InlineData("quoted-printable")]
    public void Of_a_long_encoded_text_only_what_is_wanted_is_decoded(string encoding)
    {
        string content = encoding == "base64" ? Convert.ToBase64String(Encoding.ASCII.GetBytes(new string('x', 100_000))) : new string('x', 100_000);
        MimeMessage message = Mail.Parse($"Content-Transfer-Encoding: {encoding}\r\n\r\n{content}");

        Assert.Equal(new string('x', 1000), message.TextBody!.GetText(1000));
        Assert.Equal(100_000, message.TextBody.GetText().Length);
    }

    [Fact]
    public void Decoded_structures_have_a_bound()
    {
        string inner = Convert.ToBase64String(Encoding.ASCII.GetBytes("Subject: inner\r\n\r\n" + new string('x', 1000)));
        MimeMessage message = Mail.Parse($"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{inner}",
            new MimeLimits { MaximumDecodedStructure = 500 });

        Assert.Null(message.Root.EmbeddedMessage);
        Assert.Single(message.Attachments);
        Assert.Equal([MimeDiagnosticCode.DecodedStructureTooLarge], message.Codes());
    }

    [Fact]
    public void Addresses_beyond_their_number_are_left_out()
    {
        MimeMessage message = Mail.Parse("To: " + string.Concat(Enumerable.Range(0, 6000).Select(i => $"a{i}@example.com,\r\n ")) + "\r\n\r\n");

        Assert.Equal(5000, message.To.Count);
        Assert.Equal([MimeDiagnosticCode.TooManyAddresses], message.Codes());
    }

    [Fact]
    public void Groups_that_lie_too_deep_lose_their_names()
    {
        MimeMessage message = Mail.Parse("To: a:b:c:d:e: x@example.com;;;;;\r\n\r\n");

        Assert.Equal("x@example.com", Assert.Single(message.To).Address);
        Assert.Equal([MimeDiagnosticCode.AddressGroupsTooDeep], message.Codes());
    }

    [Fact]
    public void Parameters_beyond_their_number_are_left_out()
    {
        MimeMessage message = Mail.Parse("Content-Type: text/plain" + string.Concat(Enumerable.Range(0, 150).Select(i => $"; p{i}=v")) + "\r\n\r\n");

        Assert.Equal(100, message.Root.ContentType.Parameters.Count);
        Assert.Equal([MimeDiagnosticCode.TooManyParameters], message.Codes());
    }

    [Fact]
    public void Remarks_are_bounded_too()
    {
        MimeMessage message = Mail.Parse(string.Concat(Enumerable.Repeat("no colon\r\n", 1000)));

        Assert.Equal(100, message.Diagnostics.Count);
    }

    private static readonly Dictionary<string, Func<string>> Texts = new()
    {
        ["to"] = () => "To: " + string.Concat(Enumerable.Repeat("a,\r\n ", 400_000)) + "\r\n\r\n",
        ["colons"] = () => "To: " + new string(':', 2_000_000) + "\r\n\r\n",
        ["angles"] = () => "To: " + new string('<', 2_000_000) + "\r\n\r\n",
        ["comments"] = () => "To: " + new string('(', 2_000_000) + "\r\n\r\n",
        ["quotes"] = () => "To: " + string.Concat(Enumerable.Repeat("\"\\\"", 600_000)) + "\r\n\r\n",
        ["words"] = () => "Subject: " + string.Concat(Enumerable.Repeat("=?a?q?", 300_000)) + "\r\n\r\n",
        ["spaced words"] = () => "Subject: " + string.Concat(Enumerable.Repeat("=?a?q?x ", 300_000)) + "\r\n\r\n",
        ["parameters"] = () => "Content-Type: text/plain" + string.Concat(Enumerable.Repeat("; a*0*=b'", 200_000)) + "\r\n\r\n",
        ["ids"] = () => "References: " + string.Concat(Enumerable.Repeat("<a ", 600_000)) + "\r\n\r\n",
        ["hyphens"] = () => "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + string.Concat(Enumerable.Repeat("\n--", 700_000)),
        ["near boundaries"] = () => "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            + string.Concat(Enumerable.Repeat("--b                    x\n", 90_000)),
        ["blanks in quoted-printable"] = () => "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + new string(' ', 2_000_000) + "x",
        ["escapes in quoted-printable"] = () => "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + new string('=', 2_000_000),
        ["rubbish in base64"] = () => "Content-Transfer-Encoding: base64\r\n\r\n" + new string('!', 2_000_000),
        ["no colon"] = () => new string('x', 2_000_000),
        ["folds"] = () => "Subject: x" + string.Concat(Enumerable.Repeat("\r\n ", 700_000)),
        ["date"] = () => "Date: " + new string('(', 1_000_000) + "\r\n\r\n",
    };

    public static TheoryData<string> Attacks => [.. Texts.Keys];

    // Quadratic work on two million characters would not end within the patience of any test run.
    [Theory]
    [MemberData(nameof(Attacks))]
    public void Two_megabytes_of_anything_are_read_in_linear_time(string name)
    {
        string text = Texts[name]();
        MimeMessage message = Mail.Parse(text);
        Touch.Everything(message);

        Assert.Equal(text.Length, message.Source.Length);
    }
}
