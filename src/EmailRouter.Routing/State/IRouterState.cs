using EmailRouter.Mail;

namespace EmailRouter.Routing.State;

/// <summary>
/// What the router must remember between runs: how far each mailbox is read, what was decided, what was sent, what was set aside, and who is
/// working on what. Transactional: after a crash at any point everything before the last completed call is there.
/// </summary>
public interface IRouterState : IAsyncDisposable
{
    /// <summary>Reads how far a mailbox has been read.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The cursor; the start when the mailbox is new.</returns>
    ValueTask<MailboxCursor> GetCursorAsync(MailboxKey mailbox, CancellationToken cancellationToken);

    /// <summary>Tells what is remembered about messages of a mailbox.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="messageKeys">Ids on the mail server.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>What is remembered, by id; ids never seen are not in it.</returns>
    ValueTask<IReadOnlyDictionary<string, SeenMessage>> GetSeenAsync(MailboxKey mailbox, IReadOnlyCollection<string> messageKeys, CancellationToken cancellationToken);

    /// <summary>Remembers, in one transaction, what became of messages of a mailbox: their decisions, that they are seen, and the cursor.</summary>
    /// <remarks>
    /// A message whose decision is <see cref="DecisionAction.Deferred"/> is not done: its decision is kept and it stays open for the next poll.
    /// A decision whose id is known already is not recorded twice.
    /// </remarks>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="messages">The messages, in the order they were listed.</param>
    /// <param name="cursor">The new cursor; null leaves it.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when all of it is durable.</returns>
    ValueTask RecordAsync(MailboxKey mailbox, IReadOnlyList<ProcessedMessage> messages, MailboxCursor? cursor, CancellationToken cancellationToken);

    /// <summary>Remembers that the mail server confirmed the settlement of messages.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="messageKeys">Ids on the mail server.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is durable.</returns>
    ValueTask MarkSettledAsync(MailboxKey mailbox, IReadOnlyCollection<string> messageKeys, CancellationToken cancellationToken);

    /// <summary>Forgets seen messages that the server no longer lists and that a cursor does not cover.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="listed">All ids the server lists now.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>How many were forgotten.</returns>
    ValueTask<int> ForgetAllButAsync(MailboxKey mailbox, IReadOnlyCollection<string> listed, CancellationToken cancellationToken);

    /// <summary>Forgets everything about the position in a mailbox, so that the next poll reads it from the start. Decisions stay.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is durable.</returns>
    ValueTask ResetMailboxAsync(MailboxKey mailbox, CancellationToken cancellationToken);

    /// <summary>Counts a failure of a message.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="messageKey">The id on the mail server.</param>
    /// <param name="error">What happened.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>How often this message has failed by now.</returns>
    ValueTask<int> CountFailureAsync(MailboxKey mailbox, string messageKey, RouterError error, CancellationToken cancellationToken);

    /// <summary>Sets a message aside with its bytes and remembers it as processed, in one transaction. Its id there is that of its decision.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="message">The message with its decision.</param>
    /// <param name="content">The bytes; empty when there were none to be had.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is durable.</returns>
    ValueTask QuarantineAsync(MailboxKey mailbox, ProcessedMessage message, ReadOnlyMemory<byte> content, CancellationToken cancellationToken);

    /// <summary>Lists what was set aside, newest first, without the bytes.</summary>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The messages.</returns>
    IAsyncEnumerable<QuarantinedMessage> GetQuarantineAsync(CancellationToken cancellationToken);

    /// <summary>Reads the bytes of a message that was set aside.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The bytes; null when there is no such message.</returns>
    ValueTask<byte[]?> ReadQuarantinedAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>Remembers decisions about outgoing email.</summary>
    /// <param name="decisions">The decisions.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when they are durable.</returns>
    ValueTask RecordDecisionsAsync(IReadOnlyList<Decision> decisions, CancellationToken cancellationToken);

    /// <summary>Finds decisions, newest first.</summary>
    /// <param name="query">Which.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The decisions.</returns>
    IAsyncEnumerable<Decision> FindDecisionsAsync(DecisionQuery query, CancellationToken cancellationToken);

