using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Exchange;

/// <summary>Makes messages of properties, and changes properties of messages: CreateItem, UpdateItem, CreateAttachment.</summary>
internal sealed class EwsItemEdit
{
    private static readonly XNamespace T = EwsNames.T;

    private readonly LabMailbox mailbox;
    private readonly TimeProvider clock;
    private LabMessage message;
    private EwsContent? content;

    private EwsItemEdit(LabMailbox mailbox, LabMessage message, TimeProvider clock)
    {
        this.mailbox = mailbox;
        this.message = message;
        this.clock = clock;
    }

    private EwsContent Content => content ??= EwsContent.Of(mailbox, message.Mime, clock);

    /// <summary>Makes the message that an element of CreateItem describes; it lies in no folder yet.</summary>
    public static LabMessage Create(LabMailbox mailbox, XElement item, TimeProvider clock)
    {
        if (item.Name.LocalName is not ("Message" or "Item" or "PostItem"))
            throw new EwsException("ErrorInvalidOperation", $"The lab makes no items of the kind {item.Name.LocalName}.");
        DateTimeOffset now = clock.GetUtcNow();
        byte[]? mime = item.Element(T + "MimeContent") is { } given ? Base64(given, "ErrorMimeContentInvalidBase64String") : null;
        if (mime is { Length: 0 })
            throw new EwsException("ErrorMimeContentInvalid", "The MIME content is empty.");
        var blank = new LabMessage
        {
            Id = string.Empty,
            Place = 0,
            FolderId = string.Empty,
            Content = mime ?? [],
            ReceivedOn = now,
            CreatedOn = now,
            ModifiedOn = now,
            IsRead = true,
            IsDraft = true,
            ItemClass = mime is null ? LabItemClass.Note : LabItemClass.Of(MimeMessage.Parse(mime)),
        };
        var edit = new EwsItemEdit(mailbox, blank, clock) { content = mime is null ? EwsContent.New(mailbox, clock) : null };
        foreach (XElement property in item.Elements().Where(e => e.Name != T + "MimeContent"))
            edit.Set(property);
        return edit.Result();
    }

    /// <summary>Applies the updates of UpdateItem.</summary>
    public static LabMessage Update(LabMailbox mailbox, LabMessage message, XElement updates, TimeProvider clock)
    {
        var edit = new EwsItemEdit(mailbox, message, clock);
        foreach (XElement update in updates.Elements())
        {
            XElement path = update.Elements().FirstOrDefault() ?? throw EwsException.Schema(update, $"The element '{update.Name.LocalName}' has incomplete content.");
            if (update.Name == T + "DeleteItemField")
            {
                edit.Delete(path);
                continue;
            }

            XElement? property = update.Elements().Skip(1).FirstOrDefault()?.Elements().FirstOrDefault();
            string wanted = path.Name == T + "ExtendedFieldURI" ? "ExtendedProperty"
                : path.Attribute("FieldURI")?.Value is { } uri ? uri[(uri.IndexOf(':', StringComparison.Ordinal) + 1)..]
                : throw EwsException.Schema(path, "The required attribute 'FieldURI' is missing.");
            if (property?.Name != T + wanted)
                throw new EwsException("ErrorUpdatePropertyMismatch", $"The property set is not the one that {wanted} names.");
            if (update.Name == T + "AppendToItemField")
                edit.Append(property);
            else
                edit.Set(property);
        }

        return edit.Result();
    }

    /// <summary>Adds a file or a message to a message.</summary>
    public static LabMessage Attach(LabMailbox mailbox, LabMessage message, XElement attachment, TimeProvider clock)
    {
        var edit = new EwsItemEdit(mailbox, message, clock);
        edit.Attach(attachment);
        return edit.Result();
    }

    /// <summary>Takes an attachment away.</summary>
    public static LabMessage Detach(LabMailbox mailbox, LabMessage message, int index, TimeProvider clock)
    {
        var edit = new EwsItemEdit(mailbox, message, clock);
        edit.Content.Attachments.RemoveAt(index);
        return edit.Result();
    }

    public static byte[] Base64(XElement element, string code)
    {
        try
        {
            return Convert.FromBase64String(element.Value);
        }
        catch (FormatException)
        {
            throw new EwsException(code, "The content is not valid base64.");
        }
    }

