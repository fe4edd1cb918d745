using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Exchange;

/// <summary>How the values of a property compare.</summary>
internal enum EwsValueKind
{
    Text,
    Number,
    Date,
    Flag,
}

/// <summary>A property of an item: its path, its element, its place in the shapes and its values.</summary>
internal sealed record EwsItemField(string Uri, EwsValueKind Kind, EwsShapes Shapes, Func<EwsItemView, object?> Read)
{
    public string Element => Uri[(Uri.IndexOf(':', StringComparison.Ordinal) + 1)..];
}

/// <summary>The shapes that show a property without being asked.</summary>
[Flags]
internal enum EwsShapes
{
    None = 0,

    /// <summary>BaseShape Default.</summary>
    Default = 1,

    /// <summary>BaseShape AllProperties.</summary>
    All = 2,

    /// <summary>FindItem and SyncFolderItems do not show it.</summary>
    NotInLists = 4,
}

/// <summary>A message as an operation shows it.</summary>
internal sealed record EwsItemView(LabMailbox Mailbox, LabMessage Message, string BodyType)
{
    public MimeMessage Mime => Message.Mime;

    public MailAddress? Author => Mime.From is [var author, ..] ? author : null;
}

/// <summary>The properties of items that messages have, in the order of the schema (ItemType, then MessageType).</summary>
internal static class EwsItemFields
{
    private static readonly XNamespace T = EwsNames.T;

