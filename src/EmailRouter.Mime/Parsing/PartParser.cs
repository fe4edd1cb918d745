using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace EmailRouter.Mime.Parsing;

/// <summary>
/// Takes a message apart in one forward pass. Bodies are crossed with a vectorised search for a line end and two hyphens; only such lines are compared
/// with the open boundaries. Whatever is wrong with the message, every byte is looked at a bounded number of times.
/// </summary>
internal ref struct PartParser
{
    private static readonly SearchValues<byte> EndOfWord = SearchValues.Create(" \t;(\r\n"u8);
    private readonly ParseContext context;
    private readonly ReadOnlySpan<byte> source;
    private readonly List<byte[]> boundaries = [];
    private readonly List<HeaderSlice> slices = new(32);
    private int end;
    private bool exhausted;

    private PartParser(ParseContext context)
    {
        this.context = context;
        source = context.Source.Span;
        end = source.Length;
    }

    /// <summary>Where a body ends and why.</summary>
    /// <param name="Level">The index of the boundary that ends it, -1 at the end of the message.</param>
    /// <param name="IsClose">Whether it is the closing boundary.</param>
    /// <param name="ContentEnd">Where the content before it ends; the line end in front of a boundary belongs to the boundary (RFC 2046 5.1.1).</param>
    /// <param name="Next">The start of the line after it.</param>
    private readonly record struct Hit(int Level, bool IsClose, int ContentEnd, int Next);

    /// <summary>Parses a whole message.</summary>
    public static MimePart ParseMessage(ParseContext context, int messageDepth)
    {
        var parser = new PartParser(context);
        if (context.Source.Length > context.Limits.MaximumMessageSize)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.MessageTooLarge, 0,
                $"The message is larger than {context.Limits.MaximumMessageSize:N0} bytes; only its headers were read.");
            parser.exhausted = true;
        }

        return parser.ParseEntity(0, ContentType.Text, 0, messageDepth, isMessage: true, null, out _);
    }

    /// <summary>Parses the decoded content of a multipart that was encoded as a whole.</summary>
    public static List<MimePart> ParseMultipart(ParseContext context, ContentType type, int depth, int messageDepth)
    {
        var parser = new PartParser(context);
        var parts = new List<MimePart>();
        parser.ParseParts(type, 0, depth, messageDepth, parts, null, out _);
        return parts;
    }

    private MimePart ParseEntity(int start, ContentType defaultType, int depth, int messageDepth, bool isMessage, MimePart? parent, out Hit hit)
    {
        context.Diagnostics.PartCount++;
        bool early = ParseHeaders(start, isMessage, out int bodyStart, out int typeIndex, out int encodingIndex, out hit);
        var headers = new HeaderList(context, slices.Count == 0 ? [] : slices.ToArray());
        ContentType? type = typeIndex < 0 ? defaultType : StructuredType(headers, typeIndex);
        MimeTransferEncoding encoding = encodingIndex < 0 ? MimeTransferEncoding.SevenBit : ReadEncoding(headers, encodingIndex);
        var part = new MimePart(headers, type, encoding, parent);

        if (!early)
        {
            if (exhausted)
                hit = new Hit(-1, false, end, end);
            else if (type is { Type: "multipart" })
                ParseMultipartBody(part, type, bodyStart, depth, messageDepth, out hit);
            else if (type is { Type: "message", Subtype: "rfc822" or "global" or "news" })
                ParseEmbedded(part, bodyStart, depth, messageDepth, out hit);
            else
                hit = FindBoundary(bodyStart);
        }

        part.SetRange(start, bodyStart, Math.Max(bodyStart, hit.ContentEnd));
        if (type is not null && !early)
            ParseEncodedStructure(part, type, depth, messageDepth);
        return part;
    }

    private void ParseMultipartBody(MimePart part, ContentType type, int bodyStart, int depth, int messageDepth, out Hit hit)
    {
        if (depth >= context.Limits.MaximumDepth)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.NestingTooDeep, bodyStart, $"Parts lie more than {context.Limits.MaximumDepth} deep in each other.");
            hit = FindBoundary(bodyStart);
            return;
        }

        var parts = new List<MimePart>();
        ParseParts(type, bodyStart, depth, messageDepth, parts, part, out hit);
        if (parts.Count > 0)
            part.SetParts(parts);
    }

    private void ParseParts(ContentType type, int bodyStart, int depth, int messageDepth, List<MimePart> parts, MimePart? parent, out Hit hit)
    {
        byte[]? boundary = type.Boundary is { } named ? Encoding.UTF8.GetBytes(named) : null;
        if (boundary is null)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.BoundaryMissing, bodyStart, "A multipart names no boundary.");
        }
        else if (boundary.Length > context.Limits.MaximumBoundaryLength)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.BoundaryTooLong, bodyStart, $"A boundary is longer than {context.Limits.MaximumBoundaryLength} bytes.");
            boundary = null;
        }

        ContentType childType = type.Subtype == "digest" ? ContentType.Message : ContentType.Text;
        if (boundary is not null)
        {
            ReadParts(boundary, bodyStart, childType, depth, messageDepth, parts, parent, out bool found, out hit);
            if (found || exhausted)
                return;
        }
        else
        {
            hit = FindBoundary(bodyStart);
        }

        // The named boundary leads nowhere. If the content shows another one, it is read by that, within the limits found so far.
        int contentEnd = Math.Max(bodyStart, hit.ContentEnd);
        if (GuessBoundary(source[bodyStart..contentEnd]) is { } guessed)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.BoundaryGuessed, bodyStart,
                $"A multipart was read by the boundary \"{Encoding.Latin1.GetString(guessed)}\" found in its content.");
            int outerEnd = end;
            end = contentEnd;
            ReadParts(guessed, bodyStart, childType, depth, messageDepth, parts, parent, out _, out _);
            end = outerEnd;
        }
        else if (boundary is not null && contentEnd > bodyStart)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.BoundaryNotFound, bodyStart, $"The boundary \"{type.Boundary}\" does not occur in its multipart.");
        }
    }

    private void ReadParts(byte[] boundary, int bodyStart, ContentType childType, int depth, int messageDepth, List<MimePart> parts, MimePart? parent,
        out bool found, out Hit hit)
    {
        int level = boundaries.Count;
        boundaries.Add(boundary);
        hit = FindBoundary(bodyStart);
        found = hit.Level == level;
        while (hit.Level == level && !hit.IsClose)
        {
            if (context.Diagnostics.PartCount >= context.Limits.MaximumParts)
            {
                context.Diagnostics.Add(MimeDiagnosticCode.TooManyParts, hit.Next, $"The message has more than {context.Limits.MaximumParts:N0} parts.");
                exhausted = true;
                hit = new Hit(-1, false, end, end);
                break;
            }

            parts.Add(ParseEntity(hit.Next, childType, depth + 1, messageDepth, isMessage: false, parent, out hit));
        }

        boundaries.RemoveAt(level);
        if (hit.Level == level)
            hit = FindBoundary(hit.Next);       // across the epilogue
        else if (found && !exhausted)
            context.Diagnostics.Add(MimeDiagnosticCode.EndBoundaryMissing, Math.Max(bodyStart, hit.ContentEnd),
                "A multipart does not end with its closing boundary.");
    }

    private void ParseEmbedded(MimePart part, int bodyStart, int depth, int messageDepth, out Hit hit)
    {
        bool tooDeep = messageDepth >= context.Limits.MaximumMessageDepth;
        if (tooDeep || depth >= context.Limits.MaximumDepth)
        {
            context.Diagnostics.Add(
                tooDeep ? MimeDiagnosticCode.MessagesNestedTooDeep : MimeDiagnosticCode.NestingTooDeep,
                bodyStart,
                $"Messages lie more than {(tooDeep ? context.Limits.MaximumMessageDepth : context.Limits.MaximumDepth)} deep in each other.");
            hit = FindBoundary(bodyStart);
            return;
        }

        // An encoded message has its headers in code: it is read after decoding.
        if (part.TransferEncoding is MimeTransferEncoding.Base64 or MimeTransferEncoding.QuotedPrintable or MimeTransferEncoding.UUEncode
            && !LooksLikeHeader(bodyStart))
        {
            hit = FindBoundary(bodyStart);
            return;
        }

        if (bodyStart >= end || AtBoundary(bodyStart, out hit))
        {
            hit = FindBoundary(bodyStart);
            return;
        }

        MimePart root = ParseEntity(bodyStart, ContentType.Text, depth + 1, messageDepth + 1, isMessage: true, null, out hit);
        int contentEnd = Math.Max(bodyStart, hit.ContentEnd);
        if (contentEnd > bodyStart)
            part.SetEmbedded(new MimeMessage(context, root, context.Source[bodyStart..contentEnd]));
    }

    private readonly bool LooksLikeHeader(int position)
    {
        ReadOnlySpan<byte> rest = source[position..end];
        int colon = rest[..Math.Min(rest.Length, 80)].IndexOf((byte)':');
        return colon > 0 && IsName(rest[..colon]);
    }

    // Base64 and quoted-printable are forbidden on multiparts and messages, and occur.
    private readonly void ParseEncodedStructure(MimePart part, ContentType type, int depth, int messageDepth)
    {
        bool isMultipart = type.Type == "multipart";
        bool isMessage = type.Type == "message" && type.Subtype is "rfc822" or "global" or "news";
        if ((!isMultipart && !isMessage) || part.HasStructure || part.RawBody.IsEmpty || exhausted
            || part.TransferEncoding is not (MimeTransferEncoding.Base64 or MimeTransferEncoding.QuotedPrintable or MimeTransferEncoding.UUEncode)
            || depth >= context.Limits.MaximumDepth || messageDepth >= context.Limits.MaximumMessageDepth)
            return;

        long room = context.Limits.MaximumDecodedStructure - context.Diagnostics.DecodedBytes;
        byte[]? decoded = part.Decode(room);
        if (decoded is null)
        {
            context.Diagnostics.Add(
                MimeDiagnosticCode.DecodedStructureTooLarge, part.Offset,
                    $"An encoded {type.MediaType} part is larger than {context.Limits.MaximumDecodedStructure:N0} bytes.");
            return;
        }

        if (decoded.Length == 0)
            return;
        context.Diagnostics.DecodedBytes += decoded.Length;
        context.Diagnostics.Add(MimeDiagnosticCode.EncodedStructure, part.Offset,
            $"A part of type {type.MediaType} is encoded, which RFC 2045 forbids; it was decoded first.");
        var inner = new ParseContext(decoded, context.Limits, context.Diagnostics);
        if (isMultipart)
        {
            List<MimePart> parts = ParseMultipart(inner, type, depth + 1, messageDepth + 1);
            if (parts.Count > 0)
                part.SetParts(parts);
        }
        else
        {
            part.SetEmbedded(new MimeMessage(inner, ParseMessage(inner, messageDepth + 1), decoded));
        }
    }

    private bool ParseHeaders(int start, bool isMessage, out int bodyStart, out int typeIndex, out int encodingIndex, out Hit hit)
    {
        MimeLimits limits = context.Limits;
        slices.Clear();
        typeIndex = encodingIndex = -1;
        hit = default;
        int position = isMessage ? SkipPrologue(start) : start;
        int first = position;
        while (position < end)
        {
            byte lead = source[position];
            int lineEnd = LineEnd(position);
            if (lead == '\n' || (lead == '\r' && position + 1 < end && source[position + 1] == '\n'))
            {
                bodyStart = lineEnd;
                return false;
            }

            if (lead == '-' && AtBoundary(position, out hit))
            {
                context.Diagnostics.Add(MimeDiagnosticCode.HeadersNotTerminated, position, "Headers end at a boundary, without an empty line.");
                bodyStart = Math.Max(start, position);
                hit = hit with { ContentEnd = bodyStart };
                return true;
            }

            if (position == first && lead is (byte)' ' or (byte)'\t' && source[position..lineEnd].Trim(" \t\r\n"u8).IsEmpty)
            {
                bodyStart = lineEnd;        // nothing to continue: this is meant as the empty line
                return false;
            }

            int fieldEnd = lineEnd;
            while (fieldEnd < end && source[fieldEnd] is (byte)' ' or (byte)'\t')
                fieldEnd = LineEnd(fieldEnd);
            AddHeader(position, lineEnd, fieldEnd, first, limits, ref typeIndex, ref encodingIndex);
            position = fieldEnd;
        }

        if (slices.Count > 0)
            context.Diagnostics.Add(MimeDiagnosticCode.HeadersNotTerminated, end, "The message ends among headers.");
        bodyStart = end;
        hit = new Hit(-1, false, end, end);
        return true;
    }

    private void AddHeader(int start, int lineEnd, int fieldEnd, int sectionStart, MimeLimits limits, ref int typeIndex, ref int encodingIndex)
    {
        if (fieldEnd - sectionStart > limits.MaximumHeaderSectionLength && start > sectionStart)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.HeaderSectionTooLong, sectionStart,
                $"A header section is longer than {limits.MaximumHeaderSectionLength:N0} bytes.");
            return;
        }

        if (slices.Count >= limits.MaximumHeaders)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.TooManyHeaders, sectionStart, $"An entity has more than {limits.MaximumHeaders:N0} headers.");
            return;
        }

        int valueEnd = fieldEnd;
        if (valueEnd > start && source[valueEnd - 1] == '\n')
            valueEnd--;
        if (valueEnd > start && source[valueEnd - 1] == '\r')
            valueEnd--;
        int valueStart = start;
        int nameLength = 0;
        bool isValid = false;
        int colon = source[start..lineEnd].IndexOf((byte)':');
        if (colon < 0)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.HeaderWithoutColon, start, "A line among the headers has no colon.");
        }
        else
        {
            ReadOnlySpan<byte> name = source.Slice(start, colon).TrimEnd(" \t"u8);
            nameLength = name.Length;
            valueStart = start + colon + 1;
            isValid = IsName(name);
            if (!isValid)
                context.Diagnostics.Add(MimeDiagnosticCode.HeaderNameInvalid, start, "A header's name is empty or holds characters that are not allowed.");
            if (typeIndex < 0 && nameLength == 12 && Ascii.EqualsIgnoreCase(name, "content-type"u8))
                typeIndex = slices.Count;
            else if (encodingIndex < 0 && nameLength == 25 && Ascii.EqualsIgnoreCase(name, "content-transfer-encoding"u8))
                encodingIndex = slices.Count;
        }

        if (valueEnd - valueStart > limits.MaximumHeaderLength)
        {
            context.Diagnostics.Add(MimeDiagnosticCode.HeaderTooLong, start, $"A header is longer than {limits.MaximumHeaderLength:N0} bytes.");
            valueEnd = valueStart + limits.MaximumHeaderLength;
        }

        slices.Add(new HeaderSlice(start, nameLength, valueStart, Math.Max(valueStart, valueEnd), fieldEnd, isValid));
    }

    // A byte order mark, the "From " line of an mbox, and empty lines in front of the first header.
    private readonly int SkipPrologue(int start)
    {
        int position = start;
        ReadOnlySpan<byte> rest = source[position..end];
        foreach (int length in (ReadOnlySpan<int>)[3, 2])
        {
            ReadOnlySpan<byte> mark = new byte[] { 0xEF, 0xBB, 0xBF }.AsSpan(0, length);
            if (rest.StartsWith(mark))
            {
                position += length;
                break;
            }
        }

        int line = position;
        while (line < end && source[line] is (byte)'\r' or (byte)'\n')
            line++;
        if (line > position && LooksLikeHeader(line))
            position = line;

        rest = source[position..end];
        if (rest.StartsWith("From "u8) || rest.StartsWith(">From "u8))
        {
            int after = rest.IndexOf((byte)' ');
            ReadOnlySpan<byte> tail = rest[after..].TrimStart(" \t"u8);
            if (tail.IsEmpty || tail[0] != ':')
                position = LineEnd(position);
        }

        return position;
    }

    private readonly int LineEnd(int position)
    {
        int length = source[position..end].IndexOf((byte)'\n');
        return length < 0 ? end : position + length + 1;
    }

    private static bool IsName(ReadOnlySpan<byte> name) => !name.IsEmpty && name.IndexOfAnyExceptInRange((byte)33, (byte)126) < 0 && !name.Contains((byte)':');

    private readonly Hit FindBoundary(int from)
    {
        if (boundaries.Count == 0 || exhausted)
            return new Hit(-1, false, end, end);
        if (AtBoundary(from, out Hit hit))
            return hit with { ContentEnd = from };

        int position = from;
        while (true)
        {
            int offset = source[position..end].IndexOf("\n--"u8);
            if (offset < 0)
                return new Hit(-1, false, end, end);
            int line = position + offset + 1;
            if (AtBoundary(line, out hit))
            {
                int contentEnd = line - 1;
                if (contentEnd > from && source[contentEnd - 1] == '\r')
                    contentEnd--;
                return hit with { ContentEnd = contentEnd };
            }

            position = line + 2;
        }
    }

    private readonly bool AtBoundary(int line, out Hit hit)
    {
        hit = default;
        ReadOnlySpan<byte> rest = source[line..end];
        if (boundaries.Count == 0 || !rest.StartsWith("--"u8))
            return false;
        rest = rest[2..];
        ReadOnlySpan<byte[]> open = CollectionsMarshal.AsSpan(boundaries);
        for (int level = open.Length - 1; level >= 0; level--)
        {
            ReadOnlySpan<byte> boundary = open[level];
            if (!rest.StartsWith(boundary))
                continue;
            ReadOnlySpan<byte> tail = rest[boundary.Length..];
            bool isClose = tail.StartsWith("--"u8);
            int padding = isClose ? 2 : 0;
            while (padding < tail.Length && tail[padding] is (byte)' ' or (byte)'\t' or (byte)'\r')
                padding++;
            if (padding < tail.Length && tail[padding] != '\n')
                continue;
            int next = line + 2 + boundary.Length + Math.Min(padding + 1, tail.Length);
            hit = new Hit(level, isClose, line, next);
            return true;
        }

        return false;
    }

    // A boundary shows itself as a line of hyphens and boundary characters right in front of a Content- header.
    private static byte[]? GuessBoundary(ReadOnlySpan<byte> body)
    {
        int position = 0;
        while (position < body.Length)
        {
            ReadOnlySpan<byte> rest = body[position..];
            if (rest.StartsWith("--"u8))
            {
                int end = rest.IndexOf((byte)'\n');
                if (end < 0)
                    return null;
                ReadOnlySpan<byte> name = rest[2..end].TrimEnd(" \t\r"u8);
                ReadOnlySpan<byte> next = rest[(end + 1)..];
                if (name.Length is > 0 and <= 70 && next.Length > 8 && Ascii.EqualsIgnoreCase(next[..8], "content-"u8)
                    && name.IndexOfAnyExceptInRange((byte)33, (byte)126) < 0)
                    return name.ToArray();
            }

            int line = rest.IndexOf("\n--"u8);
            if (line < 0)
                return null;
            position += line + 1;
        }

        return null;
    }

    // The type is read now only where the structure depends on it.
    private readonly ContentType? StructuredType(HeaderList headers, int index)
    {
        ReadOnlySpan<byte> raw = headers.RawValueAt(index).Span.TrimStart(" \t\r\n"u8);
        bool structured = raw.Length < 9
            || Ascii.EqualsIgnoreCase(raw[..9], "multipart"u8)
            || Ascii.EqualsIgnoreCase(raw[..7], "message"u8)
            || raw[0] is (byte)'=' or (byte)'(' or (byte)'"';
        return structured ? ContentType.Parse(raw, context.Limits, context.Diagnostics, headers.OffsetAt(index)) : null;
    }

    private readonly MimeTransferEncoding ReadEncoding(HeaderList headers, int index)
    {
        ReadOnlySpan<byte> value = headers.RawValueAt(index).Span.Trim(" \t\r\n\"';"u8);
        int end = value.IndexOfAny(EndOfWord);
        if (end >= 0)
            value = value[..end];
        if (Is(value, "7bit"u8) || Is(value, "7-bit"u8) || value.IsEmpty)
            return MimeTransferEncoding.SevenBit;
        if (Is(value, "base64"u8) || Is(value, "base-64"u8))
            return MimeTransferEncoding.Base64;
        if (Is(value, "quoted-printable"u8) || Is(value, "quotedprintable"u8))
            return MimeTransferEncoding.QuotedPrintable;
        if (Is(value, "8bit"u8) || Is(value, "8-bit"u8))
            return MimeTransferEncoding.EightBit;
        if (Is(value, "x-uuencode"u8) || Is(value, "uuencode"u8) || Is(value, "x-uue"u8))
            return MimeTransferEncoding.UUEncode;
        if (!Is(value, "binary"u8))
            context.Diagnostics.Add(MimeDiagnosticCode.UnknownTransferEncoding, headers.OffsetAt(index),
                $"The transfer encoding \"{headers.ValueAt(index)}\" is unknown; taken as binary.");
        return MimeTransferEncoding.Binary;
    }

    private static bool Is(ReadOnlySpan<byte> value, ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(value, name);
}
