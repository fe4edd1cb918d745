namespace EmailRouter.Crm.Tests.Embedded;

public sealed class EmbeddedCrmSettingsTests : IAsyncLifetime
{
    private EmbeddedWorld world = null!;

    public async Task InitializeAsync() => world = await EmbeddedWorld.InMemoryAsync();

    public async Task DisposeAsync() => await world.DisposeAsync();

    [Fact]
    public async Task A_new_organization_has_the_defaults_of_the_contract()
    {
        OrganizationSettings settings = await world.Crm.GetSettingsAsync(default);
        var defaults = new OrganizationSettings { OrganizationId = settings.OrganizationId, Name = "Organization" };

        foreach (System.Reflection.PropertyInfo property in typeof(OrganizationSettings).GetProperties()
            .Where(p => p.GetMethod!.IsStatic is false && p.Name != "EqualityContract"))
        {
            object? expected = property.GetValue(defaults);
            object? actual = property.GetValue(settings);
            if (expected is IEnumerable<string> texts)
                Assert.Equal(texts.Order(), ((IEnumerable<string>)actual!).Order());
            else
                Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public async Task Every_setting_can_be_written_read_back_and_reset()
    {
        var changes = new Dictionary<string, object?>
        {
            ["emailrouter_usetrackingtoken"] = false, ["trackingtokenidbase"] = 7, ["trackingtokeniddigits"] = 4, ["maximumtrackingnumber"] = 99,
            ["emailcorrelationenabled"] = false,
            ["enablesmartmatching"] = true, ["hashfilterkeywords"] = "^RE:", ["hashmaxcount"] = 5, ["hashminaddresscount"] = 1, ["hashdeltasubjectcount"] = 2,
            ["ignoreinternalemail"] = true, ["requireapprovalforuseremail"] = false, ["requireapprovalforqueueemail"] = false,
            ["unresolveemailaddressifmultiplematch"] = true,
            ["allowunresolvedpartiesonemailsend"] = true, ["blockedattachments"] = ".EXE; zip", ["maxuploadfilesize"] = 2048,
            ["MaximumSubjectLengthOnMailServer"] = 100,
            ["IgnoreConversationIndexAndInReplyToForCorrelation"] = true, ["donotcorrelateforwardedemailsasreplies"] = true,
            ["DoNotIgnoreInternalEmailToQueues"] = false,
            ["UseFilteringMethodOfSyncingMailboxOnlyForCorrelation"] = true, ["UnresolveSenderInCaseOfMultipleMatch"] = true,
            ["ResolveForInactiveEntities"] = true,
            ["AutoCreateContactOnPromote"] = false, ["CreateQueueItemsForAcceptingQueueRecipients"] = false, ["CreateQueueItemForSynchronizingMailbox"] = true,
            ["SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail"] = true, ["emailrouter_correlationorder"] = "TrackingToken;InReplyTo",
            ["emailrouter_smartmatchingmaxagedays"] = 3,
            ["emailrouter_smartmatchingminwords"] = 4, ["emailrouter_maxbodylength"] = 500, ["emailrouter_acceptedmessageclasses"] = "IPM.Note;IPM.Own",
            ["name"] = "Contoso",
        };
        OrganizationSettings before = await world.Crm.GetSettingsAsync(default);

        await world.Crm.SetOrganizationAsync(changes, default);

        OrganizationSettings after = await world.Crm.GetSettingsAsync(default);
        foreach (System.Reflection.PropertyInfo property in typeof(OrganizationSettings).GetProperties().Where(p => p.GetMethod!.IsStatic is false))
        {
            if (property.Name is not ("EqualityContract" or "OrganizationId" or "TrackingPrefixes"))
                Assert.NotEqual(property.GetValue(before), property.GetValue(after));
        }

        Assert.Equal(["exe", "zip"], after.BlockedAttachments.Order());
        Assert.Equal([CorrelationStep.TrackingToken, CorrelationStep.InReplyTo], after.CorrelationOrder);
        Assert.Equal(TimeSpan.FromDays(3), after.SmartMatchingMaxAge);
        IReadOnlyDictionary<string, object?> raw = await world.Crm.GetOrganizationAsync(default);
        Assert.Equal((4, true), ((int)raw["trackingtokeniddigits"]!, (bool)raw["ResolveForInactiveEntities"]!));

        await world.Crm.SetOrganizationAsync(changes.Keys.ToDictionary(k => k, _ => (object?)null), default);
        OrganizationSettings reset = await world.Crm.GetSettingsAsync(default);
        Assert.Equal((999, 255, false, "Organization"), (reset.MaximumTrackingNumber, reset.MaximumSubjectLength, reset.ResolveInactiveRecords, reset.Name));
    }

    [Fact]
    public async Task A_new_prefix_keeps_the_earlier_ones_behind_it()
    {
        await world.SetAsync("trackingprefix", "ABC-");
        await world.SetAsync("trackingprefix", "XYZ:");
        await world.SetAsync("trackingprefix", "ABC-");
        Assert.Equal(["ABC-", "XYZ:", "CRM:"], (await world.Crm.GetSettingsAsync(default)).TrackingPrefixes);

        await world.SetAsync("trackingprefix", "One;Two");
        Assert.Equal(["One", "Two"], (await world.Crm.GetSettingsAsync(default)).TrackingPrefixes);
        for (int i = 0; i < 40; i++)
            await world.SetAsync("trackingprefix", $"Prefix-number-{i}:");
        Assert.InRange((await world.Crm.GetSettingsAsync(default)).TrackingPrefixes.Count, 10, 16);
    }

    [Theory]
    [InlineData("trackingprefx", "x", "CrmColumnUnknown")]
    [InlineData("trackingprefix", "", "CrmRecordInvalid")]
    [InlineData("trackingprefix", " CRM", "CrmRecordInvalid")]
    [InlineData("trackingprefix", "123456789012345678901", "CrmRecordInvalid")]
    [InlineData("trackingtokeniddigits", 11, "CrmRecordInvalid")]
    [InlineData("maximumtrackingnumber", 0, "CrmRecordInvalid")]
    [InlineData("hashfilterkeywords", "(", "CrmRecordInvalid")]
    [InlineData("emailrouter_correlationorder", "Guess", "CrmRecordInvalid")]
    [InlineData("enablesmartmatching", "maybe", "CrmRecordInvalid")]
    [InlineData("organizationid", "x", "CrmColumnUnknown")]
    public async Task Settings_that_cannot_be_are_refused_and_change_nothing(string name, object value, string errorId)
    {
        IReadOnlyDictionary<string, object?> before = await world.Crm.GetOrganizationAsync(default);

        CrmException error = await Assert.ThrowsAsync<CrmException>(
            () => world.Crm.SetOrganizationAsync(new Dictionary<string, object?> { ["hashmaxcount"] = 3, [name] = value }, default).AsTask());

        Assert.Equal(errorId, error.ErrorId);
        Assert.Equal(before, await world.Crm.GetOrganizationAsync(default));
    }
}
