using System.Globalization;
using System.Text;

namespace EmailRouter.Mail.Smtp;

/// <summary>A reply of an SMTP server (RFC 5321 4.2), of one or several lines.</summary>
/// <param name="Code">The three digits of the last line; servers that contradict themselves are believed at the end.</param>
/// <param name="EnhancedCode">The enhanced status code (RFC 3463), e.g. <c>5.1.1</c>; empty when there is none.</param>
/// <param name="Lines">The texts of the lines, without codes.</param>
internal sealed record SmtpResponse(int Code, string EnhancedCode, IReadOnlyList<string> Lines)
{
    /// <summary>Gets a value indicating whether the server did what was asked.</summary>
    public bool IsPositive => Code is >= 200 and < 300;

    /// <summary>Gets a value indicating whether the server waits for more (3xx).</summary>
    public bool IsIntermediate => Code is >= 300 and < 400;

    /// <summary>Gets the text of all lines as one.</summary>
    public string Text => string.Join(' ', Lines.Where(l => l.Length > 0));

    /// <summary>Reads the code of a line.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="code">The code.</param>
    /// <param name="last">Whether this is the last line of the reply.</param>
    /// <returns>False when the line is no reply line.</returns>
    public static bool TryParseLine(ReadOnlySpan<byte> line, out int code, out bool last)
    {
        code = 0;
        last = true;
        if (line.Length < 3 || !char.IsAsciiDigit((char)line[0]) || !char.IsAsciiDigit((char)line[1]) || !char.IsAsciiDigit((char)line[2]))
            return false;
        code = ((line[0] - '0') * 100) + ((line[1] - '0') * 10) + (line[2] - '0');
        if (line.Length > 3)
        {
            last = line[3] != (byte)'-';
            if (last && line[3] is not ((byte)' ' or (byte)'\t'))
                return false;
        }

        return code is >= 200 and < 600;
    }

    /// <summary>Separates the enhanced status code from the text of a line.</summary>
    /// <param name="text">The text behind the code.</param>
    /// <returns>The enhanced code or an empty string, and the rest of the text.</returns>
    public static (string Code, string Text) SplitEnhanced(string text)
    {
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        string word = space < 0 ? text : text[..space];
        string[] parts = word.Split('.');
        bool valid = parts.Length == 3
            && parts[0] is "2" or "4" or "5"
            && parts[1].Length is > 0 and <= 3 && parts[1].All(char.IsAsciiDigit)
            && parts[2].Length is > 0 and <= 3 && parts[2].All(char.IsAsciiDigit);
        return valid ? (word, space < 0 ? string.Empty : text[(space + 1)..].TrimStart()) : (string.Empty, text);
    }

    /// <summary>Says what a negative reply means for a message or a recipient.</summary>
    /// <param name="forRecipient">Whether it answers RCPT.</param>
    /// <returns>The outcome.</returns>
    public SendStatus Classify(bool forRecipient = false)
    {
        if (IsPositive)
            return SendStatus.Accepted;

        // 4xx, and whatever has no place here (1xx, 3xx), may be offered again. Where the codes contradict each other, the gentler one counts.
        if (Code < 500 || EnhancedCode.StartsWith('4'))
            return SendStatus.Deferred;

        // RFC 5321 4.5.3.1.10: 552 used to say "too many recipients"; offered alone the recipient may be accepted.
        if (forRecipient && Code == 552 && EnhancedCode is "" or "5.5.3")
            return SendStatus.Deferred;
        return SendStatus.Rejected;
    }

    /// <summary>
    /// Finds how long to wait: what the server asks for, e.g. <c>greylisted, try again in 300 seconds</c>, or else what its enhanced code is worth (RFC 3463).
    /// </summary>
    /// <returns>The time; null when the reply says nothing, so that the usual schedule is right.</returns>
    public TimeSpan? FindRetryAfter()
    {
        string[] words = Text.Split([' ', ',', ';', '(', ')'], StringSplitOptions.RemoveEmptyEntries);
        for (int i = 1; i < words.Length; i++)
        {
            if (!int.TryParse(words[i - 1], NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count > 86_400)
                continue;
            string unit = words[i].TrimEnd('.').ToUpperInvariant();
            if (unit is "SECOND" or "SECONDS" or "SEC" or "SECS")
                return TimeSpan.FromSeconds(count);
            if (unit is "MINUTE" or "MINUTES" or "MIN" or "MINS")
                return TimeSpan.FromMinutes(count);
        }

        return SuggestedWait();
    }

    /// <summary>Tells whether the server has enough connections of ours (432 4.3.2 of Exchange Online, 421 of others) and would take the next later.</summary>
    /// <returns>True when fewer connections would help.</returns>
    public bool IsAboutConnections() =>
        (Code == 432 && EnhancedCode is "4.3.2" or "")
        || (Code is >= 400 and < 500 && Text.Contains("connection", StringComparison.OrdinalIgnoreCase)
            && (Text.Contains("too many", StringComparison.OrdinalIgnoreCase) || Text.Contains("concurrent", StringComparison.OrdinalIgnoreCase)));

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Code:000}");
        if (EnhancedCode.Length > 0)
            text.Append(' ').Append(EnhancedCode);
        if (Text.Length > 0)
            text.Append(' ').Append(Text);
        return text.ToString();
    }

    /// <summary>How long what a code stands for usually lasts. Passing troubles are left to the usual schedule.</summary>
    private TimeSpan? SuggestedWait() => Code is < 400 or >= 500 ? null : EnhancedCode switch
    {
        "4.2.2" => TimeSpan.FromHours(1),           // the mailbox is full: somebody has to clear it
        "4.2.1" => TimeSpan.FromMinutes(30),        // the mailbox is switched off, or gets too much at once
        "4.3.1" => TimeSpan.FromMinutes(30),        // the server's disk is full
        "4.7.28" or "4.7.650" => TimeSpan.FromMinutes(30),      // too much from this address
        _ when EnhancedCode.StartsWith("4.7.5", StringComparison.Ordinal) => TimeSpan.FromMinutes(15),     // Exchange Online throttles
        _ => null,
    };
}
