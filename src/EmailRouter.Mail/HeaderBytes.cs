namespace EmailRouter.Mail;

/// <summary>Cuts the header off the bytes of a message.</summary>
internal static class HeaderBytes
{
    /// <summary>Finds the end of the header: behind its blank line.</summary>
    /// <param name="message">The bytes from the beginning.</param>
    /// <returns>The header's length with its blank line; -1 when the bytes hold no blank line.</returns>
    public static int Find(ReadOnlySpan<byte> message)
    {
        int crlf = message.IndexOf("\r\n\r\n"u8);
        int lf = message.IndexOf("\n\n"u8);
        return crlf >= 0 && (lf < 0 || crlf < lf) ? crlf + 4 : lf >= 0 ? lf + 2 : -1;
    }

    /// <summary>Copies the header.</summary>
    /// <param name="message">The bytes from the beginning.</param>
    /// <returns>The header with its blank line; everything when there is none.</returns>
    public static Mime.MessageBuffer Cut(ReadOnlySpan<byte> message)
    {
        int length = Find(message);
        return Mime.MessageBuffer.Wrap((length < 0 ? message : message[..length]).ToArray());
    }
}
