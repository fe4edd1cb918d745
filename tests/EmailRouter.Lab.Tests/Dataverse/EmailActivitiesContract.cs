using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>Email activities that a server tells of are the same as those looked at behind its back.</summary>
/// <typeparam name="TStore">The store that asks the server.</typeparam>
public abstract class EmailActivitiesContract<TStore> : IClassFixture<DataverseWorld>, IAsyncLifetime
    where TStore : IEmailActivities, IAsyncDisposable
{
    private readonly DataverseWorld world;
    private readonly TStore store;

    protected EmailActivitiesContract(DataverseWorld world, Func<CrmEndpoint, CrmContext, TStore> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        this.world = world;
        var token = new CrmToken("router", (_, _) => ValueTask.FromResult(world.Token()));
        store = open(new CrmEndpoint { Url = world.Server.Url, Credentials = [token], AllowPlainTextPassword = true }, new CrmContext());
    }

    private EmbeddedCrm Crm => world.Crm;

    public async Task InitializeAsync()
    {
        if (await Crm.FindEmailsAsync(new EmailFilter { Top = 1 }, default).AnyAsync())
            return;
        for (int i = 0; i < 60; i++)
            await world.DraftAsync($"Pump {i:00} [50%_off]");
        Guid sent = await world.DraftAsync("Offer of valves");
        await Crm.SendEmailAsync(sent, issueSend: true, default);
        Guid other = await Crm.CreateDraftAsync(
            new EmailDraft
            {
                From = new RecordReference("systemuser", world.Anna),
                To = ["else@where.test"],
                Subject = "Drawings",
                Description = "see the files",
                MimeType = "text/plain",
                Attachments = [File("b.txt"), File("a.pdf")],
            },
            default);
        await Crm.AddToQueueAsync(other, world.Support, default);
    }

    public async Task DisposeAsync() => await store.DisposeAsync();

    [Theory]
    [InlineData("all")]
    [InlineData("top")]
    [InlineData("status")]
    [InlineData("direction")]
    [InlineData("subject *")]
    [InlineData("subject middle")]
    [InlineData("subject ?")]
    [InlineData("subject whole")]
    [InlineData("token")]
    [InlineData("address")]
    [InlineData("regarding")]
    [InlineData("queue")]
    [InlineData("sender")]
    [InlineData("owner")]
    [InlineData("since")]
    [InlineData("nothing")]
    public async Task A_filter_finds_the_same_as_in_the_CRM_itself(string what)
    {
        EmailActivity pending = await Crm.FindEmailsAsync(new EmailFilter { Statuses = [EmailStatus.PendingSend] }, default).SingleAsync();
        EmailFilter filter = what switch
        {
            "top" => new() { Top = 7 },
            "status" => new() { Statuses = [EmailStatus.PendingSend, EmailStatus.Sending] },
            "direction" => new() { IsOutgoing = true },
            "subject *" => new() { Subject = "pump 1*" },
            "subject middle" => new() { Subject = "*[50%_off]*", Top = 55 },
            "subject ?" => new() { Subject = "Pump ?7 [50%_off]" },
            "subject whole" => new() { Subject = "drawings" },
            "token" => new() { TrackingToken = pending.TrackingToken!.ToLowerInvariant() },
            "address" => new() { Address = "ELSE@where.test" },
            "regarding" => new() { RegardingId = world.Account },
            "queue" => new() { QueueId = world.Support },
            "sender" => new() { SenderId = world.Anna },
            "owner" => new() { OwnerId = world.Anna },
            "since" => new() { Since = pending.CreatedOn },
            "nothing" => new() { MessageId = "<nowhere@x>" },
            _ => new(),
        };
        List<EmailActivity> expected = await Crm.FindEmailsAsync(filter, default).ToListAsync();

        List<EmailActivity> found = await store.FindEmailsAsync(filter, default).ToListAsync();

        // Of those created at the same moment the order is the server's; which of them are the first then is too.
        if (filter.Top is null)
            Assert.Equal(expected.Select(e => e.ActivityId).Order(), found.Select(e => e.ActivityId).Order());
        Assert.Equal(expected.Count, found.Count);
        Assert.Equal(found.Select(e => e.CreatedOn).OrderDescending(), found.Select(e => e.CreatedOn));
        Assert.Equal(what == "nothing", found.Count == 0);
    }

    [Fact]
    public async Task An_email_is_read_whole()
    {
        EmailActivity expected = await Crm.FindEmailsAsync(new EmailFilter { Subject = "Drawings" }, default).SingleAsync();

        EmailActivity found = (await store.GetEmailAsync(expected.ActivityId, default))!;

        Assert.Equal(
            (expected.Subject, expected.Description, expected.MimeType, expected.State, expected.Status, expected.IsOutgoing, expected.Sender, expected.ToRecipients),
            (found.Subject, found.Description, found.MimeType, found.State, found.Status, found.IsOutgoing, found.Sender, found.ToRecipients));
        Assert.Equal(expected.Parties.Select(p => (p.Role, p.AddressUsed, p.Party)), found.Parties.Select(p => (p.Role, p.AddressUsed, p.Party)));
        Assert.Equal(expected.Attachments, found.Attachments);
        QueueItem item = Assert.Single(found.QueueItems);
        Assert.Equal((expected.QueueItems[0].Id, expected.QueueItems[0].Queue, "Support"), (item.Id, item.Queue, item.Queue.Name));
        Assert.Equal((expected.OwnerId, expected.EmailSender, expected.Priority), (found.OwnerId, found.EmailSender, found.Priority));
        Assert.Equal(TimeSpan.Zero, TimeSpan.FromSeconds(Math.Floor((expected.CreatedOn - found.CreatedOn).TotalSeconds)));      // the services have whole seconds
    }

    [Fact]
    public async Task An_email_that_is_not_there_is_none() => Assert.Null(await store.GetEmailAsync(Guid.NewGuid(), default));

    private static EmailAttachment File(string name) =>
        new(name, "text/plain", 2, _ => ValueTask.FromResult<Stream>(new MemoryStream("hi"u8.ToArray())));
}
