using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Tests.Scripting;

/// <summary>How a script is played.</summary>
/// <param name="BareLf">The server ends its lines in LF only.</param>
/// <param name="OneByteAtATime">Each read yields a single byte.</param>
public sealed record Playing(bool BareLf = false, bool OneByteAtATime = false)
{
    public override string ToString() => (BareLf ? "LF" : "CRLF") + (OneByteAtATime ? ", byte by byte" : string.Empty);
}

/// <summary>A network that plays a script and fails on any deviation.</summary>
public sealed class ScriptedTransport(Script script, Playing? playing = null, ManualClock? clock = null) : ITransport
{
    private readonly List<ReplayStream> streams = [];

    public ScriptedTransport(string script, Playing? playing = null, ManualClock? clock = null)
        : this(Script.Parse(script), playing, clock)
    {
    }

    public static TheoryData<Playing> Playings =>
        [new Playing(), new Playing(BareLf: true), new Playing(OneByteAtATime: true), new Playing(BareLf: true, OneByteAtATime: true)];

    public IReadOnlyList<ReplayStream> Streams => streams;

    public ManualClock Clock { get; } = clock ?? new ManualClock();

    /// <summary>Everything the client sent as data, message by message.</summary>
    public IReadOnlyList<byte[]> Data => [.. streams.SelectMany(s => s.Data)];

    public List<string> Log { get; } = [];

    public List<MailStepReport> Steps { get; } = [];

    public MailContext Context => new()
    {
        Clock = Clock,
        Transport = this,
        ProtocolLog = new Collector<string>(Log),
        Steps = new Collector<MailStepReport>(Steps),
    };

    public ValueTask<Stream> ConnectAsync(string host, int port, MailContext context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (streams.Count >= script.Connections.Count)
            throw new ScriptDeviationException($"The client connects a {streams.Count + 1}. time; the script has {script.Connections.Count} connections.");
        var stream = new ReplayStream(script.Connections[streams.Count], playing ?? new Playing(), Clock);
        streams.Add(stream);
        return ValueTask.FromResult<Stream>(stream);
    }

    public ValueTask<Stream> SecureAsync(Stream plain, MailEndpoint endpoint, MailContext context, CancellationToken cancellationToken)
    {
        ((ReplayStream)plain).Secure();
        return ValueTask.FromResult(plain);
    }

    /// <summary>Tells whether the client is to say a line somewhere.</summary>
    public bool Expects(string line) => script.Connections.Any(c => c.Any(i => i.Kind == ScriptKind.Client && i.Text == line));

    /// <summary>Fails unless every line of the script was played.</summary>
    public void AssertPlayedToTheEnd()
    {
        Assert.Equal(script.Connections.Count, streams.Count);
        foreach (ReplayStream stream in streams)
            stream.AssertPlayedToTheEnd();
    }

    private sealed class Collector<T>(List<T> target) : IProgress<T>
    {
        public void Report(T value) => target.Add(value);
    }
}
