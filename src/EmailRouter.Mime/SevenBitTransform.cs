using System.Buffers;
using System.Text;
using EmailRouter.Mime.Writing;

namespace EmailRouter.Mime;

/// <summary>
/// Makes a message fit for servers without 8BITMIME and SMTPUTF8: bodies beyond ASCII or with endless lines become quoted-printable or base64, 8-bit header
/// fields become encoded-words (RFC 2047) and parameters (RFC 2231). What is not touched stays to the byte. A signed message is not changed at all, since
/// its signature would break.
/// </summary>
public static class SevenBitTransform
{
    /// <summary>The longest line without its end that mail may have (RFC 5322 2.1.1).</summary>
    private const int LongestLine = 998;

    private static readonly HashSet<string> AddressFields = new(StringComparer.OrdinalIgnoreCase)
    {
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc",
    };

    private static readonly HashSet<string> Signatures = new(StringComparer.OrdinalIgnoreCase)
    {
        "DKIM-Signature", "ARC-Message-Signature", "DomainKey-Signature",
    };

    /// <summary>Writes a message in seven bits.</summary>
    /// <param name="message">The message.</param>
    /// <param name="destination">Takes the bytes; nothing is written when there is an obstacle.</param>
    /// <returns>Null when it was written, or why it cannot be.</returns>
    public static string? Write(MimeMessage message, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(destination);
        var transform = new Transform(message.Root.Headers.Context.Source);
        try
        {
            if (transform.Visit(message.Root) is { } obstacle)
                return obstacle;
        }
        catch (ArgumentException e)
        {
            return $"a header field cannot be written anew: {e.Message}";      // what was read of it is no valid field
        }

        return transform.Write(message.Root.Offset, message.Root.Offset + message.Source.Length, destination);
    }

    private static bool IsFit(ReadOnlySpan<byte> bytes)
    {
        if (!Ascii.IsValid(bytes) || bytes.Contains((byte)0))
            return false;
        while (bytes.Length > LongestLine)
        {
            int end = bytes[..(LongestLine + 1)].LastIndexOfAny((byte)'\n', (byte)'\r');
            if (end < 0)
                return false;
            bytes = bytes[(end + 1)..];
        }

        return true;
    }

    private sealed class Transform(ReadOnlyMemory<byte> source)
    {
        private readonly List<(int Start, int End, ReadOnlyMemory<byte> With)> edits = [];

        /// <summary>Notes what to change in a part and below it.</summary>
        public string? Visit(MimePart part)
        {
            if (FindSignature(part) is { } signed)
                return signed;
            if (part.Headers.Context.Source is var own && (own.Length != source.Length || !own.Equals(source)))
                return null;        // below base64 or quoted-printable, which carry it
            bool encoded = part.TransferEncoding is MimeTransferEncoding.Base64 or MimeTransferEncoding.QuotedPrintable or MimeTransferEncoding.UUEncode;
            bool container = part.Parts.Count > 0 || part.EmbeddedMessage is not null;
            int bodyEnd = part.Offset + part.Raw.Length;
            int bodyStart = bodyEnd - part.RawBody.Length;
            bool convert = !container && !encoded && !IsFit(part.RawBody.Span);
            if (convert && (part.IsMultipart || part.ContentType.Type == "message"))
                return $"a part of type {part.ContentType} holds 8-bit text and may not be encoded";
            string? encoding = null;
            if (convert)
            {
                ReadOnlyMemory<byte> body = Encode(part, out encoding);
                edits.Add((bodyStart, bodyEnd, body));
            }

            if (VisitFields(part, encoding, container && !encoded) is { } obstacle)
                return obstacle;
            if (part.EmbeddedMessage is { } embedded && Visit(embedded.Root) is { } inside)
                return inside;
            foreach (MimePart child in part.Parts)
            {
                if (Visit(child) is { } below)
                    return below;
            }

            return null;
        }

        /// <summary>Writes the source with its changes.</summary>
        public string? Write(int start, int end, IBufferWriter<byte> destination)
        {
            edits.Sort((a, b) => a.Start != b.Start ? a.Start.CompareTo(b.Start) : a.End.CompareTo(b.End));
            int position = start;
            foreach ((int from, int to, _) in edits)
            {
                if (!IsFit(source.Span[position..from]))
                    return "there is 8-bit text outside of its parts";
                position = to;
            }

            if (!IsFit(source.Span[position..end]))
                return "there is 8-bit text outside of its parts";
            position = start;
            foreach ((int from, int to, ReadOnlyMemory<byte> with) in edits)
            {
                destination.Write(source.Span[position..from]);
                destination.Write(with.Span);
                position = to;
            }

            destination.Write(source.Span[position..end]);
            return null;
        }

