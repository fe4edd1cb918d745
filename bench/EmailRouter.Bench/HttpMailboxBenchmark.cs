using System.Diagnostics;
using System.Globalization;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;

namespace EmailRouter.Bench;

/// <summary>
/// Lists, fetches and settles mailboxes behind HTTP, where every request takes its time. Beside it the same requests one after the other: what a client takes that
/// waits for each answer.
/// </summary>
internal abstract class HttpMailboxBenchmark : IBenchmark
{
    private const int Rounds = 3;
    private const int ChunkSize = 64;

    private static readonly TimeSpan latency = TimeSpan.FromMilliseconds(20);

    public abstract string Name { get; }

    public abstract string Summary { get; }

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1000;
        IReadOnlyList<byte[]> corpus = await MailCorpus.GenerateAsync(count, seed: 1);
        var store = new LabMailStore();
        await using HttpMailboxLab lab = await StartAsync(store);
        lab.Server.Faults.Add(new LabFault(LabFaultKind.Latency) { Delay = latency });
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{count} messages, {corpus.Sum(m => (long)m.Length) / 1e6:0} MB, {latency.TotalMilliseconds:0} ms added to each request, best of {Rounds}"));

        string one = Fill(store, "one", corpus, count);
        foreach (Settlement how in (Settlement[])[Settlement.Keep, Settlement.MarkRead])
            await MeasureOneAsync(lab, one, count, how, cancellationToken);
        await MeasureSideBySideAsync(lab, store, corpus, Math.Max(1, count / 5), cancellationToken);

        string five = Fill(store, "five", corpus, 5 * count);
        await PollAsync(lab, one, Settlement.MarkRead, null, cancellationToken);
        foreach ((string mailbox, int number) in ((string, int)[])[(one, count), (five, 5 * count)])
        {
            // The lab's mailboxes are in the same heap; what is there at the lowest is not the poll's.
            long lowest = GC.GetTotalMemory(forceFullCollection: true);
            long highest = lowest;
            await PollAsync(lab, mailbox, Settlement.MarkRead, Watch, cancellationToken);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"managed heap in use, {number,5} messages  {(highest - lowest) / 1e6,6:0.00} MB"));

            void Watch(int done)
            {
                if (done % Math.Max(1, number / 20) != 0)
                    return;
                long now = GC.GetTotalMemory(forceFullCollection: true);
                (lowest, highest) = (Math.Min(lowest, now), Math.Max(highest, now));
            }
        }

        return 0;
    }

    /// <summary>Starts the lab's endpoint over the mailboxes.</summary>
    /// <param name="store">The mailboxes.</param>
    /// <returns>The endpoint and how the router reaches it.</returns>
    protected abstract ValueTask<HttpMailboxLab> StartAsync(LabMailStore store);

    private static async Task MeasureOneAsync(HttpMailboxLab lab, string mailbox, int count, Settlement how, CancellationToken cancellationToken)
    {
        double best = double.MaxValue;
        string kinds = string.Empty;
        int requests = 0;
        int bodies = 0;
        for (int round = 0; round < Rounds; round++)
        {
            lab.Server.ClearCounts();
            long started = Stopwatch.GetTimestamp();
            int fetched = await PollAsync(lab, mailbox, how, null, cancellationToken);
            best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalSeconds);
            if (fetched != count)
                throw new InvalidOperationException($"{fetched} of {count} messages came.");
            if (round > 0)
                continue;

            // Only in the first round the messages are as they came.
            requests = lab.Server.RequestCount;
            bodies = lab.Server.CountOf(lab.BodyRequest);
            kinds = string.Join(", ", lab.Server.RequestsByKind.Select(k => $"{k.Value} {k.Key}"));
        }

        double naive = requests * latency.TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{how.Kind,-9} {requests,5} requests, {requests - bodies,3} beyond the bodies'; one after the other {naive,6:0.00} s, EmailRouter {best,6:0.00} s, ratio {naive / best:0.00}"));
        Console.WriteLine($"          {kinds}; at most {lab.Server.PeakConcurrency} at once");
    }

    private static async Task MeasureSideBySideAsync(HttpMailboxLab lab, LabMailStore store, IReadOnlyList<byte[]> corpus, int each, CancellationToken cancellationToken)
    {
        string[] mailboxes = [.. Enumerable.Range(0, 16).Select(i => Fill(store, "box" + i, corpus, each))];
        double first = 0;
        for (int number = 1; number <= mailboxes.Length; number *= 2)
        {
            double best = double.MaxValue;
            for (int round = 0; round < Rounds; round++)
            {
                long started = Stopwatch.GetTimestamp();
                await Task.WhenAll(mailboxes.Take(number).Select(m => PollAsync(lab, m, Settlement.MarkRead, null, cancellationToken)));
                best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalSeconds);
            }

            double rate = number * each / best;
            first = number == 1 ? rate : first;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{number,2} mailboxes side by side, {each} messages each  {rate,7:0} messages/s  x {rate / first:0.00}"));
        }
    }

    /// <summary>As a poll does it: some messages are fetched while the listing goes on, and settled when they are done.</summary>
    private static async Task<int> PollAsync(HttpMailboxLab lab, string mailbox, Settlement how, Action<int>? watch, CancellationToken cancellationToken)
    {
        await using IMailboxSession session = await lab.System.OpenMailboxAsync(lab.Endpoint, lab.LoginOf(mailbox), new MailContext(), cancellationToken);
        int done = 0;
        var chunk = new List<MessageRef>(ChunkSize);
        await foreach (MessageRef message in session.ListAsync(MailboxCursor.Start, cancellationToken))
        {
            chunk.Add(message);
            if (chunk.Count == ChunkSize)
                await FetchAsync();
        }

        await FetchAsync();
        await session.CompleteAsync(cancellationToken);
        return done;

        async Task FetchAsync()
        {
            await foreach (FetchedMessage fetched in session.FetchAsync(chunk, cancellationToken))
            {
                using (fetched)
                {
                    if (fetched.Error is { } error)
                        throw error;
                    done++;
                    watch?.Invoke(done);
                }
            }

            foreach (MessageRef message in chunk)
                await session.SettleAsync(message, how, cancellationToken);
            chunk.Clear();
        }
    }

    private static string Fill(LabMailStore store, string name, IReadOnlyList<byte[]> corpus, int count)
    {
        string address = name + "@contoso.test";
        store.AddMailbox(address, "secret");
        for (int i = 0; i < count; i++)
            store.Deliver(address, corpus[i % corpus.Count]);
        return address;
    }
}

/// <summary>An endpoint of the lab and how the router reaches it.</summary>
/// <param name="Server">The endpoint.</param>
/// <param name="BodyRequest">The kind of the requests that bring bodies.</param>
/// <param name="System">The router's mail system.</param>
/// <param name="Endpoint">The address.</param>
/// <param name="LoginOf">The log-in for a mailbox.</param>
/// <param name="Tokens">Who issues the tokens; null when passwords are used.</param>
internal sealed record HttpMailboxLab(
    LabHttpServer Server, string BodyRequest, IMailSystem System, MailEndpoint Endpoint, Func<string, MailLogin> LoginOf, LabHttpServer? Tokens = null) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (Tokens is not null)
            await Tokens.DisposeAsync();
    }
}
