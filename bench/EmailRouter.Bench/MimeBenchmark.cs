using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using EmailRouter.Mime;

namespace EmailRouter.Bench;

/// <summary>Parsing and decoding mail, beside Python's <c>email</c> package over the same messages.</summary>
internal sealed class MimeBenchmark : IBenchmark
{
    private const int Rounds = 5;

    // Reads length-prefixed messages; prints the seconds of the best round for parsing and for parsing and decoding.
    private const string Python = """
        import email, email.policy, struct, sys, time
        messages = []
        with open(sys.argv[1], 'rb') as corpus:
            while head := corpus.read(4):
                messages.append(corpus.read(struct.unpack('<i', head)[0]))
        def decode(message):
            str(message['subject']); str(message['from']); str(message['to'])
            for part in message.walk():
                if part.is_multipart():
                    continue
                if part.get_content_maintype() == 'text':
                    part.get_content()
                else:
                    part.get_filename(); part.get_payload(decode=True)
        parse = whole = 1e9
        for _ in range(2):
            start = time.perf_counter()
            for data in messages:
                email.message_from_bytes(data, policy=email.policy.default)
            parse = min(parse, time.perf_counter() - start)
            start = time.perf_counter()
            for data in messages:
                decode(email.message_from_bytes(data, policy=email.policy.default))
            whole = min(whole, time.perf_counter() - start)
        print(parse, whole)
        """;

    public string Name => "mime";

    public string Summary => "messages parsed and decoded per second, beside Python's email   [COUNT = 3000] [SEED = 1]";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3000;
        int seed = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1;
        IReadOnlyList<byte[]> corpus = await MailCorpus.GenerateAsync(count, seed);
        long size = corpus.Sum(static message => (long)message.Length);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count:N0} messages, {size / 1e6:0.0} MB"));

        Measured parse = await MeasureAsync(corpus, ParseOnlyAsync, cancellationToken);
        Measured whole = await MeasureAsync(corpus, DecodeAsync, cancellationToken);
        Print("parse", parse, count, size);
        Print("parse + decode", whole, count, size);

        if (await PythonAsync(corpus, cancellationToken) is not { } python)
        {
            Console.WriteLine("python3 not found: nothing to compare with.");
            return 0;
        }

        Print("python parse", new Measured(python.Parse, -1), count, size);
        Print("python parse + decode", new Measured(python.Whole, -1), count, size);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"ratio to python's email: parse {python.Parse / parse.Seconds:0} x, parse + decode {python.Whole / whole.Seconds:0} x"));
        return 0;
    }

    private static ValueTask ParseOnlyAsync(byte[] bytes)
    {
        GC.KeepAlive(MimeMessage.Parse(bytes));
        return ValueTask.CompletedTask;
    }

    // What a router does with a message: correlate by headers, bodies to strings, attachments to a stream.
    private static async ValueTask DecodeAsync(byte[] bytes)
    {
        MimeMessage message = MimeMessage.Parse(bytes);
        _ = message.Subject.Length + message.From.Count + message.To.Count + message.Cc.Count + message.References.Count + message.InReplyTo.Count;
        _ = (message.MessageId, message.Date);
        _ = message.TextBody?.GetText();
        _ = message.HtmlBody?.GetText();
        foreach (MimePart attachment in message.Attachments)
        {
            _ = attachment.FileName;
            await attachment.CopyDecodedToAsync(Stream.Null);
        }
    }

    private static async Task<Measured> MeasureAsync(IReadOnlyList<byte[]> corpus, Func<byte[], ValueTask> work, CancellationToken cancellationToken)
    {
        var best = new Measured(double.MaxValue, 0);
        for (int round = 0; round <= Rounds; round++)
        {
            GC.Collect();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            long start = Stopwatch.GetTimestamp();
            foreach (byte[] bytes in corpus)
                await work(bytes);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            cancellationToken.ThrowIfCancellationRequested();
            // The first round warms up.
            if (round > 0 && seconds < best.Seconds)
                best = new Measured(seconds, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        return best;
    }

    private static async Task<(double Parse, double Whole)?> PythonAsync(IReadOnlyList<byte[]> corpus, CancellationToken cancellationToken)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("emailrouter-bench-");
        try
        {
            string script = Path.Combine(folder.FullName, "bench.py");
            string data = Path.Combine(folder.FullName, "corpus");
            await File.WriteAllTextAsync(script, Python, cancellationToken);
            await using (FileStream file = File.Create(data))
            {
                byte[] head = new byte[4];
                foreach (byte[] message in corpus)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(head, message.Length);
                    await file.WriteAsync(head, cancellationToken);
                    await file.WriteAsync(message, cancellationToken);
                }
            }

            using var python = Process.Start(new ProcessStartInfo("python3", [script, data]) { RedirectStandardOutput = true })!;
            string[] output = (await python.StandardOutput.ReadToEndAsync(cancellationToken)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            await python.WaitForExitAsync(cancellationToken);
            return output.Length == 2 ? (double.Parse(output[0], CultureInfo.InvariantCulture), double.Parse(output[1], CultureInfo.InvariantCulture)) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Print(string name, Measured measured, int count, long size)
    {
        string allocated = measured.Allocated < 0 ? string.Empty
            : string.Create(CultureInfo.InvariantCulture, $"  allocated {(double)measured.Allocated / size:0.000} x size");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{name,-24}{count / measured.Seconds,12:N0} messages/s {size / 1e6 / measured.Seconds,10:N0} MB/s{allocated}"));
    }

    private readonly record struct Measured(double Seconds, long Allocated);
}
