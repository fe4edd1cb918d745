using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Http;
using EmailRouter.Mime;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Lab.Dataverse.Messages;

/// <summary>
/// The messages by which the server itself decides which received email is promoted. They are transactions of their own, and no part of change sets.
/// </summary>
#pragma warning disable CA1001 // Disposing the organization would dispose the CRM, which is the caller's.
internal sealed class DecisionMessages
#pragma warning restore CA1001
{
    private readonly TrackingOrganization organization;
    private readonly TimeProvider clock;
    private readonly LabDataversePolicy policy;

    /// <summary>Makes the messages over a CRM, which stays the caller's: nothing here is disposed.</summary>
    /// <param name="crm">The CRM.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="policy">What is refused by rule.</param>
    public DecisionMessages(EmbeddedCrm crm, TimeProvider clock, LabDataversePolicy policy)
    {
        this.clock = clock;
        this.policy = policy;
        organization = new TrackingOrganization(crm, clock, TimeSpan.Zero);
    }

    /// <summary>Carries a message out.</summary>
    /// <param name="call">The message.</param>
    /// <param name="access">What the caller may.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The answer; null when the message is one that works on rows.</returns>
    public async ValueTask<LabHttpAnswer?> HandleAsync(MessageCall call, CallerAccess access, CancellationToken cancellationToken)
    {
        switch (call.Definition.Name)
        {
            case "CheckIncomingEmail":
                access.Check("prvReadActivity", "email");
                CheckResult check = await organization.CheckAsync(await ReadAsync(call, cancellationToken), cancellationToken);
                return call.Answer(("ShouldDeliver", check.ShouldDeliver), ("ReasonCode", check.Reason));
            case "DeliverIncomingEmail":
                access.Check("prvCreateActivity", "email");
                access.CheckPlugIns("email");
                return await DeliverAsync(call, cancellationToken);
            default:
                return null;
        }
    }

    private async ValueTask<LabHttpAnswer> DeliverAsync(MessageCall call, CancellationToken cancellationToken)
    {
        OrganizationSettings settings = await organization.GetSettingsAsync(cancellationToken);
        List<(EmailAttachment Attachment, byte[] Content)> all = EmailContent.AttachmentsOf(call.Json("Attachments"));
        EmailAttachment[] kept = [.. all.Select(a => a.Attachment)
            .Where(a => !settings.BlockedAttachments.Contains(Path.GetExtension(a.FileName).TrimStart('.')) && a.Size <= settings.MaxUploadFileSize)];
        IncomingEmail email = await ReadAsync(call, cancellationToken) with
        {
            Attachments = kept,
            Notification = kept.Length < all.Count ? EmailNotification.AttachmentsNotSaved : EmailNotification.None,
        };
        CheckResult check = await organization.CheckAsync(email, cancellationToken);
        if (check.Reason == CheckReason.Duplicate && check.ExistingActivityId is { } existing && !check.ShouldDeliver)
            return call.Answer(("EmailId", existing));
        if (!check.ShouldDeliver)
            throw new ODataException(HttpStatusCode.BadRequest, "0x8004032b", $"The email '{email.MessageId}' is not to be delivered (reason code {(int)check.Reason}).");
        DeliverResult delivered = await organization.DeliverAsync(email, check, cancellationToken);
        return call.Answer(("EmailId", delivered.ActivityId));
    }

    private async ValueTask<IncomingEmail> ReadAsync(MessageCall call, CancellationToken cancellationToken)
    {
        OrganizationSettings settings = await organization.GetSettingsAsync(cancellationToken);
        string messageId = call.Required("MessageId");
        bool isDelivery = !call.Definition.IsFunction;
        string body = isDelivery ? call.Text("Body") ?? string.Empty : string.Empty;
        (string? answered, string? conversation) = ReadExtras(call);
        EmailAddress[] List(string name) => [.. EmailContent.AddressesOf(call.Text(name)).Select(a => new EmailAddress(a))];
        return new IncomingEmail
        {
            ActivityId = ActivityId.For(settings.OrganizationId, messageId, SHA256.HashData(Encoding.UTF8.GetBytes(messageId)), hasMessageId: true),
            MessageId = messageId,
            Subject = call.Text("Subject") ?? string.Empty,
            From = List("From").FirstOrDefault(),
            Sender = isDelivery && call.Text("SubmittedBy") is { } submitter ? new EmailAddress(submitter) : null,
            To = List("To"),
            Cc = List("Cc"),
            Bcc = List("Bcc"),
            InReplyTo = answered is null ? [] : [answered],
            ConversationIndex = conversation,
            ConversationId = conversation is not null && ThreadIndex.TryGetConversationId(conversation, out Guid id) ? id : null,
            ReceivedOn = (isDelivery ? call.Time("ReceivedOn") : null) ?? clock.GetUtcNow(),
            SentOn = isDelivery ? call.Time("ReceivedOn") : null,
            Priority = isDelivery ? EmailContent.PriorityOf(call.Text("Importance")) : EmailPriority.Normal,
            Body = body,
            BodyType = body.Contains('<', StringComparison.Ordinal) ? "text/html" : "text/plain",
        };
    }

    private (string? Answered, string? Conversation) ReadExtras(MessageCall call)
    {
        JsonElement extras = call.Json("ExtraProperties");
        if (extras.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null || policy.ExtraProperties == LabExtraProperties.Ignored)
            return default;
        if (policy.ExtraProperties == LabExtraProperties.Refused || extras.ValueKind != JsonValueKind.Object)
            throw ODataException.Payload(call.Definition.Name, "ExtraProperties is for internal use only.");
        string? Text(string name) => extras.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return (Text("inreplyto"), Text("conversationindex"));
    }
}
