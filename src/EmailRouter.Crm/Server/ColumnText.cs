using System.Globalization;

namespace EmailRouter.Crm.Server;

/// <summary>Writes values as columns take them.</summary>
internal static class ColumnText
{
    /// <summary>Cuts a text to the length of a column.</summary>
    /// <param name="text">The text.</param>
    /// <param name="length">The most UTF-16 units the column takes.</param>
    /// <returns>The text, or its beginning without half a surrogate pair.</returns>
    public static string Cut(string text, int length) =>
        text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];

    /// <summary>Writes a point in time.</summary>
    /// <param name="time">The time.</param>
    /// <returns>The value in UTC, as XML and JSON take it.</returns>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}
