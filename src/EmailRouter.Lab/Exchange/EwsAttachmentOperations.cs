using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Exchange;

/// <summary>GetAttachment, CreateAttachment, DeleteAttachment.</summary>
internal static class EwsAttachmentOperations
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    public static XElement Get(EwsCall call)
    {
        bool withMime = EwsNames.IsTrue(call.Child("AttachmentShape")?.Element(T + "IncludeMimeContent")?.Value);
        return call.Answer(
            call.Children("AttachmentIds"),
            id =>
            {
                (LabMailbox mailbox, LabMessage message, int index) = Find(call, id);
                MimePart part = message.Mime.Attachments[index];
                using var content = new MemoryStream();
                using (Stream decoded = part.OpenDecoded())
                    decoded.CopyTo(content);
                object shown = part.EmbeddedMessage is { } embedded
                    ? Embedded(mailbox, message, embedded, withMime)
                    : new XElement(T + "Content", Convert.ToBase64String(content.ToArray()));
                return new XElement(M + "Attachments", EwsItemFields.AttachmentElement(new EwsItemView(mailbox, message, "Best"), part, index, shown));
            },
            () => new XElement(M + "Attachments"));
    }

    public static XElement Create(EwsCall call) => call.Answer(call.Children("Attachments"), attachment =>
    {
        XElement parent = call.Child("ParentItemId") ?? throw EwsException.Schema(call.Operation, "The element 'ParentItemId' is missing.");
        (LabMailbox mailbox, LabMessage message) = call.Item(new XElement(T + "ItemId", parent.Attributes()));
        LabMessage updated = mailbox.Update(message.Id, m => EwsItemEdit.Attach(mailbox, m, attachment, call.Store.Clock));
        int index = updated.Mime.Attachments.Count - 1;
        return new XElement(M + "Attachments", new XElement(T + attachment.Name.LocalName, new XElement(
            T + "AttachmentId",
            new XAttribute("Id", EwsId.OfAttachment(mailbox, updated, index)),
            new XAttribute("RootItemId", EwsId.Of(mailbox, updated)),
            new XAttribute("RootItemChangeKey", EwsId.Key(updated.ChangeKey)))));
    });

    public static XElement Delete(EwsCall call) => call.Answer(call.Children("AttachmentIds"), id =>
    {
        (LabMailbox mailbox, LabMessage message, int index) = Find(call, id);
        LabMessage updated = mailbox.Update(message.Id, m => EwsItemEdit.Detach(mailbox, m, index, call.Store.Clock));
        return new XElement(
            M + "RootItemId", new XAttribute("RootItemId", EwsId.Of(mailbox, updated)), new XAttribute("RootItemChangeKey", EwsId.Key(updated.ChangeKey)));
    });

    private static (LabMailbox Mailbox, LabMessage Message, int Index) Find(EwsCall call, XElement id)
    {
        EwsId known = EwsId.Parse(id.Attribute("Id")?.Value, EwsId.Attachment);
        LabMailbox mailbox = call.Open(known.Mailbox, "ErrorItemNotFound");
        if (known.Value.Split(':') is [var entry, var number] && mailbox.FindEntry(entry) is { } message &&
            int.TryParse(number, CultureInfo.InvariantCulture, out int index) && index < message.Mime.Attachments.Count)
        {
            return (mailbox, message, index);
        }

        throw EwsCall.ItemNotFound();
    }

    private static XElement Embedded(LabMailbox mailbox, LabMessage outer, MimeMessage embedded, bool withMime)
    {
        LabMessage inner = outer with { Content = embedded.Source, ItemClass = LabItemClass.Of(embedded), Properties = LabMessage.NoProperties, Categories = [], IsDraft = false };
        XElement shape = new(T + "ItemShape", new XElement(T + "BaseShape", "AllProperties"), new XElement(T + "IncludeMimeContent", EwsNames.Bool(withMime)));
        XElement shown = EwsItemShape.Parse(shape).Render(mailbox, inner);
        shown.Elements().Where(e => e.Name.LocalName is "ItemId" or "ParentFolderId" or "Attachments").Remove();
        return shown;
    }
}
