using System.Globalization;

namespace EmailRouter.Lab.OData;

/// <summary>Constants in URLs: strings in single quotes (doubled inside), numbers, true and false, null, GUIDs, dates.</summary>
internal static class ODataLiteral
{
    private static readonly string[] timeFormats =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd",
    ];

    /// <summary>Reads a constant.</summary>
    /// <param name="text">The constant.</param>
    /// <returns>string, long, decimal, bool, Guid, DateTimeOffset or null.</returns>
    public static object? Parse(string text) => TryParse(text, out object? value) ? value : throw ODataException.Syntax($"'{text}' is no literal.");

    /// <summary>Reads a constant.</summary>
    /// <param name="text">The constant.</param>
    /// <param name="value">string, long, decimal, bool, Guid, DateTimeOffset or null.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryParse(string text, out object? value)
    {
        value = null;
        switch (text)
        {
            case "null":
                return true;
            case "true" or "false":
                value = text == "true";
                return true;
            case ['\'', .., '\'']:
                string inner = text[1..^1];
                value = inner.Replace("''", "'", StringComparison.Ordinal);
                return !inner.Replace("''", string.Empty, StringComparison.Ordinal).Contains('\'', StringComparison.Ordinal);
        }

        if (Guid.TryParseExact(text, "D", out Guid id))
            value = id;
        else if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            value = number;
        else if (decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal fraction))
            value = fraction;
        else if (DateTimeOffset.TryParseExact(text, timeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out DateTimeOffset time))
            value = time;
        else
            return false;
        return true;
    }
}
