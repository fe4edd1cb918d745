namespace EmailRouter.Mail.Net.Http;

/// <summary>
/// The body of an answer: what was already read of it, then the rest, with a time limit for each read. Breaks are the mail side's own errors. Whoever stopped
/// the request stops the reading too, since readers of XML take no token.
/// </summary>
internal sealed class HttpBodyStream(
    ReadOnlyMemory<byte> beginning, Stream rest, MailStep step, string where, MailContext context, ProtocolLog log, CancellationToken request) : Stream
{
    private int at;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (at < beginning.Length)
        {
            int count = Math.Min(buffer.Length, beginning.Length - at);
            beginning.Slice(at, count).CopyTo(buffer);
            at += count;
            return count;
        }

        using var deadline = new CancellationTokenSource(context.Deadlines.DataIdle, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, request, cancellationToken);
        try
        {
            return await rest.ReadAsync(buffer, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            request.ThrowIfCancellationRequested();
            throw new MailConnectionException(
                "MailTimeout", step, $"{where}: nothing came for {context.Deadlines.DataIdle.TotalSeconds:0.#} s in the middle of an answer.",
                "The server or the network is overloaded; it is tried again.", e)
            {
                IsTransient = true,
                Conversation = log.Lines,
            };
        }
        catch (Exception e) when (e is IOException or HttpRequestException or InvalidDataException)
        {
            throw new MailConnectionException(
                "MailConnectionLost", step, $"{where}: the answer broke off: {e.Message}", "It is tried again; when it happens always, look at proxies on the way.", e)
            {
                IsTransient = true,
                Conversation = log.Lines,
            };
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("The body is read asynchronously.");

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            rest.Dispose();
        base.Dispose(disposing);
    }
}
