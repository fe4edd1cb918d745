using System.Buffers;
using System.Text;
using EmailRouter.Mime.Codecs;
using EmailRouter.Mime.Parsing;

namespace EmailRouter.Mime;

/// <summary>
/// One entity of a message: the message itself, a multipart, or a leaf. It refers to the bytes of the message and decodes when asked; it lives as long
/// as those bytes.
/// </summary>
public sealed class MimePart
{
    private static readonly IReadOnlyList<MimePart> NoParts = [];
    private readonly ParseContext context;
    private ContentType? contentType;
    private ContentDisposition? disposition;
    private int start;
    private int bodyStart;
    private int bodyEnd;
    private long decodedLength = -1;

    internal MimePart(HeaderList headers, ContentType? type, MimeTransferEncoding encoding, MimePart? parent)
    {
        Headers = headers;
        context = headers.Context;
        contentType = type;
        TransferEncoding = encoding;
        Parent = parent;
        headers.Fallback = FindCharset;
    }

    /// <summary>Gets the headers.</summary>
    public HeaderList Headers { get; }

    /// <summary>Gets the multipart this part stands in; null for the root of a message.</summary>
    public MimePart? Parent { get; }

    /// <summary>Gets the content type; <c>text/plain</c> (in a digest <c>message/rfc822</c>) when the part names none.</summary>
    public ContentType ContentType => contentType ??= ReadContentType();

    /// <summary>Gets the content disposition, or null when the part has none.</summary>
    public ContentDisposition? ContentDisposition
    {
        get
        {
            if (disposition is null)
            {
                int index = Headers.IndexOf("Content-Disposition");
                disposition = index < 0
                    ? ContentDisposition.None
                    : ContentDisposition.Parse(Headers.RawValueAt(index).Span, context.Limits, context.Diagnostics, Headers.OffsetAt(index));
            }

            return ReferenceEquals(disposition, ContentDisposition.None) ? null : disposition;
        }
    }

    /// <summary>Gets how the body is encoded. Anything unknown is <see cref="MimeTransferEncoding.Binary"/>.</summary>
    public MimeTransferEncoding TransferEncoding { get; }

    /// <summary>Gets the file name from Content-Disposition or Content-Type as the sender gave it, or null. It is data: never use it as a path.</summary>
    public string? FileName => ContentDisposition?.FileName ?? ContentType.Name;

    /// <summary>Gets the Content-ID without angle brackets (what <c>cid:</c> links name), or null.</summary>
    public string? ContentId => Headers["Content-ID"] is { } id && MessageIds.TrimBrackets(id) is { Length: > 0 } bare ? bare : null;

    /// <summary>Gets the Content-Location, which HTML may name instead of a Content-ID (RFC 2557), or null.</summary>
    public string? ContentLocation => Headers["Content-Location"] is { Length: > 0 } location ? location : null;

    /// <summary>Gets the body as it was sent, still encoded, without the line end that belongs to the boundary after it.</summary>
    public ReadOnlyMemory<byte> RawBody => context.Source[bodyStart..bodyEnd];

    /// <summary>Gets headers and body as they were sent.</summary>
    public ReadOnlyMemory<byte> Raw => context.Source[start..bodyEnd];

    /// <summary>Gets the parts of a multipart; empty for a leaf, and for a multipart in which no part was found.</summary>
    public IReadOnlyList<MimePart> Parts { get; private set; } = NoParts;

    /// <summary>Gets the message inside a <c>message/rfc822</c> or <c>message/global</c> part; null when there is none or limits forbid to open it.</summary>
    public MimeMessage? EmbeddedMessage { get; private set; }

    /// <summary>Gets a value indicating whether this is a multipart.</summary>
    public bool IsMultipart => ContentType.Type == "multipart";

    /// <summary>
    /// Gets a value indicating whether the part is meant to be shown within the text: disposition <c>inline</c>, or a Content-ID within
    /// <c>multipart/related</c>.
    /// </summary>
    public bool IsInline => ContentDisposition is { IsInline: true }
        || (ContentId is not null && (Parent is { } parent && parent.ContentType.Is("multipart", "related") || ContentDisposition is null));

    internal int Offset => start;

    internal bool HasStructure => Parts.Count > 0 || EmbeddedMessage is not null;

    /// <summary>Gets the length of the decoded body in bytes. The first call decodes the body, without keeping it.</summary>
    /// <returns>The length.</returns>
    public long GetDecodedLength()
    {
        if (decodedLength >= 0)
            return decodedLength;
        if (TransferEncoding is MimeTransferEncoding.SevenBit or MimeTransferEncoding.EightBit or MimeTransferEncoding.Binary)
            return decodedLength = RawBody.Length;

        byte[] buffer = ArrayPool<byte>.Shared.Rent(16384);
        var decoder = new BodyDecoder(RawBody, TransferEncoding);
        long length = 0;
        for (int read; (read = decoder.Read(buffer)) > 0;)
            length += read;
        ArrayPool<byte>.Shared.Return(buffer);
        return decodedLength = length;
    }

