using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime.Tnef;

/// <summary>
/// Reads the attributes of a TNEF stream ([MS-OXTNEF] 2.1). Lengths are checked before they are believed; checksums are not: writers get them wrong.
/// </summary>
/// <param name="limits">Bounds on attachments and depth.</param>
/// <param name="size">The size of the outermost stream, which everything made of it is measured by.</param>
internal sealed class TnefReader(MimeLimits limits, int size)
{
    private const uint Signature = 0x223E9F78;
    private const int MaximumExpansion = 3;
    private const int FreeExpansion = 1 << 20;
    private const int Iid = 16;
    private int made;
    private int files;

    // Text, RTF and HTML take little of most mail and compress well: below a mebibyte nobody counts.
    private int Room => (int)Math.Clamp(Math.Max(FreeExpansion, (long)size * MaximumExpansion) - made, 0, int.MaxValue);

    public static bool HasSignature(ReadOnlySpan<byte> bytes) => bytes.Length >= 6 && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Signature;

    public TnefContents Read(ReadOnlyMemory<byte> stream, int depth)
    {
        var contents = new TnefContents();
        var message = new Collected();
        Collected? attachment = null;
        int position = 6;
        while (position < stream.Length)
        {
            ReadOnlySpan<byte> head = stream.Span[position..];
            if (head.Length < 9 || head[0] is not (1 or 2))
            {
                if (!head.TrimEnd((byte)0).IsEmpty)
                    contents.Remark("winmail.dat holds something else after its last attribute, or is cut");
                break;
            }

            uint attribute = BinaryPrimitives.ReadUInt32LittleEndian(head[1..]);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(head[5..]);
            position += 9;
            if (length > stream.Length - position)
            {
                contents.Remark("winmail.dat is cut");
                length = (uint)(stream.Length - position);
            }

            ReadOnlyMemory<byte> data = stream.Slice(position, (int)length);
            position = (int)Math.Min(stream.Length, position + length + 2L);
            if (head[0] == 1)
                ReadMessageAttribute(attribute & 0xFFFF, data, message, contents);
            else
                ReadAttachmentAttribute(attribute & 0xFFFF, data, message, ref attachment, contents, depth);
        }

        Finish(attachment, message, contents, depth);
        Finish(message, contents);
        return contents;
    }

    private static void ReadMessageAttribute(uint attribute, ReadOnlyMemory<byte> data, Collected message, TnefContents contents)
    {
        switch (attribute)
        {
            case 0x9007 when data.Length >= 4:      // attOemCodepage
                message.Charset = CodePage(BinaryPrimitives.ReadInt32LittleEndian(data.Span)) ?? Charsets.Windows1252;
                break;
            case 0x8004:                            // attSubject
                message.Title = data;
                break;
            case 0x800C:                            // attBody
                message.Data = data;
                break;
            case 0x8008:                            // attMessageClass
                message.Class = data;
                break;
            case 0x9003:                            // attMsgProps
                message.Properties = TnefProperties.Read(data, out _);
                if (!message.Properties.IsComplete)
                    contents.Remark("The message's properties in winmail.dat are broken");
                break;
            case 0x9004:                            // attRecipTable
                message.Recipients = data;
                break;
        }
    }

    private void ReadAttachmentAttribute(
        uint attribute, ReadOnlyMemory<byte> data, Collected message, ref Collected? attachment, TnefContents contents, int depth)
    {
        // attAttachRenddata begins an attachment.
        if (attribute == 0x9002)
        {
            Finish(attachment, message, contents, depth);
            attachment = new Collected();
            return;
        }

        attachment ??= new Collected();
        switch (attribute)
        {
            case 0x8010:                            // attAttachTitle
                attachment.Title = data;
                break;
            case 0x800F:                            // attAttachData
                attachment.Data = data;
                break;
            case 0x9005:                            // attAttachment
                attachment.Properties = TnefProperties.Read(data, out _);
                if (!attachment.Properties.IsComplete)
                    contents.Remark("An attachment's properties in winmail.dat are broken");
                break;
        }
    }

    private void Finish(Collected? collected, Collected message, TnefContents contents, int depth)
    {
        if (collected is null)
            return;
        if (files++ >= limits.MaximumParts)
        {
            contents.Remark(string.Create(CultureInfo.InvariantCulture, $"winmail.dat holds more than {limits.MaximumParts:N0} attachments"));
            return;
        }

        TnefProperties properties = collected.Properties ?? new TnefProperties();
        properties.Charset = message.Charset;
        var attachment = new TnefAttachment
        {
            FileName = properties.Text(0x3707) ?? Text(collected.Title, message.Charset) ?? properties.Text(0x3704) ?? properties.Text(0x3001),
            ContentId = properties.Text(0x3712) is { } id && MessageIds.TrimBrackets(id) is { Length: > 0 } bare ? bare : null,
            ContentLocation = properties.Text(0x3713),
            Content = collected.Data,
        };
        // PidTagAttachFlags has a bit for "is rendered within the HTML body".
        attachment.IsInline = properties.Int32(0x7FFE) is not (null or 0) || ((properties.Int32(0x3714) ?? 0) & 4) != 0;
        if (properties.Text(0x370E) is { } type && type.Contains('/', StringComparison.Ordinal))
            attachment.MediaType = ContentType.Parse(type).MediaType;

        if (properties.Bytes(0x3701, out ushort kind) is { } value)
        {
            // An object starts with the id of the interface it was read through.
            ReadOnlyMemory<byte> content = kind == 0x000D ? value[Math.Min(Iid, value.Length)..] : value;
            if (kind == 0x000D && properties.Int32(0x3705) is null or 5 && HasSignature(content.Span))
                ReadMessage(attachment, content, contents, depth);
            else if (attachment.Content.IsEmpty)
                attachment.Content = content;
        }

        contents.Files.Add(attachment);
    }

