using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// An organization of Dataverse, Dynamics 365 or Dynamics CRM 2016 and later whose server decides what is promoted, as for the original product: CheckIncomingEmail
/// is asked about each email, DeliverIncomingEmail promotes it. Pending email is claimed as by <see cref="DataverseStore"/>.
/// </summary>
/// <remarks>Safe for use by many polls at once. Owns the store: disposing this disposes it.</remarks>
/// <param name="store">The store of the same organization.</param>
public sealed class DataverseOrganization(DataverseStore store) : IOrganization, IAccessReport
{
    private const string Rule = "Server.CheckIncomingEmail";
    private const string DeliveryRule = "Server.DeliverIncomingEmail";

    // Within a batch an address may have 64 KB, encoded.
    private const int MaxAddressLength = 60_000;

    /// <summary>Gets the store.</summary>
    public DataverseStore Store { get; } = store ?? throw new ArgumentNullException(nameof(store));

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
        const string what = "the check of the email";
        var batch = new WebApiBatch(what);
        batch.Add(WebApiRequest.Get(CheckPath(email, out bool isCut), what));
        batch.Add(Existing(email.MessageId));
        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers = await Store.Connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        if (answers.SelectMany(a => a).FirstOrDefault(a => !a.IsSuccess) is { } refused)
            throw WebApiErrors.Explain(refused, what, Store.Connection.Server);
        JsonElement answer = answers[0][0].Json(what);
        int code = answer.Number("ReasonCode") ?? throw WebApiErrors.Unreadable(what, "it has no ReasonCode");
        bool delivers = answer.Flag("ShouldDeliver") ?? throw WebApiErrors.Unreadable(what, "it has no ShouldDeliver");
        CheckReason reason = Enum.IsDefined((CheckReason)code) ? (CheckReason)code : CheckReason.Unknown;
        var evidence = new List<Evidence>
        {
            new(Rule, delivers ? EvidenceVerdict.Match : EvidenceVerdict.Reject, $"The server says {(delivers ? "deliver" : "do not deliver")}: {reason} (reason code {code})."),
        };
        if (isCut)
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, "It has more recipients than the server can be asked about; the last ones were left out of the question."));
        return new ServerCheckResult(reason, evidence, delivers)
        {
            ExistingActivityId = reason == CheckReason.Duplicate ? Read(answers[1][0]) : null,
        };
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
        const string what = "the delivery of the email";
        WebApiAnswer answer = await Store.Connection.TryAsync(
            new WebApiRequest(HttpMethod.Post, "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", what) { Body = Body(email) }, cancellationToken).ConfigureAwait(false);
        if (answer.IsSuccess)
        {
            Guid id = (answer.Status == 204 ? null : answer.Json(what).Id("EmailId"))
                ?? await FindAsync(email.MessageId, cancellationToken).ConfigureAwait(false)
                ?? throw WebApiErrors.Unreadable(what, "it has no EmailId");
            return new DeliverResult(id, true, [new Evidence(DeliveryRule, EvidenceVerdict.Note, $"The server created the email activity {id}.")]);
        }

        // The server checks again while it creates: another router may have been faster.
        if (await FindAsync(email.MessageId, cancellationToken).ConfigureAwait(false) is { } existing)
            return new DeliverResult(existing, false, [new Evidence(DeliveryRule, EvidenceVerdict.Note, $"The email was tracked meanwhile, as activity {existing}.")]);
        throw WebApiErrors.Explain(answer, what, Store.Connection.Server);
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
    public ValueTask DisposeAsync() => Store.DisposeAsync();

    private static string CheckPath(IncomingEmail email, out bool isCut)
    {
        string start = "CheckIncomingEmail(MessageId=@m,Subject=@s,From=@f,To=@t,Cc=@c,Bcc=@b)?" +
            $"@m={ODataText.Quote(email.MessageId)}&@s={ODataText.Quote(email.Subject)}&@f={ODataText.Quote(email.From!.Address)}";
        int room = MaxAddressLength - start.Length;
        isCut = false;
        string to = Addresses(email.To, ref room, ref isCut);
        string cc = Addresses(email.Cc, ref room, ref isCut);
        string bcc = Addresses(email.Bcc, ref room, ref isCut);
        return $"{start}&@t={ODataText.Quote(to)}&@c={ODataText.Quote(cc)}&@b={ODataText.Quote(bcc)}";
    }

    private static string Addresses(IReadOnlyList<EmailAddress> addresses, ref int room, ref bool isCut)
    {
        var taken = new List<string>();
        foreach (EmailAddress address in addresses)
        {
            room -= ODataText.Quote(address.Address).Length + 3;
            if (room < 0)
            {
                isCut = true;
                break;
            }

            taken.Add(address.Address);
        }

        return string.Join(';', taken);
    }

    private static WebApiBody Body(IncomingEmail email)
    {
        var json = new JsonObject
        {
            ["MessageId"] = email.MessageId,
            ["Subject"] = email.Subject,
            ["From"] = email.From!.Address,
            ["To"] = Joined(email.To),
            ["Cc"] = Joined(email.Cc),
            ["Bcc"] = Joined(email.Bcc),
            ["ReceivedOn"] = ODataText.Stamp(email.ReceivedOn),
            ["SubmittedBy"] = (email.Sender ?? email.From).Address,
            ["Importance"] = email.Priority switch { EmailPriority.Low => "low", EmailPriority.High => "high", _ => "normal" },
            ["Body"] = email.Body,
            ["ValidateBeforeCreate"] = true,
        };
        return WebApiBody.WithFiles(
            json,
            "Attachments",
            email.Attachments.Select(a => (
                new JsonObject { ["@odata.type"] = "Microsoft.Dynamics.CRM.activitymimeattachment", ["filename"] = a.FileName, ["mimetype"] = a.MimeType }, a)),
            "body");
    }

    private static string Joined(IReadOnlyList<EmailAddress> addresses) => string.Join(';', addresses.Select(a => a.Address));

    private static WebApiRequest Existing(string messageId) => WebApiRequest.Get(
        $"emails?$select=activityid,directioncode&$filter=messageid%20eq%20{ODataText.Quote(messageId)}&$orderby=directioncode,createdon&$top=1", "emails by Message-ID");

    private static Guid? Read(WebApiAnswer answer) => answer.Rows("emails by Message-ID").Select(r => r.Id("activityid")).FirstOrDefault();

    private async ValueTask<Guid?> FindAsync(string messageId, CancellationToken cancellationToken) =>
        Read(await Store.Connection.SendAsync(Existing(messageId), cancellationToken).ConfigureAwait(false));

    private sealed record ServerCheckResult(CheckReason Reason, IReadOnlyList<Evidence> Evidence, bool Delivers) : CheckResult(Reason, Evidence)
    {
        public override bool ShouldDeliver => Delivers;
    }
}
