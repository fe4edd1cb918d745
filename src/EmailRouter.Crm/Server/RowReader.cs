using System.Globalization;
using System.Text.Json;

namespace EmailRouter.Crm.Server;

/// <summary>Reads columns of rows in the form the Web API gives them; a column that is missing or null reads as null.</summary>
internal static class RowReader
{
    public static string? Text(this JsonElement row, string column) =>
        row.TryGetProperty(column, out JsonElement value) ? value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        }
        : null;

    public static int? Number(this JsonElement row, string column) =>
        row.TryGetProperty(column, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : null;

    public static long? Long(this JsonElement row, string column) =>
        row.TryGetProperty(column, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : null;

    public static bool? Flag(this JsonElement row, string column) => row.TryGetProperty(column, out JsonElement value) ? value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt32(out int number) ? number != 0 : null,
        _ => null,
    }
    : null;

    public static Guid? Id(this JsonElement row, string column) => Guid.TryParse(row.Text(column), out Guid id) ? id : null;

    public static DateTimeOffset? Time(this JsonElement row, string column) =>
        DateTimeOffset.TryParse(row.Text(column), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUniversalTime() : null;

    /// <summary>Reads a lookup with the table and name its annotations tell.</summary>
    /// <param name="row">The row.</param>
    /// <param name="column">The column's logical name.</param>
    /// <param name="table">The table where no annotation tells one; null for none.</param>
    /// <returns>The reference; null for none.</returns>
    public static RecordReference? Lookup(this JsonElement row, string column, string? table = null)
    {
        string property = $"_{column}_value";
        if (row.Id(property) is not { } id)
            return null;
        string? logicalName = row.Text(property + "@Microsoft.Dynamics.CRM.lookuplogicalname") ?? table;
        return logicalName is null ? null : new RecordReference(logicalName, id, row.Text(property + "@OData.Community.Display.V1.FormattedValue"));
    }

    /// <summary>Reads expanded rows.</summary>
    /// <param name="row">The row.</param>
    /// <param name="navigation">The navigation property.</param>
    /// <returns>The rows; none when they are missing.</returns>
    public static IEnumerable<JsonElement> Expanded(this JsonElement row, string navigation) =>
        row.TryGetProperty(navigation, out JsonElement rows) && rows.ValueKind == JsonValueKind.Array ? rows.EnumerateArray() : [];

    /// <summary>Reads a row's version.</summary>
    /// <param name="row">The row.</param>
    /// <returns>The ETag; null for none.</returns>
    public static string? ETag(this JsonElement row) => row.Text("@odata.etag");
}