    /// <summary>Forgets old decisions. What is remembered about messages that are still in a mailbox, the journal and the quarantine stay.</summary>
    /// <param name="before">Decisions taken before this moment go.</param>
    /// <param name="cancellationToken">Stops between the steps; what went so far stays gone.</param>
    /// <returns>How many went.</returns>
    ValueTask<int> PruneDecisionsAsync(DateTimeOffset before, CancellationToken cancellationToken);

    /// <summary>Reads what the journal says about sending email activities.</summary>
    /// <param name="deployment">The deployment.</param>
    /// <param name="activityIds">The email activities.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The newest entry of each; those never tried are not in it.</returns>
    ValueTask<IReadOnlyDictionary<Guid, SendJournalEntry>> GetJournalAsync(
        string deployment, IReadOnlyCollection<Guid> activityIds, CancellationToken cancellationToken);

    /// <summary>
    /// Writes, in one transaction, the newest entries about sending email activities (before the first byte, before the commit, after the answer) and the
    /// decisions that belong to them.
    /// </summary>
    /// <param name="entries">The entries; each replaces the one before it.</param>
    /// <param name="decisions">The decisions.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when all of it is durable.</returns>
    ValueTask WriteJournalAsync(IReadOnlyList<SendJournalEntry> entries, IReadOnlyList<Decision> decisions, CancellationToken cancellationToken);

    /// <summary>Counts something that is limited over a while, by all routers over this state together; beyond the limit nothing is counted.</summary>
    /// <param name="tally">What is counted, how much and when.</param>
    /// <param name="limit">The most there may be within the window, this one included.</param>
    /// <param name="window">The window, at most 24 hours. It is kept by the minute: an amount leaves it up to a minute late.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>Whether it was counted, and what was counted before it.</returns>
    ValueTask<TallyResult> CountAsync(Tally tally, long limit, TimeSpan window, CancellationToken cancellationToken);

    /// <summary>Takes or renews a lease, so that two routers never work on the same thing.</summary>
    /// <param name="name">What is leased.</param>
    /// <param name="holder">Who takes it; the holder of a lease may renew it.</param>
    /// <param name="duration">For how long.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The lease, held by <paramref name="holder"/> or by somebody else.</returns>
    ValueTask<Lease> AcquireLeaseAsync(string name, string holder, TimeSpan duration, CancellationToken cancellationToken);

    /// <summary>Gives a lease back; nothing happens when somebody else holds it.</summary>
    /// <param name="name">What is leased.</param>
    /// <param name="holder">Who gives it back.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is durable.</returns>
    ValueTask ReleaseLeaseAsync(string name, string holder, CancellationToken cancellationToken);
}

/// <summary>A mailbox of a deployment, as the state knows it.</summary>
/// <param name="Deployment">The deployment's name.</param>
/// <param name="Address">The mailbox's address; compared without regard to case.</param>
public readonly record struct MailboxKey(string Deployment, string Address);

/// <summary>What is remembered about a message of a mailbox.</summary>
/// <param name="MessageKey">The id on the mail server.</param>
/// <param name="Failures">How often it failed.</param>
/// <param name="Action">What was done; null while it is not done.</param>
/// <param name="IsSettled">Whether the mail server confirmed the settlement.</param>
public sealed record SeenMessage(string MessageKey, int Failures, DecisionAction? Action, bool IsSettled);

/// <summary>A message that is done.</summary>
/// <param name="MessageKey">The id on the mail server.</param>
/// <param name="Decision">What was done and why.</param>
/// <param name="IsSettled">True when nothing remains to be done on the mail server.</param>
public sealed record ProcessedMessage(string MessageKey, Decision Decision, bool IsSettled);

