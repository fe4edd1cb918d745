using EmailRouter.Crm;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed class CorrespondentRateTests : IAsyncLifetime
{
    private static readonly MailboxKey Sales = new("Contoso", "sales@example.test");

    private readonly ManualClock clock = new(new DateTimeOffset(2026, 3, 2, 8, 0, 0, TimeSpan.Zero));
    private SqliteRouterState state = null!;

    public async Task InitializeAsync() => state = await SqliteRouterState.OpenAsync(":memory:", clock, default);

    public async Task DisposeAsync() => await state.DisposeAsync();

    [Fact]
    public async Task Answers_beyond_the_limit_are_a_loop_until_the_hour_is_over()
    {
        CorrespondentRate rate = Make(3);
        for (int i = 0; i < 3; i++)
            Assert.Null(await rate.FindAsync(Sales, Answer(), counts: true, default));

        Evidence? tooMany = await rate.FindAsync(Sales, Answer(), counts: true, default);
        Assert.Equal(EvidenceVerdict.Reject, tooMany?.Verdict);
        Assert.NotNull(await rate.FindAsync(Sales with { Address = "SALES@example.test" }, Answer("BOT@adatum.test"), counts: true, default));
        Assert.Null(await rate.FindAsync(Sales, Answer("other@adatum.test"), counts: true, default));
        Assert.Null(await rate.FindAsync(Sales with { Address = "info@example.test" }, Answer(), counts: true, default));
        clock.Advance(TimeSpan.FromMinutes(61));
        Assert.Null(await rate.FindAsync(Sales, Answer(), counts: true, default));
    }

    [Fact]
    public async Task Mail_that_answers_nothing_and_old_mail_are_not_counted()
    {
        CorrespondentRate rate = Make(1);
        for (int i = 0; i < 10; i++)
        {
            Assert.Null(await rate.FindAsync(Sales, Answer() with { InReplyTo = [] }, counts: true, default));
            Assert.Null(await rate.FindAsync(Sales, Answer() with { ReceivedOn = clock.GetUtcNow().AddHours(-2) }, counts: true, default));
        }

        Assert.Null(await rate.FindAsync(Sales, Answer(), counts: true, default));
        Assert.NotNull(await rate.FindAsync(Sales, Answer() with { InReplyTo = [], MessageClass = MessageClassifier.OutOfOffice }, counts: true, default));
    }

    [Fact]
    public async Task A_dry_run_is_not_counted()
    {
        CorrespondentRate rate = Make(1);
        for (int i = 0; i < 5; i++)
            Assert.Null(await rate.FindAsync(Sales, Answer(), counts: false, default));

        Assert.Null(await rate.FindAsync(Sales, Answer(), counts: true, default));
        Assert.NotNull(await rate.FindAsync(Sales, Answer(), counts: false, default));
    }

    [Fact]
    public async Task What_another_run_counted_counts_too()
    {
        for (int i = 0; i < 3; i++)
            Assert.Null(await Make(3).FindAsync(Sales, Answer(), counts: true, default));

        Assert.NotNull(await Make(3).FindAsync(Sales, Answer(), counts: true, default));
    }

    private CorrespondentRate Make(int limit) => new(limit, state, clock);

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
