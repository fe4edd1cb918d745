using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime;

/// <summary>Tells whether two deliveries are the same message.</summary>
public static class MessageIdentity
{
    /// <summary>The length of the hash in bytes.</summary>
    public const int HashLength = 32;

    private static readonly string[] HashedHeaders = ["From", "To", "Cc", "Date", "Subject", "Message-ID"];

    /// <summary>
    /// Computes SHA-256 over what the sender wrote: From, To, Cc, Date, Subject, Message-ID (decoded, white space collapsed), then type, file name and
    /// decoded content of every part. What transport adds or changes does not matter: trace and hop headers, the order and folding of headers, the transfer
    /// encoding, line ends, blank lines at the end of text.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <returns>32 bytes.</returns>
    public static byte[] ComputeContentHash(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(32768);
        try
        {
            AddMessage(hash, message, buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return hash.GetHashAndReset();
    }

    private static void AddMessage(IncrementalHash hash, MimeMessage message, byte[] buffer)
    {
        foreach (string name in HashedHeaders)
        {
            foreach (string value in message.Headers.GetAll(name))
                AddText(hash, name, value);
        }

        foreach (MimePart part in message.AllParts())
        {
            if (part.IsMultipart && part.Parts.Count > 0)
                continue;
            AddText(hash, "Type", part.ContentType.MediaType);
            AddText(hash, "Name", part.FileName ?? string.Empty);
            if (part.EmbeddedMessage is { } embedded)
                AddMessage(hash, embedded, buffer);
            else
                AddContent(hash, part, buffer);
        }
    }

    private static void AddText(IncrementalHash hash, string name, string value)
    {
        var text = new StringBuilder(name.Length + value.Length + 2).Append(name).Append(':');
        bool blank = true;
        foreach (char character in value)
        {
            bool isBlank = character is ' ' or '\t';
            if (!isBlank)
                text.Append(character);
            else if (!blank)
                text.Append(' ');
            blank = isBlank;
        }

        while (text[^1] == ' ')
            text.Length--;
        hash.AppendData(Encoding.UTF8.GetBytes(text.Append('\0').ToString()));
    }

    private static void AddContent(IncrementalHash hash, MimePart part, byte[] buffer)
    {
        // Line ends of anything but base64 are the transport's, not the sender's.
        bool isLines = part.ContentType.Type is "text" or "message" || part.TransferEncoding != MimeTransferEncoding.Base64;
        var decoder = new BodyDecoder(part.RawBody, part.TransferEncoding);
        long length = 0;
        long lineEnds = 0;
        for (int read; (read = decoder.Read(buffer)) > 0;)
        {
            if (!isLines)
            {
                hash.AppendData(buffer, 0, read);
                length += read;
                continue;
            }

            AddLines(hash, buffer.AsSpan(0, read), ref length, ref lineEnds);
        }

        Span<byte> end = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(end, length);
        hash.AppendData(end);
    }

    // CR vanishes, and LF counts once something follows it: so the blank lines at the end never count.
    private static void AddLines(IncrementalHash hash, Span<byte> bytes, ref long length, ref long lineEnds)
    {
        Span<byte> feeds = stackalloc byte[64];
        feeds.Fill((byte)'\n');
        ReadOnlySpan<byte> rest = bytes;
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOfAny((byte)'\r', (byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
            if (!line.IsEmpty)
            {
                length += lineEnds + line.Length;
                for (; lineEnds > 0; lineEnds -= Math.Min(lineEnds, feeds.Length))
                    hash.AppendData(feeds[..(int)Math.Min(lineEnds, feeds.Length)]);
                hash.AppendData(line);
            }

            if (end < 0)
                return;
            if (rest[end] == '\n')
                lineEnds++;
            rest = rest[(end + 1)..];
        }
    }
}
