using System.Runtime.CompilerServices;
using EmailRouter.Shared.Locks;

namespace EmailRouter.Crm.Server;

/// <summary>
/// An organization whose server decides what is promoted, as for the original product: CheckIncomingEmail is asked about each email, DeliverIncomingEmail
/// promotes it. By which protocol, a class for each knows.
/// </summary>
/// <remarks>Safe for use by many polls at once. Owns the store: disposing this disposes it.</remarks>
/// <typeparam name="TStore">What settings, mailboxes and pending email are read from.</typeparam>
/// <param name="store">The store of the same organization.</param>
public abstract class ServerOrganization<TStore>(TStore store) : IOrganization, IAccessReport
    where TStore : class, IRecordStore, IAccessReport
{
    private const string Rule = "Server.CheckIncomingEmail";
    private const string DeliveryRule = "Server.DeliverIncomingEmail";

    private readonly MessageLocks locks = new();

    /// <summary>Gets the store.</summary>
    public TStore Store { get; } = store ?? throw new ArgumentNullException(nameof(store));

    /// <inheritdoc/>
    public ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken) => Store.GetSettingsAsync(cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<CrmMailbox> GetMailboxesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (CrmMailbox mailbox in Store.GetMailboxesAsync(cancellationToken).ConfigureAwait(false))
            yield return mailbox;
    }

    /// <inheritdoc/>
    public async ValueTask<CheckResult> CheckAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        if (email.From is null)
            return new CheckResult(
                CheckReason.InvalidSender,
                [new Evidence(Rule, EvidenceVerdict.Reject, "The email has no sender; the server was not asked.")]);
        (IncomingEmail told, IReadOnlyList<string> added) = await TellAsync(email, cancellationToken).ConfigureAwait(false);
        ServerCheck said = await AskAsync(told, cancellationToken).ConfigureAwait(false);
        CheckReason reason = Enum.IsDefined((CheckReason)said.ReasonCode) ? (CheckReason)said.ReasonCode : CheckReason.Unknown;
        var evidence = new List<Evidence>();
        if (added.Count > 0)
            Note($"To and Cc do not name who received it; the server was told of {string.Join(", ", added)} as blind recipients.");
        if (said.Answered is { } answered)
            Note($"The server was told that it answers {answered}.");
        if (said.IsCut)
            Note("It has more recipients than the server can be asked about; the last ones were left out of the question.");
        evidence.Add(new Evidence(
            Rule,
            said.ShouldDeliver ? EvidenceVerdict.Match : EvidenceVerdict.Reject,
            $"The server says {(said.ShouldDeliver ? "deliver" : "do not deliver")}: {reason} (reason code {said.ReasonCode})."));
        return new ServerCheckResult(reason, evidence, said.ShouldDeliver, told, said.Answered)
        {
            ExistingActivityId = reason == CheckReason.Duplicate ? said.Existing : null,
        };

        void Note(string text) => evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, text));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="check"/> is not a result of this organization, or rejects the email.</exception>
    public async ValueTask<DeliverResult> DeliverAsync(IncomingEmail email, CheckResult check, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(check);
        if (check is { Reason: CheckReason.Duplicate, ExistingActivityId: { } known })
            return await TrackedAsync(email, known, $"The email is tracked already, as activity {known}.", cancellationToken).ConfigureAwait(false);
        if (check is not ServerCheckResult decided || !check.ShouldDeliver || decided.Told.MessageId != email.MessageId)
            throw new ArgumentException($"The check rejects the email, or is not this organization's ({check.Reason}).", nameof(check));

        // Several mailboxes may have got it and be polled at this moment. Which of them promotes it is known only if one is asked about after the other.
        using IDisposable turn = await locks.EnterAsync(email.MessageId, cancellationToken).ConfigureAwait(false);
        ServerPromotion done = await PromoteAsync(decided.Told, decided.Answered, cancellationToken).ConfigureAwait(false);
        if (done.Refused is null && done.Id is { } made && made != Guid.Empty && made != done.Existing)
            return new DeliverResult(made, true, [new Evidence(DeliveryRule, EvidenceVerdict.Note, $"The server created the email activity {made}.")]);

        // The server checks again while it creates: another router may have been faster. Some versions do not name what they created.
        if ((done.Existing ?? await FindAsync(email.MessageId, onlyReceived: false, cancellationToken).ConfigureAwait(false)) is { } existing)
        {
            return done is { Refused: null, Id: null, Existing: null }
                ? new DeliverResult(existing, true, [new Evidence(DeliveryRule, EvidenceVerdict.Note, $"The server created the email activity {existing}.")])
                : await TrackedAsync(email, existing, $"The email was tracked meanwhile, as activity {existing}.", cancellationToken).ConfigureAwait(false);
        }

        throw done.Refused ?? AnswerErrors.Unreadable("the delivery of the email", "it has no EmailId");
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken) =>
        Store.ClaimPendingAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken) =>
        Store.CompleteAsync(email, outcome, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken) =>
        Store.ReportBounceAsync(report, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<CrmAccess> ReportAccessAsync(CancellationToken cancellationToken) => Store.ReportAccessAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Store.DisposeAsync();
    }

    /// <summary>Asks the server about an email that has a sender.</summary>
    private protected abstract ValueTask<ServerCheck> AskAsync(IncomingEmail email, CancellationToken cancellationToken);

    /// <summary>Has the server promote an email, after looking whether it is there already.</summary>
    /// <param name="email">The email as the server was told of it.</param>
    /// <param name="answered">The Message-ID of the email it answers, as the server was told; null for none.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    private protected abstract ValueTask<ServerPromotion> PromoteAsync(IncomingEmail email, string? answered, CancellationToken cancellationToken);

    /// <summary>Finds an email by its Message-ID, a received one before a sent one.</summary>
    private protected abstract ValueTask<Guid?> FindAsync(string messageId, bool onlyReceived, CancellationToken cancellationToken);

    /// <summary>Joins addresses as the server takes them.</summary>
    private protected static string Joined(IReadOnlyList<EmailAddress> addresses) => string.Join(';', addresses.Select(a => a.Address));

    /// <summary>Says an email's importance as the server takes it.</summary>
    private protected static string ImportanceOf(IncomingEmail email) => email.Priority switch
    {
        EmailPriority.Low => "low",
        EmailPriority.High => "high",
        _ => "normal",
    };

    /// <summary>Says that an email is tracked, and puts it into the polled queue where the organization wants that of tracked email.</summary>
    /// <remarks>
    /// With server-side synchronization that is the synchronizer's business and no part of delivering, so it is the router's here. Of queues that do not take
    /// all email only the server could say whether they accept this one, and of tracked email it does not.
    /// </remarks>
    private async ValueTask<DeliverResult> TrackedAsync(IncomingEmail email, Guid activityId, string words, CancellationToken cancellationToken)
    {
        var evidence = new List<Evidence> { new(DeliveryRule, EvidenceVerdict.Note, words) };
        if (email.Mailbox is { LogicalName: "queue" } owner &&
            await Store.GetSettingsAsync(cancellationToken).ConfigureAwait(false) is { AddQueueItemsForTrackedEmail: true } settings)
        {
            CrmMailbox? queue = (await ListAsync(cancellationToken).ConfigureAwait(false)).Find(m => m.Owner == owner);
            bool isServed = queue is { IsActive: true, IncomingDelivery: DeliveryMethod.Router or DeliveryMethod.ForwardMailbox };
            bool isApproved = queue?.Approval == AccessApproval.Approved || !settings.RequireApprovalForQueues;
            bool takesAll = isServed && isApproved && queue?.Filter == FilteringMethod.All;
            if (takesAll && await Store.AddToQueueAsync(activityId, owner.Id, cancellationToken).ConfigureAwait(false))
                evidence.Add(new Evidence(DeliveryRule, EvidenceVerdict.Note, $"A further queue item was made in {owner}."));
        }

        return new DeliverResult(activityId, false, evidence);
    }

    private async ValueTask<(IncomingEmail Email, IReadOnlyList<string> Added)> TellAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        if (email.Mailbox is null && email.DeliveredTo.Count == 0)
            return (email, []);
        return PolledRecipients.Tell(email, await ListAsync(cancellationToken).ConfigureAwait(false));
    }

    private async ValueTask<List<CrmMailbox>> ListAsync(CancellationToken cancellationToken)
    {
        var mailboxes = new List<CrmMailbox>();
        await foreach (CrmMailbox mailbox in Store.GetMailboxesAsync(cancellationToken).ConfigureAwait(false))
            mailboxes.Add(mailbox);
        return mailboxes;
    }

    private sealed record ServerCheckResult(CheckReason Reason, IReadOnlyList<Evidence> Evidence, bool Delivers, IncomingEmail Told, string? Answered)
        : CheckResult(Reason, Evidence)
    {
        public override bool ShouldDeliver => Delivers;
    }
}

/// <summary>What a server says about an email.</summary>
/// <param name="ShouldDeliver">Whether it is to be delivered.</param>
/// <param name="ReasonCode">Why.</param>
/// <param name="Existing">The activity that has its Message-ID; null for none.</param>
/// <param name="IsCut">Whether recipients were left out of the question.</param>
/// <param name="Answered">The Message-ID of the email it answers, where the server was told of one.</param>
internal sealed record ServerCheck(bool ShouldDeliver, int ReasonCode, Guid? Existing, bool IsCut = false, string? Answered = null);

/// <summary>What a server made of an email.</summary>
/// <param name="Id">The activity as the server names it: null when it names none, empty when it says that it made none.</param>
/// <param name="Existing">The received email that had its Message-ID just before; null for none.</param>
/// <param name="Refused">Why the server refused; null when it did not.</param>
internal sealed record ServerPromotion(Guid? Id, Guid? Existing, CrmException? Refused);
