using EmailRouter.Crm;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Servers;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>The organization is reached by Organization.svc, as those of CRM 2011 to 2015 are.</summary>
public sealed class OrganizationTests
{
    [Theory]
    [InlineData(DecisionAuthority.Router)]
    [InlineData(DecisionAuthority.Server)]
    public async Task The_mailboxes_are_those_of_the_same_organization_embedded(DecisionAuthority decides)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        string[] embedded = await ListAsync(lab);
        await lab.UseOrganizationAsync(decides);

        Assert.Equal(15, embedded.Length);
        Assert.Equal(embedded, await ListAsync(lab));
    }

    [Fact]
    public async Task The_router_decides_all_samples_as_in_the_embedded_CRM()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseOrganizationAsync(DecisionAuthority.Router);

        // The column of the conversation is read-only in most versions, so sent email has none there.
        await SampleDecisionTests.JudgeAsync(lab, onlyDecisions: true, atOnce: 4, "reply-by-conversation-index.eml");
    }

    [Fact]
    public async Task The_server_decides_all_samples_as_the_router_does()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseOrganizationAsync(DecisionAuthority.Server);

        await SampleDecisionTests.JudgeAsync(lab, onlyDecisions: true, atOnce: 4);
    }

    [Theory]
    [InlineData(LabExtraProperties.Ignored)]
    [InlineData(LabExtraProperties.Refused)]
    public async Task A_server_that_does_not_look_at_what_is_answered_decides_only_such_answers_otherwise(LabExtraProperties extras)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseOrganizationAsync(DecisionAuthority.Server);
        lab.Dataverse.Policy.ExtraProperties = extras;

        // CheckIncomingEmail has no parameter of its own for what an email answers: neither for Message-IDs (the first and the last) nor for the conversation.
        await SampleDecisionTests.JudgeAsync(
            lab, onlyDecisions: true, atOnce: 4, "reply-by-references.eml", "reply-by-conversation-index.eml", "reply-edited-subject.eml");
    }

    [Theory]
    [InlineData(RoutedLab.Exchange, DecisionAuthority.Router)]
    [InlineData(RoutedLab.Exchange, DecisionAuthority.Server)]
    [InlineData(RoutedLab.Graph, DecisionAuthority.Router)]
    [InlineData(RoutedLab.Graph, DecisionAuthority.Server)]
    public async Task What_came_is_promoted_once_into_it(string system, DecisionAuthority decides)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        await lab.UseOrganizationAsync(decides);
        for (int i = 1; i <= 5; i++)
            lab.Deliver(RoutedLab.Ben, i);

        Assert.Equal(5, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
        Assert.Equal(0, (await lab.PollWellAsync(RoutedLab.Ben)).New);
        Assert.Equal(["Mail 1", "Mail 2", "Mail 3", "Mail 4", "Mail 5"], await lab.ReceivedAsync());
        Assert.Empty(lab.Dataverse.SkippedElements);
    }

    [Theory]
    [InlineData(DecisionAuthority.Router)]
    [InlineData(DecisionAuthority.Server)]
    public async Task Pending_email_is_claimed_sent_and_completed(DecisionAuthority decides)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseOrganizationAsync(decides);
        SendResult result = await lab.SendAsync();

        Assert.Empty(result.Errors);
        foreach (SeedEmail email in SeedOrganization.Emails)
        {
            EmailStatus expected = email.Action switch
            {
                DecisionAction.Sent => EmailStatus.Sent,
                DecisionAction.Failed => EmailStatus.Failed,
                _ => EmailStatus.PendingSend,
            };
            EmailActivity activity = (await lab.Crm.GetEmailAsync(LabSeed.IdOf("email", email.Key), default))!;
            Assert.True(expected == activity.Status, $"{email.Key}: {activity.Status}: {activity.FailureReason}");
            Assert.Equal(email.Action == DecisionAction.Sent ? 1 : 0, lab.Session.FindSent(email).Count);
        }

        Assert.Equal(0, (await lab.SendAsync()).Claimed);
        Assert.Empty(lab.Dataverse.SkippedElements);
    }

    [Fact]
    public async Task A_token_that_expired_is_renewed_once()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseOrganizationAsync(DecisionAuthority.Router);
        lab.Deliver(RoutedLab.Ben, 1);
        await lab.PollWellAsync(RoutedLab.Ben);
        int before = lab.Session.Tokens.CountOf("client_credentials");
        lab.Session.Tokens.RefuseIssuedBefore = DateTimeOffset.UtcNow;
        lab.Deliver(RoutedLab.Ben, 2);

        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
        Assert.Equal(before + 1, lab.Session.Tokens.CountOf("client_credentials"));
    }

    [Theory]
    [InlineData(DecisionAuthority.Router)]
    [InlineData(DecisionAuthority.Server)]
    public async Task A_server_that_limits_requests_is_given_the_time_it_asks_for(DecisionAuthority decides)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseOrganizationAsync(decides);
        lab.Deliver(RoutedLab.Ben, 1);
        EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
        lab.Session.Faults.Add(new LabFault(LabFaultKind.Throttle) { Protocol = LabProtocol.Dataverse, RetryAfter = TimeSpan.FromSeconds(11), Times = 1 });
        PollResult result = await lab.Router.PollAsync(ben, new PollOptions(), default);

        Assert.True(result.Status == PollStatus.Completed, $"{result.Error}");
        Assert.Equal(1, result.Promoted);
        Assert.True(lab.Clock.Skipped > TimeSpan.FromSeconds(10), $"It waited {lab.Clock.Skipped}.");
    }

    [Theory]
    [InlineData(DecisionAuthority.Router, LabFaultKind.Drop)]
    [InlineData(DecisionAuthority.Router, LabFaultKind.HalfBody)]
    [InlineData(DecisionAuthority.Router, LabFaultKind.LoginPage)]
    [InlineData(DecisionAuthority.Router, LabFaultKind.TemporaryFailure)]
    [InlineData(DecisionAuthority.Server, LabFaultKind.Drop)]
    [InlineData(DecisionAuthority.Server, LabFaultKind.HalfBody)]
    [InlineData(DecisionAuthority.Server, LabFaultKind.LoginPage)]
    [InlineData(DecisionAuthority.Server, LabFaultKind.TemporaryFailure)]
    public async Task An_organization_that_breaks_off_anywhere_loses_nothing_and_doubles_nothing(DecisionAuthority decides, LabFaultKind kind)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(
            RoutedLab.Exchange,
            change: (_, c) => RoutedLab.With(c, RoutedLab.NameOf(RoutedLab.Exchange, MailDirection.Incoming), p => p with { Settlement = Settlement.Delete }));
        await lab.UseOrganizationAsync(decides);
        for (int i = 1; i <= 6; i++)
            lab.Deliver(RoutedLab.Ben, i);
        EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
        bool isWhole = false;
        for (int skip = 0; skip < 100 && !isWhole; skip++)
        {
            using (lab.Session.Faults.Add(new LabFault(kind) { Protocol = LabProtocol.Dataverse, Skip = skip }))
            {
                PollResult result = await lab.Router.PollAsync(ben, new PollOptions(), default);
                isWhole = result.Status == PollStatus.Completed && result is { Deferred: 0, Quarantined: 0 };
                if (result.Error is { } error)
                    Assert.NotEmpty(error.Remedy);
            }
        }

        await lab.PollWellAsync(RoutedLab.Ben);
        Assert.True(isWhole);
        Assert.Equal(["Mail 1", "Mail 2", "Mail 3", "Mail 4", "Mail 5", "Mail 6"], await lab.ReceivedAsync());
        Assert.Empty(lab.Mail.Find(RoutedLab.Ben)!.Messages);
    }

    [Fact]
    public async Task An_access_test_tells_who_the_router_is_and_which_right_it_lacks()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseOrganizationAsync(DecisionAuthority.Router);
        DeploymentConfiguration deployment = lab.Router.Configuration.Deployments.Single();
        DeploymentTestResult well = await lab.Router.CreateAccessTester().TestDeploymentAsync(deployment, default);
        Guid user = await lab.Dataverse.AddApplicationUserAsync(Guid.Parse(LabSession.ClientId), "Email Router");
        lab.Dataverse.Policy.Deny(user, "prvReadContact");
        DeploymentTestResult badly = await lab.Router.CreateAccessTester().TestDeploymentAsync(deployment, default);

        Assert.True(well.Success, string.Join('\n', well.Steps.Select(s => $"{s.Success} {s.Name}: {s.Detail}")));
        Assert.Contains(well.Steps, s => s.Detail.Contains("Organization.svc/web", StringComparison.Ordinal));
        Assert.Contains(well.Steps, s => s.Detail.Contains("Email Router", StringComparison.Ordinal));
        Assert.False(badly.Success);
        Assert.Contains(badly.Steps, s => !s.Success && s.Detail.Contains("prvReadContact", StringComparison.Ordinal));
    }

    private static async Task<string[]> ListAsync(RoutedLab lab) =>
    [
        .. (await lab.Router.GetMailboxesAsync(null, default).ToListAsync())
            .Select(m => $"{m.Address} {m.Kind} {m.Incoming.Status} {m.Outgoing.Status}").Order(StringComparer.Ordinal),
    ];
}
