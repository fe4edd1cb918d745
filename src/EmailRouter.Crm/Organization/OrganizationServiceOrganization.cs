using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// An organization of Dynamics CRM 2011, 2013 or 2015 whose server decides what is promoted, by CheckIncomingEmail and DeliverIncomingEmail of
/// Organization.svc. Pending email is claimed as by <see cref="OrganizationServiceStore"/>.
/// </summary>
/// <param name="store">The store of the same organization; disposed with this.</param>
public sealed class OrganizationServiceOrganization(OrganizationServiceStore store) : ServerOrganization<OrganizationServiceStore>(store), IEmailActivities
{
    private const string CheckWhat = "the check of the email";
    private const string DeliveryWhat = "the delivery of the email";

    // The lengths of the columns.
    private const int MaxMessageId = 320;
    private const int MaxConversationIndex = 2048;

    // Until the server refuses them.
    private volatile bool takesExtras = true;

    /// <inheritdoc/>
    public ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken) => Store.GetEmailAsync(activityId, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, CancellationToken cancellationToken) =>
        Store.FindEmailsAsync(filter, cancellationToken);

    private protected override async ValueTask<ServerCheck> AskAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        string? answered = await AnsweredAsync(email, cancellationToken).ConfigureAwait(false);
        SoapEntity? extras = await ExtrasAsync(email, answered, cancellationToken).ConfigureAwait(false);
        OrganizationAnswer answer = await TryAsync(extras, some => Check(email, some), cancellationToken).ConfigureAwait(false);
        if (answer.Fault is { } fault)
            throw FaultTable.Explain(fault, CheckWhat, Store.Connection.Server);
        int code = int.TryParse(answer.Result("ReasonCode")?.Value, out int number) ? number : throw AnswerErrors.Unreadable(CheckWhat, "it has no ReasonCode");
        bool delivers = answer.Result("ShouldDeliver")?.Value.Trim() switch
        {
            "true" or "1" => true,
            "false" or "0" => false,
            _ => throw AnswerErrors.Unreadable(CheckWhat, "it has no ShouldDeliver"),
        };
        Guid? existing = code == (int)CheckReason.Duplicate ? await FindAsync(email.MessageId, onlyReceived: false, cancellationToken).ConfigureAwait(false)
            : null;
        return new ServerCheck(delivers, code, existing, Answered: takesExtras ? answered : null);
    }

    private protected override async ValueTask<ServerPromotion> PromoteAsync(IncomingEmail email, string? answered, CancellationToken cancellationToken)
    {
        Guid? existing = await FindAsync(email.MessageId, onlyReceived: true, cancellationToken).ConfigureAwait(false);
        if (existing is not null)
            return new ServerPromotion(Guid.Empty, existing, null);
        SoapEntity? extras = await ExtrasAsync(email, answered, cancellationToken).ConfigureAwait(false);
        OrganizationAnswer answer = await TryAsync(extras, some => Delivery(email, some), cancellationToken).ConfigureAwait(false);
        return answer.Fault is { } fault
            ? new ServerPromotion(null, null, FaultTable.Explain(fault, DeliveryWhat, Store.Connection.Server))
            : new ServerPromotion(answer.Id("EmailId"), null, null);
    }

    private protected override async ValueTask<Guid?> FindAsync(string messageId, bool onlyReceived, CancellationToken cancellationToken)
    {
        const string what = "emails by Message-ID";
        FetchQuery query = new FetchQuery("email", "activityid", "directioncode", "createdon")
            .Where("messageid", "eq", messageId).By("directioncode").By("createdon").Top(1);
        if (onlyReceived)
            query.Where("directioncode", "eq", "0");
        OrganizationAnswer answer = await Store.Connection.SendAsync(OrganizationConnection.Fetch(query, what), cancellationToken).ConfigureAwait(false);
        return OrganizationConnection.Rows(answer, what).Select(r => r.Id("activityid")).FirstOrDefault();
    }

    /// <summary>Sends a message with the extras; where the server does not like them, which shows without them, without them from then on.</summary>
    private async ValueTask<OrganizationAnswer> TryAsync(
        SoapEntity? extras, Func<SoapEntity?, OrganizationRequest> message, CancellationToken cancellationToken)
    {
        OrganizationAnswer answer = await Store.Connection.TryAsync(message(extras), cancellationToken).ConfigureAwait(false);
        if (extras is null || answer.Fault is not { } fault || FaultTable.Explain(fault, CheckWhat, Store.Connection.Server).IsTransient)
            return answer;
        answer = await Store.Connection.TryAsync(message(null), cancellationToken).ConfigureAwait(false);
        if (answer.Fault is null)
            takesExtras = false;
        return answer;
    }

    /// <summary>Finds the Message-ID to tell of those that an email may answer: the server takes one, so the nearest of those that it has.</summary>
    private async ValueTask<string?> AnsweredAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        const string what = "emails it answers";
        IReadOnlyList<string> ancestors = takesExtras ? AnsweredEmails.NearestFirst(email) : [];
        if (ancestors.Count < 2)
            return ancestors.Count == 0 ? null : ancestors[0];
        OrganizationAnswer answer = await Store.Connection.SendAsync(
            OrganizationConnection.Fetch(new FetchQuery("email", "messageid").WhereAny(["messageid"], ancestors), what),
            cancellationToken).ConfigureAwait(false);
        HashSet<string> stored = [.. OrganizationConnection.Rows(answer, what).Select(r => r.Text("messageid")).OfType<string>()];
        return ancestors.FirstOrDefault(stored.Contains) ?? ancestors[0];
    }

    /// <summary>
    /// Tells what the messages have no parameter for: which email is answered, and the conversation, as columns of an email in ExtraProperties. Of that
    /// parameter the documentation says no more than that it is for internal use; CRM 4.0 has none.
    /// </summary>
    private async ValueTask<SoapEntity?> ExtrasAsync(IncomingEmail email, string? answered, CancellationToken cancellationToken)
    {
        if (!takesExtras || (await Store.Connection.LocateAsync(cancellationToken).ConfigureAwait(false)).Version.Major < 5)
            return null;
        var extras = new SoapEntity("email");
        if (answered is { Length: > 0 and <= MaxMessageId })
            extras.Attributes["inreplyto"] = answered;
        if (email.ConversationIndex is { Length: > 0 and <= MaxConversationIndex } conversation)
            extras.Attributes["conversationindex"] = conversation;
        return extras.Attributes.Count > 0 ? extras : null;
    }

    private static OrganizationRequest Check(IncomingEmail email, SoapEntity? extras) =>
        Told(new OrganizationRequest("CheckIncomingEmail", CheckWhat) { IsRepeatable = true }, email, extras);

    private static OrganizationRequest Delivery(IncomingEmail email, SoapEntity? extras) =>
        Told(new OrganizationRequest("DeliverIncomingEmail", DeliveryWhat), email, extras)
        .With("ReceivedOn", email.ReceivedOn)
        .With("SubmittedBy", (email.Sender ?? email.From!).Address)
        .With("Importance", ImportanceOf(email))
        .With("Body", email.Body)
        .With("Attachments", new SoapEntities("activitymimeattachment", [.. email.Attachments.Select(Attachment)]))
        .With("ValidateBeforeCreate", true);

    /// <summary>Adds the parameters that both messages have.</summary>
    private static OrganizationRequest Told(OrganizationRequest request, IncomingEmail email, SoapEntity? extras)
    {
        request.With("MessageId", email.MessageId)
            .With("Subject", email.Subject)
            .With("From", email.From!.Address)
            .With("To", Joined(email.To))
            .With("Cc", Joined(email.Cc))
            .With("Bcc", Joined(email.Bcc));
        return extras is null ? request : request.With("ExtraProperties", extras);
    }

    private static SoapEntity Attachment(EmailAttachment attachment) => new("activitymimeattachment")
    {
        Attributes = { ["filename"] = attachment.FileName, ["mimetype"] = attachment.MimeType, ["body"] = attachment },
    };
}
