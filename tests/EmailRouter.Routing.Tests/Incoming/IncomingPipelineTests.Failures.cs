using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed partial class IncomingPipelineTests
{
    [Fact]
    public async Task A_message_that_failed_holds_the_position_back_and_comes_again()
    {
        mail.HasCursors = true;
        mail.Put(Mail("bad"));
        mail.Put(Mail("good"));
        organization.BeforeDeliver = email =>
        {
            if (email.MessageId == "<bad@adatum.test>")
                throw new CrmException("CrmPlugInFailed", "refused", "look into it") { IsAboutRecord = true };
        };
        PollResult first = await PollAsync(Target);
        organization.BeforeDeliver = _ => { };

        PollResult second = await PollAsync(Target);

        Assert.Equal((1, 1), (first.Promoted, first.Deferred));
        Assert.Equal((1, 1), (second.New, second.Promoted));
        Assert.Equal(2, organization.Delivered.Count);
    }

    [Fact]
    public async Task A_lost_connection_keeps_what_was_done_and_the_next_poll_goes_on()
    {
        for (int i = 1; i <= 10; i++)
            mail.Put(Mail($"m{i}"));
        int fetches = 0;
        mail.At = (step, _) =>
        {
            if (step == "fetch" && ++fetches == 6)
                throw Lost(MailStep.Fetch);
        };
        PollResult first = await PollAsync(Target);
        mail.At = (_, _) => { };

        PollResult second = await PollAsync(Target);

        Assert.Equal((PollStatus.Failed, 5), (first.Status, first.Promoted));
        Assert.Equal((PollStatus.Completed, 5), (second.Status, second.Promoted));
        Assert.Equal(10, organization.Delivered.Count);
    }

    [Fact]
    public async Task A_delivery_whose_answer_was_lost_makes_one_activity()
    {
        mail.Put(Mail("a"));
        organization.AfterDeliver = _ => throw new CrmException("CrmUnavailable", "connection reset", "wait") { IsTransient = true };
        PollResult first = await PollAsync(Target);
        organization.AfterDeliver = _ => { };

        PollResult second = await PollAsync(Target);

        Assert.Equal(("CrmUnavailable", 0), (first.Error?.ErrorId, first.Decisions.Count));
        Assert.Equal(DecisionAction.Duplicate, second.Decisions.Single().Action);
        Assert.Single(organization.Delivered);
    }

    [Fact]
    public async Task An_organization_that_is_down_counts_against_no_message()
    {
        mail.Put(Mail("a"));
        organization.BeforeDeliver = _ => throw new CrmException("CrmStoreLocked", "locked", "wait") { IsTransient = true };
        for (int i = 0; i < 5; i++)
            Assert.Equal("CrmStoreLocked", (await PollAsync(Target)).Error?.ErrorId);
        organization.BeforeDeliver = _ => { };

        PollResult result = await PollAsync(Target);

        Assert.Equal(1, result.Promoted);
        Assert.Empty(await state.GetQuarantineAsync(default).ToListAsync());
    }

    [Fact]
    public async Task A_poison_message_is_quarantined_after_three_failures_and_the_others_go_on()
    {
        mail.Put(Mail("good1"));
        mail.Put(Mail("poison"));
        mail.Put(Mail("good2"));
        organization.BeforeDeliver = email =>
        {
            if (email.MessageId == "<poison@adatum.test>")
                throw new CrmException("CrmPlugInFailed", "the plug-in refused it", "look into the plug-in") { IsAboutRecord = true };
        };

        PollResult first = await PollAsync(Target);
        PollResult second = await PollAsync(Target);
        PollResult third = await PollAsync(Target);
        PollResult fourth = await PollAsync(Target);

        Assert.Equal((2, 1), (first.Promoted, first.Deferred));
        Assert.Equal((0, 1), (second.Promoted, second.Deferred));
        Assert.Equal(1, third.Quarantined);
        Assert.Equal(0, fourth.New);
        QuarantinedMessage set = Assert.Single(await state.GetQuarantineAsync(default).ToListAsync());
        Assert.Equal("CrmPlugInFailed", set.Error.ErrorId);
        Assert.Contains("poison@adatum.test", System.Text.Encoding.UTF8.GetString((await state.ReadQuarantinedAsync(set.Id, default))!), StringComparison.Ordinal);
        Assert.Equal(3, mail.Ids.Count);
    }

    [Fact]
    public async Task A_message_that_vanished_is_decided_and_costs_nothing_else()
    {
        mail.Put(Mail("a"), new MailCommandException(MailException.MessageGone, MailStep.Fetch, "gone", "none"));
        mail.Put(Mail("b"));

        PollResult result = await PollAsync(Target);

        Assert.Equal(["MessageGone", "AcceptAll"], result.Decisions.Select(d => d.Reason));
        Assert.Equal(PollStatus.Completed, result.Status);
    }

    [Fact]
    public async Task A_full_disk_ends_the_poll_and_counts_against_no_message()
    {
        mail.Put(Mail("a"));
        mail.Put(Mail("b"), new MailException(MailException.SpoolFailed, MailStep.Fetch, "no space left on device", "make room") { IsTransient = true });
        for (int i = 0; i < 4; i++)
            Assert.Equal(MailException.SpoolFailed, (await PollAsync(Target)).Error?.ErrorId);

        Assert.Single(organization.Delivered);
        Assert.Empty(await state.GetQuarantineAsync(default).ToListAsync());
    }

    [Fact]
    public async Task A_server_that_hands_nothing_out_any_more_ends_the_poll_and_sets_no_message_aside()
    {
        mail.Put(Mail("a"));
        mail.Put(Mail("b"), Lost(MailStep.Fetch));
        mail.Put(Mail("c"), Lost(MailStep.Fetch));
        for (int i = 0; i < 4; i++)
        {
            PollResult result = await PollAsync(Target);
            Assert.Equal((PollStatus.Failed, "MailConnectionLost", 0), (result.Status, result.Error?.ErrorId, result.Deferred));
        }

        Assert.Single(organization.Delivered);
        Assert.Empty(await state.GetQuarantineAsync(default).ToListAsync());
    }

    [Fact]
    public async Task A_message_that_cannot_be_had_while_a_later_one_can_is_set_aside_after_three_failures()
    {
        mail.Put(Mail("a"), Lost(MailStep.Fetch));
        mail.Put(Mail("b"), Lost(MailStep.Fetch));
        DecisionAction[] actions = [DecisionAction.Deferred, DecisionAction.Deferred, DecisionAction.Quarantined];
        for (int i = 0; i < 3; i++)
        {
            mail.Put(Mail($"later{i}"));
            PollResult result = await PollAsync(Target);
            Assert.Equal([actions[i], actions[i], DecisionAction.Promoted], result.Decisions.Select(d => d.Action));
        }

        Assert.Equal(2, await state.GetQuarantineAsync(default).CountAsync());
    }

    [Fact]
    public async Task A_stopped_poll_says_so_and_loses_nothing()
    {
        using var stop = new CancellationTokenSource();
        for (int i = 1; i <= 20; i++)
            mail.Put(Mail($"m{i}"));
        int fetches = 0;
        mail.At = (step, _) =>
        {
            if (step == "fetch" && ++fetches == 10)
                stop.Cancel();
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            new IncomingPipeline(organization, state, "router", new RoutingOptions(), Context).PollAsync(Target, new PollOptions(), stop.Token));
        mail.At = (_, _) => { };
        PollResult rest = await PollAsync(Target);

        Assert.Equal(PollStatus.Completed, rest.Status);
        Assert.Equal(20, organization.Delivered.Select(d => d.MessageId).Distinct().Count());
        Assert.Equal(20, organization.Delivered.Count);
    }
}
