using EmailRouter.Crm;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Incoming;

/// <summary>A message that was read and validated: either decided already, or ready to be asked about.</summary>
internal sealed record PreparedMessage(FetchedMessage Fetched) : IDisposable
{
    /// <summary>Gets the decision, when validation already took it.</summary>
    public Decision? Decision { get; init; }

    /// <summary>Gets the email; null when it could not be read or is decided already.</summary>
    public IncomingEmail? Email { get; init; }

    /// <summary>Gets the mailbox whose mail it is, where that is not the one it was read from.</summary>
    public CrmMailbox? ForwardedBy { get; init; }

    /// <summary>Gets what a mail server reports as undeliverable, when the message is such a report and reports count; otherwise null.</summary>
    public BounceReport? Bounce { get; init; }

    /// <summary>Gets what reading and validating noted.</summary>
    public IReadOnlyList<Evidence> Evidence { get; init; } = [];

    /// <summary>Gets what a message must share with another to belong to it.</summary>
    public IReadOnlyCollection<string> Threads { get; init; } = [];

    /// <summary>Gets why reading it failed; null when it did not.</summary>
    public Exception? Failure { get; init; }

    public void Dispose() => Fetched.Dispose();
}
