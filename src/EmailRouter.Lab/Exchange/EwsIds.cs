using System.Text;
using System.Xml.Linq;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>The ids that clients see: opaque, case-sensitive, with the mailbox inside. Those of items change when they move.</summary>
internal sealed record EwsId(char Kind, string Mailbox, string Value)
{
    public const char Folder = 'F';
    public const char Item = 'I';
    public const char Attachment = 'A';

    public static string Of(LabMailbox mailbox, LabFolder folder) => new EwsId(Folder, mailbox.Address, folder.Id).ToString();

    public static string Of(LabMailbox mailbox, LabMessage message) => OfEntry(mailbox, message.EntryId);

    public static string OfEntry(LabMailbox mailbox, string entryId) => new EwsId(Item, mailbox.Address, entryId).ToString();

    public static string OfAttachment(LabMailbox mailbox, LabMessage message, int index) =>
        new EwsId(Attachment, mailbox.Address, $"{message.EntryId}:{index}").ToString();

    public static XElement FolderElement(LabMailbox mailbox, LabFolder folder, string name = "FolderId") =>
        new(EwsNames.T + name, new XAttribute("Id", Of(mailbox, folder)), new XAttribute("ChangeKey", Key(folder.ChangeKey)));

    public static XElement ItemElement(LabMailbox mailbox, LabMessage message) =>
        new(EwsNames.T + "ItemId", new XAttribute("Id", Of(mailbox, message)), new XAttribute("ChangeKey", Key(message.ChangeKey)));

    public static string Key(string changeKey) => Convert.ToBase64String(Encoding.ASCII.GetBytes("CQ" + changeKey));

    public static EwsId Parse(string? text, char kind)
    {
        if (string.IsNullOrEmpty(text))
            throw new EwsException("ErrorInvalidIdEmpty", "The id is empty.");
        byte[] bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out int length) || Encoding.UTF8.GetString(bytes, 0, length).Split('|') is not ["AAMk", [var found], var mailbox, var value])
            throw new EwsException("ErrorInvalidIdMalformed", "The id is malformed.");
        if (found == kind)
            return new EwsId(found, mailbox, value);
        throw (found, kind) switch
        {
            (Folder, Item) => new EwsException("ErrorCannotUseFolderIdForItemId", "The id is that of a folder."),
            (Item, Folder) => new EwsException("ErrorCannotUseItemIdForFolderId", "The id is that of an item."),
            (_, Attachment) => new EwsException("ErrorInvalidIdNotAnItemAttachmentId", "The id is not that of an attachment."),
            _ => new EwsException("ErrorInvalidId", "The id is that of something else."),
        };
    }

    public override string ToString() => Convert.ToBase64String(Encoding.UTF8.GetBytes($"AAMk|{Kind}|{Mailbox}|{Value}"));
}
