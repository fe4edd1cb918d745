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

/// <summary>The whole way out: pending emails claimed, journalled, composed, sent and written back, beside smtp-source that only sends, to the same smtp-sink.</summary>
internal sealed class SendBenchmark : IBenchmark
{
    private const int Sessions = 8;
    private const int Rounds = 3;

    public string Name => "send";

    public string Summary => "[messages] [size]: pending emails sent and written back beside smtp-source to the same smtp-sink";

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
        Console.WriteLine($"{count} messages of {size} bytes, no TLS, same smtp-sink, {Sessions} sessions, best of {Rounds}");
        double ours = double.MaxValue;
        double theirs = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            theirs = Math.Min(theirs, await SmtpSourceRival.SendAsync(port, Sessions, count, size));
            ours = Math.Min(ours, await SendAsync(port, count, size));
        }

        Console.WriteLine($"smtp-source, sending only         {count / theirs,8:0} messages/s");
        Console.WriteLine($"EmailRouter, claim to write-back  {count / ours,8:0} messages/s");
        Console.WriteLine($"ratio                             {theirs / ours,8:0.00}");
        return 0;
    }

    private static async Task<double> SendAsync(int port, int count, int size)
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
            MaxConnections = Sessions,
        };
        await using Router router = await organization.OpenRouterAsync(profile, "unused", "unused");
        long started = Stopwatch.GetTimestamp();
        SendResult result = await router.SendAsync(null, new SendOptions { ThrottleLimit = Sessions }, default);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (result.Sent != count)
            throw new InvalidOperationException($"{result.Sent} of {count} emails were sent: {(result.Errors is [var error, ..] ? error.Message : result.Decisions[0].Explanation)}");
        return seconds;
    }
}
