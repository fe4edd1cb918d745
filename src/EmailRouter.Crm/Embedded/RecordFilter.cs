namespace EmailRouter.Crm.Embedded;

/// <summary>Which records to find. What is null does not filter.</summary>
public sealed record RecordFilter
{
    /// <summary>Gets the table.</summary>
    public required string LogicalName { get; init; }

    /// <summary>Gets a pattern for the primary name with the wildcards * and ?, without regard to case.</summary>
    public string? Name { get; init; }

    /// <summary>Gets an address that one of the address columns holds, without regard to case.</summary>
    public string? Address { get; init; }

    /// <summary>Gets values that columns must have.</summary>
    public IReadOnlyDictionary<string, object?>? Attributes { get; init; }

    /// <summary>Gets the greatest number of records; null for all.</summary>
    public int? Top { get; init; }
}