    public static IReadOnlyList<EwsItemField> All { get; } =
    [
        new("item:MimeContent", EwsValueKind.Text, EwsShapes.NotInLists, v => new XElement(
            T + "MimeContent", new XAttribute("CharacterSet", "UTF-8"), Convert.ToBase64String(v.Message.Content.Span))),
        new("item:ItemId", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All, v => EwsId.ItemElement(v.Mailbox, v.Message)),
        new("item:ParentFolderId", EwsValueKind.Text, EwsShapes.All, v => v.Mailbox.FindFolder(v.Message.FolderId) is { } folder
            ? EwsId.FolderElement(v.Mailbox, folder, "ParentFolderId") : null),
        new("item:ItemClass", EwsValueKind.Text, EwsShapes.All, v => v.Message.ItemClass),
        new("item:Subject", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All, v => v.Mime.Headers.Contains("Subject") ? v.Mime.Subject : null),
        new("item:Sensitivity", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All, v => Capital(LabMessageFacts.Sensitivity(v.Mime))),
        new("item:Body", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All | EwsShapes.NotInLists, v => Body("Body", v)),
        new("item:Attachments", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All | EwsShapes.NotInLists, Attachments),
        new("item:DateTimeReceived", EwsValueKind.Date, EwsShapes.All, v => v.Message.IsDraft ? null : EwsNames.Date(v.Message.ReceivedOn)),
        new("item:Size", EwsValueKind.Number, EwsShapes.Default | EwsShapes.All, v => EwsNames.Number(v.Message.Content.Length)),
        new("item:Categories", EwsValueKind.Text, EwsShapes.All, v => v.Message.Categories.Count == 0
            ? null : new XElement(T + "Categories", v.Message.Categories.Select(c => new XElement(T + "String", EwsText.Clean(c))))),
        new("item:Importance", EwsValueKind.Text, EwsShapes.All, v => Capital(v.Message.Importance ?? LabMessageFacts.Importance(v.Mime))),
        new("item:InReplyTo", EwsValueKind.Text, EwsShapes.All, v => v.Mime.InReplyTo is [var first, ..] ? first : null),
        new("item:IsSubmitted", EwsValueKind.Flag, EwsShapes.All, _ => "false"),
        new("item:IsDraft", EwsValueKind.Flag, EwsShapes.All, v => EwsNames.Bool(v.Message.IsDraft)),
        new("item:IsFromMe", EwsValueKind.Flag, EwsShapes.All, v => EwsNames.Bool(v.Mime.From.Any(a => Same(a.Address, v.Mailbox.Address)))),
        new("item:IsResend", EwsValueKind.Flag, EwsShapes.All, _ => "false"),
        new("item:IsUnmodified", EwsValueKind.Flag, EwsShapes.All, v => EwsNames.Bool(!v.Message.IsDraft)),
        new("item:InternetMessageHeaders", EwsValueKind.Text, EwsShapes.All | EwsShapes.NotInLists, v => v.Message.IsDraft ? null : new XElement(
            T + "InternetMessageHeaders",
            v.Mime.Headers.Select(h => new XElement(T + "InternetMessageHeader", new XAttribute("HeaderName", h.Name), EwsText.Clean(h.Value))))),
        new("item:DateTimeSent", EwsValueKind.Date, EwsShapes.All, v => EwsNames.Date(v.Mime.Date ?? v.Message.CreatedOn)),
        new("item:DateTimeCreated", EwsValueKind.Date, EwsShapes.All, v => EwsNames.Date(v.Message.CreatedOn)),
        new("item:DisplayCc", EwsValueKind.Text, EwsShapes.All, v => Names(v.Mime.Cc)),
        new("item:DisplayTo", EwsValueKind.Text, EwsShapes.All, v => Names(v.Mime.To)),
        new("item:HasAttachments", EwsValueKind.Flag, EwsShapes.Default | EwsShapes.All, v => EwsNames.Bool(v.Mime.Attachments.Any(a => !a.IsInline))),
        new("item:EffectiveRights", EwsValueKind.Text, EwsShapes.All, _ => new XElement(
            T + "EffectiveRights",
            new[] { "CreateAssociated", "CreateContents", "CreateHierarchy" }.Select(n => new XElement(T + n, "false")),
            new[] { "Delete", "Modify", "Read" }.Select(n => new XElement(T + n, "true")))),
        new("item:LastModifiedName", EwsValueKind.Text, EwsShapes.All, v => v.Mailbox.DisplayName),
        new("item:LastModifiedTime", EwsValueKind.Date, EwsShapes.All, v => EwsNames.Date(v.Message.ModifiedOn)),
        new("item:IsAssociated", EwsValueKind.Flag, EwsShapes.All, _ => "false"),
        new("item:ConversationId", EwsValueKind.Text, EwsShapes.All, v => new XElement(
            T + "ConversationId", new XAttribute("Id", new EwsId('C', v.Mailbox.Address, EwsText.TopicOf(v.Mime.Subject)).ToString()))),
        new("item:UniqueBody", EwsValueKind.Text, EwsShapes.NotInLists, v => Body("UniqueBody", v)),
        new("item:Flag", EwsValueKind.Text, EwsShapes.All, v => new XElement(T + "Flag", new XElement(T + "FlagStatus", Capital(v.Message.Flag)))),
        new("item:Preview", EwsValueKind.Text, EwsShapes.None, v => Text(v) is var text && text.Length > 255 ? text[..255] : Text(v)),
        new("item:TextBody", EwsValueKind.Text, EwsShapes.NotInLists, v => new XElement(
            T + "TextBody", new XAttribute("BodyType", "Text"), EwsText.Clean(Text(v)))),
        new("message:Sender", EwsValueKind.Text, EwsShapes.All, v => Person("Sender", v.Mime.Sender ?? v.Author, v)),
        new("message:ToRecipients", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All | EwsShapes.NotInLists, v => People("ToRecipients", v.Mime.To)),
        new("message:CcRecipients", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All | EwsShapes.NotInLists, v => People("CcRecipients", v.Mime.Cc)),
        new("message:BccRecipients", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All | EwsShapes.NotInLists, v => People("BccRecipients", v.Mime.Bcc)),
        new("message:IsReadReceiptRequested", EwsValueKind.Flag, EwsShapes.Default | EwsShapes.All, v => EwsNames.Bool(v.Mime.Headers.Contains("Disposition-Notification-To"))),
        new("message:IsDeliveryReceiptRequested", EwsValueKind.Flag, EwsShapes.Default | EwsShapes.All, v => EwsNames.Bool(v.Mime.Headers.Contains("Return-Receipt-To"))),
        new("message:ConversationIndex", EwsValueKind.Text, EwsShapes.All, v => v.Mime.ThreadIndex),
        new("message:ConversationTopic", EwsValueKind.Text, EwsShapes.All, v => v.Mime.Headers["Thread-Topic"] ?? EwsText.TopicOf(v.Mime.Subject)),
        new("message:From", EwsValueKind.Text, EwsShapes.Default | EwsShapes.All, v => Person("From", v.Author, v)),
        new("message:InternetMessageId", EwsValueKind.Text, EwsShapes.All, v => v.Message.InternetMessageId),
        new("message:IsRead", EwsValueKind.Flag, EwsShapes.Default | EwsShapes.All, v => EwsNames.Bool(v.Message.IsRead)),
        new("message:IsResponseRequested", EwsValueKind.Flag, EwsShapes.Default | EwsShapes.All, _ => "false"),
        new("message:References", EwsValueKind.Text, EwsShapes.All, v => v.Mime.References.Count == 0 ? null : string.Join(" ", v.Mime.References)),
        new("message:ReplyTo", EwsValueKind.Text, EwsShapes.All | EwsShapes.NotInLists, v => People("ReplyTo", v.Mime.ReplyTo)),
        new("message:ReceivedBy", EwsValueKind.Text, EwsShapes.All, v => v.Message.IsDraft
            ? null : Person("ReceivedBy", new MailAddress(v.Mailbox.DisplayName, v.Mailbox.Address), v)),
        new("message:ReceivedRepresenting", EwsValueKind.Text, EwsShapes.All, v => v.Message.IsDraft
            ? null : Person("ReceivedRepresenting", new MailAddress(v.Mailbox.DisplayName, v.Mailbox.Address), v)),
    ];

    private static readonly Dictionary<string, EwsItemField> ByUri = All.ToDictionary(f => f.Uri, StringComparer.Ordinal);

