using System.Text;
using EmailRouter.Mime.Tnef;

namespace EmailRouter.Mime.Tests.Tnef;

public sealed class TnefContentsTests
{
    private static readonly byte[] Picture = [0x89, 0x50, 0x4E, 0x47, 1, 2, 3];

    private static byte[] Rich => new TnefBuilder()
        .Attribute(1, 0x00078008, "IPM.Microsoft Mail.Note\0"u8.ToArray())
        .Message(
            TnefBuilder.Unicode(0x0037, "Angebot für Köln"),
            TnefBuilder.String8(0x001A, "IPM.Note"u8.ToArray()),
            TnefBuilder.Many(0x6001, 1, 2, 3),
            TnefBuilder.Named("content-class", [1, 2, 3]),
            TnefBuilder.Named(0x8233, 7),
            TnefBuilder.Boolean(0x0E1B, true),
            TnefBuilder.Time(0x0039, new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.Zero)),
            TnefBuilder.Unicode(0x0C1A, "Ann Müller"),
            TnefBuilder.Unicode(0x5D01, "ann@example.test"),
            TnefBuilder.Unicode(0x1035, "<tnef.1@example.test>"),
            TnefBuilder.String8(0x1000, [0x47, 0x72, 0xFC, 0xDF, 0x65]),
            TnefBuilder.Binary(0x1013, Encoding.UTF8.GetBytes("<p>Grüße <img src='cid:pic@1'></p>")),
            TnefBuilder.Long(0x3FDE, 65001))
        .Attachment("ANGEBO~1.PDF", [1, 2, 3, 4, 5], TnefBuilder.Unicode(0x3707, "Angebot für Köln.pdf"), TnefBuilder.String8(0x370E, "Application/PDF"u8.ToArray()))
        .Attachment("bild.png", Picture, TnefBuilder.Unicode(0x3712, "<pic@1>"), TnefBuilder.Unicode(0x370E, "image/png"), TnefBuilder.Long(0x3714, 4),
            TnefBuilder.Unicode(0x3713, "bild.png"))
        .Bytes;

    [Fact]
    public void Bodies_files_and_names_come_out()
    {
        TnefContents contents = TnefContents.Read(Rich)!;

        Assert.Empty(contents.Problems);
        Assert.Equal("Angebot für Köln", contents.Subject);
        Assert.Equal("IPM.Note", contents.MessageClass);
        Assert.Equal("<tnef.1@example.test>", contents.MessageId);
        Assert.Equal(new MailAddress("Ann Müller", "ann@example.test"), contents.From);
        Assert.Equal(new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.Zero), contents.Date);
        Assert.Equal("Grüße", contents.TextBody);
        Assert.Equal("<p>Grüße <img src='cid:pic@1'></p>", contents.HtmlBody);
        Assert.True(contents.RtfBody.IsEmpty);
        Assert.Equal(2, contents.Attachments.Count);
        TnefAttachment pdf = contents.Attachments[0];
        Assert.Equal("Angebot für Köln.pdf", pdf.FileName);
        Assert.Equal("application/pdf", pdf.MediaType);
        Assert.Equal([1, 2, 3, 4, 5], pdf.Content.ToArray());
        Assert.False(pdf.IsInline);
        TnefAttachment picture = contents.Attachments[1];
        Assert.Equal("pic@1", picture.ContentId);
        Assert.Equal("bild.png", picture.ContentLocation);
        Assert.True(picture.IsInline);
        Assert.Equal(Picture, picture.Content.ToArray());
        Assert.Equal("bild.png (image/png, 7 bytes)", picture.ToString());
    }

    [Fact]
    public void Old_attributes_stand_in_for_properties()
    {
        TnefContents contents = TnefContents.Read(new TnefBuilder()
            .Attribute(1, 0x00069007, TnefBuilder.Number(1251), TnefBuilder.Number(0))
            .Attribute(1, 0x00018004, [0xCF, 0xF0, 0xE8, 0xE2, 0xE5, 0xF2, 0])
            .Attribute(1, 0x0002800C, [0xE4, 0xE0, 0])
            .Attribute(2, 0x0006800F, [9, 8, 7])            // an attachment without its beginning
            .Attribute(2, 0x00018010, [0xF4, 0x2E, 0x74, 0x78, 0x74, 0])
            .Bytes)!;

        Assert.Equal("Привет", contents.Subject);
        Assert.Equal("да", contents.TextBody);
        Assert.Equal("ф.txt", Assert.Single(contents.Attachments).FileName);
        Assert.Equal([9, 8, 7], contents.Attachments[0].Content.ToArray());
    }

    [Fact]
    public void Attached_messages_are_unpacked_and_can_be_saved()
    {
        byte[] outer = new TnefBuilder().Attachment(string.Empty, [], TnefBuilder.Object(0x3701, new TnefBuilder()
            .Message(
                TnefBuilder.Unicode(0x0037, "Inner"), TnefBuilder.Unicode(0x1000, "Line one\r\nLine two"), TnefBuilder.Unicode(0x0C1F, "bob@example.test"),
                TnefBuilder.Unicode(0x1013, "<p>Line</p>"))
            .Attribute(1, 0x00069004, TnefBuilder.Number(2),
                TnefBuilder.Properties(TnefBuilder.Unicode(0x3001, "Carl"), TnefBuilder.Unicode(0x39FE, "carl@example.test"), TnefBuilder.Long(0x0C15, 1)),
                TnefBuilder.Properties(TnefBuilder.Unicode(0x3003, "dora@example.test"), TnefBuilder.Long(0x0C15, 2)))
            .Attachment("a.bin", [1, 2, 3], TnefBuilder.Unicode(0x3712, "x@y"))
            .Bytes), TnefBuilder.Long(0x3705, 5), TnefBuilder.Unicode(0x3001, "Inner")).Bytes;

        TnefAttachment attachment = Assert.Single(TnefContents.Read(outer)!.Attachments);
        Assert.Equal("message/rfc822", attachment.MediaType);
        Assert.Equal("Inner", attachment.Message!.Subject);
        byte[] saved = attachment.Message.ToMessage();
        Assert.Equal(saved, attachment.Message.ToMessage());
        MimeMessage message = MimeMessage.Parse(saved);
        Assert.Empty(message.Diagnostics);
        Assert.Equal("Inner", message.Subject);
        Assert.Equal("bob@example.test", message.From[0].Address);
        Assert.Equal(new MailAddress("Carl", "carl@example.test"), message.To[0]);
        Assert.Equal("dora@example.test", message.Cc[0].Address);
        Assert.Equal("Line one\r\nLine two", message.TextBody!.GetText());
        Assert.Equal("<p>Line</p>", message.HtmlBody!.GetText());
        Assert.Equal([1, 2, 3], Assert.Single(message.Attachments).Decode());
        Assert.DoesNotMatch("(?<!\r)\n", Encoding.Latin1.GetString(saved));
    }

    [Fact]
    public void Messages_attached_to_attached_messages_are_saved_too()
    {
        byte[] bytes = new TnefBuilder().Message(TnefBuilder.Unicode(0x0037, "0")).Bytes;
        for (int depth = 1; depth <= 4; depth++)
            bytes = new TnefBuilder().Message(TnefBuilder.Unicode(0x0037, $"{depth}")).Attachment("m", [], TnefBuilder.Object(0x3701, bytes)).Bytes;

        MimeMessage message = MimeMessage.Parse(TnefContents.Read(bytes)!.ToMessage());
        for (int depth = 4; depth > 0; depth--)
        {
            Assert.Equal($"{depth}", message.Subject);
            message = Assert.Single(message.Attachments).EmbeddedMessage!;
        }

        Assert.Equal("0", message.Subject);
    }

    [Fact]
    public void Objects_of_other_programs_are_files()
    {
        TnefAttachment attachment = Assert.Single(
            TnefContents.Read(new TnefBuilder().Attachment("sheet", [], TnefBuilder.Object(0x3701, [1, 2, 3]), TnefBuilder.Long(0x3705, 6)).Bytes)!.Attachments);

        Assert.Null(attachment.Message);
        Assert.Equal([1, 2, 3], attachment.Content.ToArray());
    }

    [Theory]
    [InlineData("Content-Type: application/ms-tnef; name=winmail.dat", true)]
    [InlineData("Content-Type: application/vnd.ms-tnef", true)]
    [InlineData("Content-Type: application/octet-stream; name=WinMail.dat", true)]
    [InlineData("Content-Type: application/octet-stream; name=other.dat", false)]
    public void Parts_are_recognised_by_type_or_name_and_signature(string header, bool expected)
    {
        MimePart part = Mail.ParseLines($"{header}\nContent-Transfer-Encoding: base64\n\n{Convert.ToBase64String(Rich)}\n").Root;

        Assert.Equal(expected, TnefContents.IsTnef(part));
        Assert.Equal("Angebot für Köln", TnefContents.Read(part)!.Subject);
    }

    [Fact]
    public void What_is_only_called_winmail_is_a_file()
    {
        MimePart part = Mail.ParseLines("Content-Type: application/octet-stream; name=winmail.dat\n\nhello\n").Root;

        Assert.False(TnefContents.IsTnef(part));
        Assert.Null(TnefContents.Read(part));
    }

    [Fact]
    public void A_stream_that_is_cut_anywhere_gives_what_is_there()
    {
        byte[] rich = Rich;
        int complete = 0;
        for (int length = 0; length <= rich.Length; length++)
        {
            TnefContents? contents = TnefContents.Read(rich.AsMemory(0, length));
            Assert.Equal(length >= 6, contents is not null);
            complete += contents is { Attachments.Count: 2 } ? 1 : 0;
            _ = contents?.ToMessage();
        }

        Assert.True(complete > 0);
    }

    [Fact]
    public void A_stream_with_any_byte_changed_never_throws()
    {
        byte[] rich = Rich;
        for (int at = 0; at < rich.Length; at++)
        {
            byte before = rich[at];
            foreach (byte value in (ReadOnlySpan<byte>)[0, 1, 0x7F, 0xFF, (byte)(before + 1)])
            {
                rich[at] = value;
                _ = TnefContents.Read(rich)?.ToMessage();
            }

            rich[at] = before;
        }

        Assert.Empty(TnefContents.Read(rich)!.Problems);
    }

    [Fact]
    public void Lengths_beyond_the_end_are_not_believed()
    {
        TnefContents contents = TnefContents.Read((byte[])[.. new TnefBuilder().Bytes, 2, .. TnefBuilder.Number(0x0006800F), .. TnefBuilder.Number(0xFFFFFFFF), 1, 2, 3])!;

        Assert.Equal(["winmail.dat is cut"], contents.Problems);
        Assert.Equal([1, 2, 3], Assert.Single(contents.Attachments).Content.ToArray());
    }

    [Fact]
    public void Counts_beyond_the_end_are_not_believed()
    {
        TnefContents contents = TnefContents.Read(new TnefBuilder()
            .Attribute(1, 0x00069003, TnefBuilder.Number(0xFFFFFFFF), TnefBuilder.Unicode(0x0037, "Subject"), TnefBuilder.Number(0x1000u << 16 | 0x101F),
                TnefBuilder.Number(0xFFFFFFFF))
            .Attribute(1, 0x00069004, TnefBuilder.Number(0xFFFFFFFF)).Bytes)!;

        Assert.Equal("Subject", contents.Subject);
        Assert.Equal(["The message's properties in winmail.dat are broken"], contents.Problems);
    }

    [Fact]
    public void Texts_grow_at_most_threefold()
    {
        // One literal, then references that repeat it: seventeen bytes out of two and an eighth.
        byte[] body = [0xFE, (byte)'a', .. Enumerable.Repeat((byte[])[0x0C, 0xFF], 7).SelectMany(static b => b),
            .. Enumerable.Repeat((byte[])[0xFF, .. Enumerable.Repeat((byte[])[0x0C, 0xFF], 8).SelectMany(static b => b)], 30_000).SelectMany(static b => b)];
        byte[] compressed = [.. TnefBuilder.Number((uint)body.Length + 12), .. TnefBuilder.Number(100_000_000), .. TnefBuilder.Number(0x75465A4C), .. TnefBuilder.Number(0), .. body];
        byte[] bytes = new TnefBuilder().Message(TnefBuilder.Binary(0x1009, compressed)).Bytes;

        TnefContents contents = TnefContents.Read(bytes)!;

        Assert.InRange(contents.RtfBody.Length, 1, bytes.Length * 3);
        Assert.Equal(["The RTF text in winmail.dat is cut, or grows beyond three times its size"], contents.Problems);
    }

    [Fact]
    public void Attachments_and_depth_are_limited()
    {
        var builder = new TnefBuilder();
        for (int i = 0; i < 5; i++)
            builder.Attachment("a", [1]);
        byte[] deep = new TnefBuilder().Bytes;
        for (int i = 0; i < 20; i++)
            deep = new TnefBuilder().Attachment("m", [], TnefBuilder.Object(0x3701, deep)).Bytes;

        TnefContents many = TnefContents.Read(builder.Bytes, new MimeLimits { MaximumParts = 3 })!;
        TnefContents nested = TnefContents.Read(deep)!;

        Assert.Equal(3, many.Attachments.Count);
        Assert.Equal(["winmail.dat holds more than 3 attachments"], many.Problems);
        Assert.Equal(["Messages in winmail.dat lie more than 10 deep in each other"], nested.Problems);
    }
}
