using System.Security.Cryptography;
using System.Text;

namespace EmailRouter.Crm.Tests;

/// <summary>What every record store does with received email. A store's own tests derive from this.</summary>
public abstract partial class RecordStoreContract : IAsyncLifetime
{
    protected RecordStoreWorld World { get; private set; } = null!;

    protected RecordReference Anna { get; private set; } = null!;

    private IRecordStore Store => World.Store;

    public async Task InitializeAsync()
    {
        World = await CreateAsync();
        Anna = await World.AddUserAsync("Anna Adams", "anna@example.test");
    }

    public async Task DisposeAsync() => await World.DisposeAsync();

    [Fact]
    public async Task A_created_email_is_received_and_completed()
    {
        NewEmail email = Email("<a1@customer.test>");

        CreateEmailResult result = await Store.CreateEmailAsync(email, default);

        Assert.Equal(new CreateEmailResult(email.ActivityId, true, []), result with { MadeQueueItems = [] });
        StoredState stored = await World.GetAsync(email.ActivityId);
        Assert.Equal((EmailState.Completed, EmailStatus.Received), (stored.State, stored.Status));
        Assert.Equal(email.Parties, stored.Parties);
        Assert.Equal("<a1@customer.test>", stored.MessageId);
    }

    [Fact]
    public async Task An_email_with_the_same_id_is_left_as_it_is()
    {
        NewEmail email = Email("<a1@customer.test>");
        await Store.CreateEmailAsync(email, default);

        CreateEmailResult again = await Store.CreateEmailAsync(email with { MessageId = "<other@customer.test>", Subject = "Changed" }, default);

        Assert.False(again.Created);
        Assert.Equal(email.ActivityId, again.ActivityId);
        Assert.Equal("Order 17", (await World.GetAsync(email.ActivityId)).Subject);
    }

    [Fact]
    public async Task An_incoming_email_with_the_same_message_id_is_left_as_it_is()
    {
        NewEmail email = Email("<a1@customer.test>");
        await Store.CreateEmailAsync(email, default);

        CreateEmailResult again = await Store.CreateEmailAsync(email with { ActivityId = Guid.NewGuid() }, default);

        Assert.False(again.Created);
        Assert.Equal(email.ActivityId, again.ActivityId);
        Assert.Empty(again.MadeQueueItems);
    }

    [Fact]
    public async Task Creating_the_same_email_many_times_at_once_makes_one()
    {
        NewEmail email = Email("<a1@customer.test>");

        CreateEmailResult[] results = await Task.WhenAll(
            Enumerable.Range(0, 20)
                .Select(i => Store.CreateEmailAsync(email with { ActivityId = i % 2 == 0 ? email.ActivityId : Guid.NewGuid() }, default).AsTask()));

        Assert.Single(results, r => r.Created);
        Assert.Single(results.Select(r => r.ActivityId).Distinct());
    }

    [Fact]
    public async Task The_senders_copy_does_not_stand_in_the_way_of_the_recipients()
    {
        Guid sent = await World.AddPendingAsync(Anna, Anna, "To myself");
        PendingEmail pending = Assert.Single(await Store.ClaimPendingAsync(new ClaimRequest(), default));
        await Store.CompleteAsync(pending, new SendOutcome.Sent("<internal@example.test>", World.Now), default);

        NewEmail received = Email("<internal@example.test>");
        Assert.True((await Store.CreateEmailAsync(received, default)).Created);

        RecordLookup found = await Store.LookupAsync(new RecordQuery { MessageIds = ["<internal@example.test>"] }, default);
        Assert.Equal(received.ActivityId, found.ByMessageId["<internal@example.test>"].ActivityId);
        Assert.NotEqual(sent, received.ActivityId);
    }

