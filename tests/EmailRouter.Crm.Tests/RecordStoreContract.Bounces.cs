namespace EmailRouter.Crm.Tests;

/// <summary>What every record store does with reports about email that came back.</summary>
public abstract partial class RecordStoreContract
{
    private static readonly BouncedRecipient carl = new("carl@customer.test") { Status = "5.1.1", Diagnostic = "550 no such user" };
    private static readonly BouncedRecipient dora = new("dora@customer.test") { Status = "5.2.2", Diagnostic = "552 mailbox full" };

    [Theory]
    [InlineData(BounceMatch.MessageId)]
    [InlineData(BounceMatch.EnvelopeId)]
    public async Task An_email_that_came_back_is_failed_with_the_reason(BounceMatch match)
    {
        Guid id = await SentAsync("<s1@example.test>");
        BounceReport report = match == BounceMatch.MessageId
            ? new BounceReport { MessageId = "<s1@example.test>", Recipients = [carl] }
            : new BounceReport { ActivityId = id, Recipients = [carl] };

        BounceResult result = await Store.ReportBounceAsync(report, default);

        Assert.Equal((match, id, true), (result.Match, result.ActivityId!.Value, result.Changed));
        Assert.Equal(["carl@customer.test"], result.Recipients);
        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailState.Open, EmailStatus.Failed, Reason(carl.Explanation)), (stored.State, stored.Status, stored.FailureReason));
        Assert.Equal("<s1@example.test>", stored.MessageId);
    }

    [Fact]
    public async Task A_report_that_is_only_looked_at_changes_nothing()
    {
        Guid id = await SentAsync("<s1@example.test>");

        BounceResult result = await Store.ReportBounceAsync(new BounceReport { MessageId = "<s1@example.test>", Recipients = [carl], PeekOnly = true }, default);

        Assert.True(result.Changed);
        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailStatus.Sent, null), (stored.Status, stored.FailureReason));
    }

    [Fact]
    public async Task The_same_report_twice_says_its_reason_once()
    {
        Guid id = await SentAsync("<s1@example.test>");
        var report = new BounceReport { MessageId = "<s1@example.test>", Recipients = [carl] };
        await Store.ReportBounceAsync(report, default);

        BounceResult again = await Store.ReportBounceAsync(report, default);

        Assert.False(again.Changed);
        Assert.Equal(Reason(carl.Explanation), (await World.GetAsync(id)).FailureReason);
    }

    [Fact]
    public async Task A_report_about_a_further_recipient_adds_its_reason()
    {
        if (!World.KeepsFailureReasons)
            return;
        Guid id = await SentAsync("<s1@example.test>");
        await Store.ReportBounceAsync(new BounceReport { MessageId = "<s1@example.test>", Recipients = [carl] }, default);
        World.Advance(TimeSpan.FromMinutes(1));

        BounceResult second = await Store.ReportBounceAsync(new BounceReport { MessageId = "<s1@example.test>", Recipients = [carl, dora] }, default);

        Assert.True(second.Changed);
        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailStatus.Failed, $"{carl.Explanation}\n{dora.Explanation}"), (stored.Status, stored.FailureReason));
    }

    [Fact]
    public async Task A_token_alone_changes_nothing()
    {
        Guid id = await SentAsync("<s1@example.test>");
        string token = (await World.GetAsync(id)).TrackingToken!;

        BounceResult result = await Store.ReportBounceAsync(new BounceReport { TrackingTokens = [token.ToLowerInvariant()], Recipients = [carl] }, default);

        Assert.Equal((BounceMatch.TrackingToken, id, false), (result.Match, result.ActivityId!.Value, result.Changed));
        Assert.Equal(EmailStatus.Sent, (await World.GetAsync(id)).Status);
    }

    [Fact]
    public async Task Reports_that_name_nothing_known_or_two_different_emails_are_not_believed()
    {
        Guid first = await SentAsync("<s1@example.test>");
        Guid second = await SentAsync("<s2@example.test>");
        NewEmail received = Email("<in@customer.test>");
        await Store.CreateEmailAsync(received, default);
        BounceReport[] reports =
        [
            new() { Recipients = [carl] },
            new() { MessageId = "<none@example.test>", Recipients = [carl] },
            new() { MessageId = "<S1@example.test>", Recipients = [carl] },
            new() { ActivityId = Guid.NewGuid(), Recipients = [carl] },
            new() { MessageId = "<in@customer.test>", Recipients = [carl] },
            new() { ActivityId = received.ActivityId, Recipients = [carl] },
            new() { MessageId = "<s1@example.test>", ActivityId = second, Recipients = [carl] },
            new() { MessageId = "<o'brien\"&%#@example.test>", TrackingTokens = ["CRM:'0"], Recipients = [carl] },
        ];

        foreach (BounceReport report in reports)
        {
            BounceResult result = await Store.ReportBounceAsync(report, default);
            Assert.Equal((BounceMatch.None, false), (result.Match, result.Changed));
        }

        Assert.Equal(EmailStatus.Sent, (await World.GetAsync(first)).Status);
        Assert.Equal(EmailStatus.Sent, (await World.GetAsync(second)).Status);
        Assert.Equal(EmailStatus.Received, (await World.GetAsync(received.ActivityId)).Status);
    }

    [Fact]
    public async Task A_report_about_nobody_the_email_was_sent_to_changes_nothing()
    {
        Guid id = await SentAsync("<s1@example.test>");

        BounceResult result = await Store.ReportBounceAsync(
            new BounceReport { MessageId = "<s1@example.test>", Recipients = [new BouncedRecipient("mallory@attacker.test"), new BouncedRecipient("anna@example.test")] }, default);

        Assert.Equal((BounceMatch.MessageId, false), (result.Match, result.Changed));
        Assert.Empty(result.Recipients);
        Assert.Equal(EmailStatus.Sent, (await World.GetAsync(id)).Status);
    }

    [Fact]
    public async Task An_email_that_is_not_sent_yet_does_not_come_back()
    {
        Guid id = await PendingAsync("Offer");

        BounceResult result = await Store.ReportBounceAsync(new BounceReport { ActivityId = id, Recipients = [carl] }, default);

        Assert.Equal((BounceMatch.EnvelopeId, false), (result.Match, result.Changed));
        Assert.Equal(EmailStatus.PendingSend, (await World.GetAsync(id)).Status);
    }

    [Fact]
    public async Task A_forwarded_address_is_known_by_the_one_the_email_had()
    {
        await SentAsync("<s1@example.test>");
        var forwarded = new BouncedRecipient("c.private@home.test") { OriginalAddress = "CARL@customer.test", Status = "5.1.1" };

        BounceResult result = await Store.ReportBounceAsync(new BounceReport { MessageId = "<s1@example.test>", Recipients = [forwarded] }, default);

        Assert.True(result.Changed);
        Assert.Equal(["carl@customer.test"], result.Recipients);
    }

    /// <summary>Sends an email to Carl and Dora.</summary>
    private async Task<Guid> SentAsync(string messageId)
    {
        RecordLookup found = await Store.LookupAsync(new RecordQuery { Addresses = [dora.Address] }, default);
        RecordReference other = found.Owners.Count > 0 ? found.Owners[dora.Address][0].Record : await World.AddRecordAsync("contact", "Dora", ("emailaddress1", dora.Address));
        Guid id = await World.AddPendingAsync(new PendingSeed(Anna, [await CarlAsync(), other], "Offer"));
        PendingEmail email = Assert.Single(await ClaimAsync(), e => e.ActivityId == id);
        await Store.CompleteAsync(email, new SendOutcome.Sent(messageId, World.Now), default);
        return id;
    }
}
