using System.Globalization;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Graph;

/// <summary>An attachment as the service shows it.</summary>
internal sealed class GraphAttachment(LabMessage message, MimePart part, int number)
{
    private byte[]? content;

    /// <summary>Lists the attachments of a message in their order.</summary>
    public static IReadOnlyList<GraphAttachment> Of(LabMessage message) => [.. message.Mime.Attachments.Select((part, number) => new GraphAttachment(message, part, number))];

    /// <summary>Finds one by its id.</summary>
    public static GraphAttachment Find(LabMessage message, string id)
    {
        string key = GraphIds.AttachmentKey(message, id);
        return Of(message).FirstOrDefault(a => a.Number.ToString(CultureInfo.InvariantCulture) == key) ?? throw GraphError.NotFound();
    }

    public int Number => number;

    public string Id => GraphIds.OfAttachment(message, number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Gets a value indicating whether a message is attached.</summary>
    public bool IsItem => part.EmbeddedMessage is not null;

    /// <summary>Gets the decoded content; of an attached message its MIME.</summary>
    public byte[] Content
    {
        get
        {
            if (content is not null)
                return content;
            if (part.EmbeddedMessage is { } embedded)
                return content = embedded.Source.ToArray();
            using var decoded = new MemoryStream();
            using Stream source = part.OpenDecoded();
            source.CopyTo(decoded);
            return content = decoded.ToArray();
        }
    }

    public JsonObject Show(bool withContent, string? context = null)
    {
        var json = new JsonObject();
        if (context is not null)
            json["@odata.context"] = context;
        json["@odata.type"] = IsItem ? "#microsoft.graph.itemAttachment" : "#microsoft.graph.fileAttachment";
        if (!IsItem)
            json["@odata.mediaContentType"] = part.ContentType.MediaType;
        json["id"] = Id;
        json["lastModifiedDateTime"] = GraphItem.Date(message.ModifiedOn);
        json["name"] = part.FileName ?? part.EmbeddedMessage?.Subject ?? "attachment";
        json["contentType"] = IsItem ? null : part.ContentType.MediaType;
        json["size"] = Content.Length + 200;
        json["isInline"] = part.IsInline;
        if (IsItem)
            return json;
        json["contentId"] = part.ContentId;
        json["contentLocation"] = part.ContentLocation;
        if (withContent)
            json["contentBytes"] = Convert.ToBase64String(Content);
        return json;
    }
}
