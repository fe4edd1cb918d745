namespace EmailRouter.Crm.Embedded;

/// <summary>A record of the embedded CRM.</summary>
/// <param name="LogicalName">The table.</param>
/// <param name="Id">The primary key; <see cref="Guid.Empty"/> in a record to create lets the CRM choose one.</param>
/// <param name="Attributes">
/// The values by column name: <see cref="string"/>, <see cref="int"/>, <see cref="bool"/>, <see cref="DateTimeOffset"/>, <see cref="Guid"/>,
/// <see cref="RecordReference"/> or null. What can be converted without doubt (a number or an option's name as text, an id as text) is taken too.
/// </param>
public sealed record CrmRecord(string LogicalName, Guid Id, IReadOnlyDictionary<string, object?> Attributes)
{
    /// <summary>Gets the value of the primary name column where the CRM has filled it in; otherwise null.</summary>
    public string? Name { get; init; }

    /// <summary>Gets a value; null when there is none.</summary>
    /// <param name="column">The column's name.</param>
    public object? this[string column] => Attributes.TryGetValue(column, out object? value) ? value : null;

    /// <summary>Makes a reference to the record.</summary>
    /// <returns>The reference.</returns>
    public RecordReference ToReference() => new(LogicalName, Id, Name);
}
