using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Rules;
using EmailRouter.Routing.Tests.Incoming.Forwarding;

namespace EmailRouter.Routing.Tests;

/// <summary>A forward mailbox in a folder, from the file to the activity in an embedded CRM.</summary>
public sealed class ForwardMailboxRoutingTests
{
    private const string Forward = "crm@forward.test";
    private const string Inner = "From: Ann <ann@adatum.test>\nTo: help@example.test\nSubject: hello\nMessage-ID: <m1@adatum.test>\nDate: Mon, 2 Mar 2026 08:00:00 +0000\n\nhi\n";

    [Fact]
    public async Task Wrapped_and_redirected_mail_becomes_the_activity_that_polling_would_have_made()
    {
        await using FolderOffice office = await OfficeAsync();
        office.Put("1.eml", ForwardMailboxTests.Wrap(Inner, from: "help@example.test", to: Forward));
        office.Put("2.eml", "X-EmailRouter-Mailbox: help@example.test\n" + Inner);
        office.Put("3.eml", "X-EmailRouter-Mailbox: help@example.test\n" + Inner.Replace("m1@", "m2@", StringComparison.Ordinal));
        await using Router router = await OpenAsync(office);

        PollResult result = await PollAsync(router);

        Assert.Equal((PollStatus.Completed, 2, 1), (result.Status, result.Promoted, result.Duplicate));
        Assert.Null(result.Error);
        Assert.Empty(Directory.GetFiles(office.Inbox));
        Assert.All(result.Decisions, d => Assert.Contains(d.Evidence, e => e.Rule == "ForwardMailbox" && e.Text.Contains("help@example.test", StringComparison.Ordinal)));
        List<EmailActivity> emails = await office.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).ToListAsync();
        Assert.Equal(["<m1@adatum.test>", "<m2@adatum.test>"], emails.Select(e => e.MessageId).Order());

