using System.Diagnostics;
using System.Text;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Crash.Tests;

/// <summary>Mail servers and a CRM that outlive the process under test.</summary>
internal sealed class Office : IAsyncDisposable
{
    public const string Queue = "sales@contoso.test";
    private const string Copies = "copies@contoso.test";
    private const string Password = "secret";

    private readonly string folder = Directory.CreateTempSubdirectory("emailrouter-crash-").FullName;
    private readonly List<Guid> outgoing = [];
    private RecordReference sender = null!;
    private RecordReference customer = null!;
    private int incoming;
    private Action? onPop3Line;
    private Action? onSmtpLine;

    private Office()
    {
        Mail = new LabMailStore();
        Mail.AddMailbox(Queue, Password);
        Mail.AddMailbox(Copies, Password);
        Pop3 = new LabPop3Server(Mail, new LabServerOptions { Trace = _ => onPop3Line?.Invoke() });
        Smtp = new LabSmtpServer(Mail, new LabSmtpOptions { Trace = _ => onSmtpLine?.Invoke() });
    }

    public LabMailStore Mail { get; }

    public LabPop3Server Pop3 { get; }

    public LabSmtpServer Smtp { get; }

    public EmbeddedCrm Crm { get; private set; } = null!;

    public string ConfigurationPath => Path.Combine(folder, ConfigurationLocation.FileName);

    public string StatePath => Path.Combine(folder, "state.db");

    public int Delivered => incoming;

    public IReadOnlyList<Guid> Outgoing => outgoing;

    public int WaitingInMailbox => Mail.Find(Queue)!.Messages.Count;

    public static async Task<Office> OpenAsync()
    {
        var office = new Office();
        office.Pop3.Start();
        office.Smtp.Start();
        office.Crm = await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { Path = Path.Combine(office.folder, "crm.db") }, default);
        office.customer = (await office.Crm.CreateRecordAsync(Record("contact", ("fullname", "Ann"), ("emailaddress1", "ann@adatum.test")), default)).ToReference();
        CrmRecord owner = await office.Crm.CreateRecordAsync(Record("systemuser", ("fullname", "Sue")), default);
        office.sender = (await office.Crm.CreateRecordAsync(
            Record(
                "queue",
                ("name", "Sales"),
                ("ownerid", owner.Id),
                ("emailaddress", Queue),
                ("incomingemaildeliverymethod", 2),
                ("outgoingemaildeliverymethod", 2),
                ("incomingemailfilteringmethod", 0),
                ("emailrouteraccessapproval", 1)),
            default)).ToReference();
        await office.ConfigureAsync();
        return office;
    }

    /// <summary>Puts messages into the mailbox.</summary>
    public void DeliverMail(int count)
    {
        for (int i = 0; i < count; i++)
        {
            int number = ++incoming;
            string text = $"From: Ann <ann@adatum.test>\r\nTo: {Queue}\r\nMessage-ID: <in-{number}@adatum.test>\r\nSubject: Question {number}\r\n"
                + $"Date: Mon, 2 Mar 2026 08:00:00 +0000\r\n\r\n{new string('x', number % 3000)}\r\n";
            Mail.Deliver(Queue, Encoding.ASCII.GetBytes(text));
        }
    }

    /// <summary>Puts pending emails into the CRM.</summary>
    public async Task WriteEmailsAsync(int count)
    {
        Guid[] ids = await Task.WhenAll(Enumerable.Range(outgoing.Count + 1, count).Select(async number =>
        {
            Guid id = await Crm.CreateDraftAsync(new EmailDraft { From = sender, To = [customer], Subject = $"Answer {number}", Description = $"<p>{number}</p>" }, default);
            await Crm.SendEmailAsync(id, issueSend: true, default);
            return id;
        }));
        outgoing.AddRange(ids);
    }

    /// <summary>Starts the process under test and kills it in the middle of its work.</summary>
    /// <param name="work">What it does.</param>
    /// <param name="afterLines">After how many lines of the mail protocols it dies.</param>
    /// <param name="spins">How long it lives on after that, so that it also dies between lines: inside the CRM, the state, a file.</param>
    public async Task KillAsync(string work, int afterLines, int spins)
    {
        int left = afterLines;
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using Process victim = Start(work);
        Watch(work, () =>
        {
            if (Interlocked.Decrement(ref left) == 0)
                reached.SetResult();
        });
        Task exit = victim.WaitForExitAsync();
        await Task.WhenAny(reached.Task, exit);
        Thread.SpinWait(spins);
        Assert.False(victim.HasExited, $"The process ended by itself: {(victim.HasExited ? await victim.StandardError.ReadToEndAsync() : string.Empty)}");
        victim.Kill();
        await exit;
        Watch(work, null);
    }

    /// <summary>Lets the router finish everything.</summary>
    public async Task DrainAsync()
    {
        using Process victim = Start("drain");
        Task<string> error = victim.StandardError.ReadToEndAsync();
        await victim.WaitForExitAsync();
        Assert.True(victim.ExitCode == 0, await error);
    }

    public async ValueTask DisposeAsync()
    {
        await Crm.DisposeAsync();
        await Pop3.DisposeAsync();
        await Smtp.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static CrmRecord Record(string table, params (string Column, object Value)[] values) =>
        new(table, Guid.Empty, values.ToDictionary(v => v.Column, v => (object?)v.Value));

    private void Watch(string work, Action? onLine)
    {
        if (work == "poll")
            onPop3Line = onLine;
        else
            onSmtpLine = onLine;
    }

    private Process Start(string work) => Process.Start(new ProcessStartInfo("dotnet")
    {
        RedirectStandardError = true,
        UseShellExecute = false,
        ArgumentList = { typeof(Office).Assembly.Location, work, ConfigurationPath },
    })!;

    private async Task ConfigureAsync()
    {
        ISecretProtector secrets = SecretProtector.For(ConfigurationPath);
        var credential = new StoredCredential(Queue, secrets.Protect(Password));
        await new ConfigurationStore(ConfigurationPath).UpdateAsync(
            _ => new RouterConfiguration
            {
                RouterName = "crash",
                Deployments = [new DeploymentConfiguration { Name = "Contoso", Path = "crm.db", IncomingProfile = "Pop", OutgoingProfile = "Smtp" }],
                Profiles =
                [
                    new ProfileConfiguration
                    {
                        Name = "Pop",
                        Direction = MailDirection.Incoming,
                        System = "Pop3",
                        Host = Pop3.Host,
                        Port = Pop3.TlsPort,
                        CertificatePins = [Pop3.CertificatePin],
                        Settlement = Settlement.Delete,
                        UntrackedSettlement = Settlement.Delete,
                    },
                    new ProfileConfiguration
                    {
                        Name = "Smtp",
                        Direction = MailDirection.Outgoing,
                        System = "Smtp",
                        Host = Smtp.Host,
                        Port = Smtp.TlsPort,
                        CertificatePins = [Smtp.CertificatePin],
                        MaxConnections = 4,
                        SentCopy = new SentCopyConfiguration { Address = Copies, Profile = "Pop", Credential = new StoredCredential(Copies, secrets.Protect(Password)) },
                    },
                ],
                Mailboxes = [new MailboxConfiguration { Deployment = "Contoso", Address = Queue, Credential = credential }],
                Routing = new RoutingOptions { StuckAfter = TimeSpan.FromSeconds(2) },
            },
            default);
    }
}
