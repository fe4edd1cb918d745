namespace EmailRouter.Mail.Net;

/// <content>Short data of a known length.</content>
internal sealed partial class ProtocolStream
{
    /// <summary>Reads exactly so many bytes into memory; for short strings whose length the caller has limited.</summary>
    /// <param name="length">How many.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The bytes.</returns>
    /// <exception cref="MailConnectionException">The server closed the connection or took too long.</exception>
    public async ValueTask<byte[]> ReadBytesAsync(int length, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        byte[] bytes = new byte[length];
        int taken = 0;
        while (taken < length)
        {
            if (start == end && !await FillAsync(context.Deadlines.DataIdle, context.Deadlines.DataIdle, cancellationToken).ConfigureAwait(false))
                throw Lost();
            int count = Math.Min(length - taken, end - start);
            input.AsSpan(start, count).CopyTo(bytes.AsSpan(taken));
            start += count;
            taken += count;
        }

        return bytes;
    }
}
