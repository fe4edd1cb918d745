using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Graph;

/// <summary>A message as the service shows it (microsoft.graph.message).</summary>
internal sealed partial class GraphItem(LabMailbox mailbox, LabMessage message, GraphCall call)
{
    // The order is the service's own.
    private static readonly (string Name, Func<GraphItem, JsonNode?> Value)[] Properties =
    [
        ("createdDateTime", i => Date(i.Message.CreatedOn)),
        ("lastModifiedDateTime", i => Date(i.Message.ModifiedOn)),
        ("changeKey", i => ChangeKey(i.Message)),
        ("categories", i => Texts(i.Message.Categories)),
        ("receivedDateTime", i => Date(i.Message.ReceivedOn)),
        ("sentDateTime", i => Date(i.Mime.Date ?? i.Message.ReceivedOn)),
        ("hasAttachments", i => i.Mime.Attachments.Any(a => !a.IsInline)),
        ("internetMessageId", i => i.Message.InternetMessageId is { } id ? id.StartsWith('<') ? id : $"<{id}>" : null),
        ("subject", i => i.Mime.Subject),
        ("bodyPreview", i => i.Preview()),
        ("importance", i => i.Message.Importance ?? LabMessageFacts.Importance(i.Mime)),
        ("parentFolderId", i => GraphIds.OfFolder(i.Message.FolderId)),
        ("conversationId", i => "AAQkADAw" + Convert.ToHexString(i.Conversation()) + "="),
        ("conversationIndex", i => i.Mime.ThreadIndex ?? i.NewThreadIndex()),
        ("isDeliveryReceiptRequested", i => i.Mime.Headers.Contains("Return-Receipt-To")),
        ("isReadReceiptRequested", i => i.Mime.Headers.Contains("Disposition-Notification-To")),
        ("isRead", i => i.Message.IsRead),
        ("isDraft", i => i.Message.IsDraft),
        ("webLink", i => $"https://outlook.office365.com/owa/?ItemID={Uri.EscapeDataString(GraphIds.OfMessage(i.Message, true))}&exvsurl=1&viewmodel=ReadMessageItem"),
        ("inferenceClassification", _ => "focused"),
        ("body", i => i.Body()),
        ("sender", i => (i.Mime.Sender ?? (i.Mime.From is [var first, ..] ? first : null)) is { } a ? Recipient(a) : null),
        ("from", i => i.Mime.From is [var a, ..] ? Recipient(a) : null),
        ("toRecipients", i => Recipients(i.Mime.To)),
        ("ccRecipients", i => Recipients(i.Mime.Cc)),
        ("bccRecipients", i => Recipients(i.Mime.Bcc)),
        ("replyTo", i => Recipients(i.Mime.ReplyTo)),
        ("flag", i => new JsonObject { ["flagStatus"] = i.Message.Flag }),
    ];

    public LabMailbox Mailbox => mailbox;

    public LabMessage Message => message;

    public MimeMessage Mime => message.Mime;

    public static string Etag(LabMessage message) => $"W/\"{ChangeKey(message)}\"";

    /// <summary>Gets the store's change key of an etag.</summary>
    public static string ChangeKeyOf(string etag) => etag.Trim() is ['W', '/', '"', 'C', 'Q', 'A', 'A', 'A', 'B', 'Y', .. var key, '"'] ? key : etag;

    public static string Date(DateTimeOffset date) => date.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static JsonObject Recipient(MailAddress address) => new()
    {
        ["emailAddress"] = new JsonObject { ["name"] = address.DisplayName is { Length: > 0 } name ? name : address.Address, ["address"] = address.Address },
    };

    public static JsonArray Recipients(IEnumerable<MailAddress> addresses) => new([.. addresses.Select(Recipient)]);

