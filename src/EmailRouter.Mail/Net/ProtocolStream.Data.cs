using System.Buffers;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Net;

/// <summary>Takes one line of a listing.</summary>
/// <param name="line">The line without its end and without dot-stuffing; valid during the call.</param>
internal delegate void ListLine(ReadOnlySpan<byte> line);

/// <summary>How reading dot-terminated data ended.</summary>
/// <param name="Bytes">How many bytes the message has.</param>
/// <param name="Failure">Why the target did not take them all (too large, disk full); null when it did. The connection is fine either way.</param>
internal readonly record struct DataResult(long Bytes, Exception? Failure);

/// <content>Multi-line answers: everything up to the line that is a single dot.</content>
internal sealed partial class ProtocolStream
{
    /// <summary>Reads a listing line by line up to the line that is a single dot.</summary>
    /// <param name="longest">The longest line, in bytes.</param>
    /// <param name="most">The most lines.</param>
    /// <param name="each">Takes each line.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The number of lines.</returns>
    public async ValueTask<int> ReadListAsync(int longest, int most, ListLine each, CancellationToken cancellationToken)
    {
        for (int count = 0; ; count++)
        {
            ReadOnlyMemory<byte> line = await ReadLineAsync(longest, context.Deadlines.DataIdle, cancellationToken).ConfigureAwait(false);
            ReadOnlySpan<byte> text = line.Span;
            if (text.Length > 0 && text[0] == (byte)'.')
            {
                text = text[1..];
                if (text.IsEmpty)
                {
                    Log.Note($"{count} lines");
                    return count;
                }
            }

            if (count >= most)
                throw Protocol("MailResponseTooLong", $"{Doing} has more than {most} lines");
            each(text);
        }
    }

    /// <summary>Reads dot-stuffed data up to its final dot, undoing the stuffing.</summary>
    /// <param name="target">Takes the bytes.</param>
    /// <param name="discardAtMost">How many bytes are read and dropped after the target has refused more, before the connection is given up.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>How it ended.</returns>
    /// <remarks>
    /// Where a line ends decides where a dot counts, and what the sender of a message wrote must not end it early: a server that ends its lines in CRLF
    /// does not stuff a dot behind a bare LF. So the end of the first line tells: after CRLF only CRLF counts, after LF (a server that
    /// passes files as they are) LF counts too.
    /// </remarks>
    public async ValueTask<DataResult> ReadDataAsync(IBufferWriter<byte> target, long discardAtMost, CancellationToken cancellationToken)
    {
        if (input.Length < DataBufferSize)
            Resize(DataBufferSize);
        var reader = new DotReader(target);
        long total = 0;
        while (true)
        {
            DotProgress progress = reader.Take(input.AsSpan(start, end - start), out int used);
            start += used;
            if (progress == DotProgress.End)
            {
                Log.Note($"{reader.Bytes} bytes");
                return new DataResult(reader.Bytes, reader.Failure);
            }

            if (reader.Failure is not null && (total += used) > discardAtMost)
                throw Protocol("MailMessageEndless", $"a message goes on {discardAtMost:N0} bytes beyond the limit", "Have the message removed on the server.");
            TimeSpan limit = context.Deadlines.DataIdle;
            if (!await FillAsync(limit, limit, cancellationToken).ConfigureAwait(false))
                throw Lost();
        }
    }

    private enum DotProgress
    {
        More,
        End,
    }

    /// <summary>Undoes dot-stuffing over a buffer that is refilled.</summary>
    private sealed class DotReader(IBufferWriter<byte> target)
    {
        private bool atLineStart = true;
        private bool lineEndsKnown;
        private bool bareLfCounts;

        public long Bytes { get; private set; }

        public Exception? Failure { get; private set; }

        public DotProgress Take(ReadOnlySpan<byte> span, out int used)
        {
            used = 0;
            while (used < span.Length)
            {
                ReadOnlySpan<byte> rest = span[used..];
                if (atLineStart && rest[0] == (byte)'.')
                {
                    if (rest.Length < 2 || (rest.Length < 3 && rest[1] == (byte)'\r'))
                        return DotProgress.More;
                    if (rest[1] == (byte)'\n' && (bareLfCounts || !lineEndsKnown))
                    {
                        used += 2;
                        return DotProgress.End;
                    }

                    if (rest[1] == (byte)'\r' && rest[2] == (byte)'\n')
                    {
                        used += 3;
                        return DotProgress.End;
                    }

                    used++;
                    rest = rest[1..];
                }

                atLineStart = false;
                if (!lineEndsKnown)
                    LearnLineEnds(rest);
                int length = bareLfCounts ? rest.IndexOf("\n."u8) + 1 : rest.IndexOf("\r\n."u8) + 2;
                if (length >= (bareLfCounts ? 1 : 2))
                {
                    Put(rest[..length]);
                    used += length;
                    atLineStart = true;
                    continue;
                }

                // No dot line in sight. What may be the beginning of a line end stays until more has come.
                int keep = Undecided(rest);
                Put(rest[..^keep]);
                used += rest.Length - keep;
                return DotProgress.More;
            }

            return DotProgress.More;
        }

        /// <summary>Looks at the end of the very first line.</summary>
        private void LearnLineEnds(ReadOnlySpan<byte> rest)
        {
            int lf = rest.IndexOf((byte)'\n');
            if (lf < 0)
                return;
            bareLfCounts = lf == 0 || rest[lf - 1] != (byte)'\r';
            lineEndsKnown = true;
        }

        private int Undecided(ReadOnlySpan<byte> rest)
        {
            if (bareLfCounts)
            {
                atLineStart = rest.Length > 0 && rest[^1] == (byte)'\n';
                return 0;
            }

            if (rest.EndsWith("\r\n"u8))
            {
                atLineStart = true;
                return 0;
            }

            return rest.Length > 0 && rest[^1] == (byte)'\r' ? 1 : 0;
        }

        private void Put(ReadOnlySpan<byte> bytes)
        {
            Bytes += bytes.Length;
            if (Failure is not null || bytes.IsEmpty)
                return;
            try
            {
                target.Write(bytes);
            }
            catch (Exception e) when (e is MessageTooLargeException or IOException or UnauthorizedAccessException)
            {
                Failure = e;
            }
        }
    }
}
