using System.Runtime.CompilerServices;

namespace EmailRouter.Crm.Server;

/// <summary>
/// An organization whose server decides what is promoted, as for the original product: CheckIncomingEmail is asked about each email, DeliverIncomingEmail promotes
/// it. By which protocol, a class for each knows.
/// </summary>
/// <remarks>Safe for use by many polls at once. Owns the store: disposing this disposes it.</remarks>
/// <typeparam name="TStore">What settings, mailboxes and pending email are read from.</typeparam>
/// <param name="store">The store of the same organization.</param>
public abstract class ServerOrganization<TStore>(TStore store) : IOrganization, IAccessReport
    where TStore : class, IOrganizationDirectory, IOutbox, IAccessReport
{
    private const string Rule = "Server.CheckIncomingEmail";
    private const string DeliveryRule = "Server.DeliverIncomingEmail";

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
            return new CheckResult(CheckReason.InvalidSender, [new Evidence(Rule, EvidenceVerdict.Reject, "The email has no sender; the server was not asked.")]);
        ServerCheck said = await AskAsync(email, cancellationToken).ConfigureAwait(false);
        CheckReason reason = Enum.IsDefined((CheckReason)said.ReasonCode) ? (CheckReason)said.ReasonCode : CheckReason.Unknown;
        var evidence = new List<Evidence>
        {
            new(Rule, said.ShouldDeliver ? EvidenceVerdict.Match : EvidenceVerdict.Reject,
                $"The server says {(said.ShouldDeliver ? "deliver" : "do not deliver")}: {reason} (reason code {said.ReasonCode})."),
        };
        if (said.IsCut)
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, "It has more recipients than the server can be asked about; the last ones were left out of the question."));
        return new ServerCheckResult(reason, evidence, said.ShouldDeliver) { ExistingActivityId = reason == CheckReason.Duplicate ? said.Existing : null };
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="check"/> is not a result of this organization, or rejects the email.</exception>
    public async ValueTask<DeliverResult> DeliverAsync(IncomingEmail email, CheckResult check, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(check);
        if (check is { Reason: CheckReason.Duplicate, ExistingActivityId: { } known })
            return new DeliverResult(known, false, [new Evidence(DeliveryRule, EvidenceVerdict.Note, $"The email is tracked already, as activity {known}.")]);
        if (check is not ServerCheckResult || !check.ShouldDeliver)
            throw new ArgumentException($"The check rejects the email, or is not this organization's ({check.Reason}).", nameof(check));
        (Guid? made, CrmException? refused) = await PromoteAsync(email, cancellationToken).ConfigureAwait(false);
        if (refused is null)
        {
            Guid id = made ?? await FindAsync(email.MessageId, cancellationToken).ConfigureAwait(false) ?? throw AnswerErrors.Unreadable("the delivery of the email", "it has no EmailId");
            return new DeliverResult(id, true, [new Evidence(DeliveryRule, EvidenceVerdict.Note, $"The server created the email activity {id}.")]);
        }

        // The server checks again while it creates: another router may have been faster.
        if (await FindAsync(email.MessageId, cancellationToken).ConfigureAwait(false) is { } existing)
            return new DeliverResult(existing, false, [new Evidence(DeliveryRule, EvidenceVerdict.Note, $"The email was tracked meanwhile, as activity {existing}.")]);
        throw refused;
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken) => Store.ClaimPendingAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken) => Store.CompleteAsync(email, outcome, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken) => Store.ReportBounceAsync(report, cancellationToken);

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

    /// <summary>Has the server promote an email; gives its id where the answer tells it, or why the server refused.</summary>
    private protected abstract ValueTask<(Guid? Id, CrmException? Refused)> PromoteAsync(IncomingEmail email, CancellationToken cancellationToken);

    /// <summary>Finds an email by its Message-ID.</summary>
    private protected abstract ValueTask<Guid?> FindAsync(string messageId, CancellationToken cancellationToken);

    /// <summary>Joins addresses as the server takes them.</summary>
    private protected static string Joined(IReadOnlyList<EmailAddress> addresses) => string.Join(';', addresses.Select(a => a.Address));

    /// <summary>Says an email's importance as the server takes it.</summary>
    private protected static string ImportanceOf(IncomingEmail email) => email.Priority switch { EmailPriority.Low => "low", EmailPriority.High => "high", _ => "normal" };

    private sealed record ServerCheckResult(CheckReason Reason, IReadOnlyList<Evidence> Evidence, bool Delivers) : CheckResult(Reason, Evidence)
    {
        public override bool ShouldDeliver => Delivers;
    }
}

/// <summary>What a server says about an email.</summary>
/// <param name="ShouldDeliver">Whether it is to be delivered.</param>
/// <param name="ReasonCode">Why.</param>
/// <param name="Existing">The activity that has its Message-ID; null for none.</param>
/// <param name="IsCut">Whether recipients were left out of the question.</param>
internal sealed record ServerCheck(bool ShouldDeliver, int ReasonCode, Guid? Existing, bool IsCut = false);
