namespace EmailRouter.Crm.Embedded;

/// <summary>A table of the embedded CRM with the columns that cmdlets, tests and the lab may read and write.</summary>
public sealed record TableDefinition
{
    /// <summary>Gets the logical name, e.g. <c>contact</c>. A table of one's own has a prefix: <c>new_vendor</c>.</summary>
    public required string LogicalName { get; init; }

    /// <summary>Gets the primary key's column. Defaults to the logical name with <c>id</c> appended.</summary>
    public string PrimaryIdColumn { get => field ?? LogicalName + "id"; init; }

    /// <summary>Gets the column with the record's name. Defaults to <c>name</c>.</summary>
    public string PrimaryNameColumn { get; init; } = "name";

    /// <summary>Gets the columns that hold email addresses by which records are found; a table with any is email-enabled.</summary>
    public IReadOnlyList<string> AddressColumns { get; init; } = [];

    /// <summary>
    /// Gets the columns beside primary key and those every table has (<c>createdon</c>, <c>modifiedon</c>, <c>versionnumber</c>). A table of one's own always
    /// gets its name and address columns, <c>ownerid</c>, <c>statecode</c>, <c>statuscode</c> and <c>donotemail</c>.
    /// </summary>
    public IReadOnlyList<ColumnDefinition> Columns { get; init; } = [];

    /// <summary>Gets a value indicating whether the table was registered rather than built in.</summary>
    public bool IsCustom { get; internal init; }

    /// <summary>Finds a column.</summary>
    /// <param name="name">Its name, without regard to case.</param>
    /// <returns>The column, or null.</returns>
    public ColumnDefinition? Find(string name) => Columns.FirstOrDefault(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase));
}
