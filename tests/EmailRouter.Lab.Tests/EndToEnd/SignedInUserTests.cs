using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.Rules;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>Somebody who is no administrator signs in and routes the own mailbox of Exchange Online, and no other.</summary>
public sealed class SignedInUserTests
{
    private const string PersonalApp = "0f3c7a10-7a52-4a6e-8b1c-2f6f5d1c0b22";

    [Fact]
    public async Task The_own_mailbox_is_polled_and_sent_from_after_signing_in_once()
    {
        await using RoutedLab lab = await StartAsync();
        RouterError before = await lab.PollBadlyAsync(RoutedLab.Ben);
        await SignInAsync(lab);
        lab.Deliver(RoutedLab.Ben, 1);
        PollResult poll = await lab.PollWellAsync(RoutedLab.Ben);
        SendResult sent = await lab.SendAsync(LabSeed.IdOf("email", "survey"));

        Assert.Equal("MailTokenSignInNeeded", before.ErrorId);
        Assert.Equal(1, poll.Promoted);
        Assert.Equal(1, sent.Sent);
        Assert.Equal(RoutedLab.Ben, lab.Mail.Sent.First(s => s.By == LabSentBy.Submission).EnvelopeFrom);
    }

    [Fact]
    public async Task Another_mailbox_stays_closed_and_its_mail_is_not_taken_for_the_others()
    {
        await using RoutedLab lab = await StartAsync();
        await SignInAsync(lab);
        lab.Deliver(RoutedLab.Ben, 1);
        lab.Deliver(RoutedLab.Carla, 2);
        RouterError error = await lab.PollBadlyAsync(RoutedLab.Carla);

        Assert.Equal("MailTokenSignInNeeded", error.ErrorId);
        Assert.Empty(await lab.ReceivedAsync());
    }

    [Fact]
    public async Task Email_in_the_name_of_somebody_else_fails_and_says_why()
    {
        // The one account serves every mailbox of the profile; Exchange says for whom it may send.
        await using RoutedLab lab = await StartAsync(RoutedLab.Ben);
        await SignInAsync(lab);
        Guid order = LabSeed.IdOf("email", "order-4711");
        SendResult result = await lab.SendAsync(order);

        Decision decision = Assert.Single(result.Decisions);
        Assert.True(decision.Action == DecisionAction.Failed, $"{decision.Action} {decision.Reason}: {decision.Explanation}");
        Assert.Contains("ErrorSendAsDenied", (await lab.Crm.GetEmailAsync(order, default))!.FailureReason, StringComparison.Ordinal);
        Assert.Empty(lab.Mail.Sent);
    }

    [Fact]
    public async Task The_own_rules_need_a_permission_of_their_own_which_is_named_when_it_is_missing()
    {
        var request = new RuleRequest { ForwardTo = RoutedLab.Forward };
        await using (RoutedLab lab = await StartAsync())
        {
            await SignInAsync(lab);
            EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
            var e = await Assert.ThrowsAnyAsync<MailException>(() => lab.Router.CreateRuleDeployer().DeployAsync(ben, request, default));
            Assert.Contains("MailboxSettings.ReadWrite", e.Message + e.Remedy, StringComparison.Ordinal);
        }

        await using RoutedLab asked = await StartAsync(scopes: [.. ((string[])["Mail.ReadWrite", "Mail.Send", "MailboxSettings.ReadWrite"]).Select(s => "https://graph.microsoft.com/" + s)]);
        await SignInAsync(asked);
        RuleResult deployed = await asked.Router.CreateRuleDeployer().DeployAsync(await asked.FindAsync(RoutedLab.Ben), request, default);
        Assert.Equal(RuleChangeKind.Added, deployed.Change);
        Assert.Single(asked.Mail.Find(RoutedLab.Ben)!.Rules);
    }

    private static async Task<RoutedLab> StartAsync(string? userName = null, params string[] scopes)
    {
        RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Graph, RoutedLab.Graph, (lab, c) =>
        {
            foreach (MailDirection direction in Enum.GetValues<MailDirection>())
            {
                c = RoutedLab.With(c, RoutedLab.NameOf(RoutedLab.Graph, direction), p => p with
                {
                    OAuth = new OAuthConfiguration { ClientId = PersonalApp, Authority = lab.Session.Tokens.Authority, Flow = OAuthFlow.DeviceCode, UserName = userName, Scopes = scopes },
                    Options = new Dictionary<string, string> { ["access"] = "me" },
                });
            }

            return c;
        });
        lab.Session.Tokens.Register(new LabOAuthClient(PersonalApp));
        lab.Session.Tokens.SignInAtOnce = RoutedLab.Ben;
        return lab;
    }

    private static async Task SignInAsync(RoutedLab lab)
    {
        foreach (ProfileConfiguration profile in lab.Router.Configuration.Profiles.Where(p => p.OAuth?.ClientId == PersonalApp))
            Assert.Equal(RoutedLab.Ben, await lab.Router.Tokens.SignInAsync(lab.Router.Tokens.SubjectOf(profile), _ => Task.CompletedTask, null, default));
    }
}
