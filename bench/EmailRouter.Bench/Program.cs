using EmailRouter.Bench;

// Each benchmark is a class of its own; a new one needs its line here and nothing else.
IBenchmark[] benchmarks =
[
    new MimeBenchmark(), new Pop3Benchmark(), new ImapBenchmark(), new IdleBenchmark(), new SmtpBenchmark(), new PollBenchmark(), new SendBenchmark(),
    new GraphBenchmark(), new EwsBenchmark(), new DataverseBenchmark(),
];

if (args.Length == 0 || benchmarks.FirstOrDefault(benchmark => benchmark.Name.Equals(args[0], StringComparison.OrdinalIgnoreCase)) is not { } chosen)
{
    Console.Error.WriteLine("usage: EmailRouter.Bench NAME [OPTIONS]");
    foreach (IBenchmark benchmark in benchmarks)
        Console.Error.WriteLine($"  {benchmark.Name,-9} {benchmark.Summary}");
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};
return await chosen.RunAsync(args[1..], stop.Token);
