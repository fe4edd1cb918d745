using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Rules;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>A rule forwards a mailbox's mail, the forward mailbox is polled, and the mail is promoted for its owner.</summary>
public sealed class RuleTests
{
    [Theory]
    [InlineData(RoutedLab.Exchange, ForwardingKinds.Attachment)]
    [InlineData(RoutedLab.Exchange, ForwardingKinds.Redirect)]
    [InlineData(RoutedLab.Graph, ForwardingKinds.Attachment)]
    [InlineData(RoutedLab.Graph, ForwardingKinds.Redirect)]
    public async Task Mail_that_a_rule_forwards_is_promoted_for_its_owner(string system, ForwardingKinds kind)
    {
        await using RoutedLab lab = await StartAsync(system);
        RuleDeployer deployer = lab.Router.CreateRuleDeployer();
        EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
        RuleResult deployed = await deployer.DeployAsync(ben, new RuleRequest { Kind = kind }, default);
        RuleResult again = await deployer.DeployAsync(ben, new RuleRequest { Kind = kind }, default);
        DeployedRule listed = Assert.Single(await deployer.ListAsync(ben, default), r => r.IsOurs);
        lab.Deliver(RoutedLab.Ben, 1);
        PollResult result = await lab.PollWellAsync(RoutedLab.Forward);

        Assert.Equal([RuleChangeKind.Added, RuleChangeKind.None], [deployed.Change, again.Change]);
        Assert.Equal([RoutedLab.Forward], listed.Rule.Targets);
        Decision decision = Assert.Single(result.Decisions);
        Assert.True(decision.Action == DecisionAction.Promoted, $"{decision.Action}: {decision.Explanation}");
        EmailActivity email = (await lab.Crm.GetEmailAsync(decision.ActivityId!.Value, default))!;
        Assert.Equal(("Mail 1", LabSeed.IdOf("systemuser", "Ben Ortiz")), (email.Subject, email.OwnerId));
        Assert.Equal("kim.abel@adatum.test", email.Sender);
        Assert.Single(lab.Mail.Find(RoutedLab.Ben)!.Messages);
        Assert.Empty(lab.Mail.Find(RoutedLab.Forward)!.Messages);
        Assert.Equal(0, (await lab.PollWellAsync(RoutedLab.Forward)).New);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task A_test_of_the_rule_comes_through_and_is_never_promoted(string system)
    {
        await using RoutedLab lab = await StartAsync(system);
        RuleDeployer deployer = lab.Router.CreateRuleDeployer();
        EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
        IReadOnlyList<AccessStep> without = await deployer.VerifyAsync(ben, null, new RuleProbeTiming(), default);
        await deployer.DeployAsync(ben, new RuleRequest(), default);
        IReadOnlyList<AccessStep> steps = await deployer.VerifyAsync(ben, null, new RuleProbeTiming(), default);
        PollResult result = await lab.PollWellAsync(RoutedLab.Forward);

        Assert.Equal("RouterRuleMissing", without[^1].ErrorId);
        Assert.True(steps.All(s => s.Success), string.Join('\n', steps));
        Assert.Contains(steps, s => s.Name == RuleStepNames.Arrive);
        Assert.Equal(0, result.Promoted);
        Assert.Empty(await lab.ReceivedAsync());
        Assert.Empty(lab.Mail.Find(RoutedLab.Forward)!.Messages);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task A_test_that_lies_in_a_mailbox_which_is_polled_is_not_promoted_either(string system)
    {
        await using RoutedLab lab = await StartAsync(system);
        RuleDeployer deployer = lab.Router.CreateRuleDeployer();
        EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
        await deployer.DeployAsync(ben, new RuleRequest(), default);
        await deployer.VerifyAsync(ben, null, new RuleProbeTiming(), default);
        await lab.Crm.UpdateMailboxAsync(ben.Crm.Owner, new MailboxChange { IncomingDelivery = DeliveryMethod.Router }, default);
        await lab.OpenAsync();
        PollResult result = await lab.PollWellAsync(RoutedLab.Ben);

        Assert.Equal((DecisionAction.NotTracked, DecisionReasons.Probe), (Assert.Single(result.Decisions).Action, result.Decisions[0].Reason));
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task Removing_the_rule_leaves_the_others_as_they_are(string system)
    {
        await using RoutedLab lab = await StartAsync(system);
        LabMailbox mailbox = lab.Mail.Find(RoutedLab.Ben)!;
        mailbox.ChangeRules(_ =>
        [
            new LabInboxRule { Id = "AQAAAAAAAAE=", Name = "Newsletters", Sequence = 1, Conditions = new() { SubjectContains = ["news"] }, Actions = new() { MarkAsRead = true } },
            new LabInboxRule { Id = "AQAAAAAAAAI=", Name = "To my deputy", Sequence = 2, Actions = new() { ForwardTo = [new MailAddress(RoutedLab.Carla)] } },
        ]);
        RuleDeployer deployer = lab.Router.CreateRuleDeployer();
        EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
        await deployer.DeployAsync(ben, new RuleRequest(), default);
        Assert.Equal(3, mailbox.Rules.Count);
        RuleResult removed = await deployer.RemoveAsync(ben, new RuleRequest(), default);
        RuleResult again = await deployer.RemoveAsync(ben, new RuleRequest(), default);
        lab.Deliver(RoutedLab.Ben, 1);

        Assert.Equal([RuleChangeKind.Removed, RuleChangeKind.None], [removed.Change, again.Change]);
        Assert.Equal(["Newsletters", "To my deputy"], mailbox.Rules.Select(r => r.Name).Order(StringComparer.Ordinal));
        Assert.Empty(lab.Mail.Find(RoutedLab.Forward)!.Messages);
        Assert.Single(lab.Mail.Find(RoutedLab.Carla)!.Messages);
    }

    /// <summary>Ben's mail comes through a forward mailbox that only the deployment knows.</summary>
    private static async Task<RoutedLab> StartAsync(string system)
    {
        RoutedLab lab = await RoutedLab.StartAsync(system, system, (_, c) => c with { Deployments = [.. c.Deployments.Select(d => d with { ForwardMailboxes = [RoutedLab.Forward] })] });
        lab.Mail.AddMailbox(RoutedLab.Forward, "lab-crm.forward");
        await lab.Crm.UpdateMailboxAsync(LabSeed.Find("Ben Ortiz")!, new MailboxChange { IncomingDelivery = DeliveryMethod.ForwardMailbox }, default);
        return lab;
    }
}
