using EmailRouter.Mime;

namespace EmailRouter.Lab.Store;

/// <summary>
/// A message as it lies in a folder of a mailbox. It never changes: whoever changes a message in the mailbox gets another one with the same <see cref="Id"/>
/// and a new <see cref="ChangeKey"/>.
/// </summary>
public sealed record LabMessage
{
    private MimeMessage? mime;

    /// <summary>Gets the id: unique within the store, never reused, the same in whatever folder the message lies (Graph's immutable id, POP3's UIDL).</summary>
    public required string Id { get; init; }

    /// <summary>Gets the number of its place in the mailbox; a message that moves gets a new one. Folders list their messages in this order.</summary>
    public required long Place { get; init; }

    /// <summary>Gets the id that changes when the message moves, as the ids of Exchange do.</summary>
    public string EntryId => LabEntryId.Of(Id, Place);

    /// <summary>Gets the id that POP3's UIDL shows.</summary>
    public string Uidl => Id;

    /// <summary>Gets the id of the folder.</summary>
    public required string FolderId { get; init; }

    /// <summary>Gets the number of the last change (<see cref="LabMailbox.Sequence"/>).</summary>
    public long Version { get; init; }

    /// <summary>Gets what changes with every change of the message.</summary>
    public string ChangeKey => LabEntryId.ChangeKey(Version);

    /// <summary>Gets the bytes as they were delivered or saved.</summary>
    public required ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>Gets when it arrived, or for what was never delivered when it was saved.</summary>
    public required DateTimeOffset ReceivedOn { get; init; }

    /// <summary>Gets when it came into being in this mailbox.</summary>
    public required DateTimeOffset CreatedOn { get; init; }

    /// <summary>Gets when it last changed.</summary>
    public required DateTimeOffset ModifiedOn { get; init; }

    /// <summary>Gets a value indicating whether it was read.</summary>
    public bool IsRead { get; init; }

    /// <summary>Gets a value indicating whether it is a draft that was not sent.</summary>
    public bool IsDraft { get; init; }

    /// <summary>Gets the item class; derived from the content where nobody set it (<see cref="LabItemClass"/>).</summary>
    public required string ItemClass { get; init; }

    /// <summary>Gets the categories.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Gets the importance that was set on the message: low, normal or high; null for the one its headers name.</summary>
    public string? Importance { get; init; }

    /// <summary>Gets the follow-up flag: notFlagged, flagged or complete.</summary>
    public string Flag { get; init; } = "notFlagged";

    /// <summary>
    /// Gets the properties that were set on it beyond these, by their name in Graph's notation, e.g. <c>String 0x1035</c> or
    /// <c>String {00020329-0000-0000-c000-000000000046} Name CrmRoutedId</c>; a single value is a list of one.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Properties { get; init; } = NoProperties;

    /// <summary>Gets the content taken apart.</summary>
    public MimeMessage Mime => mime is { } parsed && parsed.Source.Equals(Content) ? parsed : mime = MimeMessage.Parse(Content);

    /// <summary>Gets the Message-ID of its headers; null when there is none.</summary>
    public string? InternetMessageId => Mime.MessageId;

    internal static IReadOnlyDictionary<string, IReadOnlyList<string>> NoProperties { get; } = new Dictionary<string, IReadOnlyList<string>>();
}

/// <summary>What is known of a message that comes into a folder, beside its content.</summary>
public sealed record LabNewMessage
{
    /// <summary>Gets the time of receipt; now when omitted.</summary>
    public DateTimeOffset? ReceivedOn { get; init; }

    /// <summary>Gets a value indicating whether it is read.</summary>
    public bool IsRead { get; init; }

    /// <summary>Gets a value indicating whether it is a draft.</summary>
    public bool IsDraft { get; init; }

    /// <summary>Gets the item class; derived from the content when null.</summary>
    public string? ItemClass { get; init; }

    /// <summary>Gets the categories.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Gets the importance; null for the one the headers name.</summary>
    public string? Importance { get; init; }

    /// <summary>Gets further properties; see <see cref="LabMessage.Properties"/>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Properties { get; init; } = LabMessage.NoProperties;

    /// <summary>Gets a value indicating whether it arrives by mail: those who listen hear of new mail.</summary>
    public bool IsNewMail { get; init; }
}
