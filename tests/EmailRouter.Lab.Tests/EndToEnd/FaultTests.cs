using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>What goes wrong between the router and Exchange costs nothing: no mail is lost, none comes twice, and the poll says why it ended and what to do.</summary>
public sealed class FaultTests
{
    [Fact]
    public async Task A_service_that_is_busy_is_given_the_time_it_asks_for()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Graph);
        lab.Deliver(RoutedLab.Ben, 1);
        lab.Session.Faults.Add(new LabFault(LabFaultKind.Throttle)
        {
            Protocol = LabProtocol.Graph, Mailbox = RoutedLab.Ben, RetryAfter = TimeSpan.FromSeconds(7), Times = 2,
        });

        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
        Assert.True(lab.Clock.Skipped >= TimeSpan.FromSeconds(14), $"It waited {lab.Clock.Skipped}.");
    }

    [Theory]
    [InlineData("SyncFolderItems")]
    [InlineData("GetItem")]
    public async Task A_busy_Exchange_Server_ends_the_poll_which_says_when_to_come_again(string command)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Exchange);
        lab.Deliver(RoutedLab.Ben, 1);
        lab.Session.Faults.Add(new LabFault(LabFaultKind.Throttle) { Protocol = LabProtocol.Ews, Command = command, RetryAfter = TimeSpan.FromSeconds(7), Times = 1 });
        RouterError error = await lab.PollBadlyAsync(RoutedLab.Ben);

        Assert.Equal(("MailServerThrottled", true, TimeSpan.FromSeconds(7)), (error.ErrorId, error.IsTransient, error.RetryAfter));
        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task A_server_that_stays_busy_ends_the_poll_which_says_so_and_a_later_one_completes(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        lab.Deliver(RoutedLab.Ben, 1);
        RouterError error;
        using (lab.Session.Faults.Add(new LabFault(LabFaultKind.Throttle) { Protocol = ProtocolOf(system), RetryAfter = TimeSpan.FromMinutes(20) }))
            error = await lab.PollBadlyAsync(RoutedLab.Ben);

        Assert.True(error.IsTransient, error.ToString());
        Assert.Contains(RoutedLab.Ben, error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.True(error.RetryAfter > TimeSpan.FromMinutes(19), $"Again after {error.RetryAfter}.");
        lab.Clock.Advance(TimeSpan.FromMinutes(20));
        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
    }

    [Fact]
    public async Task A_token_that_expired_is_renewed_once_and_the_poll_goes_on()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Graph);
        lab.Deliver(RoutedLab.Ben, 1);
        await lab.PollWellAsync(RoutedLab.Ben);
        lab.Deliver(RoutedLab.Ben, 2);
        int before = TokensOf(lab);
        lab.Session.Tokens.RefuseIssuedBefore = DateTimeOffset.UtcNow;

        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
        Assert.Equal(before + 1, TokensOf(lab));
        Assert.Equal(["Mail 1", "Mail 2"], await lab.ReceivedAsync());
    }

    [Fact]
    public async Task A_secret_that_is_no_longer_right_is_told_with_the_remedy()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Graph);
        lab.Deliver(RoutedLab.Ben, 1);
        lab.Session.Tokens.Register(new LabOAuthClient(LabSession.ClientId) { Secret = "another" });
        RouterError error = await lab.PollBadlyAsync(RoutedLab.Ben);

        Assert.Equal("MailTokenRefused", error.ErrorId);
        Assert.DoesNotContain(LabSession.ClientSecret, error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ErrorMailboxMoveInProgress", true)]
    [InlineData("ErrorMailboxStoreUnavailable", true)]
    [InlineData("ErrorInternalServerTransientError", true)]
    [InlineData("ErrorImpersonateUserDenied", false)]
    public async Task A_mailbox_that_Exchange_cannot_open_now_fails_by_name_and_is_read_later(string code, bool isTransient)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Exchange);
        lab.Deliver(RoutedLab.Ben, 1);
        lab.Deliver(RoutedLab.Carla, 2);
        using (lab.Session.Faults.Add(new LabFault(LabFaultKind.ResponseCode) { Protocol = LabProtocol.Ews, Mailbox = RoutedLab.Ben, Reply = code }))
        {
            RouterError error = await lab.PollBadlyAsync(RoutedLab.Ben);
            Assert.Equal(isTransient, error.IsTransient);
            Assert.Contains(RoutedLab.Ben, error.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Carla)).New);
        }

        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
    }

    [Fact]
    public async Task A_mailbox_that_was_moved_out_of_the_cloud_is_told_with_the_remedy()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Graph);
        lab.Session.Graph.MoveOnPremises(RoutedLab.Ben);

        Assert.Equal("MailMailboxNotInCloud", (await lab.PollBadlyAsync(RoutedLab.Ben)).ErrorId);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange, LabFaultKind.HalfBody)]
    [InlineData(RoutedLab.Exchange, LabFaultKind.MalformedBody)]
    [InlineData(RoutedLab.Exchange, LabFaultKind.Drop)]
    [InlineData(RoutedLab.Exchange, LabFaultKind.LoginPage)]
    [InlineData(RoutedLab.Exchange, LabFaultKind.PermanentFailure)]
    [InlineData(RoutedLab.Graph, LabFaultKind.HalfBody)]
    [InlineData(RoutedLab.Graph, LabFaultKind.MalformedBody)]
    [InlineData(RoutedLab.Graph, LabFaultKind.Drop)]
    [InlineData(RoutedLab.Graph, LabFaultKind.LoginPage)]
    [InlineData(RoutedLab.Graph, LabFaultKind.PermanentFailure)]
    public async Task An_answer_that_breaks_anywhere_loses_nothing_and_doubles_nothing(string system, LabFaultKind kind)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system, change: (_, c) => RoutedLab.With(
            c, RoutedLab.NameOf(system, MailDirection.Incoming), p => p with { Settlement = Settlement.MoveTo("Done") }));
        const int Count = 12;
        for (int i = 1; i <= Count; i++)
            lab.Deliver(RoutedLab.Ben, i);
        int failed = 0;

        // Every poll breaks one request later than the one before, until one meets no fault at all.
        bool isWhole = false;
        for (int skip = 0; skip < 60 && !isWhole; skip++)
        {
            using (lab.Session.Faults.Add(new LabFault(kind) { Protocol = ProtocolOf(system), Skip = skip }))
            {
                PollResult result = await lab.PollAsync(RoutedLab.Ben);
                isWhole = result.Status == PollStatus.Completed && result.Deferred == 0 && result.Quarantined == 0;
                if (isWhole)
                    break;
                failed++;
                if (result.Error is not { } error)
                    continue;
                Assert.NotEmpty(error.Remedy);
                Assert.Contains(RoutedLab.Ben, error.Message, StringComparison.OrdinalIgnoreCase);
            }
        }

        await lab.PollWellAsync(RoutedLab.Ben);
        Assert.True(isWhole);
        Assert.True(failed >= 3, $"{failed} polls failed.");
        string[] expected = [.. Enumerable.Range(1, Count).Select(i => $"Mail {i}").Order(StringComparer.Ordinal)];
        Assert.Equal(expected, await lab.ReceivedAsync());
        LabMailbox mailbox = lab.Mail.Find(RoutedLab.Ben)!;
        Assert.Empty(mailbox.Messages);
        Assert.Equal(Count, mailbox.MessagesIn(mailbox.Folders.Single(f => f.DisplayName == "Done").Id).Count);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task A_message_that_goes_between_listing_and_fetching_is_no_trouble(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        LabMessage gone = lab.Deliver(RoutedLab.Ben, 1);
        lab.Deliver(RoutedLab.Ben, 2);
        LabMailbox mailbox = lab.Mail.Find(RoutedLab.Ben)!;
        bool isGone = false;
        lab.Session.Faults.Add(new LabFault(LabFaultKind.Latency)
        {
            Protocol = ProtocolOf(system),
            Delay = TimeSpan.Zero,
            Times = 1,
            Request = request =>
            {
                bool isFetch = request.Text.Contains("<m:GetItem", StringComparison.Ordinal) || request.Text.Contains("GetItem>", StringComparison.Ordinal)
                    || request.Path.EndsWith("/$value", StringComparison.Ordinal) || request.Path.EndsWith("/$batch", StringComparison.Ordinal);
                if (isFetch && !isGone)
                {
                    isGone = true;
                    mailbox.Delete(gone.Id, LabDeletion.Hard);
                }

                return isFetch;
            },
        });
        PollResult result = await lab.PollWellAsync(RoutedLab.Ben);

        Assert.True(isGone);
        Assert.Equal((2, 1, 0, 0), (result.New, result.Promoted, result.Deferred, result.Quarantined));
        Assert.Equal(["Mail 2"], await lab.ReceivedAsync());
        Assert.Equal(0, (await lab.PollWellAsync(RoutedLab.Ben)).New);
    }

    private static int TokensOf(RoutedLab lab) => lab.Session.Tokens.CountOf("client_credentials");

    private static LabProtocol ProtocolOf(string system) => system == RoutedLab.Exchange ? LabProtocol.Ews : LabProtocol.Graph;
}
