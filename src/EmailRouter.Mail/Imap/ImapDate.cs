using System.Globalization;

namespace EmailRouter.Mail.Imap;

/// <summary>Dates of INTERNALDATE (RFC 9051 9, date-time).</summary>
internal static class ImapDate
{
    private static readonly string[] Formats = ["d-MMM-yyyy H:mm:ss zzz", "d-MMM-yyyy H:mm:ss"];

    /// <summary>Reads a date.</summary>
    /// <param name="text">The text without quotes.</param>
    /// <returns>The date; null when it is none, as Domino's <c>00-Jan-0000</c> (MailKit #1236).</returns>
    public static DateTimeOffset? Parse(string? text)
    {
        if (text is null)
            return null;
        text = text.Trim();
        if (text.Length > 5 && text[^5] is '+' or '-')
            text = text.Insert(text.Length - 2, ":");
        return DateTimeOffset.TryParseExact(
            text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowWhiteSpaces, out DateTimeOffset date)
            ? date
            : null;
    }
}