/// <summary>A message that was set aside.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Mailbox">The mailbox.</param>
/// <param name="MessageKey">The id on the mail server.</param>
/// <param name="On">When.</param>
/// <param name="Size">How many bytes.</param>
/// <param name="Subject">The subject, where it could be read.</param>
/// <param name="Error">Why.</param>
public sealed record QuarantinedMessage(Guid Id, MailboxKey Mailbox, string MessageKey, DateTimeOffset On, long Size, string? Subject, RouterError Error);

/// <summary>Which decisions to find; what is null does not matter.</summary>
public sealed record DecisionQuery
{
    /// <summary>Gets the deployment.</summary>
    public string? Deployment { get; init; }

    /// <summary>Gets the mailbox's address; <c>*</c> and <c>?</c> are wildcards.</summary>
    public string? Mailbox { get; init; }

    /// <summary>Gets the direction.</summary>
    public MailDirection? Direction { get; init; }

    /// <summary>Gets what was done.</summary>
    public DecisionAction? Action { get; init; }

    /// <summary>Gets the reason code.</summary>
    public string? Reason { get; init; }

    /// <summary>Gets the Message-ID, with or without angle brackets.</summary>
    public string? MessageId { get; init; }

    /// <summary>Gets text within the subject.</summary>
    public string? Subject { get; init; }

    /// <summary>Gets the sender's address; <c>*</c> and <c>?</c> are wildcards.</summary>
    public string? From { get; init; }

    /// <summary>Gets the email activity.</summary>
    public Guid? ActivityId { get; init; }

    /// <summary>Gets the earliest time.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Gets the latest time.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Gets the greatest number; null for all.</summary>
    public int? First { get; init; }
}

/// <summary>How far the sending of an email activity got.</summary>
/// <param name="Deployment">The deployment.</param>
/// <param name="ActivityId">The email activity.</param>
/// <param name="MessageId">The Message-ID, fixed before the first byte and kept over all attempts.</param>
/// <param name="Attempt">The attempt, counted from 1.</param>
/// <param name="Phase">How far it got.</param>
/// <param name="On">When.</param>
/// <param name="Reply">The server's reply, where there is one.</param>
public sealed record SendJournalEntry(string Deployment, Guid ActivityId, string MessageId, int Attempt, SendPhase Phase, DateTimeOffset On, string? Reply)
{
    /// <summary>Gets the recipients that an earlier attempt got accepted; they are not offered again.</summary>
    public IReadOnlyList<string> AcceptedRecipients { get; init; } = [];
}

/// <summary>The phases of sending.</summary>
public enum SendPhase
{
    /// <summary>The Message-ID is fixed; nothing was accepted. Safe to send again.</summary>
    Prepared,

    /// <summary>The last byte was about to leave: without an entry after this one it may or may not have been accepted.</summary>
    Committing,

    /// <summary>The server accepted it. Never sent again.</summary>
    Accepted,

    /// <summary>The server did not accept it. Safe to send again.</summary>
    NotAccepted,
}

/// <summary>The right to work on something for a while.</summary>
/// <param name="Name">What is leased.</param>
/// <param name="Holder">Who holds it.</param>
/// <param name="Epoch">Grows each time the holder changes.</param>
/// <param name="ExpiresOn">When it ends unless renewed.</param>
/// <param name="IsHeld">Whether the one who asked holds it.</param>
public sealed record Lease(string Name, string Holder, long Epoch, DateTimeOffset ExpiresOn, bool IsHeld);

/// <summary>Something that is counted because it is limited.</summary>
/// <param name="What">What is counted, e.g. the recipients of a profile; compared exactly.</param>
/// <param name="Amount">How much; 0 only looks.</param>
/// <param name="On">When.</param>
public sealed record Tally(string What, long Amount, DateTimeOffset On);

/// <summary>What became of a <see cref="Tally"/>.</summary>
/// <param name="IsWithinLimit">Whether it was within the limit, and so was counted.</param>
/// <param name="Total">What was counted within the window before it.</param>
/// <param name="RoomOn">When there will be room for it; null when there is, or when the limit is smaller than the amount.</param>
public sealed record TallyResult(bool IsWithinLimit, long Total, DateTimeOffset? RoomOn);
