using EmailRouter.Crm.Embedded;

namespace EmailRouter.Crm.Tests.Embedded;

/// <summary>An embedded CRM with a clock that tests move.</summary>
internal sealed class EmbeddedWorld : RecordStoreWorld
{
    private readonly string? folder;

    private EmbeddedWorld(EmbeddedCrm crm, ManualClock clock, string? folder)
    {
        Crm = crm;
        Clock = clock;
        this.folder = folder;
    }

    public EmbeddedCrm Crm { get; }

    public ManualClock Clock { get; }

    public override IRecordStore Store => Crm;

    public override DateTimeOffset Now => Clock.GetUtcNow();

    public static async Task<EmbeddedWorld> InMemoryAsync()
    {
        var clock = new ManualClock();
        return new EmbeddedWorld(await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { Clock = clock, Random = new Random(1) }, default), clock, null);
    }

    public static async Task<EmbeddedWorld> OnDiskAsync()
    {
        var clock = new ManualClock();
        string folder = Directory.CreateTempSubdirectory("crm-").FullName;
        return new EmbeddedWorld(await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { Path = Path.Combine(folder, "crm.db"), Clock = clock }, default), clock,
            folder);
    }

    public override void Advance(TimeSpan time) => Clock.Advance(time);

    public override async Task SetAsync(string setting, object? value) =>
        await Crm.SetOrganizationAsync(new Dictionary<string, object?> { [setting] = value }, default);

    public override Task<RecordReference> AddUserAsync(string name, string? address) =>
        AddRecordAsync("systemuser", name, ("internalemailaddress", address), ("emailrouteraccessapproval", AccessApproval.Approved));

    public override Task<RecordReference> AddQueueAsync(string name, string? address, RecordReference owner) =>
        AddRecordAsync("queue", name, ("emailaddress", address), ("ownerid", owner.Id), ("emailrouteraccessapproval", AccessApproval.Approved));

    public override async Task<RecordReference> AddRecordAsync(string table, string name, params (string Column, object? Value)[] attributes)
    {
        Dictionary<string, object?> values = attributes.ToDictionary(a => a.Column, a => a.Value);
        values[table is "queue" or "account" or "mailbox" ? "name" : table == "incident" ? "title" : "fullname"] = name;
        return (await Crm.CreateRecordAsync(new CrmRecord(table, Guid.Empty, values), default)).ToReference();
    }

    public override async Task UpdateAsync(RecordReference record, params (string Column, object? Value)[] attributes) =>
        await Crm.UpdateRecordAsync(new CrmRecord(record.LogicalName, record.Id, attributes.ToDictionary(a => a.Column, a => a.Value)), default);

    public override async Task<Guid> AddPendingAsync(PendingSeed seed)
    {
        Guid id = await Crm.CreateDraftAsync(
            new EmailDraft
            {
                From = seed.From,
                To = [.. seed.To.Select(r => (DraftRecipient)r)],
                Subject = seed.Subject,
                Description = "<p>Hello</p>",
                Priority = seed.Priority,
                DelayedSendTime = seed.NotBefore,
                Attachments = seed.Attachments,
            },
            default);
        await Crm.SendEmailAsync(id, issueSend: true, default);
        return id;
    }

    public override async Task<StoredState> GetAsync(Guid activityId)
    {
        EmailActivity email = (await Crm.GetEmailAsync(activityId, default))!;
        var attachments = new List<(string Name, byte[] Content)>();
        foreach (AttachmentInfo attachment in email.Attachments)
        {
            using var copy = new MemoryStream();
            await using Stream content = await Crm.OpenAttachmentAsync(attachment.Id, default);
            await content.CopyToAsync(copy);
            attachments.Add((attachment.FileName, copy.ToArray()));
        }

        return new StoredState(
            email.State,
            email.Status,
            email.Subject,
            email.MessageId,
            email.TrackingToken,
            email.DeliveryAttempts,
            email.SentOn,
            email.FailureReason,
            email.Parties,
            attachments,
            [.. email.QueueItems.Select(i => i.Queue.Id)]);
    }

    public override async ValueTask DisposeAsync()
    {
        await Crm.DisposeAsync();
        if (folder is not null)
            Directory.Delete(folder, recursive: true);
    }
}
