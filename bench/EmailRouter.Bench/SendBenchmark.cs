using System.Diagnostics;
using System.Globalization;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Interop.Tests.Routing;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Bench;

/// <summary>
/// The whole way out: pending emails claimed, journalled, composed, sent and written back, beside smtp-source that only sends, to the same smtp-sink. With a distance: how many emails on their way
/// over how many connections.
/// </summary>
internal sealed class SendBenchmark : IBenchmark
{
    private const int Sessions = 8;
    private const int Rounds = 3;

    /// <summary>Connections, and emails on their way at once. The first is what others are compared with.</summary>
    private static readonly (int Connections, int Emails)[] Spreads = [(8, 8), (8, 16), (8, 32), (4, 8), (4, 16), (4, 32), (2, 16), (1, 8), (1, 1)];

    public string Name => "send";

    public string Summary => "[messages] [size] [ms]: pending emails sent and written back beside smtp-source to the same smtp-sink; with ms so far away, by connections and emails on their way";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 2000;
        int size = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 10_000;
        if (SmtpSourceRival.WhyNot() is { } reason)
        {
            Console.WriteLine($"Not measured: {reason}.");
            return 1;
        }

        (ServerProcess sink, int port) = await SmtpSourceRival.StartSinkAsync();
        await using ServerProcess running = sink;
        if (args.Length > 2)
        {
            await RunFarAsync(port, count, size, TimeSpan.FromMilliseconds(int.Parse(args[2], CultureInfo.InvariantCulture)), cancellationToken);
            return 0;
        }

        Console.WriteLine($"{count} messages of {size} bytes, no TLS, same smtp-sink, {Sessions} sessions, best of {Rounds}");
        double ours = double.MaxValue;
        double theirs = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            theirs = Math.Min(theirs, await SmtpSourceRival.SendAsync(port, Sessions, count, size));
            ours = Math.Min(ours, await SendAsync(port, count, size, Sessions, 2 * Sessions, null));
        }

        Console.WriteLine($"smtp-source, sending only         {count / theirs,8:0} messages/s");
        Console.WriteLine($"EmailRouter, claim to write-back  {count / ours,8:0} messages/s");
        Console.WriteLine($"ratio                             {theirs / ours,8:0.00}");
        return 0;
    }

    private static async Task RunFarAsync(int port, int count, int size, TimeSpan roundTrip, CancellationToken cancellationToken)
    {
        var mail = new MailContext { Transport = new DistantTransport(roundTrip) };
        double[] best = [.. Spreads.Select(_ => double.MaxValue)];
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < Spreads.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                best[i] = Math.Min(best[i], await SendAsync(port, count, size, Spreads[i].Connections, Spreads[i].Emails, mail));
            }
        }

        Console.WriteLine($"{count} messages of {size} bytes, no TLS, smtp-sink {roundTrip.TotalMilliseconds} ms away (there and back), claim to write-back, best of {Rounds}");
        for (int i = 0; i < Spreads.Length; i++)
        {
            Console.WriteLine(
                $"{Spreads[i].Connections,2} connections {Spreads[i].Emails,3} emails on their way  {count / best[i],7:0.0} messages/s  {count / best[i] / Spreads[i].Connections,6:0.0} a connection  ratio {best[0] / best[i]:0.00}");
        }
    }

    private static async Task<double> SendAsync(int port, int count, int size, int connections, int emails, MailContext? mail)
    {
        await using Organization organization = await Organization.OpenAsync();
        RecordReference customer = (await organization.CreateAsync("contact", ("fullname", "Ann"), ("emailaddress1", "ann@example.test"))).ToReference();
        string body = string.Concat(Enumerable.Repeat("JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl\n", size / 78));
        await Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
        {
            Guid id = await organization.Crm.CreateDraftAsync(new EmailDraft { From = organization.Sales, To = [customer], Subject = $"Email {i}", Description = body }, default);
            await organization.Crm.SendEmailAsync(id, issueSend: true, default);
        }));
        var profile = new ProfileConfiguration
        {
            Name = "Sink",
            Direction = MailDirection.Outgoing,
            System = "Smtp",
            Host = "127.0.0.1",
            Port = port,
            Tls = TlsMode.None,
            CredentialSource = CredentialSource.Anonymous,
            MaxConnections = connections,
        };
        await using Router router = await organization.OpenRouterAsync(profile, "unused", "unused", mail: mail);
        long started = Stopwatch.GetTimestamp();
        SendResult result = await router.SendAsync(null, new SendOptions { ThrottleLimit = emails }, default);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (result.Sent != count)
            throw new InvalidOperationException($"{result.Sent} of {count} emails were sent: {(result.Errors is [var error, ..] ? error.Message : result.Decisions[0].Explanation)}");
        return seconds;
    }
}
