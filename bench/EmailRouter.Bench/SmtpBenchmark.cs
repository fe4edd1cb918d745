using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mime;

namespace EmailRouter.Bench;

/// <summary>Sends messages to one smtp-sink with the same number of sessions: the router's client beside smtp-source.</summary>
internal sealed class SmtpBenchmark : IBenchmark
{
    private const int Rounds = 5;

    public string Name => "smtp";

    public string Summary => "[messages] [size] [ms]: sending beside smtp-source to the same smtp-sink; with ms of way there and back, with and without envelopes that go ahead";

    public async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10_000;
        int size = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 10_000;
        if (SmtpSourceRival.WhyNot() is { } reason)
        {
            Console.WriteLine($"Not measured: {reason}.");
            return 1;
        }

        (ServerProcess sink, int port) = await SmtpSourceRival.StartSinkAsync();
        await using ServerProcess running = sink;
        Console.WriteLine($"{count} messages of {size} bytes, no TLS, same smtp-sink, best of {Rounds}");
        byte[] message = Message(size);
        if (args.Length > 2)
        {
            await RunFarAsync(port, count, message, TimeSpan.FromMilliseconds(int.Parse(args[2], CultureInfo.InvariantCulture)), cancellationToken);
            return 0;
        }

        foreach (int sessions in new[] { 1, 4, 16 })
        {
            double ours = double.MaxValue;
            double theirs = double.MaxValue;
            for (int round = 0; round < Rounds; round++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                theirs = Math.Min(theirs, await SmtpSourceRival.SendAsync(port, sessions, count, size));
                ours = Math.Min(ours, await SendAsync(port, sessions, count, message, new MailContext(), ahead: false));
            }

            string rates = $"smtp-source {count / theirs,7:0}/s  EmailRouter {count / ours,7:0}/s";
            Console.WriteLine($"{sessions,2} sessions: {rates}  ratio {theirs / ours:0.00}  (target 0.80)");
        }

        return 0;
    }

    private static async Task RunFarAsync(int port, int count, byte[] message, TimeSpan roundTrip, CancellationToken cancellationToken)
    {
        var context = new MailContext { Transport = new DistantTransport(roundTrip) };
        double alone = double.MaxValue;
        double ahead = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            alone = Math.Min(alone, await SendAsync(port, 1, count, message, context, ahead: false));
            ahead = Math.Min(ahead, await SendAsync(port, 1, count, message, context, ahead: true));
        }

        Console.WriteLine($"1 session, {roundTrip.TotalMilliseconds} ms there and back: one by one {count / alone:0.0}/s  envelopes ahead {count / ahead:0.0}/s  ratio {alone / ahead:0.00}");
    }

    private static byte[] Message(int size)
    {
        var text = new StringBuilder("From: box@example.test\r\nTo: sales@example.test\r\nSubject: bench\r\nMessage-ID: <1@example.test>\r\n\r\n");
        while (text.Length < size)
            text.Append("JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl\r\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static async Task<double> SendAsync(int port, int sessions, int count, byte[] message, MailContext context, bool ahead)
    {
        long started = Stopwatch.GetTimestamp();
        int left = count;
        await Task.WhenAll(Enumerable.Range(0, sessions).Select(_ => Task.Run(async () =>
        {
            var endpoint = new MailEndpoint { Host = "127.0.0.1", Port = port, Tls = TlsMode.None };
            await using IMailSender sender = await new SmtpSystem().OpenSenderAsync(endpoint, new MailLogin("box@example.test", MailCredential.Anonymous), context, default);
            for (OutgoingMessage? next = Next(); next is { } current;)
            {
                next = Next();
                SendReceipt receipt = ahead && sender is IPipelinedSender pipelined
                    ? await pipelined.SendAsync(current, () => next, default)
                    : await sender.SendAsync(current, default);
                if (receipt.Status != SendStatus.Accepted)
                    throw new InvalidOperationException(receipt.Reply);
            }
        })));
        return Stopwatch.GetElapsedTime(started).TotalSeconds;

        OutgoingMessage? Next() => Interlocked.Decrement(ref left) < 0 ? null : new OutgoingMessage
        {
            EnvelopeFrom = "box@example.test",
            Recipients = ["sales@example.test"],
            MessageId = "<1@example.test>",
            Content = MessageBuffer.Wrap(message),
            BeforeCommit = (_, _) => ValueTask.CompletedTask,
        };
    }
}