    /// <summary>Finds the value of a property by its path, for filters and orders.</summary>
    public JsonNode? Resolve(string path)
    {
        string name = path.Split('/', '(')[0];
        if (name.Equals("singleValueExtendedProperties", StringComparison.OrdinalIgnoreCase))
            return GraphExtendedProperties.Show(message, Asked(path));
        if (name.Equals("id", StringComparison.OrdinalIgnoreCase))
            return GraphIds.OfMessage(message, call.Immutable);
        Func<GraphItem, JsonNode?> value = Properties.FirstOrDefault(p => p.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value
            ?? throw GraphError.BadRequest($"Could not find a property named '{name}' on type 'microsoft.graph.message'.");
        JsonNode? found = value(this);
        return path.Length == name.Length ? found : GraphValue.Find(found, path[(name.Length + 1)..]);
    }

    /// <summary>Shows it with the properties asked for.</summary>
    /// <param name="select">Their names; null for the usual ones.</param>
    /// <param name="withContext">Whether it stands alone.</param>
    /// <param name="withType">Whether its type is named although it is an ordinary message.</param>
    /// <param name="expand">What is shown with it; null for what the request says.</param>
    public JsonObject Show(IReadOnlyList<string>? select, bool withContext = false, bool withType = false, string? expand = null)
    {
        var json = new JsonObject();
        if (withContext)
            json["@odata.context"] = call.Context("messages/$entity");
        if (message.ItemClass.StartsWith("IPM.Schedule.Meeting.", StringComparison.OrdinalIgnoreCase))
            json["@odata.type"] = MeetingType(message.ItemClass);
        else if (withType)
            json["@odata.type"] = "#microsoft.graph.message";
        json["@odata.etag"] = Etag(message);
        json["id"] = GraphIds.OfMessage(message, call.Immutable);
        if (select?.FirstOrDefault(s => !IsKnown(s)) is { } unknown)
            throw GraphError.BadRequest($"Could not find a property named '{unknown}' on type 'microsoft.graph.message'.");
        foreach ((string name, Func<GraphItem, JsonNode?> value) in Properties)
        {
            bool isHidden = call.IsBasic && (name is "body" or "bodyPreview");
            if (!isHidden && (select is null || select.Contains(name, StringComparer.OrdinalIgnoreCase)))
                json[name] = value(this);
        }

        if (select?.Contains("internetMessageHeaders", StringComparer.OrdinalIgnoreCase) == true && !message.IsDraft)
            json["internetMessageHeaders"] = new JsonArray([.. Mime.Headers.Select(h => new JsonObject { ["name"] = h.Name, ["value"] = h.Value })]);
        if (select?.Contains("uniqueBody", StringComparer.OrdinalIgnoreCase) == true)
            json["uniqueBody"] = Body();
        Expand(json, expand ?? call.Query.Expand);
        return json;
    }

    private void Expand(JsonObject json, string expand)
    {
        if (expand.Contains("singleValueExtendedProperties", StringComparison.OrdinalIgnoreCase))
        {
            JsonArray found = GraphExtendedProperties.Show(message, Asked(expand));
            if (found.Count > 0)
                json["singleValueExtendedProperties"] = found;
        }

        if (expand.Contains("attachments", StringComparison.OrdinalIgnoreCase))
            json["attachments"] = new JsonArray([.. GraphAttachment.Of(message).Select(a => (JsonNode)a.Show(withContent: true))]);
    }

    private static IEnumerable<string> Asked(string expression) =>
        GraphExtendedProperties.IdsIn(expression).Where(l => l.Contains(" 0x", StringComparison.OrdinalIgnoreCase) || l.Contains('{', StringComparison.Ordinal));

    private static bool IsKnown(string name) =>
        name.Equals("id", StringComparison.OrdinalIgnoreCase) || name is "internetMessageHeaders" or "uniqueBody" || Properties.Any(p => p.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static string MeetingType(string itemClass) => itemClass.StartsWith("IPM.Schedule.Meeting.Resp", StringComparison.OrdinalIgnoreCase)
        ? "#microsoft.graph.eventMessageResponse"
        : itemClass.EndsWith("Request", StringComparison.OrdinalIgnoreCase) ? "#microsoft.graph.eventMessageRequest" : "#microsoft.graph.eventMessage";

    private static string ChangeKey(LabMessage message) => "CQAAABY" + message.ChangeKey;

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);

    private JsonObject Body()
    {
        bool isHtml = Mime.HtmlBody is not null;
        string content = ((isHtml ? Mime.HtmlBody : Mime.TextBody)?.GetText() ?? string.Empty).ReplaceLineEndings("\r\n");
        if (call.BodyType == "text" && isHtml)
            content = Mime.TextBody?.GetText() ?? ToText(content);
        return new JsonObject { ["contentType"] = isHtml && call.BodyType != "text" ? "html" : "text", ["content"] = content };
    }

    private string Preview()
    {
        string text = Mime.TextBody?.GetText(2000) ?? ToText(Mime.HtmlBody?.GetText(20_000) ?? string.Empty);
        return text.Length > 255 ? text[..255] : text;
    }

    private static string ToText(string html) => WebUtility.HtmlDecode(Tags().Replace(html, " ")).Trim();

    /// <summary>The messages of a conversation name the same first message.</summary>
    private byte[] Conversation()
    {
        if (ThreadIndex.TryGetConversationId(Mime.ThreadIndex, out Guid id))
            return id.ToByteArray();
        string root = Mime.References is [var first, ..] ? first : Mime.InReplyTo is [var answered, ..] ? answered : message.InternetMessageId ?? message.Id;
        return SHA256.HashData(Encoding.UTF8.GetBytes(root))[..16];
    }

    private string NewThreadIndex()
    {
        byte[] index = new byte[22];
        index[0] = 1;
        long time = (Mime.Date ?? message.ReceivedOn).ToFileTime() >> 16;
        for (int i = 5; i > 0; i--, time >>= 8)
            index[i] = (byte)time;
        Conversation().CopyTo(index, 6);
        return Convert.ToBase64String(index);
    }

    [GeneratedRegex("<(style|script)[^>]*>.*?</\\1>|<[^>]*>", RegexOptions.IgnoreCase | RegexOptions.Singleline, 1000)]
    private static partial Regex Tags();
}