    public static IReadOnlyList<MailAddress> People(XElement element) => [.. element.DescendantsAndSelf(T + "Mailbox").Select(Person)];

    private static MailAddress Person(XElement mailbox)
    {
        string address = mailbox.Element(T + "EmailAddress")?.Value.Trim() ?? string.Empty;
        return MailAddress.IsValidAddrSpec(address)
            ? new MailAddress(mailbox.Element(T + "Name")?.Value is { Length: > 0 } name && name != address ? name : null, address)
            : throw new EwsException("ErrorInvalidRecipients", $"\"{address}\" is no address.");
    }

    private LabMessage Result() => content is null ? message : message with { Content = content.ToArray() };

    private void Set(XElement property)
    {
        switch (property.Name.LocalName)
        {
            case "IsRead":
                message = message with { IsRead = EwsNames.IsTrue(property.Value) };
                break;
            case "Categories":
                message = message with { Categories = [.. property.Elements(T + "String").Select(s => s.Value)] };
                break;
            case "Importance":
                message = message with { Importance = property.Value.ToLowerInvariant() };
                break;
            case "ItemClass":
                message = message with { ItemClass = property.Value };
                break;
            case "Flag":
                string status = property.Element(T + "FlagStatus")?.Value ?? "NotFlagged";
                message = message with { Flag = char.ToLowerInvariant(status[0]) + status[1..] };
                break;
            case "ExtendedProperty":
                SetExtended(property);
                break;
            case "Subject":
                Content.Subject = property.Value;
                break;
            case "Body":
                bool isHtml = property.Attribute("BodyType")?.Value != "Text";
                Content.Html = isHtml ? property.Value : null;
                Content.Text = isHtml ? null : property.Value;
                break;
            case "ToRecipients":
                Content.To = People(property);
                break;
            case "CcRecipients":
                Content.Cc = People(property);
                break;
            case "BccRecipients":
                Content.Bcc = People(property);
                break;
            case "ReplyTo":
                Content.ReplyTo = People(property);
                break;
            case "From":
                Content.From = People(property);
                break;
            case "Sender":
                Content.Sender = People(property) is [var sender, ..] ? sender : null;
                break;
            case "InReplyTo":
                Content.InReplyTo = MessageIds.ParseList(property.Value);
                break;
            case "References":
                Content.References = MessageIds.ParseList(property.Value);
                break;
            case "InternetMessageId":
                Content.MessageId = property.Value.Trim();
                break;
            case "Sensitivity":
                Content.SetHeader("Sensitivity", property.Value switch
                {
                    "Normal" => null,
                    "Confidential" => "Company-Confidential",
                    var named => named,
                });
                break;
            case "IsReadReceiptRequested":
                Content.SetHeader("Disposition-Notification-To", EwsNames.IsTrue(property.Value) ? $"<{mailbox.Address}>" : null);
                break;
            case "IsDeliveryReceiptRequested":
                Content.SetHeader("Return-Receipt-To", EwsNames.IsTrue(property.Value) ? $"<{mailbox.Address}>" : null);
                break;
            case "InternetMessageHeaders":
                foreach (XElement header in property.Elements(T + "InternetMessageHeader"))
                    Content.SetHeader(header.Attribute("HeaderName")?.Value ?? string.Empty, header.Value);
                break;
            case "Attachments":
                foreach (XElement attachment in property.Elements())
                    Attach(attachment);
                break;
            case "DateTimeSent" or "DateTimeReceived" or "DateTimeCreated" or "ReminderIsSet" or "ReminderDueBy" or "ReminderMinutesBeforeStart" or "IsResponseRequested" or "Culture":
                // Clients send them with drafts; the lab keeps its own times and reminds nobody.
                break;
            default:
                throw new EwsException("ErrorInvalidPropertySet", $"The property {property.Name.LocalName} is read-only or unknown.");
        }
    }

    private void Append(XElement property)
    {
        switch (property.Name.LocalName)
        {
            case "Body":
                if (Content.Html is not null)
                    Content.Html += property.Value;
                else
                    Content.Text += property.Value;
                break;
            case "ToRecipients":
                Content.To = [.. Content.To, .. People(property)];
                break;
            case "CcRecipients":
                Content.Cc = [.. Content.Cc, .. People(property)];
                break;
            case "BccRecipients":
                Content.Bcc = [.. Content.Bcc, .. People(property)];
                break;
            default:
                throw new EwsException("ErrorInvalidPropertyAppend", $"Nothing can be appended to {property.Name.LocalName}.");
        }
    }

