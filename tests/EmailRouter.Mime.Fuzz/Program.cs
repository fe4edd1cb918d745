using System.Diagnostics;
using System.Globalization;
using EmailRouter.Mime.Fuzz;

// Feeds wrong mail to the parser: EmailRouter.Mime.Fuzz 60s|5m [SEED] or EmailRouter.Mime.Fuzz FILE to try one input again.
const long AllowedBase = 64 << 20;
const int AllowedPerByte = 200;
const long AllowedProcess = 1L << 30;
TimeSpan slow = TimeSpan.FromSeconds(1);
TimeSpan hung = TimeSpan.FromSeconds(20);

if (args.Length > 0 && File.Exists(args[0]))
{
    Exercise.Everything(await File.ReadAllBytesAsync(args[0]));
    Console.WriteLine("No exception.");
    return 0;
}

if (args.Length == 0 || Duration(args[0]) is not { } duration)
{
    await Console.Error.WriteLineAsync("usage: EmailRouter.Mime.Fuzz 60s|5m [SEED]   or   EmailRouter.Mime.Fuzz FILE");
    return 2;
}

int seed = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : Environment.TickCount & int.MaxValue;
byte[][] seeds = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Corpus")).Order(StringComparer.Ordinal).Select(Corpus.Read)];
var mutator = new Mutator(seeds);
Console.WriteLine($"seed {seed}, {seeds.Length} messages in the corpus, {duration.TotalSeconds:0} s");

foreach (byte[] original in seeds)
    Exercise.Everything(original);

byte[] current = [];
long count = 0, bytesTried = 0, startedAt = Stopwatch.GetTimestamp();
TimeSpan slowest = TimeSpan.Zero;
var clock = Stopwatch.StartNew();
using var watchdog = new Timer(_ =>
{
    if (Stopwatch.GetElapsedTime(Volatile.Read(ref startedAt)) > hung)
    {
        Fail("hangs", current, null);
        Environment.Exit(1);
    }
}, null, 1000, 1000);

for (; clock.Elapsed < duration; count++)
{
    current = mutator.Next(new Random(HashOf(seed, count)));
    bytesTried += current.Length;
    long allocated = GC.GetAllocatedBytesForCurrentThread();
    Volatile.Write(ref startedAt, Stopwatch.GetTimestamp());
    try
    {
        Exercise.Everything(current);
    }
    catch (Exception problem)
    {
        return Fail("throws", current, problem);
    }

    TimeSpan elapsed = Stopwatch.GetElapsedTime(startedAt);
    if (elapsed > slow && ProcessorTime(current) is var used && used > slow)
        return Fail($"takes {used.TotalSeconds:0.00} s", current, null);
    if (elapsed > slowest)
        slowest = elapsed;
    allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
    if (allocated > AllowedBase + ((long)AllowedPerByte * current.Length))
        return Fail($"allocates {allocated:N0} bytes for {current.Length:N0}", current, null);
    if (count % 1000 == 0 && Environment.WorkingSet > AllowedProcess)
        return Fail($"leaves the process at {Environment.WorkingSet:N0} bytes", current, null);
}

Console.WriteLine(
    $"{count:N0} inputs, {bytesTried / 1e6:N0} MB, slowest {slowest.TotalMilliseconds:0} ms, working set {Environment.WorkingSet >> 20} MB: no exception, no hang, no limit passed");
return 0;

// Neighbouring seeds must not go over the same inputs in another order, so the number of an input is mixed well (the finalizer of SplitMix64).
static int HashOf(int seed, long count)
{
    ulong mixed = ((ulong)(uint)seed << 32) + (ulong)count + 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return (int)(mixed ^ (mixed >> 31));
}

int Fail(string what, byte[] input, Exception? problem)
{
    string file = Path.Combine(Directory.CreateDirectory("artifacts/fuzz").FullName, $"{seed}-{count}.eml");
    File.WriteAllBytes(file, input);
    Console.Error.WriteLine($"FAILED: an input of {input.Length:N0} bytes {what} (seed {seed}, number {count}); it is in {file}");
    if (problem is not null)
        Console.Error.WriteLine(problem);
    return 1;
}

// The clock on the wall also counts what other programs do: whatever was slow by it is measured again.
static TimeSpan ProcessorTime(byte[] input)
{
    using var process = Process.GetCurrentProcess();
    TimeSpan before = process.TotalProcessorTime;
    Exercise.Everything(input);
    process.Refresh();
    return process.TotalProcessorTime - before;
}

static TimeSpan? Duration(string text)
{
    string number = text.TrimEnd('s', 'm');
    return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0
        ? text.EndsWith('s') ? TimeSpan.FromSeconds(value) : TimeSpan.FromMinutes(value)
        : null;
}
