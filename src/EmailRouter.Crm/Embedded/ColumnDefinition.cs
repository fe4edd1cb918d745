namespace EmailRouter.Crm.Embedded;

/// <summary>A column of a table of the embedded CRM.</summary>
/// <param name="Name">The logical name, e.g. <c>emailaddress1</c>.</param>
/// <param name="Type">What it holds.</param>
public sealed record ColumnDefinition(string Name, ColumnType Type)
{
    /// <summary>Gets the greatest length of text in characters; 0 for any.</summary>
    public int MaxLength { get; init; }

    /// <summary>Gets a value indicating whether the CRM alone writes it.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Gets the enumeration whose values the column takes (by number or by name); null for other columns.</summary>
    public Type? Options { get; init; }

    /// <summary>Gets the tables whose records a column of ids or references may name; empty where that is not laid down.</summary>
    public IReadOnlyList<string> Targets { get; init; } = [];

    /// <summary>Gets the value of a new record that gives none.</summary>
    public object? Default { get; init; }
}

/// <summary>What a column holds.</summary>
public enum ColumnType
{
    /// <summary>Text: <see cref="string"/>.</summary>
    Text,

    /// <summary>A whole number or the number of an option: <see cref="int"/>.</summary>
    Integer,

    /// <summary>A switch: <see cref="bool"/>.</summary>
    Flag,

    /// <summary>A point in time: <see cref="DateTimeOffset"/>.</summary>
    Time,

    /// <summary>The id of a record of one known table: <see cref="Guid"/>.</summary>
    Id,

    /// <summary>A record of one of several tables: <see cref="RecordReference"/>.</summary>
    Lookup,
}
