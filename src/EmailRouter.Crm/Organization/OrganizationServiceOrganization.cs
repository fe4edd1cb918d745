using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// An organization of Dynamics CRM 2011, 2013 or 2015 whose server decides what is promoted, by CheckIncomingEmail and DeliverIncomingEmail of Organization.svc. Pending
/// email is claimed as by <see cref="OrganizationServiceStore"/>.
/// </summary>
/// <param name="store">The store of the same organization; disposed with this.</param>
public sealed class OrganizationServiceOrganization(OrganizationServiceStore store) : ServerOrganization<OrganizationServiceStore>(store), IEmailActivities
{
    /// <inheritdoc/>
    public ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken) => Store.GetEmailAsync(activityId, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, CancellationToken cancellationToken) =>
        Store.FindEmailsAsync(filter, cancellationToken);

    private protected override async ValueTask<ServerCheck> AskAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        const string what = "the check of the email";
        OrganizationAnswer answer = await Store.Connection.SendAsync(
            new OrganizationRequest("CheckIncomingEmail", what) { IsRepeatable = true }
                .With("MessageId", email.MessageId)
                .With("Subject", email.Subject)
                .With("From", email.From!.Address)
                .With("To", Joined(email.To))
                .With("Cc", Joined(email.Cc))
                .With("Bcc", Joined(email.Bcc)),
            cancellationToken).ConfigureAwait(false);
        int code = int.TryParse(answer.Result("ReasonCode")?.Value, out int number) ? number : throw AnswerErrors.Unreadable(what, "it has no ReasonCode");
        bool delivers = answer.Result("ShouldDeliver")?.Value.Trim() switch
        {
            "true" or "1" => true,
            "false" or "0" => false,
            _ => throw AnswerErrors.Unreadable(what, "it has no ShouldDeliver"),
        };
        Guid? existing = code == (int)CheckReason.Duplicate ? await FindAsync(email.MessageId, onlyReceived: false, cancellationToken).ConfigureAwait(false) : null;
        return new ServerCheck(delivers, code, existing);
    }

    private protected override async ValueTask<ServerPromotion> PromoteAsync(IncomingEmail email, string? answered, CancellationToken cancellationToken)
    {
        const string what = "the delivery of the email";
        Guid? existing = await FindAsync(email.MessageId, onlyReceived: true, cancellationToken).ConfigureAwait(false);
        if (existing is not null)
            return new ServerPromotion(Guid.Empty, existing, null);
        OrganizationAnswer answer = await Store.Connection.TryAsync(
            new OrganizationRequest("DeliverIncomingEmail", what)
                .With("MessageId", email.MessageId)
                .With("Subject", email.Subject)
                .With("From", email.From!.Address)
                .With("To", Joined(email.To))
                .With("Cc", Joined(email.Cc))
                .With("Bcc", Joined(email.Bcc))
                .With("ReceivedOn", email.ReceivedOn)
                .With("SubmittedBy", (email.Sender ?? email.From).Address)
                .With("Importance", ImportanceOf(email))
                .With("Body", email.Body)
                .With("Attachments", new SoapEntities("activitymimeattachment", [.. email.Attachments.Select(Attachment)]))
                .With("ValidateBeforeCreate", true),
            cancellationToken).ConfigureAwait(false);
        return answer.Fault is { } fault
            ? new ServerPromotion(null, null, FaultTable.Explain(fault, what, Store.Connection.Server))
            : new ServerPromotion(answer.Id("EmailId"), null, null);
    }

    private protected override async ValueTask<Guid?> FindAsync(string messageId, bool onlyReceived, CancellationToken cancellationToken)
    {
        const string what = "emails by Message-ID";
        FetchQuery query = new FetchQuery("email", "activityid", "directioncode", "createdon").Where("messageid", "eq", messageId).By("directioncode").By("createdon").Top(1);
        if (onlyReceived)
            query.Where("directioncode", "eq", "0");
        OrganizationAnswer answer = await Store.Connection.SendAsync(OrganizationConnection.Fetch(query, what), cancellationToken).ConfigureAwait(false);
        return OrganizationConnection.Rows(answer, what).Select(r => r.Id("activityid")).FirstOrDefault();
    }

    private static SoapEntity Attachment(EmailAttachment attachment) => new("activitymimeattachment")
    {
        Attributes = { ["filename"] = attachment.FileName, ["mimetype"] = attachment.MimeType, ["body"] = attachment },
    };
}
