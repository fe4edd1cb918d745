using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>What a query in FetchXML found: one page.</summary>
/// <param name="Type">The type of the rows.</param>
/// <param name="Columns">The columns asked for; null for all.</param>
/// <param name="Rows">The rows, in order.</param>
internal sealed record FetchPage(EntityType Type, IReadOnlyCollection<string>? Columns, IReadOnlyList<FetchRow> Rows)
{
    /// <summary>Gets what the query for the next page names as <c>paging-cookie</c>; null on the last page.</summary>
    public string? Cookie { get; init; }

    /// <summary>Gets how many rows all pages have, up to <see cref="RowReader.MaxPageSize"/>; null when the query does not ask.</summary>
    public int? Total { get; init; }

    /// <summary>Gets a value indicating whether there are more than <see cref="Total"/> tells.</summary>
    public bool IsTotalCut { get; init; }
}

/// <summary>A row of the answer.</summary>
/// <param name="Row">The row of the table; null where rows are grouped.</param>
/// <param name="Aliased">The values under names of their own: those of joined rows, those that an alias names, sums and counts.</param>
internal sealed record FetchRow(CrmRecord? Row, IReadOnlyList<FetchValue> Aliased);

/// <summary>A value under a name of its own.</summary>
/// <param name="Name">The name: <c>alias.column</c>, or the alias of the column.</param>
/// <param name="Type">The type of the row it is of.</param>
/// <param name="Column">The column it is of.</param>
/// <param name="Row">The row; null for what is computed over several.</param>
/// <param name="Computed">The number computed; null for a value of a row.</param>
internal sealed record FetchValue(string Name, EntityType Type, string Column, CrmRecord? Row, object? Computed = null);
