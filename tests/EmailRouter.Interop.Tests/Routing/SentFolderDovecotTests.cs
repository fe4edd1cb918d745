using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.State;

namespace EmailRouter.Interop.Tests.Routing;

/// <summary>A mail server that saves what it accepts in the sender's folder of sent mail, as Gmail and Microsoft 365 do; its IMAP is Dovecot.</summary>
public sealed class SentFolderDovecotTests
{
    private const string SentFolder = """

        namespace inbox {
          inbox = yes
          separator = /
          mailbox "Sent Items" {
            special_use = \Sent
            auto = create
          }
        }

        """;

    [ServerFact(Software.Dovecot)]
    public async Task An_email_whose_answer_was_lost_is_found_among_what_the_server_saved_and_one_that_is_not_there_is_held()
    {
        await using DovecotServer dovecot = await DovecotServer.StartAsync(SentFolder);
        await using Organization organization = await Organization.OpenAsync();
        Guid saved = await SendAsync(organization, "saved");
        Guid lost = await SendAsync(organization, "lost");
        var server = new SilentServer(dovecot);
        var clock = new LaterClock();
        await using Router router = await organization.OpenRouterAsync(Out, Organization.Queue, DovecotServer.Password, server, change: configuration => configuration with
        {
            Profiles = [Out with { SentCopy = new SentCopyConfiguration { InSentFolder = true, Profile = "Imap" } }, In(dovecot)],
        }, mail: new MailContext { Clock = clock });

        AccessTestResult access = await router.CreateAccessTester().TestAsync(new MailboxKey("Contoso", Organization.Queue), MailDirection.Outgoing, default);
        Assert.Null(access.Failure);
        Assert.Equal("SentFolder", access.Steps[^1].Name);
        SendResult first = await router.SendAsync(null, new SendOptions(), default);
        clock.Later = TimeSpan.FromHours(1);
        SendResult second = await router.SendAsync(null, new SendOptions(), default);

        Assert.Equal(2, first.Uncertain);
        Assert.Empty(second.Errors);
        Assert.Equal((1, 1), (second.Sent, second.Uncertain));
        Assert.Equal(DecisionReasons.AlreadySent, second.Decisions.Single(d => d.ActivityId == saved).Reason);
        Assert.Equal(DecisionReasons.AnswerLost, second.Decisions.Single(d => d.ActivityId == lost).Reason);
        Assert.Equal(2, server.Offered);
        List<EmailActivity> emails = await organization.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = true }, default).ToListAsync();
        Assert.Equal(EmailStatus.Sent, emails.Single(e => e.ActivityId == saved).Status);
        Assert.NotEqual(EmailStatus.Sent, emails.Single(e => e.ActivityId == lost).Status);
    }

    private static ProfileConfiguration Out => new()
    {
        Name = "Out",
        Direction = MailDirection.Outgoing,
        System = SilentServer.SystemName,
        Host = "localhost",
        CredentialSource = CredentialSource.Anonymous,
    };

    private static ProfileConfiguration In(DovecotServer dovecot) => new()
    {
        Name = "Imap",
        Direction = MailDirection.Incoming,
        System = "Imap",
        Host = "localhost",
        Port = dovecot.ImapsPort,
        CertificatePins = [dovecot.Pin],
    };

    private static async Task<Guid> SendAsync(Organization organization, string subject)
    {
        RecordReference customer = (await organization.CreateAsync("contact", ("fullname", subject), ("emailaddress1", $"{subject}@example.test"))).ToReference();
        Guid id = await organization.Crm.CreateDraftAsync(new EmailDraft { From = organization.Sales, To = [customer], Subject = subject, Description = "x" }, default);
        await organization.Crm.SendEmailAsync(id, issueSend: true, default);
        return id;
    }

    /// <summary>This machine's clock, or a later one.</summary>
    private sealed class LaterClock : TimeProvider
    {
        public TimeSpan Later { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Later;
    }

    /// <summary>Takes every message, saves those with the subject "saved", and never answers.</summary>
    private sealed class SilentServer(DovecotServer dovecot) : IMailSystem, IMailSender
    {
        public const string SystemName = "Silent";

        private int offered;

        public string Name => SystemName;

        public MailDoors Doors => MailDoors.Sender;

        public int Offered => Volatile.Read(ref offered);

        public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) => ValueTask.FromResult<IMailSender>(this);

        public async ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref offered);
            await message.BeforeCommit!(message.Recipients, cancellationToken);
            if (message.Recipients.Contains("saved@example.test"))
                await dovecot.SaveAsync("sales", "Sent Items", message.Content.Memory);
            return new SendReceipt { Status = SendStatus.Uncertain, Reply = "no answer", Recipients = [.. message.Recipients.Select(r => new RecipientResult(r, SendStatus.Uncertain, "no answer"))] };
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
