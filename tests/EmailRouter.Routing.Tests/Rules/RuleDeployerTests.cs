using EmailRouter.Mail;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Rules;

namespace EmailRouter.Routing.Tests.Rules;

public sealed class RuleDeployerTests : IAsyncDisposable
{
    private readonly RulesOffice server = new();
    private FolderOffice? office;
    private Router? router;

    public async ValueTask DisposeAsync()
    {
        if (router is not null)
            await router.DisposeAsync();
        if (office is not null)
            await office.DisposeAsync();
    }

    [Fact]
    public async Task A_rule_is_deployed_once_listed_and_removed_again()
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();

        RuleResult planned = await deployer.DeployAsync(help, new RuleRequest { DryRun = true }, default);
        Assert.Empty(server.Rules);
        RuleResult first = await deployer.DeployAsync(help, new RuleRequest(), default);
        RuleResult second = await deployer.DeployAsync(help, new RuleRequest(), default);

        Assert.Equal((RuleChangeKind.Added, true), (planned.Change, planned.IsDryRun));
        Assert.Equal((RuleChangeKind.Added, RulesOffice.Forward, ForwardingKinds.Attachment), (first.Change, first.Target, first.Kind));
        Assert.Equal(RuleChangeKind.None, second.Change);
        Assert.Empty(first.Warnings);
        ForwardingRule rule = server.Rules[RulesOffice.Help];
        Assert.Equal((RuleDeployer.RuleName, LoopGuard.MarkerHeader, "folders ", "X-EmailRouter-Mailbox", RulesOffice.Help), (rule.Name, rule.LoopHeader, rule.LoopValue, rule.OriginHeader, rule.OriginValue));
        Assert.Equal([(RuleDeployer.RuleName, true), ("mine", false)], (await deployer.ListAsync(help, default)).Select(r => (r.Rule.Name, r.IsOurs)));

