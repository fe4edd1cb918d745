namespace EmailRouter.Mime.Parsing;

/// <summary>Tells bodies from attachments (RFC 2046 5.1, RFC 2387, and what mailers make of them).</summary>
internal sealed class BodyStructure
{
    private readonly List<MimePart> attachments = [];
    private readonly List<MimePart> bodies = [];

    private BodyStructure()
    {
    }

    public MimePart? Text { get; private set; }

    public MimePart? Html { get; private set; }

    public IReadOnlyList<MimePart> Bodies => bodies;

    public IReadOnlyList<MimePart> Attachments => attachments;

    public static BodyStructure Of(MimePart root)
    {
        var structure = new BodyStructure();
        Found found = structure.Walk(root, bodyAllowed: true);
        structure.Text = found.Text;
        structure.Html = found.Html;
        return structure;
    }

    // The depth of the recursion is the depth of the parts, which the parser limits.
    private Found Walk(MimePart part, bool bodyAllowed)
    {
        if (!part.IsMultipart || part.Parts.Count == 0)
            return Leaf(part, bodyAllowed);
        return part.ContentType.Subtype switch
        {
            "alternative" => Alternative(part, bodyAllowed),
            "related" => Related(part, bodyAllowed),
            "encrypted" => Sequence(part, bodyAllowed: false),
            "digest" => Sequence(part, bodyAllowed: false),
            _ => Sequence(part, bodyAllowed),
        };
    }

    private Found Leaf(MimePart part, bool bodyAllowed)
    {
        ContentType type = part.ContentType;
        bool isHtml = type.Is("text", "html");
        // A multipart without parts is shown as the text it would be to a reader of 1990.
        bool isText = isHtml || type.Is("text", "plain") || type.Is("text", "enriched") || part.IsMultipart;
        bool named = part.FileName is not null && part.Parent is not null;
        if (!bodyAllowed || !isText || named || part.ContentDisposition is { IsAttachment: true })
        {
            attachments.Add(part);
            return default;
        }

        bodies.Add(part);
        return isHtml ? new Found(null, part) : new Found(part, null);
    }

    private Found Sequence(MimePart part, bool bodyAllowed)
    {
        // The first part that is a body gives both forms: what follows (a list's footer, the text after a picture) is only part of what is shown.
        Found result = default;
        foreach (MimePart child in part.Parts)
        {
            Found found = Walk(child, bodyAllowed);
            if (result.IsEmpty)
                result = found;
        }

        return result;
    }

    private Found Alternative(MimePart part, bool bodyAllowed)
    {
        Found result = default;
        int shown = bodies.Count;
        List<MimePart>? best = null;
        foreach (MimePart child in part.Parts)
        {
            // Other renderings of the same text are neither body nor attachment; a calendar is more than a rendering.
            if (!child.IsMultipart && child.ContentType.Type == "text" && child.ContentType.Subtype is not ("plain" or "html" or "calendar")
                && child.ContentDisposition is not { IsAttachment: true })
                continue;

            Found found = Walk(child, bodyAllowed);
            List<MimePart> rendering = bodies.GetRange(shown, bodies.Count - shown);
            bodies.RemoveRange(shown, rendering.Count);
            if (found.IsEmpty)
                continue;
            // Later means richer (RFC 2046 5.1.4), but an empty or plain rendering does not replace HTML.
            if (best is null || found.Html is not null || result.Html is null)
                best = rendering;
            result = new Found(result.Text ?? found.Text, found.Html ?? result.Html);
        }

        if (best is not null)
            bodies.AddRange(best);
        return result;
    }

    private Found Related(MimePart part, bool bodyAllowed)
    {
        MimePart main = part.Parts[0];
        if (part.ContentType.Parameters["start"] is { } start)
        {
            string id = MessageIds.TrimBrackets(start);
            foreach (MimePart child in part.Parts)
            {
                if (child.ContentId == id)
                {
                    main = child;
                    break;
                }
            }
        }

        // Some name no start and put pictures first: then the first text is the main part.
        bool anyText = main.ContentType.Type is not ("text" or "multipart");
        Found result = default;
        foreach (MimePart child in part.Parts)
        {
            bool isMain = ReferenceEquals(child, main) || (anyText && child.ContentType.Type is ("text" or "multipart"));
            Found found = Walk(child, bodyAllowed && isMain && result.IsEmpty);
            if (result.IsEmpty)
                result = found;
        }

        return result;
    }

    private readonly record struct Found(MimePart? Text, MimePart? Html)
    {
        public bool IsEmpty => Text is null && Html is null;
    }
}