    [Fact]
    public async Task Attachments_are_kept_in_order_and_byte_for_byte()
    {
        byte[] large = RandomNumberGenerator.GetBytes(3_000_001);
        NewEmail email = Email("<a1@customer.test>") with
        {
            Attachments = [Attachment("b.txt", "text"u8.ToArray()), Attachment("a.bin", large), Attachment("empty", []), Attachment("copy.bin", large)],
        };

        await Store.CreateEmailAsync(email, default);

        StoredState stored = await World.GetAsync(email.ActivityId);
        Assert.Equal(["b.txt", "a.bin", "empty", "copy.bin"], stored.Attachments.Select(a => a.Name));
        Assert.Equal("text", Encoding.UTF8.GetString(stored.Attachments[0].Content));
        Assert.Equal(large, stored.Attachments[1].Content);
        Assert.Empty(stored.Attachments[2].Content);
        Assert.Equal(large, stored.Attachments[3].Content);
    }

    [Fact]
    public async Task An_attachment_that_cannot_be_read_leaves_nothing_behind()
    {
        NewEmail email = Email("<a1@customer.test>") with
        {
            Attachments = [Attachment("good", "good"u8.ToArray()), new EmailAttachment("bad", "text/plain", 1, _ => throw new IOException("gone"))],
            SenderRecord = new NewSenderRecord("contact", Guid.NewGuid(), "Carl", "carl@customer.test", Anna.Id),
        };

        await Assert.ThrowsAsync<IOException>(() => Store.CreateEmailAsync(email, default).AsTask());

        RecordLookup found = await Store.LookupAsync(new RecordQuery { MessageIds = [email.MessageId], Addresses = ["carl@customer.test"] }, default);
        Assert.Empty(found.ByMessageId);
        if (World.CreatesTogether)
            Assert.Empty(found.Owners);
    }

    [Fact]
    public async Task Queue_items_are_made_with_the_email_and_once()
    {
        RecordReference support = await World.AddQueueAsync("Support", "support@example.test", Anna);
        RecordReference sales = await World.AddQueueAsync("Sales", "sales@example.test", Anna);
        NewEmail email = Email("<a1@customer.test>") with { QueueIds = [support.Id, support.Id] };

        CreateEmailResult created = await Store.CreateEmailAsync(email, default);

        Assert.Equal([support.Id], created.MadeQueueItems);
        Assert.False(await Store.AddToQueueAsync(email.ActivityId, support.Id, default));
        Assert.True(await Store.AddToQueueAsync(email.ActivityId, sales.Id, default));
        Assert.False(await Store.AddToQueueAsync(email.ActivityId, sales.Id, default));
        RecordLookup found = await Store.LookupAsync(new RecordQuery { MessageIds = [email.MessageId] }, default);
        Assert.Equal(new HashSet<Guid> { sales.Id, support.Id }, found.ByMessageId[email.MessageId].QueueIds.ToHashSet());
    }

    [Fact]
    public async Task An_unknown_queue_makes_nothing_at_all()
    {
        NewEmail email = Email("<a1@customer.test>") with { QueueIds = [Guid.NewGuid()] };

        CrmException error = await Assert.ThrowsAsync<CrmException>(() => Store.CreateEmailAsync(email, default).AsTask());

        Assert.Equal("CrmRecordMissing", error.ErrorId);
        Assert.Empty((await Store.LookupAsync(new RecordQuery { MessageIds = [email.MessageId] }, default)).ByMessageId);
    }

    [Fact]
    public async Task The_senders_record_is_created_with_the_email_and_becomes_its_sender()
    {
        var record = new NewSenderRecord("contact", Guid.NewGuid(), "Carl Customer", "carl@customer.test", Anna.Id);
        NewEmail email = Email("<a1@customer.test>") with { SenderRecord = record };

        await Store.CreateEmailAsync(email, default);
        await Store.CreateEmailAsync(Email("<a2@customer.test>") with { SenderRecord = record }, default);

        AddressOwner owner = Assert.Single((await Store.LookupAsync(new RecordQuery { Addresses = ["CARL@customer.test"] },
            default)).Owners["carl@customer.test"]);
        Assert.Equal(new RecordReference("contact", record.Id), owner.Record);
        Assert.Equal("Carl Customer", owner.Record.Name);
        Assert.Equal(Anna.Id, owner.OwnerId);
        Assert.Equal("emailaddress1", owner.Column);
        Assert.Equal(owner.Record, (await World.GetAsync(email.ActivityId)).Parties.Single(p => p.Role == ParticipationType.Sender).Party);
    }

