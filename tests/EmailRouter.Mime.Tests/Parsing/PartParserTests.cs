namespace EmailRouter.Mime.Tests.Parsing;

/// <summary>The structure of messages as real senders produce them.</summary>
public sealed class PartParserTests
{
    private const string TwoParts = "Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b\r\n"
        + "Content-Type: text/html\r\n\r\ntwo\r\n--b--\r\nepi";

    [Theory]
    [InlineData("\r\n")]
    [InlineData("\n")]
    public void Line_ends_may_be_crlf_or_lf(string lineEnd)
    {
        MimeMessage message = Mail.Parse(TwoParts.Replace("\r\n", lineEnd));

        Assert.Equal(["one", "two"], message.Root.Parts.Select(part => part.GetText()));
        Assert.Empty(message.Diagnostics);
    }

    [Fact]
    public void Line_ends_may_be_mixed_and_a_bare_cr_is_content()
    {
        MimeMessage message = Mail.Parse("Subject: s\nContent-Type: multipart/mixed; boundary=b\r\n\n--b\n\r\none\rmore\n--b--\n");

        Assert.Equal("one\rmore", Assert.Single(message.Root.Parts).GetText());
        Assert.Equal("s", message.Subject);
    }

    [Theory]
    [InlineData("\u00EF\u00BB\u00BF")]
    [InlineData("\u00EF\u00BB")]
    [InlineData("From ann@example.com Mon Sep  4 10:00:00 2017\r\n")]
    [InlineData(">From ann@example.com Mon Sep  4 10:00:00 2017\n")]
    [InlineData("\u00EF\u00BB\u00BFFrom ann@example.com Mon Sep  4 10:00:00 2017\r\n")]
    [InlineData("\r\n\r\n")]
    public void What_stands_before_the_first_header_is_skipped(string prologue)
    {
        MimeMessage message = Mail.Parse(prologue + "Subject: s\r\n\r\nbody");

        Assert.Equal("s", message.Subject);
        Assert.Equal("body", message.TextBody!.GetText());
        Assert.Single(message.Headers);
    }

    [Fact]
    public void From_with_a_space_before_its_colon_is_no_mbox_line() =>
        Assert.Equal("ann@example.com", Mail.Parse("From : ann@example.com\r\n\r\n").From[0].Address);

    [Fact]
    public void An_mbox_line_inside_an_attached_message_is_skipped()
    {
        MimeMessage message = Mail.Parse("Content-Type: message/rfc822\r\n\r\nFrom x Mon Sep  4 10:00:00 2017\r\nSubject: inner\r\n\r\ntext");

        Assert.Equal("inner", message.Root.EmbeddedMessage!.Subject);
    }

    [Fact]
    public void Lines_that_are_no_headers_are_kept_and_do_not_end_the_headers()
    {
        MimeMessage message = Mail.Parse("Subject: s\r\nno colon here\r\n: no name\r\nX Y: space\r\nTo : b@example.com\r\nX\u0001: control\r\n"
            + "From: a@example.com\r\n\r\nbody");

        Assert.Equal("a@example.com", message.From[0].Address);
        Assert.Equal("b@example.com", message.To[0].Address);
        Assert.Equal("body", message.TextBody!.GetText());
        Assert.Equal(7, message.Headers.Count);
        Assert.Equal([true, false, false, false, true, false, true], message.Headers.Select(header => header.IsValid));
        Assert.Equal("no colon here", message.Headers[1].Value);
        Assert.Contains(MimeDiagnosticCode.HeaderWithoutColon, message.Codes());
        Assert.Contains(MimeDiagnosticCode.HeaderNameInvalid, message.Codes());
    }

    [Theory]
    [InlineData("Subject: s")]
    [InlineData("Subject: s\r\n")]
    [InlineData("Subject:\r\n s")]
    public void Headers_may_end_with_the_message(string text)
    {
        MimeMessage message = Mail.Parse(text);

        Assert.Equal("s", message.Subject);
        Assert.True(message.Root.RawBody.IsEmpty);
        Assert.Equal([MimeDiagnosticCode.HeadersNotTerminated], message.Codes());
    }

