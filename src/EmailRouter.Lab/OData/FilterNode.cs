namespace EmailRouter.Lab.OData;

/// <summary>A part of a <c>$filter</c>.</summary>
internal abstract record FilterNode
{
    /// <summary>A constant: string, long, decimal, bool, Guid, DateTimeOffset or null.</summary>
    public sealed record Literal(object? Value) : FilterNode;

    /// <summary>A property, perhaps through single-valued navigation properties; the first step may be the variable of a lambda.</summary>
    public sealed record Path(IReadOnlyList<string> Steps) : FilterNode;

    /// <summary><c>and</c> or <c>or</c>.</summary>
    public sealed record Logical(bool IsAnd, FilterNode Left, FilterNode Right) : FilterNode;

    /// <summary><c>not</c>.</summary>
    public sealed record Not(FilterNode Operand) : FilterNode;

    /// <summary><c>eq ne gt ge lt le</c>.</summary>
    public sealed record Comparison(string Operator, FilterNode Left, FilterNode Right) : FilterNode;

    /// <summary><c>contains</c>, <c>startswith</c>, <c>endswith</c>.</summary>
    public sealed record TextMatch(string Function, FilterNode Text, FilterNode Part) : FilterNode;

    /// <summary>A query function of the CRM: <c>Microsoft.Dynamics.CRM.In(PropertyName='…',PropertyValues=[…])</c>.</summary>
    public sealed record CrmFunction(string Name, IReadOnlyDictionary<string, object?> Arguments) : FilterNode;

    /// <summary><c>any</c> or <c>all</c> over a collection; no variable and condition: whether there is a row.</summary>
    public sealed record Lambda(IReadOnlyList<string> Collection, bool IsAll, string? Variable, FilterNode? Condition) : FilterNode;
}
