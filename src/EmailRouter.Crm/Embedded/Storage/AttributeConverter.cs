using System.Globalization;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Checks the values that callers give for columns and brings them to the columns' types.</summary>
internal static class AttributeConverter
{
    /// <summary>Converts the values for a record.</summary>
    /// <param name="table">The table.</param>
    /// <param name="attributes">The caller's values by column name.</param>
    /// <returns>The converted values.</returns>
    /// <exception cref="CrmException">A column is unknown or read-only, or a value does not fit.</exception>
    public static Dictionary<string, object?> Convert(TableDefinition table, IReadOnlyDictionary<string, object?> attributes)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach ((string name, object? value) in attributes)
        {
            ColumnDefinition column = FindColumn(table, name);
            if (column.IsReadOnly)
                throw StoreErrors.RecordInvalid($"The column {table.LogicalName}.{column.Name} is written by the CRM alone.", "Leave the column out.");
            values[column.Name] = Convert($"{table.LogicalName}.{column.Name}", column, value);
        }

        CompleteName(table, values);
        return values;
    }

    /// <summary>Finds a column, or says which there are.</summary>
    /// <param name="table">The table.</param>
    /// <param name="name">The column's name.</param>
    /// <returns>The column.</returns>
    public static ColumnDefinition FindColumn(TableDefinition table, string name) => table.Find(name) ??
        TableCatalog.SystemColumns.FirstOrDefault(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase)) ?? throw new CrmException(
            "CrmColumnUnknown", $"The table {table.LogicalName} has no column '{name}'.",
            $"Use {string.Join(", ", table.Columns.Where(c => !c.IsReadOnly).Select(c => c.Name))}.")
        { IsAboutRecord = true };

    /// <summary>Converts one value.</summary>
    /// <param name="what">The column, for errors.</param>
    /// <param name="column">The column.</param>
    /// <param name="value">The caller's value.</param>
    /// <returns>The converted value.</returns>
    public static object? Convert(string what, ColumnDefinition column, object? value)
    {
        if (value is null or "" && (value is null || column.Type != ColumnType.Text))
            return null;
        object? converted = column.Type switch
        {
            ColumnType.Text => value as string ?? (value as IConvertible)?.ToString(CultureInfo.InvariantCulture),
            ColumnType.Integer => ToInteger(column, value),
            ColumnType.Flag => ToFlag(value),
            ColumnType.Time => ToTime(value),
            ColumnType.Id => value switch { Guid id => id, RecordReference reference => reference.Id, string text when Guid.TryParse(text, out Guid id) => id,
                _ => null },
            ColumnType.Lookup => value as RecordReference,
            _ => null,
        };
        if (converted is null)
        {
            string expected = column.Options is not null ? $"one of {string.Join(", ", Enum.GetNames(column.Options))}" : column.Type switch
            {
                ColumnType.Integer => "a whole number",
                ColumnType.Flag => "true or false",
                ColumnType.Time => "a date with time",
                ColumnType.Id => "an id",
                ColumnType.Lookup => "a reference to a record",
                _ => "text",
            };
            throw StoreErrors.RecordInvalid($"'{value}' does not fit {what}.", $"Give {expected}.");
        }

        if (converted is string longText && column.MaxLength > 0 && longText.Length > column.MaxLength)
            throw StoreErrors.RecordInvalid($"The value of {what} has {longText.Length} characters.", $"Give at most {column.MaxLength}.");
        return converted;
    }

    private static int? ToInteger(ColumnDefinition column, object value)
    {
        int? number = value switch
        {
            Enum code => System.Convert.ToInt32(code, CultureInfo.InvariantCulture),
            int or short or byte or sbyte or ushort => System.Convert.ToInt32(value, CultureInfo.InvariantCulture),
            long wide when wide is >= int.MinValue and <= int.MaxValue => (int)wide,
            double real when real == Math.Floor(real) && Math.Abs(real) < int.MaxValue => (int)real,
            string text when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int parsed) => parsed,
            string text when column.Options is not null && Enum.TryParse(column.Options, text, ignoreCase: true, out object? option) => (int)option!,
            _ => null,
        };
        return number is { } found && (column.Options is null || Enum.IsDefined(column.Options, found)) ? found : null;
    }

    private static object? ToFlag(object value) => value switch
    {
        bool flag => flag,
        int and (0 or 1) => (int)value == 1,
        string text when bool.TryParse(text, out bool flag) => flag,
        "0" => false,
        "1" => true,
        _ => null,
    };

    private static object? ToTime(object value) => value switch
    {
        DateTimeOffset time => time.ToUniversalTime(),
        DateTime time => new DateTimeOffset(time.Kind == DateTimeKind.Unspecified ? DateTime.SpecifyKind(time, DateTimeKind.Utc) : time).ToUniversalTime(),
        string text when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out DateTimeOffset time) => time,
        _ => null,
    };

    /// <summary>A person's full name is made of first and last name where only those are given.</summary>
    private static void CompleteName(TableDefinition table, Dictionary<string, object?> values)
    {
        if (table.PrimaryNameColumn != "fullname" || values.ContainsKey("fullname") || !(values.ContainsKey("firstname") || values.ContainsKey("lastname")))
            return;
        string name = string.Join(' ', ((string?[])[values.GetValueOrDefault("firstname") as string, values.GetValueOrDefault("lastname") as string])
            .Where(p => !string.IsNullOrEmpty(p)));
        if (name.Length > 0)
            values["fullname"] = name;
    }
}