    /// <summary>Opens the decoded body for reading once, forward.</summary>
    /// <returns>The stream; the caller disposes it.</returns>
    public Stream OpenDecoded() => new DecodedStream(RawBody, TransferEncoding);

    /// <summary>Decodes the whole body into a buffer.</summary>
    /// <param name="destination">Where the bytes go.</param>
    public void DecodeTo(IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        BodyDecoder.DecodeTo(RawBody, TransferEncoding, destination);
    }

    /// <summary>Copies the decoded body to a stream, in pieces of at most 64 KiB.</summary>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="cancellationToken">Stops the copying.</param>
    /// <returns>A task that ends with the body.</returns>
    public async ValueTask CopyDecodedToAsync(Stream destination, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(65536);
        try
        {
            var decoder = new BodyDecoder(RawBody, TransferEncoding);
            for (int read; (read = decoder.Read(buffer)) > 0;)
                await destination.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// Decodes the body as text: by its charset; by guess (UTF-8, an HTML body's <c>meta</c> tag, windows-1252) when it names none, an unknown one, or
    /// ASCII for bytes that are not. Line ends stay as they were sent.
    /// </summary>
    /// <param name="maxChars">How many characters to return at most; <see cref="MimeLimits.MaximumTextLength"/> when omitted.</param>
    /// <returns>The text.</returns>
    public string GetText(int? maxChars = null)
    {
        int limit = maxChars ?? context.Limits.MaximumTextLength;
        ArgumentOutOfRangeException.ThrowIfNegative(limit, nameof(maxChars));
        string text = TextDecoder.Decode(this, limit, out bool truncated, out bool unknownCharset);
        if (truncated && maxChars is null)
            context.Diagnostics.Add(MimeDiagnosticCode.TextTruncated, start, $"A text body is longer than {limit:N0} characters.");
        if (unknownCharset)
            context.Diagnostics.Add(MimeDiagnosticCode.UnknownCharset, start, $"The charset \"{ContentType.Charset}\" is unknown.");
        return text;
    }

    /// <inheritdoc/>
    public override string ToString() => FileName is { } name ? $"{ContentType} \"{name}\"" : ContentType.ToString();

    internal void SetRange(int partStart, int contentStart, int contentEnd)
    {
        start = partStart;
        bodyStart = contentStart;
        bodyEnd = contentEnd;
    }

    internal void SetParts(List<MimePart> parts) => Parts = parts;

    internal void SetEmbedded(MimeMessage message) => EmbeddedMessage = message;

    /// <summary>Decodes the whole body; null when it would be longer than allowed.</summary>
    internal byte[]? Decode(long maximum)
    {
        var result = new ArrayBufferWriter<byte>(Math.Max(1, Math.Min(RawBody.Length, 65536)));
        var decoder = new BodyDecoder(RawBody, TransferEncoding);
        while (true)
        {
            int read = decoder.Read(result.GetSpan(4096));
            if (read == 0)
                return result.WrittenSpan.ToArray();
            result.Advance(read);
            if (result.WrittenCount > maximum)
                return null;
        }
    }

    /// <summary>Decodes the start of the body: at least as many bytes as asked for, where there are so many, and at most 4 KiB more.</summary>
    internal byte[] DecodeStart(int length)
    {
        var result = new ArrayBufferWriter<byte>(Math.Clamp(RawBody.Length, 64, 65536));
        var decoder = new BodyDecoder(RawBody, TransferEncoding);
        for (int read; result.WrittenCount < length && (read = decoder.Read(result.GetSpan(4096)[..4096])) > 0;)
            result.Advance(read);
        return result.WrittenSpan.ToArray();
    }

    private ContentType ReadContentType()
    {
        int index = Headers.IndexOf("Content-Type");
        return index < 0 ? ContentType.Text : ContentType.Parse(Headers.RawValueAt(index).Span, context.Limits, context.Diagnostics, Headers.OffsetAt(index));
    }

    // What 8-bit headers are most likely written in: the charset of the first text below them.
    private Encoding? FindCharset()
    {
        MimePart part = this;
        while (true)
        {
            if (part.ContentType.Charset is { } charset)
                return Charsets.Find(charset);
            if (part.Parts.Count == 0)
                return null;
            part = part.Parts[0];
        }
    }
}
