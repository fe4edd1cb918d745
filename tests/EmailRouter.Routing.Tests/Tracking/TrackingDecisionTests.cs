using System.Reflection;
using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class TrackingDecisionTests
{
    private static readonly string[] scraps =
    [
        "", " ", "@", "a@", "@b", Office.Carl, Office.Anna, Office.Ben, Office.Support, Office.ForwardAddress, Office.Stranger,
        "CARL@CUSTOMER.TEST ", "\"a b\"@c.test", "\uD800@x.test",
        "a\0b@c.test", "CRM:", "CRM:0001001", "crm:00010019999999999999999999", "RE: ", "RE[2]: Order 17",
        "[[[:", "\u202E\u0000", "Quote for pump", Office.SentMessageId,
        "<>", "<a@b", new string('x', 5000), string.Concat(Enumerable.Repeat("CRM:0001001 ", 200)),
    ];

    // A fixed seed: the same messages every time.
    [Fact]
    public async Task Whatever_a_message_says_the_decision_comes_to_an_outcome_and_is_the_same_twice()
    {
        HashSet<string> rules = [.. typeof(TrackingRules).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!)];
        var random = new Random(20260310);
        for (int i = 0; i < 500; i++)
        {
            var office = new Office();
            office.Filters(Office.AnnaRecord, (FilteringMethod)random.Next(0, 6)).Set(s => s with
            {
                EnableSmartMatching = Coin(),
                IgnoreInternalEmail = Coin(),
                AddQueueItemsForTrackedEmail = Coin(),
                UseOnlyPolledMailboxFilter = Coin(),
                DoNotCorrelateForwards = Coin(),
                ResolveInactiveRecords = Coin(),
                UnresolveSenderIfMultipleMatch = Coin(),
            });
            IncomingEmail email = Office.Message(Scrap(), string.Empty, Scrap(), Coin() ? Office.SentMessageId : $"<{i}>{Scrap()}") with
            {
                To = Addresses(),
                Cc = Addresses(),
                Bcc = Addresses(),
                DeliveredTo = Scraps(),
                InReplyTo = Scraps(),
                References = Scraps(),
                ConversationId = Coin() ? Office.Conversation : null,
                IsForward = Coin(),
                IsAutomatic = Coin(),
                Mailbox = random.Next(4) switch { 0 => null, 1 => Office.AnnaRecord, 2 => Office.ForwardRecord, _ => new RecordReference("queue", Guid.Empty) },
            };

            TrackingCheckResult first = await office.Check(email);
            TrackingCheckResult second = await office.Check(email);

            Assert.Equal(TrackingRules.Outcome, first.Evidence[^1].Rule);
            Assert.All(first.Evidence, e => Assert.Contains(e.Rule, rules));
            Assert.NotEqual(CheckReason.Unknown, first.Reason);
            Assert.Equal(first.Evidence, second.Evidence);
            Assert.Equal(first.ShouldDeliver, first.Plan is not null);
            if (first.ShouldDeliver)
            {
                await office.Organization.DeliverAsync(email, first, CancellationToken.None);
                Assert.Equal(CheckReason.Duplicate, (await office.Check(email)).Reason);
            }
        }

        bool Coin() => random.Next(2) == 0;
        string Scrap() => scraps[random.Next(scraps.Length)];
        string[] Scraps() => [.. Enumerable.Range(0, random.Next(4)).Select(_ => Scrap())];
        EmailAddress[] Addresses() => [.. Scraps().Select(a => new EmailAddress(a, Coin() ? Scrap() : null))];
    }
}
