using System.Buffers.Text;

namespace EmailRouter.Mail.Imap;

/// <summary>Numbers as servers write them: 32 bits and more, sometimes zero or negative where that means nothing, sometimes as decimals (MailKit #1838).</summary>
internal static class ImapNumber
{
    /// <summary>Reads a number.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The number; null when it is none, or negative.</returns>
    public static long? Parse(ReadOnlySpan<byte> text)
    {
        if (Utf8Parser.TryParse(text, out long number, out int used) && used == text.Length)
            return number >= 0 ? number : null;
        return Utf8Parser.TryParse(text, out double real, out used) && used == text.Length && real is >= 0 and < long.MaxValue ? (long)real : null;
    }

    /// <summary>Reads a UID or a UIDVALIDITY.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The number; null when it is none, or none of 32 bits.</returns>
    public static uint? ParseUid(ReadOnlySpan<byte> text) => Parse(text) is { } number and <= uint.MaxValue ? (uint)number : null;
}
