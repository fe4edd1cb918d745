using System.Text;

namespace EmailRouter.Mail.Tests.Scripting;

/// <summary>One scripted connection.</summary>
public sealed class ReplayStream(IReadOnlyList<ScriptItem> items, Playing playing, ManualClock clock) : Stream
{
    private readonly List<byte> said = [];
    private readonly List<byte[]> data = [];
    private int position;
    private int offset;
    private bool saidSinceAnswer;
    private string? deviation;
    private TaskCompletionSource heard = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<byte[]> Data => data;

    public bool IsDisposed { get; private set; }

    /// <summary>How many times the client had to wait for the server's answer to what it had said.</summary>
    public int Answers { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public void Secure()
    {
        if (Current?.Kind != ScriptKind.Tls)
            throw Deviate("starts TLS");
        position++;
    }

    public void AssertPlayedToTheEnd()
    {
        Assert.Null(deviation);

        // Last words need not be heard to their end.
        bool lastWords = position == items.Count - 1 && Current!.Kind == ScriptKind.Server && offset > 0;
        if (!lastWords && position < items.Count && Current!.Kind != ScriptKind.Close)
            Assert.Fail($"The conversation ended before line {position + 1} of the script: {Show(Current)}");
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        switch (Current?.Kind)
        {
            case ScriptKind.Server:
                Answers += saidSinceAnswer ? 1 : 0;
                saidSinceAnswer = false;
                return Take(buffer.Span);
            case ScriptKind.Stall:
                await Task.Yield();
                clock.Advance(TimeSpan.FromHours(1));
                await Task.Delay(Timeout.Infinite, cancellationToken);
                return 0;
            case ScriptKind.Wait:
                ScriptItem silence = Current;
                position++;
                Task speaks = heard.Task;
                await Task.Yield();
                clock.Advance(TimeSpan.FromMinutes(silence.Minutes));
                await speaks.WaitAsync(cancellationToken);
                return await ReadAsync(buffer, cancellationToken);
            case null or ScriptKind.Close:
                return 0;
            default:
                throw Deviate("waits for the server");
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Current?.Kind == ScriptKind.Refused)
        {
            position++;
            throw new IOException("Connection reset by peer.");
        }

        saidSinceAnswer = true;
        foreach (byte b in buffer.Span)
        {
            said.Add(b);
            if (b == (byte)'\n')
                Hear();
        }

        return ValueTask.CompletedTask;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("asynchronous only");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("asynchronous only");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        base.Dispose(disposing);
    }

    private ScriptItem? Current => position < items.Count ? items[position] : null;

    private static string Show(ScriptItem? item) => item is null
        ? "(end of the script)"
        : (item.Kind is ScriptKind.Server or ScriptKind.Close or ScriptKind.Stall or ScriptKind.Wait ? "S: " : "C: ") + item.Text;

    private int Take(Span<byte> buffer)
    {
        int count = 0;
        int most = playing.OneByteAtATime ? 1 : buffer.Length;
        while (count < most && Current is { Kind: ScriptKind.Server } item)
        {
            if (offset == item.Bytes.Length)
            {
                offset = 0;
                position++;
                continue;
            }

            byte b = item.Bytes[offset++];
            bool dropped = playing.BareLf && b == (byte)'\r' && offset < item.Bytes.Length && item.Bytes[offset] == (byte)'\n';
            if (!dropped)
                buffer[count++] = b;
        }

        while (Current is { Kind: ScriptKind.Server } done && offset == done.Bytes.Length)
        {
            offset = 0;
            position++;
        }

        return count;
    }

    private void Hear()
    {
        if (Current?.Kind == ScriptKind.Data && !(said.Count == 3 || EndsWith("\r\n.\r\n"u8)))
            return;
        string line = Encoding.UTF8.GetString([.. said]);
        switch (Current?.Kind)
        {
            case ScriptKind.Data:
                if (line.Length == 3 && line != ".\r\n")
                    return;
                data.Add([.. said]);
                break;
            case ScriptKind.Client when Matches(Current.Text, line):
                break;
            case null when line is "QUIT\r\n" or "LOGOUT\r\n":
                break;      // the goodbye, where a script has said all it wants to
            case ScriptKind.Close or null when items.Count > 0 && items[^1].Kind == ScriptKind.Close:
                throw new IOException("The server has closed the connection.");
            default:
                throw Deviate($"says \"{line.Replace("\r", @"\r", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)}\"");
        }

        said.Clear();
        position++;
        heard.TrySetResult();
        heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private bool EndsWith(ReadOnlySpan<byte> end) =>
        said.Count >= end.Length && System.Runtime.InteropServices.CollectionsMarshal.AsSpan(said)[^end.Length..].SequenceEqual(end);

    private static bool Matches(string expected, string line)
    {
        if (!line.EndsWith("\r\n", StringComparison.Ordinal))
            return false;
        line = line[..^2];
        int any = expected.IndexOf("***", StringComparison.Ordinal);
        return any < 0 ? line == expected : line.StartsWith(expected[..any], StringComparison.Ordinal);
    }

    private ScriptDeviationException Deviate(string what)
    {
        deviation = $"The client {what}; line {position + 1} of the script is {Show(Current)}";
        return new ScriptDeviationException(deviation);
    }
}
