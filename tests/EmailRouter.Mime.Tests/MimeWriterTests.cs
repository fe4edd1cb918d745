using System.Buffers;
using System.Text;

namespace EmailRouter.Mime.Tests;

public sealed class MimeWriterTests
{
    internal static readonly MimeWriterOptions Deterministic = new() { Random = static bytes => bytes.Fill(0x5A) };

    internal static readonly MessageDraft Draft = new()
    {
        From = [new MailAddress("Ann Smith", "ann@example.com")],
        To = [new MailAddress("bob@example.com")],
        Subject = "Hello",
        Date = new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.FromHours(2)),
        MessageId = "<1@example.com>",
        TextBody = "Hello Bob\n",
    };

    [Fact]
    public async Task A_plain_message_is_plain()
    {
        Assert.Equal(
            "Date: Mon, 04 Sep 2017 10:00:00 +0200\r\nFrom: Ann Smith <ann@example.com>\r\nTo: bob@example.com\r\nSubject: Hello\r\n"
                + "Message-ID: <1@example.com>\r\n"
            + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello Bob\r\n",
            await TextAsync(Draft));
    }

    [Fact]
    public async Task Every_kind_of_part_gets_its_place()
    {
        MessageDraft draft = Draft with
        {
            HtmlBody = "<img src=\"cid:pic@1\">",
            InlineResources = [DraftAttachment.FromBytes("pic.png", "image/png", [1, 2, 3], "pic@1")],
            Attachments = [DraftAttachment.FromBytes("a.pdf", "application/pdf", [4, 5, 6]),
                DraftAttachment.FromBytes(null, "message/rfc822", "Subject: inner\n\ntext\n"u8.ToArray())],
        };
        MimeMessage message = await ParseAsync(draft);

        Assert.Empty(message.Diagnostics);
        Assert.Equal(
            ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "application/pdf", "message/rfc822"],
            message.AllParts().Select(part => part.ContentType.MediaType));
        Assert.Equal("Hello Bob\r\n", message.TextBody!.GetText());
        Assert.Equal("<img src=\"cid:pic@1\">", message.HtmlBody!.GetText());
        Assert.Equal([1, 2, 3], message.Attachments[0].Decode());
        Assert.True(message.Attachments[0].IsInline);
        Assert.Equal("pic@1", message.Attachments[0].ContentId);
        Assert.Equal([4, 5, 6], message.Attachments[1].Decode());
        Assert.Equal("3", message.Attachments[1].ContentDisposition!.Parameters["size"]);
        Assert.Equal("Subject: inner\r\n\r\ntext\r\n", message.Attachments[2].RawBody.Text());
        Assert.Equal("inner", message.Attachments[2].EmbeddedMessage!.Subject);
    }

    [Fact]
    public async Task The_same_randomness_gives_the_same_bytes()
    {
        MessageDraft draft = Draft with { HtmlBody = "<p>" };

        Assert.Equal(await TextAsync(draft), await TextAsync(draft));
        Assert.NotEqual(await TextAsync(draft), await TextAsync(draft, new MimeWriterOptions()));
    }

    [Fact]
    public async Task A_stream_gets_the_same_bytes_as_a_buffer()
    {
        MessageDraft draft = Draft with { Attachments = [DraftAttachment.FromBytes("x.bin", "application/octet-stream", new byte[300_000])] };
        using var stream = new MemoryStream();
        await MimeWriter.WriteAsync(draft, stream, Deterministic);
        using MessageBuffer buffer = await MimeWriter.ToBufferAsync(draft, Deterministic);

        Assert.Equal(stream.ToArray(), buffer.Memory.ToArray());
    }

    [Fact]
    public async Task Boundaries_never_occur_in_the_content()
    {
        string first = await TextAsync(Draft with { HtmlBody = "<p>" });
        string boundary = MimeMessage.Parse(Encoding.Latin1.GetBytes(first)).Root.ContentType.Boundary!;
        MimeMessage message = await ParseAsync(Draft with
        {
            TextBody = $"--{boundary}--",
            HtmlBody = $"\n--{boundary}\n",
            Attachments = [DraftAttachment.FromBytes(null, "message/rfc822", Encoding.Latin1.GetBytes(first))],
        });

        Assert.Equal($"--{boundary}--", message.TextBody!.GetText());
        Assert.Equal($"\r\n--{boundary}\r\n", message.HtmlBody!.GetText());
        Assert.Equal(first, message.Attachments[0].EmbeddedMessage!.Source.Text());
    }

    [Theory]
    [InlineData("Grüße", "=?utf-8?")]
    [InlineData("=?utf-8?Q?not_a_word?=", "=?utf-8?")]
    [InlineData(" blanks ", "=?utf-8?")]
    [InlineData("[CRM:0001] plain (text)", "[CRM:0001] plain (text)")]
    public async Task Subjects_come_back_as_they_were(string subject, string written)
    {
        MessageDraft draft = Draft with { Subject = subject };

        Assert.Contains("Subject: " + written, await TextAsync(draft));
        Assert.Equal(subject, (await ParseAsync(draft)).Subject);
    }

    [Theory]
    [InlineData("one\r\nBcc: eve@example.net", "one Bcc: eve@example.net")]
    [InlineData("one\n\ntwo\0\u0007", "one  two")]
    public async Task A_subject_cannot_become_a_header(string subject, string expected)
    {
        MimeMessage message = await ParseAsync(Draft with { Subject = subject });

        Assert.Equal(expected, message.Subject);
        Assert.False(message.Headers.Contains("Bcc"));
    }

    [Fact]
    public async Task Names_cannot_become_headers_or_addresses()
    {
        MimeMessage message = await ParseAsync(Draft with
        {
            From = [new MailAddress("Ann\r\nBcc: x@example.net", "ann@example.com")],
            To = [new MailAddress("<eve@example.net>, \"", "bob@example.com"), new MailAddress("a;b:c", "carl@example.com")],
        });

        Assert.Equal("Ann Bcc: x@example.net", Assert.Single(message.From).DisplayName);
        Assert.Equal([new MailAddress("<eve@example.net>, \"", "bob@example.com"), new MailAddress("a;b:c", "carl@example.com")], message.To);
        Assert.Empty(message.Bcc);
    }

    [Theory]
    [InlineData("bob@example.com\r\nBcc: eve@example.net")]
    [InlineData("\"bob\r\nRCPT TO:<x@y>\"@example.com")]
    [InlineData("bob")]
    [InlineData("")]
    [InlineData("bob@example.com, eve@example.net")]
    [InlineData("bob@example.com>, <eve@example.net")]
    public async Task Addresses_that_are_none_are_refused_before_anything_is_written(string address)
    {
        var output = new ArrayBufferWriter<byte>();

        await Assert.ThrowsAsync<ArgumentException>(async () => await MimeWriter.WriteAsync(Draft with { To = [new MailAddress(address)] }, output));
        Assert.Equal(0, output.WrittenCount);
    }

    [Theory]
    [InlineData("X-Note", "a\r\nBcc: x")]
    [InlineData("X-Note", "a\0")]
    [InlineData("X Note", "a")]
    [InlineData("Bcc", "a@example.com")]
    [InlineData("subject", "again")]
    [InlineData("Content-Type", "text/html")]
    public async Task Extra_headers_that_break_the_message_are_refused(string name, string value) =>
        await Assert.ThrowsAsync<ArgumentException>(async () => await TextAsync(Draft with { ExtraHeaders = [KeyValuePair.Create(name, value)] }));

    [Fact]
    public async Task Extra_headers_are_written_in_their_order()
    {
        MimeMessage message = await ParseAsync(Draft with { ExtraHeaders = [KeyValuePair.Create("Auto-Submitted", "auto-generated"),
            KeyValuePair.Create("X-Note", "für dich")] });

        Assert.Equal("auto-generated", message.Headers["Auto-Submitted"]);
        Assert.Equal("für dich", message.Headers["X-Note"]);
    }

    [Fact]
    public async Task A_message_needs_an_author_and_an_id()
    {
        await Assert.ThrowsAsync<ArgumentException>(async () => await TextAsync(Draft with { From = [] }));
        await Assert.ThrowsAsync<ArgumentException>(async () => await TextAsync(Draft with { MessageId = "1@example.com" }));
        await Assert.ThrowsAsync<ArgumentException>(async () => await TextAsync(Draft with { MessageId = "<1@example.com>\r\nX: y" }));
    }

    [Fact]
    public async Task Thread_headers_are_never_encoded_and_rubbish_is_left_out()
    {
        string[] ids = [.. Enumerable.Range(0, 30).Select(i => $"<{i}.{new string('x', 40)}@example.com>")];
        MessageDraft draft = Draft with { InReplyTo = ["<ok@x>", "no id", "<ü@x>"], References = ids };
        MimeMessage message = await ParseAsync(draft);

        Assert.Equal(["<ok@x>"], message.InReplyTo);
        Assert.Equal(ids, message.References);
        Assert.All((await TextAsync(draft)).Split("\r\n"), line => Assert.True(line.Length <= 78, line));
    }

    [Fact]
    public async Task Several_authors_need_a_sender()
    {
        MimeMessage message = await ParseAsync(Draft with { From = [new MailAddress("a@example.com"), new MailAddress("b@example.com")] });

        Assert.Equal("a@example.com", message.Sender!.Address);
        Assert.Null((await ParseAsync(Draft)).Sender);
        Assert.Equal("c@example.com", (await ParseAsync(Draft with { Sender = new MailAddress("c@example.com") })).Sender!.Address);
    }

    [Fact]
    public async Task Without_recipients_the_message_says_that_they_are_undisclosed()
    {
        MimeMessage message = await ParseAsync(Draft with { To = [] });

        Assert.Empty(message.To);
        Assert.Equal("undisclosed-recipients", message.GetAddressGroups("To").Single().Name);
    }

    [Fact]
    public async Task International_addresses_are_written_for_the_dns_and_for_smtputf8()
    {
        MessageDraft domain = Draft with { To = [new MailAddress("Bü", "bob@bücher.example")] };
        MessageDraft local = Draft with { To = [new MailAddress("jürgen@example.com")] };

        Assert.Equal("bob@xn--bcher-kva.example", (await ParseAsync(domain)).To[0].Address);
        Assert.False(MimeWriter.RequiresSmtpUtf8(domain));
        Assert.Equal("jürgen@example.com", (await ParseAsync(local)).To[0].Address);
        Assert.True(MimeWriter.RequiresSmtpUtf8(local));
    }

    [Theory]
    [InlineData("plain ascii", "7bit")]
    [InlineData("", "7bit")]
    [InlineData("ein paar Umlaute in einem längeren Text", "quoted-printable")]
    [InlineData("Привет, мир", "base64")]
    [InlineData("From the start", "quoted-printable")]
    [InlineData("one\n.\ntwo", "quoted-printable")]
    [InlineData("trailing \nblanks\t", "quoted-printable")]
    [InlineData("bell \u0007 and \0 in a text of some length, so that it is mostly plain", "quoted-printable")]
    public async Task The_encoding_suits_the_text(string text, string encoding)
    {
        MessageDraft draft = Draft with { TextBody = text };
        MimeMessage message = await ParseAsync(draft);

        Assert.Equal(encoding, message.Headers["Content-Transfer-Encoding"]);
        Assert.Equal(text.ReplaceLineEndings("\r\n"), message.TextBody!.GetText().TrimEnd('\r', '\n'));
        Assert.DoesNotContain("\r\nFrom ", await TextAsync(draft));
        Assert.DoesNotContain("\r\n.\r\n", await TextAsync(draft));
    }

    [Fact]
    public async Task Long_lines_are_never_sent_as_they_are()
    {
        string text = new string('x', 5000) + "\n" + new string('ü', 5000);
        MessageDraft draft = Draft with { Subject = new string('y', 3000), TextBody = text, HtmlBody = new string('z', 2000) };

        Assert.All((await TextAsync(draft)).Split("\r\n"), line => Assert.True(line.Length <= 78, line));
        MimeMessage message = await ParseAsync(draft);
        Assert.Equal(text.ReplaceLineEndings("\r\n"), message.TextBody!.GetText());
        Assert.Equal(draft.Subject, message.Subject);
    }

    [Theory]
    [InlineData("offer.pdf")]
    [InlineData("Angebot für Müller.pdf")]
    [InlineData("a \"quoted\" \\ name.txt")]
    [InlineData("見積書.xlsx")]
    [InlineData("ein sehr langer Dateiname mit vielen Umlauten äöüäöüäöüäöüäöüäöüäöüäöüäöü und noch mehr Text, damit er umbrochen wird.docx")]
    [InlineData("a very long but plain file name that needs to be split into several pieces to stay on lines of 78 characters.docx")]
    [InlineData("semi;colon=and'quote%41.txt")]
    [InlineData("=?utf-8?Q?trick?=.txt")]
    public async Task File_names_come_back_in_both_forms(string name)
    {
        MimePart part = (await ParseAsync(Draft with { Attachments = [DraftAttachment.FromBytes(name, "application/pdf", [1])] })).Attachments.Single();

        Assert.Equal(name, part.ContentDisposition!.FileName);
        Assert.Equal(name, part.ContentType.Name);
        Assert.All(part.Raw.Text().Split("\r\n"), line => Assert.True(line.Length <= 78, line));
    }

    [Fact]
    public async Task A_file_name_cannot_become_a_header()
    {
        MimePart part = (await ParseAsync(Draft with { Attachments = [DraftAttachment.FromBytes("a\r\nX-Evil: 1\r\n\r\n.txt", "text/plain",
            [1])] })).Attachments.Single();

        Assert.Equal("a X-Evil: 1  .txt", part.FileName);
        Assert.False(part.Headers.Contains("X-Evil"));
    }

    [Theory]
    [InlineData("text/csv; charset=windows-1252", "text/csv")]
    [InlineData("rubbish\r\nX: y", "text/plain")]
    [InlineData("multipart/mixed", "application/octet-stream")]
    [InlineData("message/partial", "application/octet-stream")]
    public async Task Media_types_are_made_valid(string given, string written)
    {
        MimePart part = (await ParseAsync(Draft with { Attachments = [DraftAttachment.FromBytes("x", given, [1])] })).Attachments.Single();

        Assert.Equal(written, part.ContentType.MediaType);
        Assert.Equal(given.Contains("1252") ? "windows-1252" : null, part.ContentType.Charset);
        Assert.Equal([1], part.Decode());
    }

    [Theory]
    [InlineData("Subject: gr\u00C3\u00BC\u00C3\u009Fe\r\n\r\nx", false, "application/octet-stream")]
    [InlineData("Subject: gr\u00C3\u00BC\u00C3\u009Fe\r\n\r\nx", true, "message/rfc822")]
    [InlineData("Subject: x\r\n\r\n\0", true, "application/octet-stream")]
    [InlineData("Subject: x\r\n\r\na\rb", true, "application/octet-stream")]
    [InlineData("", true, "application/octet-stream")]
    [InlineData("Subject: x\r\n\r\nok", false, "message/rfc822")]
    public async Task Messages_that_cannot_be_attached_as_they_are_become_files(string content, bool allow8Bit, string type)
    {
        MessageDraft draft = Draft with { Attachments = [DraftAttachment.FromBytes(null, "message/rfc822", Encoding.Latin1.GetBytes(content))] };
        MimePart part = (await ParseAsync(draft, Deterministic with { Allow8BitMessages = allow8Bit })).Attachments.Single();

        Assert.Equal(type, part.ContentType.MediaType);
        Assert.Equal(content, Encoding.Latin1.GetString(part.Decode()));
    }

    [Fact]
    public async Task Attachments_are_read_in_pieces_and_closed()
    {
        var source = new CountingStream(1_000_000);
        MessageDraft draft = Draft with { Attachments = [new DraftAttachment { FileName = "x", Open = _ => ValueTask.FromResult<Stream>(source) }] };
        await MimeWriter.WriteAsync(draft, Stream.Null);

        Assert.Equal(1_000_000, source.Given);
        Assert.True(source.LargestRead <= 65536);
        Assert.True(source.IsClosed);
    }

    [Fact]
    public async Task An_attachment_that_cannot_be_opened_stops_the_message()
    {
        MessageDraft draft = Draft with { Attachments = [new DraftAttachment { Open = _ => throw new IOException("gone") }] };

        await Assert.ThrowsAsync<IOException>(async () => await TextAsync(draft));
    }

    internal static async Task<string> TextAsync(MessageDraft draft, MimeWriterOptions? options = null)
    {
        using MessageBuffer buffer = await MimeWriter.ToBufferAsync(draft, options ?? Deterministic);
        return buffer.Memory.Text();
    }

    internal static async Task<MimeMessage> ParseAsync(MessageDraft draft, MimeWriterOptions? options = null) =>
        MimeMessage.Parse(Encoding.Latin1.GetBytes(await TextAsync(draft, options)));

    private sealed class CountingStream(int length) : Stream
    {
        public int Given { get; private set; }

        public int LargestRead { get; private set; }

        public bool IsClosed { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            // Odd pieces, as networks give them.
            int given = Math.Min(Math.Min(count, 1001), length - Given);
            Given += given;
            LargestRead = Math.Max(LargestRead, count);
            return given;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            base.Dispose(disposing);
        }
    }
}
