namespace EmailRouter.Crm.Embedded;

/// <summary>Which rows of a table a <see cref="CrmUnitOfWork"/> reads.</summary>
/// <param name="LogicalName">The table.</param>
public sealed record RecordSelection(string LogicalName)
{
    /// <summary>Gets the columns to read; null for all. Not reading the bodies of a thousand emails is what makes a list of them cheap.</summary>
    public IReadOnlyCollection<string>? Columns { get; init; }

    /// <summary>Gets conditions that all must hold.</summary>
    public IReadOnlyList<RecordCondition> Conditions { get; init; } = [];
}

/// <summary>A column has one of several values.</summary>
/// <param name="Column">The column; that of the primary key too.</param>
/// <param name="Values">The values; text is compared without regard to the case of ASCII letters, a reference by its id. Null stands for no value.</param>
public sealed record RecordCondition(string Column, IReadOnlyCollection<object?> Values);