    private static readonly string[] Families =
    [
        "item", "message", "meeting", "meetingRequest", "calendar", "task", "contacts", "distributionlist", "postitem", "conversation", "persona", "folder",
    ];

    /// <summary>Finds a property; null for those that messages do not have.</summary>
    public static EwsItemField? Find(XElement path)
    {
        string uri = path.Attribute("FieldURI")?.Value ?? throw EwsException.Schema(path, "The required attribute 'FieldURI' is missing.");
        if (!Families.Contains(uri.Split(':')[0], StringComparer.Ordinal))
            throw EwsException.Schema(path, $"The 'FieldURI' attribute is invalid - The value '{uri}' is invalid according to its datatype.");
        return ByUri.GetValueOrDefault(uri);
    }

    /// <summary>The element's name: it follows from the item class.</summary>
    public static string ElementOf(string itemClass) => itemClass.ToUpperInvariant() switch
    {
        "IPM.SCHEDULE.MEETING.REQUEST" => "MeetingRequest",
        "IPM.SCHEDULE.MEETING.CANCELED" => "MeetingCancellation",
        var c when c.StartsWith("IPM.SCHEDULE.MEETING.RESP", StringComparison.Ordinal) => "MeetingResponse",
        var c when c.StartsWith("IPM.SCHEDULE.MEETING", StringComparison.Ordinal) => "MeetingMessage",
        "IPM.POST" => "PostItem",
        var c when c.StartsWith("IPM.DOCUMENT", StringComparison.Ordinal) => "Item",
        _ => "Message",
    };

    /// <summary>The values of a property as texts, for restrictions and sort orders.</summary>
    public static IReadOnlyList<string> Values(object? read) => read switch
    {
        null => [],
        string text => [text],
        XElement element when element.HasElements => [.. element.DescendantsAndSelf().Where(e => !e.HasElements).Select(e => e.Value)],
        XElement element => [element.Value],
        _ => [Convert.ToString(read, CultureInfo.InvariantCulture)!],
    };

    public static XElement? Person(string name, MailAddress? person, EwsItemView view) =>
        person is null ? null : new XElement(T + name, MailboxElement(person, Same(person.Address, view.Mailbox.Address) ? "Mailbox" : "OneOff"));

    public static XElement MailboxElement(MailAddress person, string? type = null) => new(
        T + "Mailbox",
        new XElement(T + "Name", EwsText.Clean(person.DisplayName ?? person.Address)),
        new XElement(T + "EmailAddress", EwsText.Clean(person.Address)),
        new XElement(T + "RoutingType", "SMTP"),
        type is null ? null : new XElement(T + "MailboxType", type));

    public static XElement AttachmentElement(EwsItemView view, MimePart part, int index, params object?[] content)
    {
        bool isItem = part.EmbeddedMessage is not null;
        return new XElement(
            T + (isItem ? "ItemAttachment" : "FileAttachment"),
            new XElement(T + "AttachmentId", new XAttribute("Id", EwsId.OfAttachment(view.Mailbox, view.Message, index))),
            new XElement(T + "Name", EwsText.Clean(part.FileName ?? (isItem ? part.EmbeddedMessage!.Subject : "attachment"))),
            new XElement(T + "ContentType", part.ContentType.MediaType),
            part.ContentId is { } id ? new XElement(T + "ContentId", EwsText.Clean(id)) : null,
            new XElement(T + "Size", part.GetDecodedLength()),
            new XElement(T + "LastModifiedTime", EwsNames.Date(view.Message.ModifiedOn)),
            new XElement(T + "IsInline", EwsNames.Bool(part.IsInline)),
            content);
    }

    private static XElement? Attachments(EwsItemView view) => view.Mime.Attachments.Count == 0
        ? null : new XElement(T + "Attachments", view.Mime.Attachments.Select((part, index) => AttachmentElement(view, part, index)));

    private static XElement? People(string name, IReadOnlyList<MailAddress> people) =>
        people.Count == 0 ? null : new XElement(T + name, people.Select(p => MailboxElement(p)));

    private static string? Names(IReadOnlyList<MailAddress> people) =>
        people.Count == 0 ? string.Empty : EwsText.Clean(string.Join("; ", people.Select(p => p.DisplayName ?? p.Address)));

    private static XElement Body(string name, EwsItemView view)
    {
        bool asHtml = view.BodyType switch
        {
            "Text" => false,
            "HTML" => true,
            _ => view.Mime.HtmlBody is not null,
        };
        string content = asHtml
            ? view.Mime.HtmlBody?.GetText() ?? $"<html><body><pre>{System.Net.WebUtility.HtmlEncode(view.Mime.TextBody?.GetText() ?? string.Empty)}</pre></body></html>"
            : Text(view);
        return new XElement(T + name, new XAttribute("BodyType", asHtml ? "HTML" : "Text"), EwsText.Clean(content));
    }

    private static string Text(EwsItemView view) =>
        view.Mime.TextBody?.GetText() ?? (view.Mime.HtmlBody is { } html ? EwsText.OfHtml(html.GetText()) : string.Empty);

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static bool Same(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
}
