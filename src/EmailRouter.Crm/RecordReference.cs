namespace EmailRouter.Crm;

/// <summary>A record of an organization.</summary>
/// <param name="LogicalName">The table, e.g. <c>contact</c>.</param>
/// <param name="Id">The primary key.</param>
/// <param name="Name">The primary name, where known.</param>
public sealed record RecordReference(string LogicalName, Guid Id, string? Name = null)
{
    /// <summary>Two references are equal when they lead to the same record; the name does not count.</summary>
    /// <param name="other">The other reference.</param>
    /// <returns>True when table and key are the same.</returns>
    public bool Equals(RecordReference? other) => other is not null && Id == other.Id && string.Equals(LogicalName, other.LogicalName, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(LogicalName, Id);

    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"{LogicalName} {Id}" : $"{LogicalName} \"{Name}\"";
}
