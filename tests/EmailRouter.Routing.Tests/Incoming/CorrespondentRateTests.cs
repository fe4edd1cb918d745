using EmailRouter.Crm;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed class CorrespondentRateTests
{
    private static readonly MailboxKey Sales = new("Contoso", "sales@example.test");

    private readonly ManualClock clock = new(new DateTimeOffset(2026, 3, 2, 8, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Answers_beyond_the_limit_are_a_loop_until_the_hour_is_over()
    {
        CorrespondentRate rate = Make(3);
        for (int i = 0; i < 3; i++)
            Assert.Null(rate.Find(Sales, Answer(), counts: true));

        Evidence? tooMany = rate.Find(Sales, Answer(), counts: true);
        Assert.Equal(EvidenceVerdict.Reject, tooMany?.Verdict);
        Assert.NotNull(rate.Find(Sales with { Address = "SALES@example.test" }, Answer("BOT@adatum.test"), counts: true));
        Assert.Null(rate.Find(Sales, Answer("other@adatum.test"), counts: true));
        Assert.Null(rate.Find(Sales with { Address = "info@example.test" }, Answer(), counts: true));
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(rate.Find(Sales, Answer(), counts: true));
    }

    [Fact]
    public void Mail_that_answers_nothing_and_old_mail_are_not_counted()
    {
        CorrespondentRate rate = Make(1);
        for (int i = 0; i < 10; i++)
        {
            Assert.Null(rate.Find(Sales, Answer() with { InReplyTo = [] }, counts: true));
            Assert.Null(rate.Find(Sales, Answer() with { ReceivedOn = clock.GetUtcNow().AddHours(-2) }, counts: true));
        }

        Assert.Null(rate.Find(Sales, Answer(), counts: true));
        Assert.NotNull(rate.Find(Sales, Answer() with { InReplyTo = [], MessageClass = MessageClassifier.OutOfOffice }, counts: true));
    }

    [Fact]
    public void A_dry_run_is_not_counted()
    {
        CorrespondentRate rate = Make(1);
        for (int i = 0; i < 5; i++)
            Assert.Null(rate.Find(Sales, Answer(), counts: false));

        Assert.Null(rate.Find(Sales, Answer(), counts: true));
        Assert.NotNull(rate.Find(Sales, Answer(), counts: false));
    }

    [Fact]
    public void However_many_write_one_who_loops_is_still_noticed()
    {
        CorrespondentRate rate = Make(3);
        for (int i = 0; i < 3; i++)
            rate.Find(Sales, Answer(), counts: true);
        for (int i = 0; i < 10_000; i++)
            Assert.Null(rate.Find(Sales, Answer($"p{i}@adatum.test"), counts: true));

        Assert.NotNull(rate.Find(Sales, Answer(), counts: true));
    }

    private CorrespondentRate Make(int limit) => new(limit, clock);

    private IncomingEmail Answer(string from = "bot@adatum.test") => new()
    {
        ActivityId = Guid.NewGuid(),
        MessageId = "<x@adatum.test>",
        Subject = "Re: x",
        From = new EmailAddress(from, null),
        InReplyTo = ["<y@example.test>"],
        MessageClass = MessageClassifier.Note,
        ReceivedOn = clock.GetUtcNow(),
        Body = string.Empty,
        BodyType = "text/plain",
    };
}
