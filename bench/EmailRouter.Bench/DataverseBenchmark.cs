using System.Diagnostics;
using System.Globalization;
using EmailRouter.Crm;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Crm.Embedded;
using EmailRouter.Interop.Tests.Routing;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Servers;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Bench;

/// <summary>
/// The whole way in and out with Dataverse behind HTTP, where every request takes its time, the router deciding. Beside it two requests a message with eight requests in flight,
/// and forty requests for 500 emails.
/// </summary>
internal sealed class DataverseBenchmark : IBenchmark
{
    private const int InFlight = 8;
    private const int Rounds = 3;
    private const string Attachments = "GET activitymimeattachments";

    private static TimeSpan latency = TimeSpan.FromMilliseconds(30);
    private static readonly Guid application = new("11111111-2222-3333-4444-555555555555");

    public string Name => "dataverse";

    public string Summary => "[messages] [emails] [ms]: promoting and sending with Dataverse, 30 ms added to each request";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1000;
        int emails = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 500;
        if (args.Length > 2)
            latency = TimeSpan.FromMilliseconds(int.Parse(args[2], CultureInfo.InvariantCulture));
        IReadOnlyList<byte[]> corpus = await MailCorpus.GenerateAsync(count, seed: 1);
        double target = count * 2 * latency.TotalSeconds / InFlight;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{count} messages, {corpus.Sum(m => (long)m.Length) / 1e6:0} MB, {latency.TotalMilliseconds:0} ms added to each request, best of {Rounds}"));
        double best = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            best = Math.Min(best, await PollAsync(corpus, round == Rounds - 1));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"two requests each, {InFlight} in flight  {target,6:0.00} s"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"EmailRouter, to the activity      {best,6:0.00} s"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ratio                             {target / best,6:0.00}  (target 1)"));
        for (int round = 0; round < Rounds; round++)
            await SendAsync(emails);
        return 0;
    }

    /// <summary>A mailbox in a folder, so that nothing but the organization is waited for. Settings, definitions and mailboxes are read by a first message.</summary>
    private static async Task<double> PollAsync(IReadOnlyList<byte[]> corpus, bool isLast)
    {
        await using DataverseLab lab = await DataverseLab.StartAsync();
        string folder = lab.AddFolder("maildir");
        foreach (string part in (string[])["new", "cur", "tmp"])
            Directory.CreateDirectory(Path.Combine(folder, part));
        var profile = new ProfileConfiguration { Name = "Maildir", Direction = MailDirection.Incoming, System = "Maildir", Path = folder, CredentialSource = CredentialSource.Anonymous };
        await using Router router = await lab.Organization.OpenRouterAsync(profile, "unused", "unused", crm: lab);
        EffectiveMailbox mailbox = await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Organization.Queue);
        await File.WriteAllTextAsync(Path.Combine(folder, "new", "0.first"), "From: first@example.com\r\nTo: sales@example.test\r\nMessage-ID: <first@example.com>\r\nSubject: first\r\n\r\nfirst\r\n");
        await PollAsync(router, mailbox, 1);
        for (int i = 0; i < corpus.Count; i++)
            await File.WriteAllBytesAsync(Path.Combine(folder, "new", $"{i + 1}.bench"), corpus[i]);
        lab.Server.ClearCounts();
        long started = Stopwatch.GetTimestamp();
        await PollAsync(router, mailbox, corpus.Count);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (isLast)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"requests a message                {(double)lab.Server.RequestCount / corpus.Count,6:0.000}  (target 2; at most {lab.Server.PeakConcurrency} at once)"));
        }

        return seconds;
    }

    private static async Task PollAsync(Router router, EffectiveMailbox mailbox, int count)
    {
        PollResult result = await router.PollAsync(mailbox, new PollOptions { MaxMessages = count }, default);
        if (result.Promoted != count)
            throw new InvalidOperationException($"{result.Promoted} of {count} messages were promoted: {result.Error?.Message}");
    }

    /// <summary>Into a folder, so that nothing but the organization is waited for. One email in ten has an attachment.</summary>
    private static async Task SendAsync(int count)
    {
        await using DataverseLab lab = await DataverseLab.StartAsync();
        Organization organization = lab.Organization;
        RecordReference customer = (await organization.CreateAsync("contact", ("fullname", "Ann"), ("emailaddress1", "ann@example.test"))).ToReference();
        byte[] file = new byte[20_000];
        for (int i = 0; i < count; i++)
        {
            EmailAttachment[] attachments =
                i % 10 == 0 ? [new EmailAttachment("offer.pdf", "application/pdf", file.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(file, writable: false)))] : [];
            Guid id = await organization.Crm.CreateDraftAsync(
                new EmailDraft { From = organization.Sales, To = [customer], Subject = $"Email {i}", Description = "<p>Hello</p>", Attachments = attachments }, default);
            await organization.Crm.SendEmailAsync(id, issueSend: true, default);
        }

        var profile = new ProfileConfiguration
        {
            Name = "Drop",
            Direction = MailDirection.Outgoing,
            System = "DropFolder",
            Path = lab.AddFolder("drop"),
            CredentialSource = CredentialSource.Anonymous,
        };
        await using Router router = await organization.OpenRouterAsync(profile, "unused", "unused", crm: lab);
        await router.GetMailboxesAsync(null, default).CountAsync();
        lab.Server.ClearCounts();
        long started = Stopwatch.GetTimestamp();
        SendResult result = await router.SendAsync(null, new SendOptions { ThrottleLimit = InFlight }, default);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (result.Sent != count)
            throw new InvalidOperationException($"{result.Sent} of {count} emails were sent: {(result.Errors is [var error, ..] ? error.Message : result.Decisions[0].Explanation)}");
        int attached = lab.Server.RequestsByKind.Where(k => k.Key.StartsWith(Attachments, StringComparison.Ordinal)).Sum(k => k.Value);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"sending {count}: {lab.Server.RequestCount - attached} requests (target {count * 40 / 500}) and {attached} for attachments, {seconds:0.00} s, {count / seconds:0} emails/s"));
        Console.WriteLine($"  {string.Join(", ", lab.Server.RequestsByKind.Select(k => $"{k.Value} {k.Key}"))}");
    }

    /// <summary>The Web API over the organization of the other benchmarks, and the CRM system by which the router reaches it.</summary>
    private sealed class DataverseLab : ICrmSystem, IAsyncDisposable
    {
        private readonly LabTokenServer tokens = new();
        private readonly string folder = Directory.CreateTempSubdirectory("er-bench-").FullName;

        private DataverseLab(Organization organization)
        {
            Organization = organization;
            Server = new LabDataverseServer(organization.Crm, tokens);
        }

        public string Name => "DataverseLab";

        public Organization Organization { get; }

        public LabDataverseServer Server { get; }

        public static async Task<DataverseLab> StartAsync()
        {
            var lab = new DataverseLab(await Organization.OpenAsync());
            lab.Server.Start();
            await lab.Server.AddApplicationUserAsync(application, "Email Router");
            lab.Server.Faults.Add(new LabFault(LabFaultKind.Latency) { Delay = latency });
            return lab;
        }

        public string AddFolder(string name) => Directory.CreateDirectory(Path.Combine(folder, name)).FullName;

        public ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken)
        {
            string token = tokens.Issue(Server.Url.ToString(), application.ToString());
            var endpoint = new CrmEndpoint
            {
                Url = Server.Url,
                Credentials = [new CrmToken("bench", (_, _) => ValueTask.FromResult(token))],
                AllowPlainTextPassword = true,
            };
            return ValueTask.FromResult<IOrganization>(new TrackingOrganization(new DataverseStore(endpoint, new CrmContext())));
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            await tokens.DisposeAsync();
            await Organization.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }
}
