using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

/// <summary>
/// A small organization that the tests change as they need: Anna (user, accepts responses), Ben (user, accepts responses), the queue Support (accepts all),
/// a forward mailbox, the customers Carl (contact), Fabrikam (account) and Lena (lead), and one email that Anna sent to Carl.
/// </summary>
internal sealed class Office
{
    public const string Anna = "anna@contoso.test";
    public const string Ben = "ben@contoso.test";
    public const string Support = "support@contoso.test";
    public const string ForwardAddress = "router@contoso.test";
    public const string Carl = "carl@customer.test";
    public const string Fabrikam = "info@fabrikam.test";
    public const string Lena = "lena@prospect.test";
    public const string Stranger = "stranger@elsewhere.test";
    public const string SentMessageId = "<sent-1@contoso.test>";
    public const string Token = "CRM:0001001";

    public static readonly DateTimeOffset Now = new(2026, 3, 10, 9, 0, 0, TimeSpan.Zero);
    public static readonly RecordReference AnnaRecord = new("systemuser", new Guid("0b000000-0000-0000-0000-000000000001"), "Anna Berg");
    public static readonly RecordReference BenRecord = new("systemuser", new Guid("0b000000-0000-0000-0000-000000000002"), "Ben Roth");
    public static readonly RecordReference SupportRecord = new("queue", new Guid("0c000000-0000-0000-0000-000000000001"), "Support");
    public static readonly RecordReference ForwardRecord = new("mailbox", new Guid("0d000000-0000-0000-0000-000000000001"), "Forward mailbox");
    public static readonly RecordReference CarlRecord = new("contact", new Guid("0e000000-0000-0000-0000-000000000001"), "Carl Customer");
    public static readonly RecordReference FabrikamRecord = new("account", new Guid("0e000000-0000-0000-0000-000000000002"), "Fabrikam");
    public static readonly RecordReference LenaRecord = new("lead", new Guid("0e000000-0000-0000-0000-000000000003"), "Lena Prospect");
    public static readonly RecordReference CaseRecord = new("incident", new Guid("0f000000-0000-0000-0000-000000000001"), "Pump is leaking");
    public static readonly Guid AnnasQueue = new("0c000000-0000-0000-0000-000000000011");
    public static readonly Guid SentId = new("10000000-0000-0000-0000-000000000001");
    public static readonly Guid Conversation = new("11000000-0000-0000-0000-000000000001");

    public Office()
    {
        Store.Mailboxes.Add(User(AnnaRecord, Anna) with { DefaultQueueId = AnnasQueue });
        Store.Mailboxes.Add(User(BenRecord, Ben));
        Store.Mailboxes.Add(Queue(SupportRecord, Support, BenRecord.Id));
        Store.Mailboxes.Add(User(ForwardRecord, ForwardAddress) with { Kind = CrmMailboxKind.Forward });
        Add(Anna, AnnaRecord, column: "internalemailaddress");
        Add(Ben, BenRecord, column: "internalemailaddress");
        Add(Support, SupportRecord, column: "emailaddress");
        Add(Carl, CarlRecord, ownerId: AnnaRecord.Id);
        Add(Fabrikam, FabrikamRecord);
        Add(Lena, LenaRecord);
        StoreEmail(new StoredEmail
        {
            ActivityId = SentId,
            MessageId = SentMessageId,
            Subject = $"Quote for pump {Token}",
            IsOutgoing = true,
            TrackingToken = Token,
            Regarding = CaseRecord,
            CreatedOn = Now.AddDays(-2),
            Addresses = [Anna, Carl],
        });
        Store.Conversations[SentId] = Conversation;
        Organization = new TrackingOrganization(Store, Clock);
    }

    public MemoryRecordStore Store { get; } = new();

    public ManualClock Clock { get; } = new(Now);

    public TrackingOrganization Organization { get; }

    public static CrmMailbox User(RecordReference owner, string address) => new()
    {
        Owner = owner,
        Kind = CrmMailboxKind.User,
        Address = address,
        IncomingDelivery = DeliveryMethod.Router,
        OutgoingDelivery = DeliveryMethod.Router,
        Filter = FilteringMethod.InResponse,
        Approval = AccessApproval.Approved,
        IsActive = true,
        OwnerUserId = owner.Id,
    };

    public static CrmMailbox Queue(RecordReference owner, string address, Guid ownerUserId) =>
        User(owner, address) with { Kind = CrmMailboxKind.Queue, Filter = FilteringMethod.All, OwnerUserId = ownerUserId };

    public static IncomingEmail Message(string? from, string to, string subject = "Hello from outside", string messageId = "<m1@customer.test>") => new()
    {
        ActivityId = ActivityId.For(new Guid("0a000000-0000-0000-0000-000000000001"), messageId, [1, 2, 3], hasMessageId: true),
        MessageId = messageId,
        Subject = subject,
        From = from is null ? null : new EmailAddress(from),
        To = [.. to.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(a => new EmailAddress(a))],
        ReceivedOn = Now,
        Body = "Text",
        BodyType = "text/plain",
    };

    public Office Set(Func<OrganizationSettings, OrganizationSettings> change)
    {
        Store.Settings = change(Store.Settings);
        return this;
    }

    public Office Change(RecordReference owner, Func<CrmMailbox, CrmMailbox> change)
    {
        int index = Store.Mailboxes.FindIndex(m => m.Owner == owner);
        Store.Mailboxes[index] = change(Store.Mailboxes[index]);
        return this;
    }

    public Office Filters(RecordReference owner, FilteringMethod filter) => Change(owner, m => m with { Filter = filter });

    public Office Add(
        string address, RecordReference record, bool isActive = true, Guid? ownerId = null, string column = "emailaddress1", bool doNotEmail = false)
    {
        if (!Store.Owners.TryGetValue(address, out List<AddressOwner>? owners))
            Store.Owners.Add(address, owners = []);
        owners.Add(new AddressOwner { Record = record, IsActive = isActive, OwnerId = ownerId, Column = column, DoNotEmail = doNotEmail });
        return this;
    }

    public Office StoreEmail(StoredEmail email)
    {
        Store.Emails.Add(email);
        Store.Keys[email.ActivityId] = SmartMatchKeys.Compute(email.Subject, email.Addresses, Store.Settings);
        return this;
    }

    public async Task<TrackingCheckResult> Check(IncomingEmail email) =>
        Assert.IsType<TrackingCheckResult>(await Organization.CheckAsync(email, CancellationToken.None));

    public async Task<DeliverResult> Deliver(IncomingEmail email) =>
        await Organization.DeliverAsync(email, await Organization.CheckAsync(email, CancellationToken.None), CancellationToken.None);
}
