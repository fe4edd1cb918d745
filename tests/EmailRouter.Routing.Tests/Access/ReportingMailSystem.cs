using System.Runtime.CompilerServices;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Tests.Access;

/// <summary>A mail system that reports its steps as the real ones do, and fails at the step a test names.</summary>
internal sealed class ReportingMailSystem(string name, MailDoors doors) : IMailSystem
{
    public string Name => name;

    public MailDoors Doors => doors;

    public bool FindsSent { get; init; }

    public Exception? Failure { get; set; }

    public MailStep? FailAt { get; set; }

    /// <summary>Fails without having reported the step.</summary>
    public bool FailSilently { get; set; }

    public DateTimeOffset? CertificateExpiresOn { get; set; }

    public int Messages { get; set; }

    public List<MailLogin> Logins { get; } = [];

    public List<MailEndpoint> Endpoints { get; } = [];

    public List<string> Calls { get; } = [];

    public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        Open(endpoint, login, context);
        return ValueTask.FromResult<IMailboxSession>(new Session(this, context));
    }

    public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        Open(endpoint, login, context);
        return ValueTask.FromResult<IMailSender>(new Sender(this));
    }

    private void Open(MailEndpoint endpoint, MailLogin login, MailContext context)
    {
        Logins.Add(login);
        Endpoints.Add(endpoint);
        Step(context, MailStep.Resolve, "192.0.2.1");
        Step(context, MailStep.Connect, "192.0.2.1:995");
        if (endpoint.Tls is TlsMode.Implicit or TlsMode.StartTls)
            Step(context, MailStep.Tls, "Tls13, CN=mail.example.test");
        Step(context, MailStep.Greeting, "+OK");
        Step(context, MailStep.Capabilities, "UIDL TOP");
        if (login.Credential is PasswordCredential)
            Step(context, MailStep.Authenticate, "PLAIN");
    }

    private void Step(MailContext context, MailStep step, string detail)
    {
        bool fails = FailAt == step;
        if (!fails || !FailSilently)
        {
            context.Steps?.Report(new MailStepReport(step, !fails, fails ? Failure!.Message : detail, TimeSpan.FromMilliseconds(5))
            {
                CertificateExpiresOn = step == MailStep.Tls ? CertificateExpiresOn : null,
            });
        }

        if (fails)
            throw Failure!;
    }

    private sealed class Session(ReportingMailSystem system, MailContext context) : IMailboxSession, ISentLookup
    {
        public SettlementKinds Settlements => SettlementKinds.Keep | SettlementKinds.Delete;

        public async IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            system.Step(context, MailStep.List, $"{system.Messages} messages of {system.Messages} bytes");
            for (int i = 0; i < system.Messages; i++)
            {
                await Task.Yield();
                yield return new MessageRef($"{i}");
            }
        }

        public IAsyncEnumerable<FetchedMessage> FetchAsync(IReadOnlyList<MessageRef> messages, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask CompleteAsync(CancellationToken cancellationToken)
        {
            system.Step(context, MailStep.Complete, "bye");
            system.Calls.Add("complete");
            return ValueTask.CompletedTask;
        }

        public ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
        {
            system.Calls.Add($"look for {messageId}");
            return ValueTask.FromResult<bool?>(null);
        }

        public ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync()
        {
            system.Calls.Add("dispose");
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Sender(ReportingMailSystem system) : IMailSender
    {
        public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync()
        {
            system.Calls.Add("dispose");
            return ValueTask.CompletedTask;
        }
    }
}