    [Fact]
    public async Task A_lookup_finds_only_what_is_there()
    {
        RecordLookup found = await Store.LookupAsync(
            new RecordQuery { MessageIds = ["<none@x.test>"], TrackingTokens = ["CRM:0001001"], ConversationId = Guid.NewGuid(),
                Addresses = ["nobody@x.test", "", "o'brien@x.test"] }, default);

        Assert.Empty(found.ByMessageId);
        Assert.Empty(found.ByTrackingToken);
        Assert.Null(found.ByConversation);
        Assert.Empty(found.Owners);
    }

    [Fact]
    public async Task Message_ids_are_compared_ordinally()
    {
        await Store.CreateEmailAsync(Email("<Case@customer.test>"), default);

        RecordLookup found = await Store.LookupAsync(new RecordQuery { MessageIds = ["<case@customer.test>", "<Case@customer.test>"] }, default);

        Assert.Equal(["<Case@customer.test>"], found.ByMessageId.Keys);
    }

    [Fact]
    public async Task A_token_leads_to_the_newest_outgoing_email_and_tells_the_earlier_ones()
    {
        await World.SetAsync("maximumtrackingnumber", 1);
        RecordReference customer = await World.AddRecordAsync("contact", "Carl", ("emailaddress1", "carl@customer.test"));
        Guid first = await World.AddPendingAsync(Anna, customer, "First");
        World.Advance(TimeSpan.FromMinutes(1));
        Guid second = await World.AddPendingAsync(Anna, customer, "Second");
        string token = (await World.GetAsync(first)).TrackingToken!;
        await Store.CreateEmailAsync(Email("<a1@customer.test>") with { TrackingToken = token }, default);

        RecordLookup found = await Store.LookupAsync(new RecordQuery { TrackingTokens = [token.ToLowerInvariant()] }, default);

        Assert.Equal(second, found.ByTrackingToken[token].ActivityId);
        Assert.True(found.ByTrackingToken[token].IsOutgoing);
        Assert.Equal(first, Assert.Single(found.EarlierByTrackingToken[token]).ActivityId);
    }

    [Fact]
    public async Task A_conversation_leads_to_its_newest_email()
    {
        // A store without the column finds none; that it finds what the CRM itself has noted, its own tests show.
        if (!World.KeepsConversationIds)
            return;
        var conversation = Guid.NewGuid();
        await Store.CreateEmailAsync(Email("<a1@customer.test>") with { ConversationId = conversation }, default);
        World.Advance(TimeSpan.FromMinutes(1));
        NewEmail newest = Email("<a2@customer.test>") with { ConversationId = conversation,
            Regarding = new RecordReference("account", Guid.NewGuid(), "Contoso") };
        await Store.CreateEmailAsync(newest, default);

        StoredEmail found = (await Store.LookupAsync(new RecordQuery { ConversationId = conversation }, default)).ByConversation!;

        Assert.Equal(newest.ActivityId, found.ActivityId);
        Assert.Equal(newest.Regarding, found.Regarding);
        Assert.Equal("Contoso", found.Regarding!.Name);
        Assert.Equal(["carl@customer.test", "anna@example.test"], found.Addresses);
        Assert.Equal(World.Now, found.CreatedOn);
    }