    private void Delete(XElement path)
    {
        if (path.Name == T + "ExtendedFieldURI")
        {
            var left = new Dictionary<string, IReadOnlyList<string>>(message.Properties, StringComparer.OrdinalIgnoreCase);
            left.Remove(EwsExtendedProperty.Parse(path).Key);
            message = message with { Properties = left };
            return;
        }

        switch (path.Attribute("FieldURI")?.Value)
        {
            case "item:Categories":
                message = message with { Categories = [] };
                break;
            case "item:Importance":
                message = message with { Importance = null };
                break;
            case "item:Flag":
                message = message with { Flag = "notFlagged" };
                break;
            case "item:Subject":
                Content.Subject = string.Empty;
                break;
            case "item:Body":
                Content.Html = null;
                Content.Text = null;
                break;
            case "message:ToRecipients":
                Content.To = [];
                break;
            case "message:CcRecipients":
                Content.Cc = [];
                break;
            case "message:BccRecipients":
                Content.Bcc = [];
                break;
            case "message:ReplyTo":
                Content.ReplyTo = [];
                break;
            case "item:InReplyTo":
                Content.InReplyTo = [];
                break;
            case "message:References":
                Content.References = [];
                break;
            case var uri:
                throw new EwsException("ErrorInvalidPropertyDelete", $"The property {uri} cannot be deleted.");
        }
    }

    private void SetExtended(XElement property)
    {
        XElement path = property.Element(T + "ExtendedFieldURI") ?? throw EwsException.Schema(property, "The element 'ExtendedFieldURI' is missing.");
        EwsExtendedProperty parsed = EwsExtendedProperty.Parse(path);
        string[] values = parsed.IsArray
            ? [.. property.Element(T + "Values")?.Elements(T + "Value").Select(v => v.Value) ?? []]
            : [property.Element(T + "Value")?.Value ?? throw EwsException.Schema(property, "The element 'Value' is missing.")];
        if (parsed.Key == "Integer 0x0E07")
        {
            if (!int.TryParse(values[0], CultureInfo.InvariantCulture, out int flags))
                throw new EwsException("ErrorInvalidValueForProperty", $"\"{values[0]}\" is no number.");
            message = message with { IsDraft = (flags & 8) != 0, IsRead = (flags & 1) != 0 };
            return;
        }

        if (path.Attribute("DistinguishedPropertySetId")?.Value == "InternetHeaders" && path.Attribute("PropertyName")?.Value is { } header)
        {
            Content.SetHeader(header, values[0]);
            return;
        }

        message = message with
        {
            Properties = new Dictionary<string, IReadOnlyList<string>>(message.Properties, StringComparer.OrdinalIgnoreCase) { [parsed.Key] = values },
        };
    }

    private void Attach(XElement attachment)
    {
        string name = attachment.Element(T + "Name")?.Value ?? "attachment";
        switch (attachment.Name.LocalName)
        {
            case "FileAttachment":
                byte[] bytes = Base64(
                    attachment.Element(T + "Content") ?? throw EwsException.Schema(attachment, "The element 'Content' is missing."), "ErrorInvalidAttachmentType");
                Content.Attachments.Add(DraftAttachment.FromBytes(
                    name, attachment.Element(T + "ContentType")?.Value ?? "application/octet-stream", bytes, attachment.Element(T + "ContentId")?.Value) with
                {
                    IsInline = EwsNames.IsTrue(attachment.Element(T + "IsInline")?.Value),
                });
                break;
            case "ItemAttachment":
                XElement item = attachment.Elements().FirstOrDefault(e => e.Name.LocalName is "Message" or "Item")
                    ?? throw new EwsException("ErrorInvalidAttachmentType", "Only messages can be attached as items.");
                Content.Attachments.Add(DraftAttachment.FromBytes(name, "message/rfc822", Create(mailbox, item, clock).Content.ToArray()));
                break;
            default:
                throw new EwsException("ErrorInvalidAttachmentType", $"The lab knows no attachments of the kind {attachment.Name.LocalName}.");
        }
    }
}
