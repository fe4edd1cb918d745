namespace EmailRouter.Lab.Store;

/// <summary>Something that happened in a mailbox. A move is two: a deletion in the old folder, then a creation in the new one.</summary>
/// <param name="Sequence">Its number: greater than that of everything before.</param>
/// <param name="Kind">What happened.</param>
/// <param name="FolderId">The folder in which it happened; for changes of folders that folder.</param>
/// <param name="MessageId">The message's <see cref="LabMessage.Id"/>; empty for changes of folders.</param>
/// <param name="EntryId">The message's <see cref="LabMessage.EntryId"/> at that time; empty for changes of folders.</param>
/// <param name="On">When.</param>
public sealed record LabChange(long Sequence, LabChangeKind Kind, string FolderId, string MessageId, string EntryId, DateTimeOffset On)
{
    /// <summary>Gets a value indicating whether a message was created because it arrived by mail.</summary>
    public bool IsNewMail { get; init; }

    /// <summary>Gets the other half of a move: for a creation where the message came from, for a deletion null.</summary>
    public LabMoveOrigin? MovedFrom { get; init; }

    /// <summary>Gets a value indicating whether a deletion is the first half of a move.</summary>
    public bool IsMove { get; init; }

    /// <summary>Gets a value indicating whether a creation is a copy of a message of the mailbox.</summary>
    public bool IsCopy { get; init; }

    /// <summary>Gets the read flag as it was set, for <see cref="LabChangeKind.ReadFlag"/>.</summary>
    public bool IsRead { get; init; }
}

/// <summary>Where a message that moved came from.</summary>
/// <param name="FolderId">The folder.</param>
/// <param name="EntryId">Its id there.</param>
public sealed record LabMoveOrigin(string FolderId, string EntryId);

/// <summary>What can happen in a mailbox.</summary>
public enum LabChangeKind
{
    /// <summary>A message came into the folder.</summary>
    Created,

    /// <summary>A message changed.</summary>
    Updated,

    /// <summary>Only a message's read flag changed.</summary>
    ReadFlag,

    /// <summary>A message left the folder.</summary>
    Deleted,

    /// <summary>A folder came into being.</summary>
    FolderCreated,

    /// <summary>A folder was renamed or moved.</summary>
    FolderUpdated,

    /// <summary>A folder is gone.</summary>
    FolderDeleted,
}

/// <summary>What someone who knows a folder as it was at a position must be told, and the position they know then.</summary>
/// <param name="Changes">At most one change per message, in order; the messages are as they are now.</param>
/// <param name="Sequence">The position after them.</param>
/// <param name="IsComplete">Whether nothing is left after them.</param>
public sealed record LabChangePage(IReadOnlyList<LabChange> Changes, long Sequence, bool IsComplete);
