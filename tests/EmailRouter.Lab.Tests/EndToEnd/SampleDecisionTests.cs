using EmailRouter.Lab.Demo;
using EmailRouter.Lab.Exchange;
using EmailRouter.Lab.Graph;
using EmailRouter.Lab.Store;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>The samples come to the same decisions whatever the mail system they are read by.</summary>
public sealed class SampleDecisionTests
{
    /// <summary>What Exchange does not hand out, and what it takes for an ordinary message where POP3 has nothing but the header to go by.</summary>
    private static readonly string[] differentByExchange = ["empty-message.eml", "ndr-plain-text.eml"];

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task All_samples_are_decided_as_by_POP3(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        await JudgeAsync(lab, onlyDecisions: false, atOnce: 4, differentByExchange);
    }

    /// <summary>Delivers and polls both phases, sends between them, and holds every sample against what is expected of it.</summary>
    /// <param name="lab">The lab.</param>
    /// <param name="onlyDecisions">Whether it does not matter what the activities hold.</param>
    /// <param name="atOnce">How many mailboxes are polled at once.</param>
    /// <param name="except">Samples that come to another decision.</param>
    internal static async Task JudgeAsync(RoutedLab lab, bool onlyDecisions, int atOnce, params string[] except)
    {
        var judge = new OutcomeJudge(lab.Crm);
        var wrong = new List<string>();
        int judged = 0;
        foreach (int phase in (int[])[1, 2])
        {
            if (phase == 2)
                await lab.SendAsync();
            IReadOnlyList<DeliveredSample> delivered = lab.Session.Deliver(phase);
            List<EffectiveMailbox> usable = await lab.Router.GetMailboxesAsync(null, default).Where(m => m.Incoming.IsUsable).ToListAsync();
            List<PollResult> polls = await lab.Router.PollAsync(usable, new PollOptions(), atOnce, default).ToListAsync();
            Assert.All(polls, p => Assert.True(p.Status == PollStatus.Completed, $"{p.Mailbox} {p.Status}: {p.Error}"));

            Dictionary<string, Decision> decided = polls.SelectMany(p => p.Decisions).ToDictionary(d => d.MessageKey!, StringComparer.Ordinal);
            foreach (DeliveredSample sample in delivered)
            {
                Decision[] decisions = [.. sample.Uidls.SelectMany(copy => KeysOf(lab.Mail.Find(copy.Key)!, copy.Value)).Select(decided.GetValueOrDefault).OfType<Decision>()];
                DemoOutcome outcome = await judge.JudgeAsync(sample.Sample, decisions, default);
                if (except.Contains(sample.Sample.File))
                    Assert.NotEmpty(outcome.Differences);
                else
                    wrong.AddRange(outcome.Differences.Where(d => !onlyDecisions || IsDecision(d)).Select(d => $"{outcome.Name}: {d}"));
                judged++;
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(Lab.Samples.SampleSet.Load().Count, judged);
    }

    private static bool IsDecision(string difference) => difference.Split(':')[0] is "actions" or "reason" or "activities";

    /// <summary>The ids by which the servers know a message.</summary>
    private static string[] KeysOf(LabMailbox mailbox, string uidl)
    {
        LabMessage message = mailbox.FindMessage(uidl)!;
        return [uidl, EwsId.Of(mailbox, message), GraphIds.OfMessage(message, immutable: true)];
    }
}
