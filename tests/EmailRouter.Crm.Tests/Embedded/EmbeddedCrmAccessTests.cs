using EmailRouter.Crm.Embedded;

namespace EmailRouter.Crm.Tests.Embedded;

public sealed class EmbeddedCrmAccessTests : IAsyncLifetime
{
    private EmbeddedWorld world = null!;

    public async Task InitializeAsync() => world = await EmbeddedWorld.OnDiskAsync();

    public async Task DisposeAsync() => await world.DisposeAsync();

    [Fact]
    public async Task An_organization_in_order_has_only_right_findings()
    {
        await AddRoutedUserAsync(AccessApproval.Approved);

        CrmAccess access = await ReportAsync();

        Assert.All(access.Findings, f => Assert.True(f.Severity == CrmFindingSeverity.Right && f.Remedy.Length == 0, f.ToString()));
        Assert.Equal(["CrmVersion", "CrmUser", "CrmPrivileges", "CrmMailboxes"], access.Findings.Select(f => f.Id));
        OrganizationSettings settings = await world.Crm.GetSettingsAsync(default);
        Assert.Equal((Environment.UserName, settings.OrganizationId, settings.Name), (access.User, access.OrganizationId, access.Organization));
        Assert.NotEmpty(access.Version);
    }

    [Fact]
    public async Task Nobody_for_whom_the_router_works_is_an_error()
    {
        await world.AddUserAsync("Anna", "anna@example.test");
        await world.AddUserAsync("Bo", "bo@example.test");
        await foreach (CrmMailbox mailbox in world.Crm.GetMailboxesAsync(default))
            await world.Crm.UpdateMailboxAsync(mailbox.Owner, new MailboxChange { IncomingDelivery = DeliveryMethod.None, OutgoingDelivery = DeliveryMethod.Outlook }, default);

        CrmFinding finding = (await ReportAsync()).Findings[^1];

        Assert.Equal(("CrmNoMailbox", CrmFindingSeverity.Error), (finding.Id, finding.Severity));
        Assert.NotEmpty(finding.Remedy);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public async Task An_address_that_is_not_approved_is_a_warning_where_approval_is_asked_for(bool asks, int warnings)
    {
        await AddRoutedUserAsync(AccessApproval.Pending);
        await world.SetAsync("requireapprovalforuseremail", asks);

        IEnumerable<CrmFinding> found = (await ReportAsync()).Findings.Where(f => f.Id == "CrmAddressNotApproved");

        Assert.Equal(warnings, found.Count(f => f.Severity == CrmFindingSeverity.Warning && f.Text.Contains("carla@example.test", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_disabled_user_for_whom_the_router_works_is_a_warning()
    {
        await world.UpdateAsync(await AddRoutedUserAsync(AccessApproval.Approved), ("isdisabled", true));

        CrmFinding finding = (await ReportAsync()).Findings.Single(f => f.Severity != CrmFindingSeverity.Right);

        Assert.Equal("CrmMailboxDisabled", finding.Id);
    }

    [Fact]
    public async Task A_filter_for_responses_where_none_can_be_recognized_is_a_warning()
    {
        RecordReference user = await AddRoutedUserAsync(AccessApproval.Approved);
        await world.Crm.UpdateMailboxAsync(user, new MailboxChange { Filter = FilteringMethod.InResponse }, default);
        await world.SetAsync("emailrouter_usetrackingtoken", false);
        Assert.DoesNotContain((await ReportAsync()).Findings, f => f.Id == "CrmCorrelationOff");

        await world.SetAsync("emailcorrelationenabled", false);

        CrmFinding finding = (await ReportAsync()).Findings.Single(f => f.Severity != CrmFindingSeverity.Right);
        Assert.Equal("CrmCorrelationOff", finding.Id);
        Assert.Contains("carla@example.test", finding.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Looking_changes_nothing()
    {
        await AddRoutedUserAsync(AccessApproval.Pending);
        IReadOnlyDictionary<string, object?> before = await world.Crm.GetOrganizationAsync(default);
        List<CrmMailbox> mailboxes = await world.Crm.GetMailboxesAsync(default).ToListAsync();

        await ReportAsync();

        Assert.Equal(before, await world.Crm.GetOrganizationAsync(default));
        Assert.Equal(mailboxes, await world.Crm.GetMailboxesAsync(default).ToListAsync());
    }

    private ValueTask<CrmAccess> ReportAsync() => world.Crm.ReportAccessAsync(default);

    private async Task<RecordReference> AddRoutedUserAsync(AccessApproval approval)
    {
        RecordReference user = await world.AddUserAsync("Carla", "carla@example.test");
        MailboxChange change = new() { Approval = approval, IncomingDelivery = DeliveryMethod.Router, OutgoingDelivery = DeliveryMethod.Router };
        await world.Crm.UpdateMailboxAsync(user, change, default);
        return user;
    }
}
