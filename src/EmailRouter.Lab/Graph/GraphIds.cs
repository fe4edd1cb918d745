using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>
/// The ids of the endpoint: opaque, case-sensitive, with characters that a URL must escape, and of two kinds for messages, as the service's are. Either kind is
/// taken; which is shown depends on the request.
/// </summary>
internal static class GraphIds
{
    private const string Mutable = "AAMkAGI2";
    private const string Immutable = "AAkALgAA";
    private const string Folder = "AQMkADAw";
    private const string Attachment = "AAMkATTA";
    private const string End = "AAA=";

    public static string OfMessage(LabMessage message, bool immutable) => immutable ? OfImmutable(message.Id) : OfEntry(message.EntryId);

    public static string OfImmutable(string id) => Immutable + id + End;

    public static string OfEntry(string entryId) => Mutable + entryId + End;

    public static string OfFolder(string folderId) => Folder + folderId + End;

    public static string OfAttachment(LabMessage message, string key) => Attachment + message.Id + "_" + key + End;

    /// <summary>Finds a message by either id.</summary>
    public static LabMessage Message(LabMailbox mailbox, string id) =>
        (Bare(id, Immutable) is { } immutable ? mailbox.FindMessage(immutable)
            : Bare(id, Mutable) is { } entry ? mailbox.FindEntry(entry)
            : throw GraphError.MalformedId()) ?? throw GraphError.NotFound();

    /// <summary>Finds a folder by id or well-known name.</summary>
    public static LabFolder FolderOf(LabMailbox mailbox, string id)
    {
        if (Bare(id, Folder) is { } folder)
            return mailbox.FindFolder(folder) ?? throw GraphError.FolderNotFound();
        try
        {
            return mailbox.FolderOf(id);
        }
        catch (LabStoreException)
        {
            throw GraphError.MalformedId();
        }
    }

    /// <summary>Gets the part of an attachment's id that tells it from its neighbours.</summary>
    public static string AttachmentKey(LabMessage message, string id)
    {
        string bare = Bare(id, Attachment) ?? throw GraphError.MalformedId();
        return bare.StartsWith(message.Id + "_", StringComparison.Ordinal) ? bare[(message.Id.Length + 1)..] : throw GraphError.NotFound();
    }

    private static string? Bare(string id, string start) =>
        id.Length > start.Length + End.Length && id.StartsWith(start, StringComparison.Ordinal) && id.EndsWith(End, StringComparison.Ordinal) ? id[start.Length..^End.Length] : null;
}
