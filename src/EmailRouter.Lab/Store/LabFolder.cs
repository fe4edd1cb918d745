namespace EmailRouter.Lab.Store;

/// <summary>A folder of a mailbox. It never changes; a folder that is renamed or moved is another one with the same id.</summary>
/// <param name="Id">The id, unique within the store.</param>
/// <param name="ParentId">The id of the folder above; null for <c>root</c>.</param>
/// <param name="DisplayName">The name people see.</param>
/// <param name="WellKnownName">The name by which Exchange knows it (<see cref="LabFolderNames"/>); null for folders that somebody made.</param>
/// <param name="FolderClass">What it holds: <c>IPF.Note</c> for mail.</param>
/// <param name="Version">The number of its last change (<see cref="LabMailbox.Sequence"/>).</param>
public sealed record LabFolder(string Id, string? ParentId, string DisplayName, string? WellKnownName, string FolderClass, long Version)
{
    /// <summary>Gets what changes with every change of the folder itself (not of what lies in it).</summary>
    public string ChangeKey => LabEntryId.ChangeKey(Version);
}

/// <summary>The well-known folders of every mailbox, by the names that EWS and Graph give them.</summary>
public static class LabFolderNames
{
    /// <summary>The root of the mailbox, above what people see.</summary>
    public const string Root = "root";

    /// <summary>The top of what people see.</summary>
    public const string MsgFolderRoot = "msgfolderroot";

    /// <summary>The Inbox.</summary>
    public const string Inbox = "inbox";

    /// <summary>Drafts.</summary>
    public const string Drafts = "drafts";

    /// <summary>Sent Items.</summary>
    public const string SentItems = "sentitems";

    /// <summary>Deleted Items.</summary>
    public const string DeletedItems = "deleteditems";

    /// <summary>Junk Email.</summary>
    public const string JunkEmail = "junkemail";

    /// <summary>The Outbox.</summary>
    public const string Outbox = "outbox";

    /// <summary>The Archive folder.</summary>
    public const string Archive = "archive";

    /// <summary>What was deleted softly and can still be brought back.</summary>
    public const string RecoverableItemsDeletions = "recoverableitemsdeletions";

    /// <summary>Their names, their display names and the folders above them, in an order in which they can be made.</summary>
    internal static IReadOnlyList<(string Name, string DisplayName, string? Parent)> All { get; } =
    [
        (Root, string.Empty, null),
        (MsgFolderRoot, "Top of Information Store", Root),
        (RecoverableItemsDeletions, "Deletions", Root),
        (Inbox, "Inbox", MsgFolderRoot),
        (Drafts, "Drafts", MsgFolderRoot),
        (SentItems, "Sent Items", MsgFolderRoot),
        (DeletedItems, "Deleted Items", MsgFolderRoot),
        (JunkEmail, "Junk Email", MsgFolderRoot),
        (Outbox, "Outbox", MsgFolderRoot),
        (Archive, "Archive", MsgFolderRoot),
    ];
}

/// <summary>How something is deleted.</summary>
public enum LabDeletion
{
    /// <summary>It moves to Deleted Items.</summary>
    MoveToDeletedItems,

    /// <summary>It moves to the folder of what can be recovered.</summary>
    Soft,

    /// <summary>It is gone.</summary>
    Hard,
}
