using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.State;

namespace EmailRouter.Crash.Tests;

public sealed class KillTests
{
    /// <summary>How often each of the two kinds of work is killed: two hundred times together.</summary>
    private const int Kills = 100;

    /// <summary>The moments differ from run to run; the seed in a failure's message repeats them.</summary>
    private static readonly int seed = Environment.TickCount;

    [Fact]
    public async Task After_two_hundred_kills_the_crm_and_the_outbox_hold_every_message_exactly_once()
    {
        await using Office office = await Office.OpenAsync();

        // One process polls and one sends, at the same time and over the same files, as two routers would.
        await Task.WhenAll(PollAndDieAsync(), SendAndDieAsync());
        await office.DrainAsync();

        await AssertEveryMessageIsInTheCrmOnce(office);
        await AssertEveryEmailLeftOnce(office);

        async Task PollAndDieAsync()
        {
            var random = new Random(seed);
            for (int i = 0; i < Kills; i++)
            {
                if (office.WaitingInMailbox < 150)
                    office.DeliverMail(150);
                await office.KillAsync("poll", random.Next(1, 500), random.Next(0, 200_000));
            }
        }

        async Task SendAndDieAsync()
        {
            var random = new Random(seed + 1);
            for (int i = 0; i < Kills; i++)
            {
                if (await PendingAsync(office) < 60)
                    await office.WriteEmailsAsync(60);
                await office.KillAsync("send", random.Next(1, 300), random.Next(0, 200_000));
            }
        }
    }

    private static async Task<int> PendingAsync(Office office) =>
        await office.Crm.FindEmailsAsync(new EmailFilter { Statuses = [EmailStatus.PendingSend], IsOutgoing = true }, default).CountAsync();

    private static async Task AssertEveryMessageIsInTheCrmOnce(Office office)
    {
        List<string> promoted = await office.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).Select(e => e.MessageId!).ToListAsync();
        IEnumerable<string> expected = Enumerable.Range(1, office.Delivered).Select(i => $"<in-{i}@adatum.test>");

        Assert.True(promoted.Count == office.Delivered, $"{promoted.Count} of {office.Delivered} messages are in the CRM (seed {seed})");
        Assert.Equal(expected.Order(StringComparer.Ordinal), promoted.Order(StringComparer.Ordinal));
        Assert.Equal(0, office.WaitingInMailbox);

        await using SqliteRouterState state = await SqliteRouterState.OpenAsync(office.StatePath, TimeProvider.System, default);
        HashSet<string?> decided = await state.FindDecisionsAsync(new DecisionQuery { Direction = MailDirection.Incoming }, default).Select(d => d.MessageId).ToHashSetAsync();
        Assert.Empty(expected.Except(decided));
    }

    private static async Task AssertEveryEmailLeftOnce(Office office)
    {
        List<EmailActivity> emails = await office.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = true }, default).ToListAsync();
        Assert.Equal(office.Outgoing.Order(), emails.Select(e => e.ActivityId).Order());
        Assert.All(emails, e => Assert.Equal(EmailStatus.Sent, e.Status));

        ILookup<string?, string> left = office.Mail.Sent.Select(s => MimeMessage.Parse(s.Content)).ToLookup(m => m.MessageId, m => m.Subject);
        string[] wrong = [.. emails.Where(e => left[e.MessageId].Count() != 1).Select(e => $"{e.Subject} left {left[e.MessageId].Count()} times")];
        Assert.True(wrong.Length == 0, $"(seed {seed}) {string.Join("; ", wrong)}");
        Assert.Equal(emails.Count, left.Count);
    }
}
