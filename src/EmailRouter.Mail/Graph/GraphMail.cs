using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Text;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Graph;

/// <summary>
/// A message as Graph takes it: MIME, whose headers alone say who gets it, up to what fits into one request, and the attachments that did not fit. The
/// stored bytes stay as they are.
/// </summary>
internal sealed class GraphMail
{
    /// <summary>The greatest attachment that goes into one request as JSON; larger ones are uploaded piece by piece.</summary>
    public const int LargestAttachmentRequest = 2_900_000;

    private static readonly byte[] EmptyPart = "Content-Type: text/plain; charset=us-ascii\r\n\r\n"u8.ToArray();

    private readonly IReadOnlyList<ReadOnlyMemory<byte>> pieces;

    private GraphMail(IReadOnlyList<ReadOnlyMemory<byte>> pieces, IReadOnlyList<MimePart> attachments)
    {
        this.pieces = pieces;
        Attachments = attachments;
    }

    /// <summary>Gets the attachments that are not in the MIME and follow it, in the order of the message.</summary>
    public IReadOnlyList<MimePart> Attachments { get; }

    /// <summary>Prepares a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="obstacle">Why Graph cannot send it as it should; null when it can.</param>
    /// <returns>The prepared message; null when there is an obstacle. It lives as long as the message's bytes.</returns>
    public static GraphMail? Prepare(OutgoingMessage message, out string? obstacle)
    {
        ReadOnlyMemory<byte> bytes = message.Content.Memory;
        MimeMessage mime = MimeMessage.Parse(bytes);
        byte[] bcc = [];
        obstacle = message.Recipients.Count == 0 ? "there is no recipient" : FindInvalid(message) ?? FindUninvited(message, mime) ?? AddHidden(message, mime, out bcc);
        if (obstacle is not null)
            return null;
        if (bcc.Length + bytes.Length <= GraphOptions.LargestSingleRequest)
            return new GraphMail([bcc, bytes], []);

        obstacle = FindSeal(mime);
        if (obstacle is not null)
            return null;
        int room = GraphOptions.LargestSingleRequest - bcc.Length;
        (IReadOnlyList<ReadOnlyMemory<byte>> rest, IReadOnlyList<MimePart> removed) = Lighten(mime, bytes, room);
        int length = rest.Sum(p => p.Length);
        if (length > room)
        {
            obstacle = $"its text alone has {length:N0} bytes, and Graph takes {room:N0} without attachments";
            return null;
        }

        return new GraphMail([bcc, .. rest], removed);
    }

    /// <summary>Makes the body of a request: the MIME in base64.</summary>
    /// <returns>The body.</returns>
    public HttpContent ToContent()
    {
        int length = pieces.Sum(p => p.Length);
        byte[] buffer = new byte[Base64.GetMaxEncodedToUtf8Length(length)];
        int at = 0;
        foreach (ReadOnlyMemory<byte> piece in pieces)
        {
            piece.Span.CopyTo(buffer.AsSpan(at));
            at += piece.Length;
        }

        Base64.EncodeToUtf8InPlace(buffer, length, out int written);
        return new ByteArrayContent(buffer, 0, written) { Headers = { ContentType = new MediaTypeHeaderValue("text/plain") } };
    }

    /// <summary>Names an attachment.</summary>
    /// <param name="part">The attachment.</param>
    /// <returns>A file name.</returns>
    public static string NameOf(MimePart part)
    {
        if (part.FileName is { Length: > 0 } name)
            return name;
        return part.EmbeddedMessage is { } embedded ? (embedded.Subject.Length > 0 ? embedded.Subject : "message") + ".eml" : "attachment";
    }

    private static string? FindInvalid(OutgoingMessage message) =>
        message.Recipients.FirstOrDefault(r => !MailAddress.IsValidAddrSpec(r)) is { } bad ? $"the recipient \"{bad.ReplaceLineEndings(" ")}\" is no address" : null;