    [Fact]
    public void An_empty_message_is_an_empty_text()
    {
        MimeMessage message = Mail.Parse(string.Empty);

        Assert.Empty(message.Headers);
        Assert.Equal(string.Empty, message.Subject);
        Assert.Null(message.MessageId);
        Assert.Null(message.Date);
        Assert.Equal(string.Empty, message.TextBody!.GetText());
        Assert.Empty(message.Diagnostics);
    }

    [Fact]
    public void A_folded_line_of_white_space_continues_its_header()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\n  \r\nSubject: s\r\n\r\n--b\r\n\r\none\r\n--b--");

        Assert.Equal("b", message.Root.ContentType.Boundary);
        Assert.Equal("s", message.Subject);
        Assert.Single(message.Root.Parts);
    }

    [Fact]
    public void A_multipart_without_boundary_is_shown_as_text()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed\r\n\r\nhello");

        Assert.Equal([MimeDiagnosticCode.BoundaryMissing], message.Codes());
        Assert.Empty(message.Root.Parts);
        Assert.Equal("hello", message.TextBody!.GetText());
    }

    [Theory]
    [InlineData("Content-Type: multipart/mixed")]
    [InlineData("Content-Type: multipart/mixed; boundary=wrong")]
    public void A_missing_or_wrong_boundary_is_taken_from_the_content(string header)
    {
        MimeMessage message = Mail.Parse(header + "\r\n\r\npre\r\n--not\r\n--real\r\nContent-Type: text/plain\r\n\r\none\r\n--real\r\n\r\ntwo\r\n--real--\r\n");

        Assert.Equal(["one", "two"], message.Root.Parts.Select(part => part.GetText()));
        Assert.Contains(MimeDiagnosticCode.BoundaryGuessed, message.Codes());
    }

    [Fact]
    public void A_boundary_guessed_inside_a_part_ends_with_that_part()
    {
        MimeMessage message = Mail.Parse(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--y\r\n"
                + "Content-Type: text/html\r\n\r\none\r\n--a\r\n\r\ntwo\r\n--a--");

        Assert.Equal(2, message.Root.Parts.Count);
        Assert.Equal("one", message.Root.Parts[0].Parts[0].GetText());
        Assert.Equal("two", message.Root.Parts[1].GetText());
    }

    [Fact]
    public void A_message_truncated_at_any_byte_keeps_what_was_there()
    {
        byte[] whole = System.Text.Encoding.Latin1.GetBytes(TwoParts);
        for (int length = 0; length <= whole.Length; length++)
        {
            MimeMessage message = MimeMessage.Parse(whole.AsMemory(0, length));
            foreach (MimePart part in message.AllParts())
                Assert.NotNull(part.GetText());
            // Cut off between the first part and the closing boundary, it says so.
            if (length > TwoParts.IndexOf("one", StringComparison.Ordinal) && length < TwoParts.IndexOf("--b--", StringComparison.Ordinal))
            {
                Assert.StartsWith("one"[..Math.Min(3, length - TwoParts.IndexOf("one", StringComparison.Ordinal))], message.Root.Parts[0].GetText());
                Assert.Contains(MimeDiagnosticCode.EndBoundaryMissing, message.Codes());
            }
        }
    }

    [Fact]
    public void Blanks_may_follow_a_boundary_but_nothing_else()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b \t \r\n\r\none\r\n--b x\r\n--bb\r\n--b--x\r\n --b\r\n"
            + "more\r\n--b-- \r\n");

        Assert.Equal("one\r\n--b x\r\n--bb\r\n--b--x\r\n --b\r\nmore", Assert.Single(message.Root.Parts).GetText());
    }

    [Fact]
    public void A_boundary_may_be_a_prefix_of_another()
    {
        MimeMessage message = Mail.Parse(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\n\r\none\r\n"
                + "--b2--\r\n--b\r\n\r\ntwo\r\n--b--\r\n");

        Assert.Equal("one", message.Root.Parts[0].Parts[0].GetText());
        Assert.Equal("two", message.Root.Parts[1].GetText());
        Assert.Empty(message.Diagnostics);
    }

    [Fact]
    public void The_inner_boundary_may_equal_the_outer_one()
    {
        MimeMessage message = Mail.Parse(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n"
                + "--b\r\n\r\ntwo\r\n--b--\r\n");

        Assert.Equal("one", message.Root.Parts[0].Parts[0].GetText());
        Assert.Equal("two", message.Root.Parts[1].GetText());
    }

    [Fact]
    public void The_boundary_of_a_parent_closes_a_child()
    {
        MimeMessage message = Mail.Parse(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\none\r\n--a\r\n"
                + "\r\ntwo\r\n--a--\r\n");

        Assert.Equal("one", message.Root.Parts[0].Parts[0].GetText());
        Assert.Equal("two", message.Root.Parts[1].GetText());
        Assert.Equal([MimeDiagnosticCode.EndBoundaryMissing], message.Codes());
    }

    [Fact]
    public void Headers_of_a_part_may_end_at_a_boundary()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n--b\r\n\r\ntwo\r\n--b--\r\n");

        Assert.Equal(2, message.Root.Parts.Count);
        Assert.True(message.Root.Parts[0].RawBody.IsEmpty);
        Assert.True(message.Root.Parts[0].ContentType.Is("text", "html"));
        Assert.Equal([MimeDiagnosticCode.HeadersNotTerminated], message.Codes());
    }

    [Fact]
    public void Parts_may_be_empty_and_without_headers()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b\r\n--b--\r\n");

        Assert.Equal(3, message.Root.Parts.Count);
        Assert.All(message.Root.Parts, part => Assert.Equal(0, part.RawBody.Length));
        Assert.All(message.Root.Parts, part => Assert.True(part.ContentType.Is("text", "plain")));
    }

    [Theory]
    [InlineData("multipart/multipart/mixed; boundary=b", "multipart/mixed")]
    [InlineData("multipart; boundary=b", "multipart/mixed")]
    [InlineData("Multipart/Mixed; Boundary=\"b\"", "multipart/mixed")]
    [InlineData("multipart / mixed ; boundary = b (comment)", "multipart/mixed")]
    [InlineData("(a comment) multipart/mixed; (another; one) boundary=b", "multipart/mixed")]
    [InlineData("multipart/mixed boundary=b", "multipart/mixed")]
    [InlineData("multipart/mixed; boundary=\"b", "multipart/mixed")]
    [InlineData("multipart/mixed;; boundary=b;", "multipart/mixed")]
    [InlineData("multipart/mixed; boundary=b; boundary=c", "multipart/mixed")]
    [InlineData("=?utf-8?Q?multipart/mixed;_boundary=3Db?=", "multipart/mixed")]
    public void Careless_content_types_are_understood(string value, string type)
    {
        MimeMessage message = Mail.Parse($"Content-Type: {value}\r\n\r\n--b\r\n\r\none\r\n--b--\r\n");

        Assert.Equal(type, message.Root.ContentType.MediaType);
        Assert.Equal("one", Assert.Single(message.Root.Parts).GetText());
    }

    [Fact]
    public void Of_two_content_types_the_first_wins()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain\r\n\r\n--b\r\n\r\none\r\n--b--\r\n");

        Assert.Single(message.Root.Parts);
    }

    [Fact]
    public void The_parts_of_a_digest_are_messages()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: first\r\n\r\none\r\n--b--\r\n");

        Assert.Equal("first", message.Attachments.Single().EmbeddedMessage!.Subject);
    }

    [Fact]
    public void An_encoded_multipart_is_decoded_before_it_is_taken_apart()
    {
        string inner = Convert.ToBase64String("--b\r\n\r\none\r\n--b--\r\n"u8);
        MimeMessage message = Mail.Parse($"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n{inner}");

        Assert.Equal("one", Assert.Single(message.Root.Parts).GetText());
        Assert.Contains(MimeDiagnosticCode.EncodedStructure, message.Codes());
    }

    [Fact]
    public void A_multipart_that_only_claims_to_be_encoded_is_read_as_it_is()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n--b\r\n\r\n"
            + "one\r\n--b--\r\n");

        Assert.Equal("one", Assert.Single(message.Root.Parts).GetText());
        Assert.DoesNotContain(MimeDiagnosticCode.EncodedStructure, message.Codes());
    }

    [Theory]
    [InlineData("base64")]
    [InlineData("quoted-printable")]
    public void An_encoded_message_is_decoded_before_it_is_read(string encoding)
    {
        string content = encoding == "base64" ? Convert.ToBase64String("Subject: inner\r\n\r\ntext"u8) : "Subject=3A inner=0D=0A=0D=0Atext";
        MimeMessage message = Mail.Parse(
            $"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
                + $"{content}\r\n--b--\r\n");

        MimeMessage inner = message.Attachments.Single().EmbeddedMessage!;
        Assert.Equal("inner", inner.Subject);
        Assert.Equal("text", inner.TextBody!.GetText());
        Assert.Equal("Subject: inner\r\n\r\ntext", inner.Source.Text());
    }

    [Fact]
    public void An_attached_message_may_be_empty_or_have_headers_only()
    {
        MimeMessage message = Mail.Parse(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
                + "Subject: x\r\n--b--\r\n");

        Assert.Equal(2, message.Attachments.Count);
        Assert.Null(message.Attachments[0].EmbeddedMessage);
        Assert.Equal("x", message.Attachments[1].EmbeddedMessage!.Subject);
    }

    [Fact]
    public void Boundaries_end_an_attached_message()
    {
        MimeMessage message = Mail.Parse(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n"
                + "\r\n--c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n");

        MimePart attached = message.Root.Parts[0];
        Assert.Equal("one", attached.EmbeddedMessage!.Root.Parts[0].GetText());
        Assert.Equal("Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\none", attached.EmbeddedMessage.Source.Text());
        Assert.Equal("two", message.Root.Parts[1].GetText());
    }

    [Fact]
    public void Partial_and_external_messages_are_attachments()
    {
        MimeMessage message = Mail.Parse("Content-Type: message/external-body; access-type=URL; URL=\"http://example.com\"\r\n\r\n"
            + "Content-Type: image/gif\r\n\r\n");

        Assert.Null(message.Attachments.Single().EmbeddedMessage);
    }

    [Fact]
    public void An_unknown_transfer_encoding_is_binary()
    {
        MimeMessage message = Mail.Parse("Content-Transfer-Encoding: x-zip\r\n\r\na=3Db");

        Assert.Equal(MimeTransferEncoding.Binary, message.Root.TransferEncoding);
        Assert.Equal("a=3Db", message.TextBody!.GetText());
        Assert.Equal([MimeDiagnosticCode.UnknownTransferEncoding], message.Codes());
    }

    [Theory]
    [InlineData("BASE64", MimeTransferEncoding.Base64)]
    [InlineData(" base64 ; x", MimeTransferEncoding.Base64)]
    [InlineData("\"base64\"", MimeTransferEncoding.Base64)]
    [InlineData("quoted-printable (sic)", MimeTransferEncoding.QuotedPrintable)]
    [InlineData("8Bit", MimeTransferEncoding.EightBit)]
    [InlineData("", MimeTransferEncoding.SevenBit)]
    [InlineData("x-uuencode", MimeTransferEncoding.UUEncode)]
    public void Transfer_encodings_are_recognised(string value, MimeTransferEncoding encoding)
    {
        MimeMessage message = Mail.Parse($"Content-Transfer-Encoding: {value}\r\n\r\n");

        Assert.Equal(encoding, message.Root.TransferEncoding);
        Assert.Empty(message.Diagnostics);
    }

    [Fact]
    public void The_raw_bytes_of_every_part_are_slices_of_the_message()
    {
        MimeMessage message = Mail.Parse(TwoParts);

        Assert.Equal(TwoParts, message.Root.Raw.Text());
        Assert.Equal("Content-Type: text/html\r\n\r\ntwo", message.Root.Parts[1].Raw.Text());
        Assert.Equal("two", message.Root.Parts[1].RawBody.Text());
        Assert.Same(message.Root, message.Root.Parts[1].Parent);
    }
}