        private static string? FindSignature(MimePart part)
        {
            if (part.ContentType.Is("multipart", "signed") || part.ContentType.Is("multipart", "encrypted"))
                return $"it is signed or encrypted ({part.ContentType.Type}/{part.ContentType.Subtype}) and would be damaged";
            if (part.Headers.Any(h => Signatures.Contains(h.Name)))
                return $"it is signed ({part.Headers.First(h => Signatures.Contains(h.Name)).Name}), and the signature would break";
            return part.ContentType.Type == "text" && part.RawBody.Span.IndexOf("-----BEGIN PGP SIGNED MESSAGE-----"u8) >= 0
                ? "it is signed (PGP), and the signature would break"
                : null;
        }

        private static byte[] Encode(MimePart part, out string encoding)
        {
            ReadOnlySpan<byte> body = part.RawBody.Span;
            var output = new ArrayBufferWriter<byte>(Math.Max(256, body.Length + (body.Length / 2)));
            int high = 0;
            foreach (byte b in body)
                high += b >= 0x80 ? 1 : 0;

            // Text stays readable unless most of it is beyond ASCII; whatever is no text goes byte for byte.
            if (part.ContentType.Type == "text" && !body.Contains((byte)0) && high < body.Length / 4 + 16)
            {
                encoding = "quoted-printable";
                QuotedPrintableEncoder.Encode(Canonical(body), output);
            }
            else
            {
                encoding = "base64";
                Base64LineEncoder.Encode(part.ContentType.Type == "text" && !body.Contains((byte)0) ? Canonical(body) : body, output);
            }

            return output.WrittenSpan.ToArray();
        }

        /// <summary>Text has CRLF line ends before it is encoded (RFC 2045 6.8).</summary>
        private static byte[] Canonical(ReadOnlySpan<byte> text)
        {
            var result = new List<byte>(text.Length + 64);
            for (int i = 0; i < text.Length; i++)
            {
                bool crlf = text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n';
                if (text[i] is (byte)'\r' or (byte)'\n')
                {
                    result.Add((byte)'\r');
                    result.Add((byte)'\n');
                    i += crlf ? 1 : 0;
                }
                else
                {
                    result.Add(text[i]);
                }
            }

            return [.. result];
        }

        private string? VisitFields(MimePart part, string? encoding, bool container)
        {
            bool named = false;
            for (int i = 0; i < part.Headers.Count; i++)
            {
                Header header = part.Headers[i];
                int start = part.Headers.OffsetAt(i);
                int end = start + header.Raw.Length;
                if (header.Name.Equals("Content-Transfer-Encoding", StringComparison.OrdinalIgnoreCase) && (encoding is not null || container))
                {
                    // Of several the first counts; below containers nothing is 8-bit any more.
                    edits.Add((start, end, Encoding.ASCII.GetBytes(named ? string.Empty : $"Content-Transfer-Encoding: {encoding ?? "7bit"}\r\n")));
                    named = true;
                }
                else if (!IsFit(header.Raw.Span))
                {
                    var output = new ArrayBufferWriter<byte>(256);
                    if (WriteField(part, header, output) is { } obstacle)
                        return obstacle;
                    edits.Add((start, end, output.WrittenMemory));
                }
            }

            if (encoding is not null && !named)
                edits.Add((part.Offset, part.Offset, Encoding.ASCII.GetBytes($"Content-Transfer-Encoding: {encoding}\r\n")));
            return null;
        }

        private static string? WriteField(MimePart part, Header header, ArrayBufferWriter<byte> output)
        {
            if (!header.IsValid)
                return "its header holds a line that is no field";
            if (AddressFields.Contains(header.Name))
            {
                IReadOnlyList<MailAddress> addresses = MimeMessage.Parse(header.Raw).GetAddresses(header.Name);
                if (addresses.Count == 0)
                {
                    HeaderWriter.WriteText(output, header.Name, header.Value);
                    return null;
                }

                var ascii = new List<MailAddress>(addresses.Count);
                foreach (MailAddress address in addresses)
                {
                    string wire = address.RequiresSmtpUtf8 ? string.Empty : address.ToAsciiDomain();
                    if (wire.Length == 0 || !Ascii.IsValid(wire) || !MailAddress.IsValidAddrSpec(wire))
                        return $"the address {address.Address} in {header.Name} cannot be written in ASCII";
                    ascii.Add(address with { Address = wire });
                }

                HeaderWriter.WriteAddresses(output, header.Name, ascii);
                return null;
            }

            if (header.Name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
            {
                if (part.ContentType.Boundary is { } boundary && !Ascii.IsValid(boundary))
                    return "a boundary is beyond ASCII";
                HeaderWriter.WriteMedia(output, header.Name, $"{part.ContentType.Type}/{part.ContentType.Subtype}", [.. part.ContentType.Parameters]);
                return null;
            }

            if (header.Name.Equals("Content-Disposition", StringComparison.OrdinalIgnoreCase) && part.ContentDisposition is { } disposition)
            {
                HeaderWriter.WriteMedia(output, header.Name, disposition.Value, [.. disposition.Parameters]);
                return null;
            }

            HeaderWriter.WriteText(output, header.Name, Headers.HeaderText.Clean(header.Value));
            return null;
        }
    }
}