    /// <summary>Graph sends to everybody the headers name. Who is named there and is not to get it would get it all the same.</summary>
    private static string? FindUninvited(OutgoingMessage message, MimeMessage mime)
    {
        string[] uninvited = [.. Named(mime).Where(a => !message.Recipients.Any(r => new MailAddress(r).IsSameMailbox(a))).Select(a => a.Address).Distinct(StringComparer.OrdinalIgnoreCase)];
        return uninvited.Length == 0
            ? null
            : $"Graph sends to everybody in To and Cc, and {string.Join(", ", uninvited.Take(5))} stand there without being recipients; send it by SMTP, or without them";
    }

    /// <summary>Who is to get it without being named needs a Bcc header, which the service takes out.</summary>
    private static string? AddHidden(OutgoingMessage message, MimeMessage mime, out byte[] header)
    {
        MailAddress[] named = [.. Named(mime)];
        string[] hidden = [.. message.Recipients.Where(r => !named.Any(new MailAddress(r).IsSameMailbox)).Distinct(StringComparer.OrdinalIgnoreCase)];
        header = hidden.Length == 0 ? [] : Encoding.UTF8.GetBytes($"Bcc: {string.Join(",\r\n ", hidden)}\r\n");
        return null;
    }

    private static IEnumerable<MailAddress> Named(MimeMessage mime) => mime.To.Concat(mime.Cc).Concat(mime.Bcc).Where(a => a.Address.Length > 0);

    private static string? FindSeal(MimeMessage mime) => mime.Root.ContentType is var type && type.Type == "multipart" && type.Subtype is "signed" or "encrypted"
        || mime.Root.ContentType.Subtype is "pkcs7-mime" or "x-pkcs7-mime"
        ? $"it is signed or encrypted and larger than {GraphOptions.LargestSingleRequest:N0} bytes: Graph would have to take it apart, which breaks the signature; send it by SMTP"
        : null;

    /// <summary>Takes out the largest attachments until the rest fits, without touching a byte of what stays.</summary>
    private static (IReadOnlyList<ReadOnlyMemory<byte>> Kept, IReadOnlyList<MimePart> Removed) Lighten(MimeMessage mime, ReadOnlyMemory<byte> bytes, int room)
    {
        if (mime.Attachments.Count == 1 && ReferenceEquals(mime.Attachments[0], mime.Root))
            return ([.. mime.Headers.Where(h => !h.Name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)).Select(h => h.Raw), EmptyPart], [mime.Root]);

        var removed = new HashSet<MimePart>(ReferenceEqualityComparer.Instance);
        int length = bytes.Length;
        foreach (MimePart part in mime.Attachments.Where(p => p.Parent is not null).OrderByDescending(p => p.Raw.Length))
        {
            if (length <= room)
                break;
            removed.Add(part);
            length -= part.Raw.Length;
        }

        var rest = new List<ReadOnlyMemory<byte>>();
        MimePart[] inOrder = [.. mime.AllParts().Where(removed.Contains)];
        int at = 0;
        foreach (MimePart part in inOrder)
        {
            if (!bytes.Span.Overlaps(part.Raw.Span, out int start) || start < at)
                continue;

            // A multipart keeps one part, if an empty one; otherwise the line that separates the part goes with it.
            bool isLastOne = part.Parent!.Parts.All(removed.Contains) && ReferenceEquals(part.Parent.Parts[^1], part);
            int from = isLastOne ? start : FindDelimiter(bytes.Span, start);
            rest.Add(bytes[at..from]);
            if (isLastOne)
                rest.Add(EmptyPart);
            at = start + part.Raw.Length;
        }

        rest.Add(bytes[at..]);
        return (rest, inOrder);
    }

    /// <summary>Finds where the line before a part begins, with the line end in front of it, which belongs to it (RFC 2046 5.1.1).</summary>
    private static int FindDelimiter(ReadOnlySpan<byte> bytes, int start)
    {
        int end = start;
        if (end > 0 && bytes[end - 1] == '\n')
            end--;
        int line = bytes[..end].LastIndexOf((byte)'\n');
        if (line < 0)
            return start;
        return line > 0 && bytes[line - 1] == '\r' ? line - 1 : line;
    }
}