    private void ReadMessage(TnefAttachment attachment, ReadOnlyMemory<byte> content, TnefContents contents, int depth)
    {
        attachment.Content = content;
        if (depth + 1 >= limits.MaximumMessageDepth)
        {
            contents.Remark($"Messages in winmail.dat lie more than {limits.MaximumMessageDepth} deep in each other");
            return;
        }

        attachment.Message = Read(content, depth + 1);
        attachment.MediaType = "message/rfc822";
        foreach (string problem in attachment.Message.Problems)
            contents.Remark(problem);
    }

    private void Finish(Collected message, TnefContents contents)
    {
        TnefProperties properties = message.Properties ?? new TnefProperties();
        properties.Charset = message.Charset;
        contents.Subject = properties.Text(0x0037) ?? Text(message.Title, message.Charset);
        contents.MessageClass = properties.Text(0x001A) ?? Text(message.Class, message.Charset);
        contents.MessageId = properties.Text(0x1035);
        contents.Date = properties.Time(0x0039) ?? properties.Time(0x0E06);
        contents.From = Address(properties.Text(0x0C1A) ?? properties.Text(0x0042), properties.Text(0x5D01) ?? properties.Text(0x0C1F) ?? properties.Text(0x0065));
        ReadRecipients(message, contents);

        contents.TextBody = Limited(properties.Text(0x1000) ?? Text(message.Data, message.Charset), contents);
        contents.HtmlBody = Limited(Html(properties), contents);
        if (properties.Bytes(0x1009, out _) is { Length: > 0 } compressed)
            ReadRtf(compressed, contents);
    }

    private void ReadRtf(ReadOnlyMemory<byte> compressed, TnefContents contents)
    {
        if (CompressedRtf.Decompress(compressed.Span, Room, out bool isCut) is not { } rtf)
        {
            contents.Remark("The RTF text in winmail.dat is broken");
            return;
        }

        if (isCut)
            contents.Remark("The RTF text in winmail.dat is cut, or grows beyond three times its size");
        made += rtf.Length;
        contents.RtfBody = rtf;
        if (contents.HtmlBody is not null)
            return;
        string text = RtfText.Extract(rtf, Math.Min(Room, limits.MaximumTextLength), out bool isHtml);
        made += text.Length;
        if (isHtml && text.Length > 0)
            contents.HtmlBody = text;
        else if (contents.TextBody is null && text.Length > 0)
            contents.TextBody = text;
    }

    private static string? Html(TnefProperties properties)
    {
        if (properties.Text(0x1013) is { } text)
            return text;
        if (properties.Bytes(0x1013, out ushort type) is not { Length: > 0 } bytes || type != 0x0102)
            return null;
        Encoding? charset = properties.Int32(0x3FDE) is { } page ? CodePage(page) : null;
        return TextDecoder.Decode(bytes.Span.TrimEnd((byte)0), charset, isHtml: true, cut: false);
    }

    private static void ReadRecipients(Collected message, TnefContents contents)
    {
        ReadOnlyMemory<byte> table = message.Recipients;
        if (table.Length < 4)
            return;
        uint rows = BinaryPrimitives.ReadUInt32LittleEndian(table.Span);
        table = table[4..];
        for (uint row = 0; row < rows && table.Length >= 4; row++)
        {
            TnefProperties properties = TnefProperties.Read(table, out int length);
            properties.Charset = message.Charset;
            table = table[length..];
            if (Address(properties.Text(0x3001), properties.Text(0x39FE) ?? properties.Text(0x3003)) is { } address && properties.Int32(0x0C15) is 1 or 2 or null)
                contents.AddRecipient(address, properties.Int32(0x0C15) == 2);
            if (!properties.IsComplete)
                return;
        }
    }

    private static MailAddress? Address(string? name, string? address)
    {
        if (IsUsable(address))
            return new MailAddress(name, address!);
        return IsUsable(name) ? new MailAddress(name!) : null;
    }

    private static bool IsUsable(string? address) => MailAddress.IsValidAddrSpec(address) && MailAddress.IsValidAddrSpec(new MailAddress(address).ToAsciiDomain());

    private string? Limited(string? text, TnefContents contents)
    {
        if (text is null)
            return null;
        int room = Math.Min(Room, limits.MaximumTextLength);
        if (text.Length > room)
        {
            contents.Remark($"A text in winmail.dat is longer than {room:N0} characters");
            text = text[..(room > 0 && char.IsHighSurrogate(text[room - 1]) ? room - 1 : room)];
        }

        made += text.Length;
        return text.Length == 0 ? null : text;
    }

    private static string? Text(ReadOnlyMemory<byte> bytes, Encoding charset)
    {
        int zero = bytes.Span.IndexOf((byte)0);
        string text = Charsets.GetString(charset, zero < 0 ? bytes.Span : bytes.Span[..zero]);
        return text.Length == 0 ? null : text;
    }

    private static Encoding? CodePage(int page) => page is > 0 and < 65536 ? Charsets.Find("cp" + page.ToString(CultureInfo.InvariantCulture)) : null;

    /// <summary>Attributes of a message or attachment, which may come in any order.</summary>
    private sealed class Collected
    {
        public Encoding Charset { get; set; } = Charsets.Windows1252;

        public ReadOnlyMemory<byte> Title { get; set; }

        public ReadOnlyMemory<byte> Class { get; set; }

        public ReadOnlyMemory<byte> Data { get; set; }

        public ReadOnlyMemory<byte> Recipients { get; set; }

        public TnefProperties? Properties { get; set; }
    }
}
