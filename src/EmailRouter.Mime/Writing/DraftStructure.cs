using System.Text;

namespace EmailRouter.Mime.Writing;

/// <summary>
/// Decides which parts a draft becomes: mixed(alternative(text, related(html, resources)), attachments), without the levels that have one part.
/// </summary>
internal sealed class DraftStructure(MessageDraft draft, MimeWriterOptions options, IReadOnlyDictionary<DraftAttachment, AttachedMessage> attached)
{
    private readonly TextContent? text = draft.TextBody is null ? null : TextContent.From(draft.TextBody);
    private readonly TextContent? html = draft.HtmlBody is null ? null : TextContent.From(draft.HtmlBody);
    private int boundaries;

    public DraftNode Build()
    {
        List<DraftNode> alternatives = [];
        if (text is not null || html is null)
            alternatives.Add(new DraftNode.Text("plain", text ?? TextContent.From(string.Empty)));
        List<DraftNode> mixed = [];
        if (html is not null)
        {
            List<DraftNode> related = [new DraftNode.Text("html", html)];
            foreach (DraftAttachment resource in draft.InlineResources)
                related.Add(Attachment(resource, isInline: true));
            alternatives.Add(Wrap("related", related));
        }

        mixed.Add(Wrap("alternative", alternatives));
        if (html is null)
        {
            foreach (DraftAttachment resource in draft.InlineResources)
                mixed.Add(Attachment(resource, isInline: true));
        }

        foreach (DraftAttachment attachment in draft.Attachments)
            mixed.Add(Attachment(attachment, attachment.IsInline));
        return Wrap("mixed", mixed);
    }

    private DraftNode Wrap(string subtype, List<DraftNode> parts) => parts.Count == 1 ? parts[0] : new DraftNode.Multipart(subtype, parts, NewBoundary());

    private DraftNode Attachment(DraftAttachment attachment, bool isInline)
    {
        if (!attached.TryGetValue(attachment, out AttachedMessage? message))
            return new DraftNode.File(attachment, isInline);
        return message.IsWritable(options.Allow8BitMessages)
            ? new DraftNode.Message(attachment, message, isInline)
            : new DraftNode.File(attachment with { FileName = attachment.FileName ?? "message.eml", MediaType = "application/octet-stream" }, isInline);
    }

    // "=_" occurs neither in quoted-printable nor in base64 (RFC 2045 6.7); what is written as it is is searched.
    private string NewBoundary()
    {
        Span<byte> noise = stackalloc byte[16];
        options.Random(noise);
        string random = Convert.ToHexString(noise);
        while (true)
        {
            string boundary = $"=_{boundaries++:x2}_{random}";
            byte[] bytes = Encoding.ASCII.GetBytes(boundary);
            if (!Occurs(bytes))
                return boundary;
        }
    }

    private bool Occurs(ReadOnlySpan<byte> boundary)
    {
        bool occurs = (text is not null && text.Bytes.AsSpan().IndexOf(boundary) >= 0) || (html is not null && html.Bytes.AsSpan().IndexOf(boundary) >= 0);
        foreach (AttachedMessage message in attached.Values)
            occurs = occurs || message.Bytes.IndexOf(boundary) >= 0;
        return occurs;
    }
}
