namespace EmailRouter.Mime.Tnef;

/// <summary>
/// What Outlook packed into a <c>winmail.dat</c> (Transport Neutral Encapsulation Format, [MS-OXTNEF]): bodies, files and attached messages. Reading never
/// throws on account of the bytes; what could be read is there and <see cref="Problems"/> names the rest.
/// </summary>
public sealed class TnefContents
{
    private readonly List<string> problems = [];
    private readonly List<TnefAttachment> attachments = [];
    private readonly List<MailAddress> to = [];
    private readonly List<MailAddress> cc = [];

    internal TnefContents()
    {
    }

    /// <summary>Gets the subject, or null.</summary>
    public string? Subject { get; internal set; }

    /// <summary>Gets the item class, e.g. <c>IPM.Note</c>, or null.</summary>
    public string? MessageClass { get; internal set; }

    /// <summary>Gets the Message-ID, or null.</summary>
    public string? MessageId { get; internal set; }

    /// <summary>Gets the author, where the sender's program wrote one.</summary>
    public MailAddress? From { get; internal set; }

    /// <summary>Gets when it was sent, or null.</summary>
    public DateTimeOffset? Date { get; internal set; }

    /// <summary>Gets the recipients, where they are listed: usually only in attached messages.</summary>
    public IReadOnlyList<MailAddress> To => to;

    /// <summary>Gets the recipients of copies, where they are listed.</summary>
    public IReadOnlyList<MailAddress> Cc => cc;

    /// <summary>Gets the plain text, also when it had to be taken out of <see cref="RtfBody"/>; null when there is none.</summary>
    public string? TextBody { get; internal set; }

    /// <summary>Gets the HTML text, also when it was encapsulated in RTF ([MS-OXRTFEX]); null when there is none.</summary>
    public string? HtmlBody { get; internal set; }

    /// <summary>Gets the decompressed RTF text ([MS-OXRTFCP]); empty when there is none.</summary>
    public ReadOnlyMemory<byte> RtfBody { get; internal set; }

    /// <summary>Gets the files and attached messages in order.</summary>
    public IReadOnlyList<TnefAttachment> Attachments => attachments;

    /// <summary>Gets what is broken, or was left out because of limits; at most 20 remarks.</summary>
    public IReadOnlyList<string> Problems => problems;

    internal List<TnefAttachment> Files => attachments;

    /// <summary>
    /// Tells whether a part is a <c>winmail.dat</c>: by its type (<c>application/ms-tnef</c>, <c>application/vnd.ms-tnef</c>), or by its name and first bytes.
    /// </summary>
    /// <param name="part">The part.</param>
    /// <returns>Whether <see cref="Read(MimePart, MimeLimits?)"/> is worth a try.</returns>
    public static bool IsTnef(MimePart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        ContentType type = part.ContentType;
        if (type.Is("application", "ms-tnef") || type.Is("application", "vnd.ms-tnef"))
            return true;
        return part.FileName is { } name && name.Equals("winmail.dat", StringComparison.OrdinalIgnoreCase)
            && part.DecodeStart(64) is var head && TnefReader.HasSignature(head);
    }

    /// <summary>Unpacks a part.</summary>
    /// <param name="part">The part; see <see cref="IsTnef"/>.</param>
    /// <param name="limits">Bounds on attachments and on how deep messages may be attached to each other; defaults when omitted.</param>
    /// <returns>The contents; null when the part is none, or is encoded and larger than <see cref="MimeLimits.MaximumDecodedStructure"/>.</returns>
    public static TnefContents? Read(MimePart part, MimeLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(part);
        limits ??= MimeLimits.Default;
        ReadOnlyMemory<byte> bytes = part.TransferEncoding is MimeTransferEncoding.SevenBit or MimeTransferEncoding.EightBit or MimeTransferEncoding.Binary
            ? part.RawBody
            : part.Decode(limits.MaximumDecodedStructure);
        return Read(bytes, limits);
    }

    /// <summary>Unpacks bytes.</summary>
    /// <param name="bytes">The decoded <c>winmail.dat</c>. The contents refer to it.</param>
    /// <param name="limits">Bounds; defaults when omitted.</param>
    /// <returns>The contents; null when the bytes do not start with the signature of TNEF.</returns>
    public static TnefContents? Read(ReadOnlyMemory<byte> bytes, MimeLimits? limits = null) =>
        TnefReader.HasSignature(bytes.Span) ? new TnefReader(limits ?? MimeLimits.Default, bytes.Length).Read(bytes, 0) : null;

    /// <summary>
    /// Makes a message of RFC 5322 of the contents, for an attached message to be saved as <c>.eml</c>. The same contents give the same bytes.
    /// </summary>
    /// <returns>The message.</returns>
    public byte[] ToMessage() => TnefMessageWriter.Write(this);

    internal void AddRecipient(MailAddress address, bool isCopy)
    {
        if (to.Count + cc.Count < MimeLimits.Default.MaximumAddresses)
            (isCopy ? cc : to).Add(address);
    }

    internal void Remark(string problem)
    {
        if (problems.Count < 20 && !problems.Contains(problem))
            problems.Add(problem);
    }
}