    [Theory]
    [InlineData("RE: Order 17", 0, 2, true)]
    [InlineData("Order 17 (question)", 0, 2, false)]
    [InlineData("Order 17 (question)", 1, 2, true)]
    [InlineData("Order 17", 0, 3, false)]
    [InlineData("Order 18", 0, 2, false)]
    [InlineData("", 5, 0, false)]
    public async Task Smart_matching_counts_shared_words_and_addresses(string subject, int delta, int minAddresses, bool matches)
    {
        OrganizationSettings settings = await Store.GetSettingsAsync(default);
        NewEmail stored = Email("<a1@customer.test>");
        await Store.CreateEmailAsync(stored with { SmartMatchKeys = SmartMatchKeys.Compute(stored.Subject, ["carl@customer.test", "anna@example.test"],
            settings) }, default);
        var keys = SmartMatchKeys.Compute(subject, ["Anna@example.test", "carl@customer.test", "third@example.test"], settings);

        RecordLookup found = await Store.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, delta, minAddresses, World.Now) }, default);

        Assert.Equal(matches ? [stored.ActivityId] : [], found.SmartMatches.Select(m => m.Email.ActivityId));
        Assert.All(found.SmartMatches, m => Assert.Equal((2, 2), (m.SharedWords, m.SharedAddresses)));
    }

    [Fact]
    public async Task Smart_matching_finds_a_match_among_many_that_share_words_or_addresses()
    {
        OrganizationSettings settings = await Store.GetSettingsAsync(default);
        for (int i = 0; i < 40; i++)
        {
            NewEmail noise = Email($"<noise{i}@customer.test>");
            string subject = i % 2 == 0 ? "Order 17" : $"Invoice {i}";
            string sender = i % 2 == 0 ? $"c{i}@customer.test" : "carl@customer.test";
            await Store.CreateEmailAsync(Matchable(noise, subject, [sender, "anna@example.test"], settings), default);
        }

        NewEmail stored = Email("<a1@customer.test>");
        await Store.CreateEmailAsync(Matchable(stored, "Order 17", ["carl@customer.test", "anna@example.test"], settings), default);
        var keys = SmartMatchKeys.Compute("RE: Order 17", ["anna@example.test", "carl@customer.test"], settings);

        RecordLookup strict = await Store.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, 0, 2, World.Now) }, default);
        RecordLookup lax = await Store.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, 0, 0, World.Now) }, default);
        RecordLookup never = await Store.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, 0, 3, World.Now) }, default);

        Assert.Equal(stored.ActivityId, Assert.Single(strict.SmartMatches).Email.ActivityId);
        Assert.Equal(10, lax.SmartMatches.Count);
        Assert.Empty(never.SmartMatches);
    }

    [Fact]
    public async Task Smart_matches_are_not_older_than_asked_and_the_newest_comes_first()
    {
        OrganizationSettings settings = await Store.GetSettingsAsync(default);
        var keys = SmartMatchKeys.Compute("Order 17", ["a@x.test", "b@x.test"], settings);
        var ids = new List<Guid>();
        for (int i = 0; i < 12; i++)
        {
            NewEmail email = Matchable(Email($"<{i}@customer.test>"), "Order 17", ["a@x.test", "b@x.test"], settings);
            await Store.CreateEmailAsync(email, default);
            ids.Insert(0, email.ActivityId);
            World.Advance(TimeSpan.FromHours(1));
        }

        RecordLookup all = await Store.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, 0, 2, World.Now - TimeSpan.FromDays(1)) }, default);
        RecordLookup recent = await Store.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, 0, 2, World.Now - TimeSpan.FromHours(2)) },
            default);

        Assert.Equal(ids.Take(10), all.SmartMatches.Select(m => m.Email.ActivityId));
        Assert.Equal(ids.Take(2), recent.SmartMatches.Select(m => m.Email.ActivityId));
    }

    [Fact]
    public async Task An_address_leads_to_every_record_that_carries_it()
    {
        RecordReference contact = await World.AddRecordAsync("contact", "Carl", ("emailaddress2", "Shared@Customer.test"), ("donotemail", true));
        RecordReference account = await World.AddRecordAsync("account", "Contoso", ("emailaddress1", "shared@customer.test"),
            ("emailaddress3", "SHARED@customer.test"), ("ownerid", Anna.Id));
        RecordReference lead = await World.AddRecordAsync("lead", "Lea", ("emailaddress1", "shared@customer.test"), ("statecode", 1));

        IReadOnlyList<AddressOwner> owners = (await Store.LookupAsync(new RecordQuery { Addresses = ["shared@customer.TEST"] },
            default)).Owners["shared@customer.test"];

        Assert.Equal(3, owners.Count);
        AddressOwner Of(RecordReference record) => owners.Single(o => o.Record == record);
        Assert.Equal(("emailaddress2", true, true), (Of(contact).Column, Of(contact).DoNotEmail, Of(contact).IsActive));
        Assert.Equal(("emailaddress1", false, Anna.Id), (Of(account).Column, Of(account).DoNotEmail, Of(account).OwnerId!.Value));
        Assert.False(Of(lead).IsActive);
    }

    [Fact]
    public async Task The_address_lookup_follows_changes_of_the_record()
    {
        RecordReference contact = await World.AddRecordAsync("contact", "Carl", ("emailaddress1", "old@customer.test"));

        await World.UpdateAsync(contact, ("emailaddress1", "new@customer.test"), ("fullname", "Carla"), ("statecode", 1));

        RecordLookup found = await Store.LookupAsync(new RecordQuery { Addresses = ["old@customer.test", "new@customer.test"] }, default);
        AddressOwner owner = Assert.Single(Assert.Single(found.Owners).Value);
        Assert.Equal(("Carla", false), (owner.Record.Name, owner.IsActive));
    }

    [Fact]
    public async Task Not_more_than_a_hundred_and_one_owners_of_an_address_are_told()
    {
        for (int i = 0; i < 103; i++)
            await World.AddRecordAsync("contact", $"Contact {i}", ("emailaddress1", "info@customer.test"));

        RecordLookup found = await Store.LookupAsync(new RecordQuery { Addresses = ["info@customer.test"] }, default);

        Assert.Equal(101, found.Owners["info@customer.test"].Count);
    }

    [Fact]
    public async Task Users_and_queues_with_an_address_are_mailboxes()
    {
        RecordReference support = await World.AddQueueAsync("Support", "support@example.test", Anna);
        await World.AddUserAsync("Nobody", null);

        List<CrmMailbox> mailboxes = [];
        await foreach (CrmMailbox mailbox in Store.GetMailboxesAsync(default))
            mailboxes.Add(mailbox);

        Assert.Equal([Anna, support], mailboxes.Select(m => m.Owner));
        Assert.All(mailboxes, m => Assert.Equal(Anna.Id, m.OwnerUserId));
        Assert.Equal([CrmMailboxKind.User, CrmMailboxKind.Queue], mailboxes.Select(m => m.Kind));
        Assert.All(mailboxes, m => Assert.True(m.IsActive));
    }

    /// <summary>An email that is what its keys say, for stores that keep no keys and compare the emails themselves.</summary>
    private static NewEmail Matchable(NewEmail email, string subject, string[] addresses, OrganizationSettings settings) => email with
    {
        Subject = subject,
        Parties = [new ActivityParty(ParticipationType.Sender, addresses[0]), .. addresses.Skip(1).Select(a => new ActivityParty(ParticipationType.To, a))],
        SmartMatchKeys = SmartMatchKeys.Compute(subject, addresses, settings),
    };

    protected static EmailAttachment Attachment(string name, byte[] content) =>
        new(name, "application/octet-stream", content.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(content, writable: false)));

    protected abstract Task<RecordStoreWorld> CreateAsync();

    protected NewEmail Email(string messageId) => new()
    {
        ActivityId = Guid.NewGuid(),
        MessageId = messageId,
        Subject = "Order 17",
        Description = "<p>Please ship.</p>",
        MimeType = "text/html",
        OwnerId = Anna.Id,
        Sender = "carl@customer.test",
        ToRecipients = "anna@example.test",
        ReceivedOn = World.Now,
        Parties =
        [
            new ActivityParty(ParticipationType.Sender, "carl@customer.test") { UnresolvedPartyName = "Carl" },
            new ActivityParty(ParticipationType.To, "anna@example.test", Anna),
        ],
    };
}
