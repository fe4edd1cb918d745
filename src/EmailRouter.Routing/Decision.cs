using EmailRouter.Crm;

namespace EmailRouter.Routing;

/// <summary>What the router did with one message, and why. Every message, incoming or outgoing, ends with one.</summary>
public sealed record Decision
{
    /// <summary>Gets the decision's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>Gets when it was taken.</summary>
    public required DateTimeOffset On { get; init; }

    /// <summary>Gets the direction of the message.</summary>
    public required MailDirection Direction { get; init; }

    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets the address of the mailbox that was polled, or that sends.</summary>
    public required string Mailbox { get; init; }

    /// <summary>Gets the message's id on the mail server; null for outgoing mail.</summary>
    public string? MessageKey { get; init; }

    /// <summary>Gets the Message-ID.</summary>
    public string? MessageId { get; init; }

    /// <summary>Gets the subject.</summary>
    public string? Subject { get; init; }

    /// <summary>Gets the sender's address.</summary>
    public string? From { get; init; }

    /// <summary>Gets the recipients' addresses.</summary>
    public IReadOnlyList<string> To { get; init; } = [];

    /// <summary>Gets what was done.</summary>
    public required DecisionAction Action { get; init; }

    /// <summary>
    /// Gets the reason code: the names of <see cref="CheckReason"/> where a check decided, otherwise the router's own
    /// (<see cref="DecisionReasons"/>). Codes are API.
    /// </summary>
    public required string Reason { get; init; }

    /// <summary>Gets the reason in one sentence.</summary>
    public required string Explanation { get; init; }

    /// <summary>Gets what each rule looked at and said, in order.</summary>
    public IReadOnlyList<Evidence> Evidence { get; init; } = [];

    /// <summary>Gets the email activity, where there is one.</summary>
    public Guid? ActivityId { get; init; }

    /// <summary>Gets the error, where one decided.</summary>
    public RouterError? Error { get; init; }
}

/// <summary>The direction of a message, seen from the CRM.</summary>
public enum MailDirection
{
    /// <summary>From a mailbox into the CRM.</summary>
    Incoming,

    /// <summary>From the CRM to a mail server.</summary>
    Outgoing,
}

/// <summary>What was done with a message.</summary>
public enum DecisionAction
{
    /// <summary>Promoted into an email activity.</summary>
    Promoted,

    /// <summary>Not promoted because the activity exists already.</summary>
    Duplicate,

    /// <summary>Left alone: filter, class or settings say so.</summary>
    NotTracked,

    /// <summary>Could not be processed now and will be tried again.</summary>
    Deferred,

    /// <summary>Could not be processed three times and was set aside with its bytes.</summary>
    Quarantined,

    /// <summary>Sent.</summary>
    Sent,

    /// <summary>Not sent, and failed for good.</summary>
    Failed,

    /// <summary>Left completely, and no answer came back.</summary>
    Uncertain,

    /// <summary>Found in a forward mailbox, and left for a person to look at: it cannot be made out whose mail it is.</summary>
    Undeliverable,
}

/// <summary>The router's own reason codes; those of a check are the names of <see cref="CheckReason"/>.</summary>
public static class DecisionReasons
{
    /// <summary>The item class is not promoted (read receipts, reports, meeting requests, ...).</summary>
    public const string MessageClassNotTracked = nameof(MessageClassNotTracked);

    /// <summary>The message passed through this router before, or through too many hops.</summary>
    public const string MailLoop = nameof(MailLoop);

    /// <summary>A message in a forward mailbox holds no mail that a rule forwarded, or several.</summary>
    public const string ForwardNotUnwrapped = nameof(ForwardNotUnwrapped);

    /// <summary>Nothing tells whose mail a message in a forward mailbox is.</summary>
    public const string ForwardOwnerUnknown = nameof(ForwardOwnerUnknown);

    /// <summary>A message in a forward mailbox comes from somebody whose incoming delivery method is not the forward mailbox.</summary>
    public const string ForwardOwnerElsewhere = nameof(ForwardOwnerElsewhere);

    /// <summary>The message is the router's own test of a rule.</summary>
    public const string Probe = nameof(Probe);

    /// <summary>More answers of this correspondent came within an hour than people write.</summary>
    public const string CorrespondentRate = nameof(CorrespondentRate);

    /// <summary>A report that an email of the CRM could not be delivered; the email was found.</summary>
    public const string BounceMatched = nameof(BounceMatched);

    /// <summary>A report that a message could not be delivered; no email of the CRM is certainly meant.</summary>
    public const string BounceUnmatched = nameof(BounceUnmatched);

    /// <summary>The message was received before the time from which the profile reads mail.</summary>
    public const string ReceivedTooEarly = nameof(ReceivedTooEarly);

    /// <summary>The message's size is over the limit.</summary>
    public const string MessageTooLarge = nameof(MessageTooLarge);

    /// <summary>The message disappeared from the mailbox between listing and fetching.</summary>
    public const string MessageGone = nameof(MessageGone);

    /// <summary>A step failed in a way that may pass.</summary>
    public const string TransientError = nameof(TransientError);

    /// <summary>The same message failed too often.</summary>
    public const string RepeatedFailure = nameof(RepeatedFailure);

    /// <summary>The mail server accepted the message.</summary>
    public const string Accepted = nameof(Accepted);

    /// <summary>The mail server accepted the message for some recipients only.</summary>
    public const string PartlyAccepted = nameof(PartlyAccepted);

    /// <summary>The mail server refused the message for good.</summary>
    public const string Rejected = nameof(Rejected);

    /// <summary>The mail server asked to try again later, or could not be reached.</summary>
    public const string DeferredByServer = nameof(DeferredByServer);

    /// <summary>The mail server's policy refused it (enhanced code 5.7.x): relaying, send-as, a licence. An administrator can change that, so it is tried again.</summary>
    public const string RefusedByPolicy = nameof(RefusedByPolicy);

    /// <summary>All delivery attempts are used up.</summary>
    public const string AttemptsExhausted = nameof(AttemptsExhausted);

    /// <summary>The answer to the complete message was lost.</summary>
    public const string AnswerLost = nameof(AnswerLost);

    /// <summary>The journal shows that an earlier attempt was accepted; it was not sent again.</summary>
    public const string AlreadySent = nameof(AlreadySent);

    /// <summary>The sender may not send: not approved, disabled, or not served by the router.</summary>
    public const string SenderNotAllowed = nameof(SenderNotAllowed);

    /// <summary>A recipient has no address or must not be mailed.</summary>
    public const string RecipientNotAllowed = nameof(RecipientNotAllowed);

    /// <summary>There is no recipient at all.</summary>
    public const string NoRecipient = nameof(NoRecipient);
}
