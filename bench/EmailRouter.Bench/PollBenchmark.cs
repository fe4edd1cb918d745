using System.Diagnostics;
using System.Globalization;
using EmailRouter.Interop.Tests.Routing;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Bench;

/// <summary>The whole way in: from a Dovecot mailbox over TLS to committed email activities, beside mpop that only downloads the same mailbox.</summary>
internal sealed class PollBenchmark : IBenchmark
{
    private const int Rounds = 3;

    public string Name => "poll";

    public string Summary => "[messages]: from POP3 to committed activities beside mpop downloading the same mailbox";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3000;
        if ((Installed.WhyNot(Software.Dovecot) ?? Installed.WhyNot(Software.Mpop)) is { } reason)
        {
            Console.WriteLine($"Not measured: {reason}.");
            return 1;
        }

        await using DovecotServer server = await DovecotServer.StartAsync();
        long bytes = await MpopRival.FillAsync(server, count);
        string folder = Directory.CreateTempSubdirectory("er-bench-").FullName;
        string target = Path.Combine(folder, "mbox");
        try
        {
            Console.WriteLine($"{count} messages, {bytes / 1e6:0} MB, TLS, same Dovecot, same disk, best of {Rounds}");
            double ours = double.MaxValue;
            double theirs = double.MaxValue;
            for (int round = 0; round < Rounds; round++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                File.Delete(target);
                theirs = Math.Min(theirs, await MpopRival.DownloadAsync(server, folder, target));
                ours = Math.Min(ours, await PollAsync(server, count));
            }

            Console.WriteLine($"mpop, download only           {count / theirs,8:0} messages/s  {bytes / 1e6 / theirs,7:0.0} MB/s");
            Console.WriteLine($"EmailRouter, to the activity  {count / ours,8:0} messages/s  {bytes / 1e6 / ours,7:0.0} MB/s");
            Console.WriteLine($"ratio                         {theirs / ours,8:0.00}");
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Into a new CRM and a new state each time.</summary>
    private static async Task<double> PollAsync(DovecotServer server, int count)
    {
        await using Organization organization = await Organization.OpenAsync();
        var profile = new ProfileConfiguration
        {
            Name = "Dovecot",
            Direction = MailDirection.Incoming,
            System = "Pop3",
            Host = "localhost",
            Port = server.Pop3sPort,
            CertificatePins = [server.Pin],
        };
        await using Router router = await organization.OpenRouterAsync(profile, "bench", DovecotServer.Password);
        EffectiveMailbox mailbox = await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Organization.Queue);
        long started = Stopwatch.GetTimestamp();
        PollResult result = await router.PollAsync(mailbox, new PollOptions { MaxMessages = count }, default);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (result.Promoted != count)
            throw new InvalidOperationException($"{result.Promoted} of {count} messages were promoted: {result.Error?.Message}");
        return seconds;
    }
}
