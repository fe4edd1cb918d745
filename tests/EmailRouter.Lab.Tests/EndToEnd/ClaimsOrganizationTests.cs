using EmailRouter.Crm;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>Organization.svc of a claims-based deployment: the router finds that out, and logs in with tokens of AD FS.</summary>
public sealed class ClaimsOrganizationTests
{
    private const string TokenRequest = "usernamemixed";

    [Theory]
    [InlineData(DecisionAuthority.Router)]
    [InlineData(DecisionAuthority.Server)]
    public async Task What_came_is_promoted_and_what_is_pending_is_sent_with_one_token_a_router(DecisionAuthority decides)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseClaimsAsync(decides);
        for (int i = 1; i <= 5; i++)
            lab.Deliver(RoutedLab.Ben, i);

        Assert.Equal(5, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
        Assert.Equal(["Mail 1", "Mail 2", "Mail 3", "Mail 4", "Mail 5"], await lab.ReceivedAsync());
        Assert.Empty((await lab.SendAsync()).Errors);
        Assert.Empty(lab.Dataverse.SkippedElements);
        Assert.InRange(lab.Session.Tokens.CountOf(TokenRequest), 1, 2);
    }

    [Fact]
    public async Task A_token_that_is_refused_is_got_anew_once()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseClaimsAsync(DecisionAuthority.Router);
        lab.Deliver(RoutedLab.Ben, 1);
        await lab.PollWellAsync(RoutedLab.Ben);
        int before = lab.Session.Tokens.CountOf(TokenRequest);
        lab.Session.Tokens.RefuseIssuedBefore = DateTimeOffset.UtcNow;
        lab.Deliver(RoutedLab.Ben, 2);

        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
        Assert.InRange(lab.Session.Tokens.CountOf(TokenRequest), before + 1, before + 2);
    }

    [Theory]
    [InlineData("a wrong secret", true, "CrmLoginRefused")]
    [InlineData(RoutedLab.ClaimsSecret, false, "CrmRelyingPartyUnknown")]
    public async Task An_access_test_tells_what_AD_FS_refuses(string secret, bool isParty, string id)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseClaimsAsync(DecisionAuthority.Router, secret, isParty);

        DeploymentTestResult badly = await lab.Router.CreateAccessTester().TestDeploymentAsync(lab.Router.Configuration.Deployments.Single(), default);

        Assert.False(badly.Success);
        Assert.Contains(badly.Steps, s => !s.Success && s.ErrorId == id);
    }

    [Fact]
    public async Task The_service_takes_no_message_whose_signature_is_not_good()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3);
        await lab.UseClaimsAsync(DecisionAuthority.Router);
        Func<string, byte[], bool> verify = lab.Dataverse.Policy.VerifySignature!;
        lab.Dataverse.Policy.VerifySignature = (message, key) => verify(message.Replace(":Created>2", ":Created>1", StringComparison.Ordinal), key);

        Assert.Equal("CrmLoginRefused", (await Assert.ThrowsAsync<CrmException>(() => lab.PollAsync(RoutedLab.Ben))).ErrorId);
        Assert.Empty(await lab.ReceivedAsync());
    }
}
