using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Outbox;

namespace EmailRouter.Crm.Server;

/// <summary>A pending email that may be claimed, read from its row.</summary>
internal sealed class PendingCandidate : ISendCost
{
    private JsonElement row;

    /// <summary>Gets a value indicating whether <see cref="Give"/> gave it a token that its row has not.</summary>
    public bool HasNewToken { get; private set; }

    public Guid Id { get; private init; }

    public required RecordReference Sender { get; init; }

    public required string ETag { get; init; }

    public string Subject { get; private set; } = string.Empty;

    public string? Token { get; private set; }

    /// <summary>Gets its status when it was read.</summary>
    public EmailStatus Status => (EmailStatus)(row.Number("statuscode") ?? 0);

    public IReadOnlyList<ActivityParty> Parties { get; private init; } = [];

    public long Size { get; private init; }

    public EmailPriority Priority { get; private init; }

    public DateTimeOffset CreatedOn { get; private init; }

    private IReadOnlyList<JsonElement> Attachments { get; init; } = [];

    public static PendingCandidate? Read(JsonElement row)
    {
        IReadOnlyList<ActivityParty> parties = EmailRows.ReadParties(row);
        RecordReference? sender = parties.FirstOrDefault(p => p.Role == ParticipationType.Sender)?.Party;
        if (row.Id("activityid") is not { } id || row.ETag() is not { } etag || sender is null)
            return null;
        List<JsonElement> attachments = [.. row.Expanded("email_activity_mime_attachment").OrderBy(a => a.Number("attachmentnumber") ?? 0)];
        return new PendingCandidate
        {
            row = row,
            Id = id,
            Sender = sender,
            ETag = etag,
            Subject = row.Text("subject") ?? string.Empty,
            Token = row.Text("trackingtoken") is { Length: > 0 } token ? token : null,
            Parties = parties,
            Attachments = attachments,
            Size = attachments.Sum(a => a.Long("filesize") ?? 0),
            Priority = (EmailPriority)(row.Number("prioritycode") ?? 1),
            CreatedOn = row.Time("createdon") ?? DateTimeOffset.MinValue,
        };
    }

    public void Give(string token, OrganizationSettings settings)
    {
        string subject = TrackingToken.Insert(Subject, token, settings);
        if (!subject.Contains(token, StringComparison.OrdinalIgnoreCase))
            return;
        (Subject, Token, HasNewToken) = (subject, token, true);
    }

    /// <summary>Gives it a token that the router makes of the email's own id, for servers that make none.</summary>
    /// <param name="settings">The settings.</param>
    public void GiveOwn(OrganizationSettings settings)
    {
        uint user = BitConverter.ToUInt32(Sender.Id.ToByteArray(), 0);
        uint counter = BitConverter.ToUInt32(Id.ToByteArray(), 0);
        int users = (int)Math.Min(999_999_999, Math.Pow(10, settings.TrackingTokenIdDigits) - 1);
        Give(TrackingToken.Format((int)(user % users) + 1, (int)(counter % settings.MaximumTrackingNumber) + 1, settings), settings);
    }

    public JsonObject Claim()
    {
        var json = new JsonObject { ["statecode"] = (int)EmailState.Completed, ["statuscode"] = (int)EmailStatus.Sending };
        if (HasNewToken)
        {
            json["subject"] = Subject;
            json["trackingtoken"] = Token;
        }

        return json;
    }

    public PendingEmail ToPending(
        string description,
        ClaimStamp stamp,
        OrganizationDirectory directory,
        TableDirectory tables,
        Dictionary<RecordReference, JsonElement> records,
        Func<Guid, string, CancellationToken, ValueTask<Stream>> open)
    {
        CrmMailbox mailbox = directory.Find(Sender.Id)!;
        string? submittedBy = row.Text("submittedby");
        return new PendingEmail
        {
            ActivityId = Id,
            ClaimVersion = stamp.ToString(),
            Subject = Subject,
            TrackingToken = Token,
            Description = description,
            MimeType = row.Text("mimetype") is { Length: > 0 } type ? type : description.Contains('<', StringComparison.Ordinal) ? "text/html" : "text/plain",
            Parties = [.. Parties.Select(p => Refresh(p, mailbox, tables, records))],
            FromName = mailbox.Owner.Name,
            From = mailbox.Owner,
            FromAddress = mailbox.Address,
            SubmittedBy = submittedBy is null or "" || string.Equals(submittedBy, mailbox.Address, StringComparison.OrdinalIgnoreCase) ? null : submittedBy,
            Attachments = [.. Attachments.Select(a => Attachment(a, open)).OfType<EmailAttachment>()],
            MessageId = row.Text("messageid") is { Length: > 0 } messageId ? messageId : null,
            InReplyTo = row.Text("inreplyto"),
            ConversationIndex = row.Text("conversationindex"),
            Priority = Priority,
            DeliveryAttempts = row.Number("deliveryattempts") ?? 0,
            CreatedOn = CreatedOn,
            WasStuck = row.Number("statuscode") == (int)EmailStatus.Sending,
            DeliveryReceiptRequested = row.Flag("deliveryreceiptrequested") == true,
            ReadReceiptRequested = row.Flag("readreceiptrequested") == true,
        };
    }

    private static ActivityParty Refresh(ActivityParty party, CrmMailbox sender, TableDirectory tables, Dictionary<RecordReference, JsonElement> records)
    {
        if (party.Role == ParticipationType.Sender)
            return party with { AddressUsed = party.AddressUsed ?? sender.Address };
        if (party.Party is null || !records.TryGetValue(party.Party, out JsonElement record))
            return party;
        return party with
        {
            AddressUsed = party.AddressUsed ??
                tables.Find(party.Party.LogicalName)?.AddressColumns.Select(c => record.Text(c)).FirstOrDefault(a => !string.IsNullOrWhiteSpace(a)),
            DoNotEmail = party.DoNotEmail || record.Flag("donotemail") == true,
        };
    }

    private static EmailAttachment? Attachment(JsonElement row, Func<Guid, string, CancellationToken, ValueTask<Stream>> open)
    {
        if (row.Id("activitymimeattachmentid") is not { } id)
            return null;
        string name = row.Text("filename") ?? "attachment";
        return new EmailAttachment(name, row.Text("mimetype") ?? "application/octet-stream", row.Long("filesize") ?? 0, stop => open(id, name, stop))
        {
            ContentId = row.Text("attachmentcontentid") is { Length: > 0 } contentId ? contentId.Trim('<', '>') : null,
        };
    }
}
