namespace EmailRouter.Mail;

/// <summary>One open mailbox.</summary>
/// <remarks>
/// A session is used by one caller at a time. After any <see cref="MailException"/> other than a <see cref="MailCommandException"/> the connection is
/// dead: dispose the session and open another.
/// </remarks>
public interface IMailboxSession : IAsyncDisposable
{
    /// <summary>Gets the settlements this server can do.</summary>
    SettlementKinds Settlements { get; }

    /// <summary>
    /// Gets the cursor behind everything that <see cref="ListAsync"/> listed, once its enumeration has ended: servers that report changes (EWS, Graph) move on also when
    /// nothing new came. Null before that, and where <see cref="MessageRef.Cursor"/> says all there is to say.
    /// </summary>
    MailboxCursor? Position => null;

    /// <summary>Lists the messages after a cursor, oldest first, without their bodies. The caller may stop early.</summary>
    /// <param name="since">The cursor kept from an earlier listing, or <see cref="MailboxCursor.Start"/>.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>
    /// The messages. Servers without a position (POP3) list everything; the router itself remembers which ids it has seen.
    /// </returns>
    IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, CancellationToken cancellationToken);

    /// <summary>
    /// Fetches messages in the order given, as many at a time as the server and the memory allow. Until the enumeration has ended the session can do
    /// nothing else but <see cref="SettleAsync"/>.
    /// </summary>
    /// <param name="messages">References from <see cref="ListAsync"/> of this session.</param>
    /// <param name="cancellationToken">Stops the fetching.</param>
    /// <returns>One result for each reference, in order; the caller disposes each.</returns>
    IAsyncEnumerable<FetchedMessage> FetchAsync(IReadOnlyList<MessageRef> messages, CancellationToken cancellationToken);

    /// <summary>Fetches only the header of a message, without marking it read.</summary>
    /// <param name="message">A reference from <see cref="ListAsync"/> of this session.</param>
    /// <param name="cancellationToken">Stops the fetching.</param>
    /// <returns>The header's bytes as a message without a body; the caller disposes it.</returns>
    ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken);

    /// <summary>Says what is to happen to a message on the server. It may take effect only in <see cref="CompleteAsync"/>.</summary>
    /// <param name="message">A reference from <see cref="ListAsync"/> of this session.</param>
    /// <param name="how">One of <see cref="Settlements"/>.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is taken note of; a server's refusal may come as late as <see cref="CompleteAsync"/>.</returns>
    ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken);

    /// <summary>Ends the session in order. Servers that commit settlements only now (POP3's QUIT) do it here.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the server has confirmed.</returns>
    /// <exception cref="MailException">The server did not confirm; settlements of this session may not have happened.</exception>
    ValueTask CompleteAsync(CancellationToken cancellationToken);

    /// <summary>Waits until the server announces new mail. It only means "look sooner": polling decides.</summary>
    /// <param name="atMost">How long to wait.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>True when the server announced mail; false when the time was up, or at once where the server cannot push.</returns>
    ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken);
}

/// <summary>A position in a mailbox that the server itself calls stable; opaque to everybody but the mail system that made it.</summary>
/// <param name="Value">The mail system's own text; empty for the start.</param>
public readonly record struct MailboxCursor(string Value)
{
    /// <summary>Gets the cursor before the first message.</summary>
    public static MailboxCursor Start => new(string.Empty);

    /// <summary>Gets a value indicating whether this is the start.</summary>
    public bool IsStart => string.IsNullOrEmpty(Value);
}

/// <summary>A message in a mailbox, known by the id its server calls stable (POP3 UIDL, IMAP UIDVALIDITY and UID, ...).</summary>
/// <param name="Id">The stable id, unique within the mailbox.</param>
public sealed record MessageRef(string Id)
{
    /// <summary>Gets the size in bytes as the server states it; servers may err. Null when unknown.</summary>
    public long? Size { get; init; }

    /// <summary>Gets when the server received the message, where it says so.</summary>
    public DateTimeOffset? ReceivedOn { get; init; }

    /// <summary>
    /// Gets the cursor that is right once this message and all listed before it are done; null where the server has no position and
    /// only the set of ids tells what is new.
    /// </summary>
    public MailboxCursor? Cursor { get; init; }

    /// <summary>Gets the server's own class of the message (Exchange's item class, e.g. <c>IPM.Note</c>); null where the server has none or does not say.</summary>
    public string? MessageClass { get; init; }

    /// <summary>Gets what the session needs to find the message again within this session (a POP3 message number, a UID).</summary>
    public int SessionNumber { get; init; }
}

/// <summary>What came of fetching one message: its bytes, or the reason why there are none.</summary>
/// <param name="Message">Which message.</param>
/// <param name="Content">The bytes as received; null when <paramref name="Error"/> says why.</param>
/// <param name="Error">Why there are no bytes: the message is gone, too large, or the server refused it. Null on success.</param>
public sealed record FetchedMessage(MessageRef Message, Mime.MessageBuffer? Content, MailException? Error = null) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Content?.Dispose();
}

/// <summary>What happens to a message on the mail server after the router is done with it.</summary>
/// <param name="Kind">The action.</param>
/// <param name="Folder">The target of <see cref="SettlementKinds.Move"/>; otherwise null.</param>
public sealed record Settlement(SettlementKinds Kind, string? Folder = null)
{
    /// <summary>Gets the category (Exchange) or keyword (IMAP) of <see cref="SettlementKinds.Categorize"/>; otherwise null.</summary>
    public string? Category { get; init; }

    /// <summary>Gets the settlement that leaves the message as it is.</summary>
    public static Settlement Keep { get; } = new(SettlementKinds.Keep);

    /// <summary>Gets the settlement that marks the message as read.</summary>
    public static Settlement MarkRead { get; } = new(SettlementKinds.MarkRead);

    /// <summary>Gets the settlement that deletes the message.</summary>
    public static Settlement Delete { get; } = new(SettlementKinds.Delete);

    /// <summary>Moves the message to a folder.</summary>
    /// <param name="folder">The folder's name on the server; created when missing.</param>
    /// <returns>The settlement.</returns>
    public static Settlement MoveTo(string folder) => new(SettlementKinds.Move, folder);

    /// <summary>Gives the message a category and leaves it where it is; its other categories stay.</summary>
    /// <param name="category">The category's name.</param>
    /// <returns>The settlement.</returns>
    public static Settlement Categorize(string category) => new(SettlementKinds.Categorize) { Category = category };
}

/// <summary>The kinds of <see cref="Settlement"/>; as flags, those a server can do.</summary>
[Flags]
public enum SettlementKinds
{
    /// <summary>Nothing at all; not a valid settlement.</summary>
    None = 0,

    /// <summary>Leave the message as it is.</summary>
    Keep = 1,

    /// <summary>Mark it as read.</summary>
    MarkRead = 2,

    /// <summary>Delete it.</summary>
    Delete = 4,

    /// <summary>Move it to a folder.</summary>
    Move = 8,

    /// <summary>Give it a category.</summary>
    Categorize = 16,
}
