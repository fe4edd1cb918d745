namespace EmailRouter.Crm;

/// <summary>A file at an email activity (table <c>activitymimeattachment</c>). The content is opened when it is needed, never held.</summary>
/// <param name="FileName"><c>filename</c>, at most 255 characters.</param>
/// <param name="MimeType"><c>mimetype</c>.</param>
/// <param name="Size"><c>filesize</c> in bytes.</param>
/// <param name="Open">Opens the decoded content; the caller disposes the stream.</param>
public sealed record EmailAttachment(string FileName, string MimeType, long Size, Func<CancellationToken, ValueTask<Stream>> Open)
{
    /// <summary>Gets <c>attachmentcontentid</c>: the Content-ID of an inline image, without angle brackets; otherwise null.</summary>
    public string? ContentId { get; init; }
}