        // The same mail, polled where it first arrived, has the same id.
        OrganizationSettings settings = await office.Crm.GetSettingsAsync(default);
        IncomingEmail direct = IncomingEmailReader.Read(
            MimeMessage.Parse(System.Text.Encoding.ASCII.GetBytes(Inner.ReplaceLineEndings("\r\n"))), new MessageClassification("IPM.Note", false, null), settings, null, null, office.Now, []);
        Assert.Contains(direct.ActivityId, emails.Select(e => e.ActivityId));
    }

    [Fact]
    public async Task The_owners_filter_decides_and_what_it_does_not_want_is_deleted_as_well()
    {
        await using FolderOffice office = await OfficeAsync(filter: 1);
        office.Put("1.eml", ForwardMailboxTests.Wrap(Inner, from: "help@example.test", to: Forward));
        await using Router router = await OpenAsync(office);

        Decision decision = (await PollAsync(router)).Decisions.Single();

        Assert.Equal((DecisionAction.NotTracked, nameof(CheckReason.NoCorrelationMatch)), (decision.Action, decision.Reason));
        Assert.Empty(Directory.GetFiles(office.Inbox));
    }

    [Fact]
    public async Task What_cannot_be_assigned_stays_for_a_person_and_is_looked_at_once()
    {
        await using FolderOffice office = await OfficeAsync();
        office.Put("1.eml", "Delivered-To: nobody@example.test\n" + Inner.Replace("help@", "team@", StringComparison.Ordinal));
        await using Router router = await OpenAsync(office);

        PollResult first = await PollAsync(router);
        PollResult second = await PollAsync(router);

        Assert.Equal((DecisionAction.Undeliverable, DecisionReasons.ForwardOwnerUnknown), (first.Decisions.Single().Action, first.Decisions.Single().Reason));
        Assert.Equal((1, 0), (first.Undeliverable, second.New));
        Assert.Single(Directory.GetFiles(office.Inbox));
    }

    [Fact]
    public async Task What_cannot_be_assigned_goes_to_a_folder_where_one_is_named()
    {
        await using FolderOffice office = await OfficeAsync();
        office.Put("1.eml", "From: ann@adatum.test\nTo: crm@forward.test\nSubject: hi\n\nx\n");
        await using Router router = await OpenAsync(office, ("Undeliverable", "Undeliverable"));

        PollResult result = await PollAsync(router);

        Assert.Equal(1, result.Undeliverable);
        Assert.Empty(Directory.GetFiles(office.Inbox));
        Assert.Single(Directory.GetFiles(Path.Combine(office.Inbox, "Undeliverable")));
    }

    [Fact]
    public async Task Mail_from_before_the_profiles_time_stays()
    {
        await using FolderOffice office = await OfficeAsync();
        office.Put("1.eml", "X-EmailRouter-Mailbox: help@example.test\n" + Inner);
        await using Router router = await OpenAsync(office, receivedAfter: office.Now.AddYears(1));

        Decision decision = (await PollAsync(router)).Decisions.Single();

        Assert.Equal(DecisionReasons.ReceivedTooEarly, decision.Reason);
        Assert.Single(Directory.GetFiles(office.Inbox));
    }

    [Fact]
    public async Task A_test_of_the_router_is_never_promoted_and_waits_for_whoever_made_it()
    {
        await using FolderOffice office = await OfficeAsync();
        await using Router router = await OpenAsync(office);
        string probe = $"X-EmailRouter-Probe: {new ProbeMark(router.Secrets).Make(Guid.NewGuid())}\n" + Inner;
        office.Put("1.eml", "X-EmailRouter-Mailbox: help@example.test\n" + probe);
        office.Put("2.eml", ForwardMailboxTests.Wrap(probe, from: "help@example.test", to: Forward));

        PollResult result = await PollAsync(router);

        Assert.Equal([DecisionReasons.Probe, DecisionReasons.Probe], result.Decisions.Select(d => d.Reason));
        Assert.Equal(2, Directory.GetFiles(office.Inbox).Length);
        Assert.Empty(await office.Crm.FindEmailsAsync(new EmailFilter(), default).ToListAsync());
    }

    [Fact]
    public async Task A_trace_says_the_same_as_a_poll()
    {
        await using FolderOffice office = await OfficeAsync();
        office.Put("1.eml", ForwardMailboxTests.Wrap(Inner, from: "help@example.test", to: Forward));
        await using Router router = await OpenAsync(office);
        EffectiveMailbox mailbox = await MailboxAsync(router);
        using MessageBuffer content = MessageBuffer.Wrap(await File.ReadAllBytesAsync(Directory.GetFiles(office.Inbox).Single()));

        Decision traced = await router.TraceAsync(content, null, mailbox, default);
        Decision polled = (await PollAsync(router)).Decisions.Single();

        Assert.Equal((polled.Action, polled.Reason, polled.MessageId), (traced.Action, traced.Reason, traced.MessageId));
        Assert.Equal(traced.Evidence, polled.Evidence.Take(traced.Evidence.Count));
    }

    [Fact]
    public async Task Mail_that_hops_for_ever_is_left_for_a_person()
    {
        await using FolderOffice office = await OfficeAsync();
        office.Put("1.eml", string.Concat(Enumerable.Repeat("Received: from a by b; Mon, 2 Mar 2026 08:00:00 +0000\n", 40)) + "X-EmailRouter-Mailbox: help@example.test\n" + Inner);
        await using Router router = await OpenAsync(office);

        Decision decision = (await PollAsync(router)).Decisions.Single();

        Assert.Equal((DecisionAction.Undeliverable, DecisionReasons.MailLoop), (decision.Action, decision.Reason));
        Assert.Single(Directory.GetFiles(office.Inbox));
    }

    private static async Task<FolderOffice> OfficeAsync(int filter = 0)
    {
        FolderOffice office = await FolderOffice.OpenAsync();
        await office.CreateAsync(
            "queue",
            ("name", "Help"),
            ("ownerid", (await office.CreateAsync("systemuser", ("fullname", "Hal"))).Id),
            ("emailaddress", "help@example.test"),
            ("incomingemaildeliverymethod", 3),
            ("outgoingemaildeliverymethod", 0),
            ("incomingemailfilteringmethod", filter),
            ("emailrouteraccessapproval", 1));
        return office;
    }

    private static async Task<Router> OpenAsync(FolderOffice office, (string Name, string Value)? option = null, DateTimeOffset? receivedAfter = null)
    {
        await using (await office.OpenRouterAsync("PickupFolder", office.Inbox, Settlement.Keep))
        {
            // Only for its configuration.
        }

        return await office.ReopenRouterAsync(c => c with
        {
            Deployments = [c.Deployments[0] with { ForwardMailboxes = [Forward] }],
            Profiles =
            [
                .. c.Profiles.Select(p => p.Name != "In" ? p : p with
                {
                    ReceivedAfter = receivedAfter,
                    Options = option is { } one ? new Dictionary<string, string> { [one.Name] = one.Value } : p.Options,
                }),
            ],
        });
    }

    private static async Task<EffectiveMailbox> MailboxAsync(Router router) => await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Forward);

    private static async Task<PollResult> PollAsync(Router router) => await router.PollAsync(await MailboxAsync(router), new PollOptions(), default);
}