        Assert.Equal(RuleChangeKind.Removed, (await deployer.RemoveAsync(help, new RuleRequest { DryRun = true }, default)).Change);
        Assert.Single(server.Rules);
        Assert.Equal(RuleChangeKind.Removed, (await deployer.RemoveAsync(help, new RuleRequest(), default)).Change);
        Assert.Equal(RuleChangeKind.None, (await deployer.RemoveAsync(help, new RuleRequest(), default)).Change);
        Assert.Empty(server.Rules);
    }

    [Fact]
    public async Task A_script_is_kept_beside_the_state_before_it_is_replaced()
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();

        await deployer.DeployAsync(help, new RuleRequest(), default);

        string kept = Assert.Single(Directory.GetFiles(Path.Combine(router!.Store.Folder, "replaced-scripts")));
        Assert.StartsWith("help@example.test.user_script.", Path.GetFileName(kept), StringComparison.Ordinal);
        Assert.Equal("keep;", await File.ReadAllTextAsync(kept));
    }

    [Theory]
    [InlineData(ForwardingKinds.Redirect, null, ForwardingKinds.Redirect)]
    [InlineData(ForwardingKinds.Attachment | ForwardingKinds.Redirect, ForwardingKinds.Redirect, ForwardingKinds.Redirect)]
    [InlineData(ForwardingKinds.Redirect, ForwardingKinds.Attachment, null)]
    public async Task What_the_server_can_decides_how_copies_are_made(ForwardingKinds possible, ForwardingKinds? asked, ForwardingKinds? made)
    {
        server.Kinds = possible;
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();

        if (made is null)
        {
            RouterException e = await Assert.ThrowsAsync<RouterException>(() => deployer.DeployAsync(help, new RuleRequest { Kind = asked }, default));
            Assert.Equal("RouterRuleKindUnsupported", e.Error.ErrorId);
            Assert.Empty(server.Deployments);
        }
        else
        {
            Assert.Equal(made, (await deployer.DeployAsync(help, new RuleRequest { Kind = asked }, default)).Kind);
        }
    }

    [Fact]
    public async Task What_may_keep_mail_from_coming_through_is_told_beforehand()
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();
        EffectiveMailbox sales = await MailboxAsync(FolderOffice.Queue);

        RuleResult polled = await deployer.DeployAsync(sales, new RuleRequest(), default);
        RuleResult outside = await deployer.DeployAsync(help, new RuleRequest { ForwardTo = "crm@elsewhere.test" }, default);

        Assert.Contains(polled.Warnings, w => w.Contains("delivery method", StringComparison.Ordinal));
        Assert.Contains(outside.Warnings, w => w.Contains("no forward mailbox of the deployment", StringComparison.Ordinal));
        Assert.Contains(outside.Warnings, w => w.Contains("another domain", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("none", "RouterForwardMailboxMissing")]
    [InlineData("two", "RouterForwardMailboxAmbiguous")]
    [InlineData("itself", "RouterRuleInvalid")]
    [InlineData("nonsense", "RouterRuleInvalid")]
    [InlineData("forward", "RouterRuleInvalid")]
    public async Task Without_a_right_target_nothing_is_deployed(string what, string id)
    {
        (RuleDeployer deployer, EffectiveMailbox mailbox) = await OpenAsync(d => d with
        {
            ForwardMailboxes = what switch { "none" => [], "two" => [RulesOffice.Forward, "b@example.test"], _ => d.ForwardMailboxes },
        });
        if (what == "forward")
            mailbox = await MailboxAsync(RulesOffice.Forward);
        var request = new RuleRequest { ForwardTo = what switch { "itself" => "HELP@example.test", "nonsense" => "crm", _ => null } };

        RouterException e = await Assert.ThrowsAsync<RouterException>(() => deployer.DeployAsync(mailbox, request, default));

        Assert.Equal(id, e.Error.ErrorId);
        Assert.NotEmpty(e.Error.Remedy);
        Assert.Empty(server.Rules);
    }

    [Fact]
    public async Task A_mailbox_that_is_switched_off_or_without_profile_gets_no_rule()
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync(d => d with { IncomingProfile = null });

        RouterException e = await Assert.ThrowsAsync<RouterException>(() => deployer.DeployAsync(help, new RuleRequest(), default));

        Assert.Equal("RouterMailboxNotUsable", e.Error.ErrorId);
    }

    [Theory]
    [InlineData(ForwardingKinds.Attachment, false)]
    [InlineData(ForwardingKinds.Redirect, false)]
    [InlineData(ForwardingKinds.Redirect, true)]
    public async Task A_test_shows_that_mail_comes_through_and_leaves_nothing_in_the_forward_mailbox(ForwardingKinds kind, bool plus)
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();
        server.Deliver(RulesOffice.Forward, "From: ann@adatum.test\nSubject: other\n\nx\n");
        await deployer.DeployAsync(help, new RuleRequest { Kind = kind, UsePlusAddress = plus }, default);

        IReadOnlyList<AccessStep> steps = await deployer.VerifyAsync(help, null, new RuleProbeTiming(), default);

        Assert.All(steps, s => Assert.True(s.Success, $"{s.Name}: {s.Detail}"));
        Assert.Equal(["Target", "Rule", "Before", "Send", "Arrive", "Owner", "Remove"], steps.Select(s => s.Name));
        Assert.Single(server.Boxes[RulesOffice.Forward]);
        Assert.Single(server.Boxes[RulesOffice.Help]);
    }

    [Fact]
    public async Task A_copy_that_never_comes_is_a_failed_step_after_the_deadline()
    {
        server.LosesForwarded = true;
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();
        await deployer.DeployAsync(help, new RuleRequest(), default);

        AccessStep failed = (await WaitAsync(deployer.VerifyAsync(help, null, new RuleProbeTiming { Deadline = TimeSpan.FromMinutes(1) }, default)))[^1];

        Assert.Equal((RuleStepNames.Arrive, false, "RouterProbeTimeout"), (failed.Name, failed.Success, failed.ErrorId));
        Assert.NotEmpty(failed.Remedy);
    }

    [Fact]
    public async Task What_fails_in_passing_while_the_copy_is_awaited_is_tried_again_from_where_the_mailbox_stood()
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();
        server.Deliver(RulesOffice.Forward, "From: ann@adatum.test\nSubject: other\n\nx\n");
        await deployer.DeployAsync(help, new RuleRequest(), default);
        server.Faults.Enqueue(Broken(isTransient: true));
        server.Faults.Enqueue(Broken(isTransient: true));

        IReadOnlyList<AccessStep> steps = await WaitAsync(deployer.VerifyAsync(help, null, new RuleProbeTiming { Deadline = TimeSpan.FromDays(1000) }, default));

        Assert.All(steps, s => Assert.True(s.Success, $"{s.Name}: {s.Detail}"));
        Assert.Equal("Remove", steps[^1].Name);
        Assert.Equal(["", "1", "1", "1"], server.Listings);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_goes_on_failing_is_told_after_the_deadline_and_what_lasts_at_once(bool isTransient)
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();
        await deployer.DeployAsync(help, new RuleRequest(), default);
        for (int i = 0; i < (isTransient ? 100_000 : 1); i++)
            server.Faults.Enqueue(Broken(isTransient));

        AccessStep failed = (await WaitAsync(deployer.VerifyAsync(help, null, new RuleProbeTiming { Deadline = TimeSpan.FromMinutes(1) }, default)))[^1];

        Assert.Equal((false, "MailConnectionLost"), (failed.Success, failed.ErrorId));
        Assert.Single(server.Boxes[RulesOffice.Forward]);
    }

    [Fact]
    public async Task The_rule_of_another_router_is_left_alone_unless_forced()
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();
        var other = new ForwardingRule { Name = RuleDeployer.RuleName, Target = "test+help=example.test@example.test" };
        server.Rules[RulesOffice.Help] = other;

        RouterException deployed = await Assert.ThrowsAsync<RouterException>(() => deployer.DeployAsync(help, new RuleRequest(), default));
        RouterException removed = await Assert.ThrowsAsync<RouterException>(() => deployer.RemoveAsync(help, new RuleRequest(), default));

        Assert.Equal(("RouterRuleOfAnother", "RouterRuleOfAnother"), (deployed.Error.ErrorId, removed.Error.ErrorId));
        Assert.Contains(other.Target, deployed.Error.Message, StringComparison.Ordinal);
        Assert.Same(other, server.Rules[RulesOffice.Help]);
        Assert.All(await deployer.ListAsync(help, default), r => Assert.False(r.IsOurs));
        Assert.Equal(RuleChangeKind.Updated, (await deployer.DeployAsync(help, new RuleRequest { ForwardTo = "test@example.test", DryRun = true }, default)).Change);

        Assert.Equal(RuleChangeKind.Updated, (await deployer.DeployAsync(help, new RuleRequest { Force = true }, default)).Change);
        server.Rules[RulesOffice.Help] = other;
        Assert.Equal(RuleChangeKind.Removed, (await deployer.RemoveAsync(help, new RuleRequest { Force = true }, default)).Change);
    }

    [Theory]
    [InlineData("missing", "RouterRuleMissing")]
    [InlineData("broken", "RouterRuleBroken")]
    [InlineData("elsewhere", "RouterRuleElsewhere")]
    public async Task Without_a_working_rule_no_test_is_sent(string what, string id)
    {
        (RuleDeployer deployer, EffectiveMailbox help) = await OpenAsync();
        if (what != "missing")
            await deployer.DeployAsync(help, new RuleRequest { ForwardTo = what == "elsewhere" ? "other@example.test" : null }, default);
        server.HasError = what == "broken";

        IReadOnlyList<AccessStep> steps = await deployer.VerifyAsync(help, null, new RuleProbeTiming(), default);

        Assert.Equal((false, id), (steps[^1].Success, steps[^1].ErrorId));
        Assert.False(server.Boxes.ContainsKey(RulesOffice.Help));
    }

    private static MailConnectionException Broken(bool isTransient) =>
        new("MailConnectionLost", MailStep.Fetch, "The connection broke.", "It is tried again.") { IsTransient = isTransient };

    private async Task<IReadOnlyList<AccessStep>> WaitAsync(Task<IReadOnlyList<AccessStep>> verifying)
    {
        while (!verifying.IsCompleted)
        {
            office!.Advance(TimeSpan.FromSeconds(10));
            await Task.Yield();
        }

        return await verifying;
    }

    private async Task<(RuleDeployer Deployer, EffectiveMailbox Help)> OpenAsync(Func<DeploymentConfiguration, DeploymentConfiguration>? change = null)
    {
        (office, router) = await RulesOffice.OpenAsync(server, change);
        return (router.CreateRuleDeployer(), await MailboxAsync(RulesOffice.Help));
    }

    private async Task<EffectiveMailbox> MailboxAsync(string address) => await router!.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == address);
}
