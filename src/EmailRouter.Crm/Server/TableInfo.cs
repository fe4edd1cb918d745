namespace EmailRouter.Crm.Server;

/// <summary>A table of the organization, as far as the router uses it.</summary>
/// <param name="LogicalName">Its name, e.g. <c>contact</c>.</param>
/// <param name="SetName">The name of its rows in addresses, e.g. <c>contacts</c>.</param>
/// <param name="IdColumn">Its primary key.</param>
/// <param name="NameColumn">Its primary name; empty when it has none.</param>
internal sealed record TableInfo(string LogicalName, string SetName, string IdColumn, string NameColumn)
{
    /// <summary>Gets the columns that hold email addresses, in the order in which a match counts; none for a table whose rows no email is addressed
    /// to.</summary>
    public IReadOnlyList<string> AddressColumns { get; init; } = [];

    /// <summary>Gets the columns it has; null when that is not known.</summary>
    public IReadOnlySet<string>? Columns { get; init; }

    /// <summary>Gets the columns that can be given at creation; null when that is not known.</summary>
    public IReadOnlySet<string>? CreateColumns { get; init; }

    /// <summary>Gets the columns that can be changed; null when that is not known.</summary>
    public IReadOnlySet<string>? UpdateColumns { get; init; }

    /// <summary>Gets the navigation properties by column and target table.</summary>
    public IReadOnlyDictionary<(string Column, string Target), string> Navigations { get; init; } = new Dictionary<(string Column, string Target), string>();

    /// <summary>Gets a value indicating whether its rows can say that they must not be mailed.</summary>
    public bool HasDoNotEmail => Has("donotemail", LogicalName is "contact" or "account" or "lead");

    /// <summary>Says whether it has a column.</summary>
    /// <param name="column">The column.</param>
    /// <param name="unlessKnown">The answer when its columns are not known.</param>
    /// <returns>True when it has.</returns>
    public bool Has(string column, bool unlessKnown = true) => Columns?.Contains(column) ?? unlessKnown;
}
