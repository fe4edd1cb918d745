namespace EmailRouter.Mime.Tnef;

/// <summary>One file, or one message, inside of a <c>winmail.dat</c>.</summary>
public sealed class TnefAttachment
{
    internal TnefAttachment()
    {
    }

    /// <summary>Gets the file name as the sender gave it, the long one where there is one, or null. It is data: never use it as a path.</summary>
    public string? FileName { get; internal set; }

    /// <summary>Gets the media type as the sender gave it, in lower case; <c>application/octet-stream</c> when it is missing.</summary>
    public string MediaType { get; internal set; } = "application/octet-stream";

    /// <summary>Gets the Content-ID without angle brackets (what <c>cid:</c> links name), or null.</summary>
    public string? ContentId { get; internal set; }

    /// <summary>Gets the Content-Location, or null.</summary>
    public string? ContentLocation { get; internal set; }

    /// <summary>Gets a value indicating whether the file is no attachment to a reader but a picture within the text.</summary>
    public bool IsInline { get; internal set; }

    /// <summary>Gets the bytes: a slice of the decoded <c>winmail.dat</c>. Of an attached message: <see cref="TnefContents.ToMessage"/>.</summary>
    public ReadOnlyMemory<byte> Content { get; internal set; }

    /// <summary>Gets the message that is attached; null for a file.</summary>
    public TnefContents? Message { get; internal set; }

    /// <inheritdoc/>
    public override string ToString() => $"{FileName ?? Message?.Subject} ({MediaType}, {Content.Length:N0} bytes)";
}
