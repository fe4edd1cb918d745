using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>How values lie in the file: ids as lower-case text, times as UTC text of one width (so that they sort as text), switches as 0 and 1.</summary>
internal static class StoreValue
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'";

    /// <summary>Makes a value of the file.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The value as it is bound to a statement.</returns>
    public static object ToStore(object? value) => value switch
    {
        null => DBNull.Value,
        Guid id => id.ToString("D"),
        DateTimeOffset time => time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture),
        bool flag => flag ? 1L : 0L,
        Enum code => Convert.ToInt64(code, CultureInfo.InvariantCulture),
        int number => (long)number,
        IEnumerable<Guid> ids => JsonSerializer.Serialize(ids.Select(i => i.ToString("D"))),
        IEnumerable<string> texts => JsonSerializer.Serialize(texts),
        IEnumerable<long> numbers => JsonSerializer.Serialize(numbers),
        _ => value,
    };

    public static Guid Guid(this SqliteDataReader row, int column) => System.Guid.ParseExact(row.GetString(column), "D");

    public static Guid? GuidOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.Guid(column);

    public static string? TextOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static int Int(this SqliteDataReader row, int column) => row.IsDBNull(column) ? 0 : row.GetInt32(column);

    public static bool Flag(this SqliteDataReader row, int column) => !row.IsDBNull(column) && row.GetInt64(column) != 0;

    public static DateTimeOffset Time(this SqliteDataReader row, int column) => ParseTime(row.GetString(column));

    public static DateTimeOffset? TimeOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.Time(column);

    /// <summary>Reads a reference that lies in three columns in a row: id, logical name, name.</summary>
    public static RecordReference? ReferenceOrNull(this SqliteDataReader row, int column) =>
        row.IsDBNull(column) || row.IsDBNull(column + 1) ? null : new RecordReference(row.GetString(column + 1), row.Guid(column), row.TextOrNull(column + 2));

    public static DateTimeOffset ParseTime(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
