using System.Text;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Reads the decoded bytes of one base64 property out of JSON while it comes, so that no attachment is held whole.</summary>
/// <param name="json">The JSON; disposed with this.</param>
/// <param name="property">The property.</param>
/// <param name="what">What it is, in words for messages.</param>
internal sealed class Base64JsonStream(Stream json, string property, string what) : Stream
{
    private readonly byte[] name = Encoding.ASCII.GetBytes($"\"{property}\"");
    private readonly byte[] input = new byte[32 * 1024];
    private readonly byte[] quad = new byte[4];
    private readonly byte[] decoded = new byte[3];
    private int inputAt;
    private int inputEnd;
    private int decodedAt;
    private int decodedEnd;
    private bool isFound;
    private bool isEnd;

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
        if (!isFound)
            await FindAsync(cancellationToken).ConfigureAwait(false);
        int read = 0;
        while (read < buffer.Length)
        {
            if (decodedAt == decodedEnd)
            {
                // What is decoded already is handed over before more is waited for.
                if (isEnd || (read > 0 && inputEnd - inputAt < 32))
                    break;
                await DecodeAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            int count = Math.Min(decodedEnd - decodedAt, buffer.Length - read);
            decoded.AsSpan(decodedAt, count).CopyTo(buffer.Span[read..]);
            decodedAt += count;
            read += count;
        }

        return read;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

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
            json.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Goes to the property's value. Property names do not occur within values, where quotes are escaped.</summary>
    private async ValueTask FindAsync(CancellationToken cancellationToken)
    {
        isFound = true;
        int matched = 0;
        while (matched < name.Length)
        {
            int c = await NextAsync(cancellationToken).ConfigureAwait(false);
            if (c < 0)
                throw AnswerErrors.Unreadable(what, $"it has no '{property}'");
            matched = c == name[matched] ? matched + 1 : c == name[0] ? 1 : 0;
        }

        for (int expected = ':'; ;)
        {
            int c = await NextAsync(cancellationToken).ConfigureAwait(false);
            if (c == expected && c == '"')
                return;
            if (c == expected)
                expected = '"';
            else if (c == 'n')
            {
                isEnd = true;
                return;
            }
            else if (c is not (' ' or '\t' or '\r' or '\n'))
                throw AnswerErrors.Unreadable(what, $"its '{property}' is no text");
        }
    }

    private async ValueTask DecodeAsync(CancellationToken cancellationToken)
    {
        int count = 0;
        while (count < 4 && !isEnd)
        {
            int c = await NextAsync(cancellationToken).ConfigureAwait(false);
            if (c == '\\')
                c = await EscapedAsync(cancellationToken).ConfigureAwait(false);
            else if (c == '"')
                isEnd = true;
            if (c < 0)
                throw AnswerErrors.Unreadable(what, "it ends in the middle");
            if (!isEnd && c is not ('\r' or '\n'))
                quad[count++] = (byte)c;
        }

        decodedAt = 0;
        decodedEnd = 0;
        if (count == 0)
            return;
        if (count < 4 || System.Buffers.Text.Base64.DecodeFromUtf8(quad, decoded, out _, out decodedEnd) != System.Buffers.OperationStatus.Done)
            throw AnswerErrors.Unreadable(what, "it is no base64");
    }

    private async ValueTask<int> EscapedAsync(CancellationToken cancellationToken)
    {
        int c = await NextAsync(cancellationToken).ConfigureAwait(false);
        switch (c)
        {
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 'u':
                int value = 0;
                for (int i = 0; i < 4; i++)
                {
                    int digit = await NextAsync(cancellationToken).ConfigureAwait(false);
                    if (digit < 0 || !char.IsAsciiHexDigit((char)digit))
                        return -1;
                    value = (value * 16) + Convert.ToInt32(((char)digit).ToString(), 16);
                }

                return value < 128 ? value : '?';
            default:
                return c;
        }
    }

    private async ValueTask<int> NextAsync(CancellationToken cancellationToken)
    {
        if (inputAt == inputEnd)
        {
            inputAt = 0;
            inputEnd = await json.ReadAsync(input, cancellationToken).ConfigureAwait(false);
            if (inputEnd == 0)
                return -1;
        }

        return input[inputAt++];
    }
}
