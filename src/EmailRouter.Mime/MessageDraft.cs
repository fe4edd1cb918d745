namespace EmailRouter.Mime;

/// <summary>
/// What a message is to say; <see cref="MimeWriter"/> makes valid mail of it. Text may hold anything: line ends and other control characters in the subject,
/// in names and in file names become spaces. Addresses, ids and the names of extra headers are refused when they are not valid.
/// </summary>
public sealed record MessageDraft
{
    /// <summary>Gets the authors; at least one.</summary>
    public required IReadOnlyList<MailAddress> From { get; init; }

    /// <summary>Gets the Sender; needed when there is more than one author (RFC 5322 3.6.2), the first author then when null.</summary>
    public MailAddress? Sender { get; init; }

    /// <summary>Gets where replies go; empty for the authors.</summary>
    public IReadOnlyList<MailAddress> ReplyTo { get; init; } = [];

    /// <summary>Gets the primary recipients.</summary>
    public IReadOnlyList<MailAddress> To { get; init; } = [];

    /// <summary>Gets the recipients of copies. Recipients of blind copies stand only in the envelope.</summary>
    public IReadOnlyList<MailAddress> Cc { get; init; } = [];

    /// <summary>Gets the subject.</summary>
    public string Subject { get; init; } = string.Empty;

    /// <summary>Gets the date.</summary>
    public required DateTimeOffset Date { get; init; }

    /// <summary>Gets the Message-ID with its brackets; see <see cref="MessageIds.Generate"/>.</summary>
    public required string MessageId { get; init; }

    /// <summary>Gets the ids of In-Reply-To. Ids that cannot be written (<see cref="MessageIds.IsWritable"/>) are left out: they are other people's.</summary>
    public IReadOnlyList<string> InReplyTo { get; init; } = [];

    /// <summary>Gets the ids of References, oldest first; see <see cref="MessageIds.ReferencesForReply"/>. Ids that cannot be written are left out.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Gets further headers in their order, e.g. <c>Auto-Submitted</c>. Values outside of ASCII are written as encoded words.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ExtraHeaders { get; init; } = [];

    /// <summary>Gets the plain text, or null.</summary>
    public string? TextBody { get; init; }

    /// <summary>Gets the HTML text, or null.</summary>
    public string? HtmlBody { get; init; }

    /// <summary>Gets what the HTML text refers to by <c>cid:</c>.</summary>
    public IReadOnlyList<DraftAttachment> InlineResources { get; init; } = [];

    /// <summary>Gets the attachments.</summary>
    public IReadOnlyList<DraftAttachment> Attachments { get; init; } = [];
}

/// <summary>A file that goes with a message; it is read while the message is written and never held in memory as a whole.</summary>
public sealed record DraftAttachment
{
    /// <summary>Gets the file name to show, or null.</summary>
    public string? FileName { get; init; }

    /// <summary>Gets the media type, e.g. <c>application/pdf</c>. What is no media type becomes <c>application/octet-stream</c>.</summary>
    public string MediaType { get; init; } = "application/octet-stream";

    /// <summary>Gets the Content-ID without brackets; needed for inline resources.</summary>
    public string? ContentId { get; init; }

    /// <summary>Gets a value indicating whether the file is to be shown within the text. Inline resources always are.</summary>
    public bool IsInline { get; init; }

    /// <summary>Gets the length in bytes when known; only told to the recipient (RFC 2183 2.7).</summary>
    public long? Length { get; init; }

    /// <summary>Gets the function that opens the content; the writer disposes the stream.</summary>
    public required Func<CancellationToken, ValueTask<Stream>> Open { get; init; }

    /// <summary>Makes an attachment of bytes.</summary>
    /// <param name="fileName">The file name to show, or null.</param>
    /// <param name="mediaType">The media type.</param>
    /// <param name="content">The bytes.</param>
    /// <param name="contentId">The Content-ID without brackets, or null.</param>
    /// <returns>The attachment.</returns>
    public static DraftAttachment FromBytes(string? fileName, string mediaType, byte[] content, string? contentId = null)
    {
        ArgumentNullException.ThrowIfNull(content);
        return new DraftAttachment
        {
            FileName = fileName,
            MediaType = mediaType,
            ContentId = contentId,
            Length = content.Length,
            Open = _ => ValueTask.FromResult<Stream>(new MemoryStream(content, writable: false)),
        };
    }
}
