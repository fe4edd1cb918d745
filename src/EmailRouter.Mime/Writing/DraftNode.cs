namespace EmailRouter.Mime.Writing;

/// <summary>A part that is going to be written.</summary>
internal abstract record DraftNode
{
    /// <summary>Several parts.</summary>
    public sealed record Multipart(string Subtype, IReadOnlyList<DraftNode> Parts, string Boundary) : DraftNode;

    /// <summary>Text in UTF-8.</summary>
    public sealed record Text(string Subtype, TextContent Content) : DraftNode;

    /// <summary>A file, written as base64 while it is read.</summary>
    public sealed record File(DraftAttachment Attachment, bool IsInline) : DraftNode;

    /// <summary>A whole message, written as it is.</summary>
    public sealed record Message(DraftAttachment Attachment, AttachedMessage Content, bool IsInline) : DraftNode;
}
