namespace EmailRouter.Mail.Imap;

/// <summary>One response of the server as the dispatcher understood it.</summary>
internal readonly record struct ImapEvent(ImapEventKind Kind)
{
    /// <summary>Gets the tag of <see cref="ImapEventKind.Tagged"/>.</summary>
    public int Tag { get; init; }

    /// <summary>Gets the status of <see cref="ImapEventKind.Tagged"/> and <see cref="ImapEventKind.Status"/>.</summary>
    public ImapResponse Response { get; init; }

    /// <summary>Gets the text of <see cref="ImapEventKind.Continue"/>.</summary>
    public string? Text { get; init; }

    /// <summary>Gets what <see cref="ImapEventKind.Fetch"/> says; whoever reads the event disposes it.</summary>
    public ImapFetchData? Fetch { get; init; }

    /// <summary>Gets the UIDs of <see cref="ImapEventKind.Search"/> and <see cref="ImapEventKind.Vanished"/>.</summary>
    public IReadOnlyList<uint>? Uids { get; init; }

    /// <summary>Gets the mailbox of <see cref="ImapEventKind.List"/>.</summary>
    public ImapListed? Listed { get; init; }

    /// <summary>Gets the first personal namespace of <see cref="ImapEventKind.Namespace"/>: prefix and separator.</summary>
    public (string Prefix, char? Separator)? Personal { get; init; }
}

/// <summary>The kinds of <see cref="ImapEvent"/>.</summary>
internal enum ImapEventKind
{
    /// <summary>News that nobody needs, or what made no sense.</summary>
    Other,

    /// <summary>The end of a command.</summary>
    Tagged,

    /// <summary>The server asks on.</summary>
    Continue,

    /// <summary>An untagged status response.</summary>
    Status,

    /// <summary>The number of messages.</summary>
    Exists,

    /// <summary>A message was removed.</summary>
    Expunge,

    /// <summary>Messages were removed, by UID (RFC 7162 3.2.10).</summary>
    Vanished,

    /// <summary>Data of a message.</summary>
    Fetch,

    /// <summary>The result of a search, in either form.</summary>
    Search,

    /// <summary>A mailbox.</summary>
    List,

    /// <summary>The namespaces.</summary>
    Namespace,
}

/// <summary>A mailbox as LIST shows it.</summary>
/// <param name="Name">The name, decoded.</param>
/// <param name="Separator">The hierarchy separator; null for a flat one.</param>
/// <param name="Attributes">The attributes, with their backslash.</param>
internal sealed record ImapListed(string Name, char? Separator, IReadOnlySet<string> Attributes)
{
    /// <summary>Gets a value indicating whether it can be selected.</summary>
    public bool IsSelectable => !Attributes.Contains(@"\Noselect") && !Attributes.Contains(@"\NonExistent");
}
