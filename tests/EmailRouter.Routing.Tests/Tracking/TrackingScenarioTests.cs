using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;
using static EmailRouter.Routing.Tests.Tracking.Office;

namespace EmailRouter.Routing.Tests.Tracking;

/// <summary>Whole decisions: setting and message in, reason code, correlation method and resolution out.</summary>
public sealed class TrackingScenarioTests
{
    private const string reply = "RE: Quote for pump";

    private static readonly RecordReference createdContact = new(
        "contact", ActivityId.ForSender(new Guid("0a000000-0000-0000-0000-000000000001"), "contact", Stranger));

    private static readonly Dictionary<string, Scenario> scenarios = All().ToDictionary(s => s.Name);

    public static TheoryData<string> Names => [.. scenarios.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_message_is_decided_on_as_the_table_says(string name)
    {
        Scenario scenario = scenarios[name];
        var office = new Office();
        scenario.Given(office);

        TrackingCheckResult check = await office.Check(scenario.Email);

        Assert.Equal(scenario.Reason, check.Reason);
        bool isPromoted = scenario.Reason is CheckReason.AcceptAll or CheckReason.SenderMatch or CheckReason.CorrelationMatch;
        Assert.Equal(isPromoted, check.Plan is not null);
        Assert.Equal(isPromoted ? EvidenceVerdict.Match : EvidenceVerdict.Reject, Assert.Single(check.Evidence, e => e.Rule == TrackingRules.Outcome).Verdict);
        if (isPromoted)
        {
            Assert.Equal(scenario.Method, check.Plan!.Correlation.Method);
            Assert.Equal(scenario.Sender, check.Plan.Sender);
            Assert.Equal(scenario.AcceptedBy, check.Plan.AcceptingMailbox.Owner);

            DeliverResult delivered = await office.Organization.DeliverAsync(scenario.Email, check, CancellationToken.None);
            Assert.True(delivered.Created);
            Assert.Equal(CheckReason.Duplicate, (await office.Check(scenario.Email)).Reason);
        }
    }

    [Fact]
    public void The_table_covers_every_reason_and_every_method_the_engine_gives()
    {
        Assert.True(scenarios.Count >= 40);
        Assert.Equal(Enum.GetValues<CheckReason>().Except([CheckReason.Unknown]), scenarios.Values.Select(s => s.Reason).Distinct().Order());
        Assert.Equal(
            Enum.GetValues<CorrelationMethod>().Except([CorrelationMethod.XHeader, CorrelationMethod.CustomCorrelation]),
            scenarios.Values.Where(s => s.Sender is not null || s.AcceptedBy is not null).Select(s => s.Method).Distinct().Order());
    }

    private static IEnumerable<Scenario> All() =>
        [.. Senders(), .. Filters(), .. Recipients(), .. Internal(), .. Correlations(), .. SmartMatches(), .. Duplicates(), .. Resolutions()];

    private static IEnumerable<Scenario> Senders() =>
    [
        new("no From", Message(null, Support), CheckReason.InvalidSender),
        new("From without a domain", Message("carl", Support), CheckReason.InvalidSender),
        new("From with a blank", Message("carl customer@customer.test", Support), CheckReason.InvalidSender),
        new("a sender nobody knows, to a queue that accepts all", Message(Stranger, Support), CheckReason.AcceptAll) { AcceptedBy = SupportRecord },
    ];

    private static IEnumerable<Scenario> Filters() =>
    [
        new("All, from a contact", Message(Carl, Support), CheckReason.AcceptAll) { Sender = CarlRecord, AcceptedBy = SupportRecord },
        new("Responses only, new email from a contact", Message(Carl, Anna), CheckReason.NoCorrelationMatch),
        new("Leads, contacts and accounts: from a contact", Message(Carl, Anna), CheckReason.SenderMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.FromLeadsContactsAccounts), Sender = CarlRecord, AcceptedBy = AnnaRecord },
        new("Leads, contacts and accounts: from an account", Message(Fabrikam, Anna), CheckReason.SenderMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.FromLeadsContactsAccounts), Sender = FabrikamRecord, AcceptedBy = AnnaRecord },
        new("Leads, contacts and accounts: from a lead", Message(Lena, Anna), CheckReason.SenderMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.FromLeadsContactsAccounts), Sender = LenaRecord, AcceptedBy = AnnaRecord },
        new("Leads, contacts and accounts: from a stranger", Message(Stranger, Anna), CheckReason.NoCorrelationMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.FromLeadsContactsAccounts) },
        new(
            "Leads, contacts and accounts: a response from a stranger",
            Message(Stranger, Anna, reply) with { InReplyTo = [SentMessageId] },
            CheckReason.NoCorrelationMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.FromLeadsContactsAccounts) },
        new("Leads, contacts and accounts: from a user", Message(Ben, Anna), CheckReason.NoCorrelationMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.FromLeadsContactsAccounts) },
        new("Leads, contacts and accounts: from an inactive contact", Message("old@customer.test", Anna), CheckReason.NoCorrelationMatch)
        {
            Given = o => o.Filters(AnnaRecord, FilteringMethod.FromLeadsContactsAccounts).Add(
                "old@customer.test", new("contact", Guid.NewGuid()), isActive: false),
        },
        new("Email-enabled records: from a custom table", Message("site@customer.test", Anna), CheckReason.SenderMatch)
        {
            Given = o => o.Filters(AnnaRecord, FilteringMethod.FromEmailEnabledRecords).Add("site@customer.test", new("new_site", CaseRecord.Id, "Site")),
            Sender = new("new_site", CaseRecord.Id),
            AcceptedBy = AnnaRecord,
        },
        new("Email-enabled records: from a stranger", Message(Stranger, Anna), CheckReason.NoCorrelationMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.FromEmailEnabledRecords) },
        new("No email: even a response", Message(Carl, Anna, reply) with { InReplyTo = [SentMessageId] }, CheckReason.NoCorrelationMatch)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.None) },
        new("No email for one, all for another", Message(Carl, $"{Anna};{Support}"), CheckReason.AcceptAll)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.None), Sender = CarlRecord, AcceptedBy = SupportRecord },
    ];

    private static IEnumerable<Scenario> Recipients() =>
    [
        new("only strangers among the recipients", Message(Carl, Lena), CheckReason.NoRecipientMatch),
        new("no recipient at all", Message(Carl, string.Empty), CheckReason.NoRecipientMatch),
        new("the queue in Cc", Message(Carl, Lena) with { Cc = [new EmailAddress(Support)] }, CheckReason.AcceptAll)
            { Sender = CarlRecord, AcceptedBy = SupportRecord },
        new("the address in other case", Message("CARL@Customer.Test", "SUPPORT@contoso.test"), CheckReason.AcceptAll)
            { Sender = CarlRecord, AcceptedBy = SupportRecord },
        new("by Bcc into a mailbox that accepts all", Message(Carl, Lena) with { Mailbox = SupportRecord }, CheckReason.AcceptAll)
            { Sender = CarlRecord, AcceptedBy = SupportRecord },
        new(
            "by distribution list into a mailbox that accepts responses, no response",
            Message(Carl, "all@contoso.test") with { Mailbox = AnnaRecord },
            CheckReason.NoCorrelationMatch),
        new("by distribution list into a mailbox that accepts responses, a response",
            Message(Carl, "all@contoso.test", reply) with { Mailbox = AnnaRecord, InReplyTo = [SentMessageId] }, CheckReason.CorrelationMatch)
            { Method = CorrelationMethod.InReplyTo, Sender = CarlRecord, AcceptedBy = AnnaRecord },
        new("the queue in Delivered-To only", Message(Carl, "sales-list@contoso.test") with { DeliveredTo = [Support] }, CheckReason.AcceptAll)
            { Sender = CarlRecord, AcceptedBy = SupportRecord },
        new("a user's second address", Message(Carl, "a.berg@private.test", reply) with { InReplyTo = [SentMessageId] }, CheckReason.CorrelationMatch)
        {
            Given = o => o.Add("a.berg@private.test", AnnaRecord, column: "personalemailaddress"),
            Method = CorrelationMethod.InReplyTo,
            Sender = CarlRecord,
            AcceptedBy = AnnaRecord,
        },
        new("an inactive queue", Message(Carl, Support), CheckReason.NoRecipientMatch)
            { Given = o => o.Change(SupportRecord, m => m with { IsActive = false }) },
        new("a disabled user", Message(Carl, Anna), CheckReason.NoRecipientMatch)
            { Given = o => o.Change(AnnaRecord, m => m with { IsActive = false, Filter = FilteringMethod.All }) },
        new("a queue served by nobody", Message(Carl, Support), CheckReason.NoRecipientMatch)
            { Given = o => o.Change(SupportRecord, m => m with { IncomingDelivery = DeliveryMethod.None }) },
        new("a user served by CRM for Outlook", Message(Carl, Anna), CheckReason.NoRecipientMatch)
            { Given = o => o.Change(AnnaRecord, m => m with { IncomingDelivery = DeliveryMethod.Outlook, Filter = FilteringMethod.All }) },
        new("a user served through the forward mailbox", Message(Carl, Anna) with { Mailbox = ForwardRecord }, CheckReason.AcceptAll)
        {
            Given = o => o.Change(AnnaRecord, m => m with { IncomingDelivery = DeliveryMethod.ForwardMailbox, Filter = FilteringMethod.All }),
            Sender = CarlRecord,
            AcceptedBy = AnnaRecord,
        },
        new("only the forward mailbox itself", Message(Carl, ForwardAddress) with { Mailbox = ForwardRecord }, CheckReason.NoRecipientMatch),
        new("a queue that is not approved", Message(Carl, Support), CheckReason.NoRecipientMatch)
            { Given = o => o.Change(SupportRecord, m => m with { Approval = AccessApproval.Pending }) },
        new("a queue that is not approved where nobody asks for it", Message(Carl, Support), CheckReason.AcceptAll)
        {
            Given = o => o.Change(SupportRecord, m => m with { Approval = AccessApproval.Empty }).Set(s => s with { RequireApprovalForQueues = false }),
            Sender = CarlRecord,
            AcceptedBy = SupportRecord,
        },
        new("a user who is rejected", Message(Carl, Anna), CheckReason.NoRecipientMatch)
            { Given = o => o.Change(AnnaRecord, m => m with { Approval = AccessApproval.Rejected, Filter = FilteringMethod.All }) },
        new(
            "only the polled mailbox's filter: the queue among the recipients does not count",
            Message(Carl, $"{Anna};{Support}") with { Mailbox = AnnaRecord },
            CheckReason.NoCorrelationMatch)
            { Given = o => o.Set(s => s with { UseOnlyPolledMailboxFilter = true }) },
        new(
            "every recipient's filter: the queue among the recipients counts",
            Message(Carl, $"{Anna};{Support}") with { Mailbox = AnnaRecord },
            CheckReason.AcceptAll)
            { Sender = CarlRecord, AcceptedBy = SupportRecord },
        new("only the polled mailbox's filter, read from the forward mailbox", Message(Carl, Support) with { Mailbox = ForwardRecord }, CheckReason.AcceptAll)
            { Given = o => o.Set(s => s with { UseOnlyPolledMailboxFilter = true }), Sender = CarlRecord, AcceptedBy = SupportRecord },
        new(
            "a polled mailbox the organization no longer lists",
            Message(Carl, Lena) with { Mailbox = new("systemuser", Guid.Empty) },
            CheckReason.NoRecipientMatch),
    ];

    private static IEnumerable<Scenario> Internal() =>
    [
        new("user to user, two activities", Message(Ben, Anna), CheckReason.AcceptAll)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.All), Sender = BenRecord, AcceptedBy = AnnaRecord },
        new("user to user, internal email ignored", Message(Ben, Anna), CheckReason.InternalEmailReject)
            { Given = o => o.Filters(AnnaRecord, FilteringMethod.All).Set(s => s with { IgnoreInternalEmail = true }) },
        new("user to queue, internal email ignored but not to queues", Message(Ben, Support), CheckReason.AcceptAll)
            { Given = o => o.Set(s => s with { IgnoreInternalEmail = true }), Sender = BenRecord, AcceptedBy = SupportRecord },
        new("user to queue, internal email ignored to queues too", Message(Ben, Support), CheckReason.InternalEmailReject)
            { Given = o => o.Set(s => s with { IgnoreInternalEmail = true, DoNotIgnoreInternalEmailToQueues = false }) },
        new(
            "user to user and queue, internal email ignored: the user's filter does not count",
            Message(Ben, $"{Anna};{Support}"),
            CheckReason.NoCorrelationMatch)
        {
            Given = o => o.Filters(AnnaRecord, FilteringMethod.All).Filters(SupportRecord, FilteringMethod.InResponse).Set(
                s => s with { IgnoreInternalEmail = true }),
        },
        new("a disabled user's address that a contact carries too is not internal", Message("ex@contoso.test", Support), CheckReason.AcceptAll)
        {
            Given = o => o.Set(s => s with { IgnoreInternalEmail = true, DoNotIgnoreInternalEmailToQueues = false })
                .Add("ex@contoso.test", new("systemuser", Guid.NewGuid()), isActive: false).Add("ex@contoso.test", CarlRecord),
            Sender = CarlRecord,
            AcceptedBy = SupportRecord,
        },
        new("a forged user's address creates nobody, even where the address is the mailbox's alone", Message(Ben, Anna), CheckReason.AcceptAll)
        {
            Given = o =>
            {
                o.Store.Owners.Remove(Ben);
                o.Change(AnnaRecord, m => m with { Filter = FilteringMethod.All, AutoCreate = AutoCreate.Contact });
            },
            AcceptedBy = AnnaRecord,
        },
    ];

    private static IEnumerable<Scenario> Correlations() =>
    [
        Response("In-Reply-To", Message(Carl, Anna, reply) with { InReplyTo = [SentMessageId] }, CorrelationMethod.InReplyTo),
        Response("the second id of In-Reply-To", Message(Carl, Anna, reply) with { InReplyTo = ["<x@y.test>", SentMessageId] }, CorrelationMethod.InReplyTo),
        Response(
            "References, the nearest ancestor not stored",
            Message(Carl, Anna, reply) with { InReplyTo = ["<x@y.test>"], References = [SentMessageId, "<x@y.test>"] },
            CorrelationMethod.InReplyTo),
        Response("the token", Message(Carl, Anna, "RE: Quote for pump CRM:0001001"), CorrelationMethod.TrackingToken),
        Response("the token in the middle of the subject", Message(Carl, Anna, "AW: [EXT] crm:0001001 Quote"), CorrelationMethod.TrackingToken),
        Response(
            "the conversation index",
            Message(Carl, Anna, reply) with { ConversationId = Conversation, ConversationIndex = "AQ==" },
            CorrelationMethod.ConversationIndex),
        new("a token of somebody else's CRM", Message(Carl, Anna, "Offer CRM:0042001"), CheckReason.NoCorrelationMatch),
        new("a token with tokens switched off", Message(Carl, Anna, "RE: Quote CRM:0001001"), CheckReason.NoCorrelationMatch)
            { Given = o => o.Set(s => s with { UseTrackingToken = false }) },
        Response("the token with an earlier prefix", Message(Carl, Anna, "RE: Old OLD:0001005"), CorrelationMethod.TrackingToken) with
        {
            Given = o => o.Set(s => s with { TrackingPrefixes = ["CRM:", "OLD:"] }).StoreEmail(new StoredEmail
            {
                ActivityId = Guid.NewGuid(), Subject = "Old OLD:0001005", IsOutgoing = true, TrackingToken = "OLD:0001005", CreatedOn = Now, Addresses = [Carl],
            }),
        },
        new("In-Reply-To with header correlation switched off", Message(Carl, Anna, reply) with { InReplyTo = [SentMessageId] }, CheckReason.NoCorrelationMatch)
            { Given = o => o.Set(s => s with { EmailCorrelationEnabled = false }) },
        new(
            "In-Reply-To and conversation index ignored",
            Message(Carl, Anna, reply) with { InReplyTo = [SentMessageId], ConversationId = Conversation },
            CheckReason.NoCorrelationMatch)
            { Given = o => o.Set(s => s with { IgnoreConversationIndexAndInReplyTo = true }) },
        Response(
            "the token with headers ignored",
            Message(Carl, Anna, "RE: Quote CRM:0001001") with { InReplyTo = [SentMessageId] }, CorrelationMethod.TrackingToken) with
            { Given = o => o.Set(s => s with { IgnoreConversationIndexAndInReplyTo = true }) },
        Response(
            "the token first where the organization wants it first",
            Message(Carl, Anna, "RE: Quote CRM:0001001") with { InReplyTo = [SentMessageId] }, CorrelationMethod.TrackingToken) with
            { Given = o => o.Set(s => s with { CorrelationOrder = [CorrelationStep.TrackingToken, CorrelationStep.InReplyTo] }) },
        new(
            "a forward, where forwards are no replies",
            Message(Carl, Anna, "FW: Quote CRM:0001001") with { InReplyTo = [SentMessageId], IsForward = true },
            CheckReason.NoCorrelationMatch)
            { Given = o => o.Set(s => s with { DoNotCorrelateForwards = true }) },
        new("a forward to a queue that accepts all, where forwards are no replies",
            Message(Carl, Support, "FW: Quote CRM:0001001") with { InReplyTo = [SentMessageId], IsForward = true }, CheckReason.AcceptAll)
        {
            Given = o => o.Set(s => s with { DoNotCorrelateForwards = true }),
            Method = CorrelationMethod.Skipped,
            Sender = CarlRecord,
            AcceptedBy = SupportRecord,
        },
        Response(
            "a forward, where forwards are replies",
            Message(Carl, Anna, "FW: Quote") with { InReplyTo = [SentMessageId], IsForward = true },
            CorrelationMethod.InReplyTo),
        new("In-Reply-To of nobody", Message(Carl, Anna, reply) with { InReplyTo = ["<unknown@elsewhere.test>"] }, CheckReason.NoCorrelationMatch),
        new("an out-of-office answer", Message(Carl, Anna, "Automatic reply: Quote for pump") with
            { InReplyTo = [SentMessageId], MessageClass = "IPM.Note.Rules.OofTemplate.Microsoft", IsAutomatic = true }, CheckReason.CorrelationMatch)
            { Method = CorrelationMethod.InReplyTo, Sender = CarlRecord, AcceptedBy = AnnaRecord },
    ];

    // The worked examples: what is stored, what comes, with the default settings of smart matching.
    private static IEnumerable<Scenario> SmartMatches() =>
    [
        Smart(
            "smart: the same words with the token",
            "Quote for valve CRM:0001007",
            [Anna, Carl],
            Now.AddDays(-1),
            Message(Carl, Anna, "RE: Quote for valve CRM:0001007"),
            true),
        Smart("smart: a subject of one word", "Hello", [Anna, Carl], Now.AddDays(-1), Message(Carl, Anna, "Hello"), false),
        Smart("smart: a subject of two words, months later", "Hello Carl", [Anna, Carl], Now.AddDays(-120), Message(Carl, Anna, "Hello Carl"), false),
        Smart("smart: one word more", "Order 17", [Anna, Carl], Now.AddDays(-1), Message(Carl, Anna, "RE: Order 17 (question)"), false),
        Smart("smart: one word more where one is allowed", "Order 17", [Anna, Carl], Now.AddDays(-1), Message(Carl, Anna, "RE: Order 17 (question)"), true,
            s => s with { HashDeltaSubjectCount = 1 }),
        Smart(
            "smart: out of office with the default expression",
            "Order 17",
            [Anna, Carl],
            Now.AddDays(-1),
            Message(Carl, Anna, "Out of office: Order 17"),
            false),
        Smart("smart: out of office with the expression for it",
            "Order 17", [Anna, Carl], Now.AddDays(-1), Message(Carl, Anna, "Out of office: Order 17"), true,
            s => s with { HashFilterKeywords = s.HashFilterKeywords + "|^Out of office:" }),
        Smart("smart: one common address", "Order 17", [Anna, Carl, Ben], Now.AddDays(-1), Message(Lena, Anna, "RE: Order 17"), false),
        Smart(
            "smart: switched off",
            "Order 17",
            [Anna, Carl],
            Now.AddDays(-1),
            Message(Carl, Anna, "RE: Order 17"),
            false,
            s => s with { EnableSmartMatching = false }),
        Smart(
            "smart: an empty subject",
            string.Empty,
            [Anna, Carl],
            Now.AddDays(-1),
            Message(Carl, Anna, string.Empty),
            false,
            s => s with { SmartMatchingMinWords = 0 }),
    ];

    private static IEnumerable<Scenario> Duplicates() =>
    [
        new("the same message again", Message(Carl, Support), CheckReason.Duplicate)
            { Given = o => o.Deliver(Message(Carl, Support)).GetAwaiter().GetResult() },
        new("the same Message-ID with a list's footer", Message(Carl, Support) with { ActivityId = Guid.NewGuid() }, CheckReason.Duplicate)
            { Given = o => o.Deliver(Message(Carl, Support)).GetAwaiter().GetResult() },
        new("the received copy of email that the CRM sent to a user", Message(Anna, Support, $"Quote for pump {Token}", SentMessageId), CheckReason.AcceptAll)
            { Method = CorrelationMethod.TrackingToken, Sender = AnnaRecord, AcceptedBy = SupportRecord },
    ];

    private static IEnumerable<Scenario> Resolutions() =>
    [
        new("a contact before an account and a lead", Message(Carl, Support), CheckReason.AcceptAll)
        {
            Given = o =>
            {
                o.Store.Owners.Remove(Carl);
                o.Add(Carl, LenaRecord).Add(Carl, FabrikamRecord).Add(Carl, CarlRecord);
            },
            Sender = CarlRecord,
            AcceptedBy = SupportRecord,
        },
        new("several records where the organization wants no guess", Message(Carl, Support), CheckReason.AcceptAll)
            { Given = o => o.Add(Carl, FabrikamRecord).Set(s => s with { UnresolveSenderIfMultipleMatch = true }), AcceptedBy = SupportRecord },
        new("an unknown sender to a user who wants contacts", Message(Stranger, Anna), CheckReason.AcceptAll)
        {
            Given = o => o.Change(AnnaRecord, m => m with { Filter = FilteringMethod.All, AutoCreate = AutoCreate.Contact }),
            Sender = createdContact,
            AcceptedBy = AnnaRecord,
        },
    ];

    private static Scenario Response(string name, IncomingEmail email, CorrelationMethod method) =>
        new($"response by {name}", email, CheckReason.CorrelationMatch) { Method = method, Sender = CarlRecord, AcceptedBy = AnnaRecord };

    private static Scenario Smart(
        string name, string storedSubject, string[] storedAddresses, DateTimeOffset storedOn,
        IncomingEmail email, bool isMatch, Func<OrganizationSettings, OrganizationSettings>? change = null) =>
        new(name, email, isMatch ? CheckReason.CorrelationMatch : CheckReason.NoCorrelationMatch)
        {
            Given = o =>
            {
                o.Set(s => (change ?? (x => x))(s with { EnableSmartMatching = true, UseTrackingToken = false }));
                o.StoreEmail(new StoredEmail
                {
                    ActivityId = new Guid("10000000-0000-0000-0000-0000000000aa"),
                    Subject = storedSubject,
                    IsOutgoing = true,
                    CreatedOn = storedOn,
                    Addresses = storedAddresses,
                });
            },
            Method = CorrelationMethod.SmartMatching,
            Sender = CarlRecord,
            AcceptedBy = AnnaRecord,
        };
}
