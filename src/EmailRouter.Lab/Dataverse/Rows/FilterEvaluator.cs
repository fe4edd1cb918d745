using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>Says which rows a <c>$filter</c> lets through. Text is compared without regard to case, as the CRM's database does.</summary>
/// <param name="rows">Where rows that navigation properties lead to are read.</param>
internal sealed class FilterEvaluator(RowReader rows)
{
    /// <summary>Says whether a row fits.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="type">The row's type.</param>
    /// <param name="row">The row.</param>
    /// <returns>True when it does.</returns>
    public bool Fits(FilterNode filter, EntityType type, CrmRecord row) => Fits(filter, new Scope(type, row, null, null));

    /// <summary>Checks that a filter names what there is, so that a wrong one is refused though there are no rows.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="type">The rows' type.</param>
    public static void Check(FilterNode filter, EntityType type) => Check(filter, type, null, null);

    /// <summary>Gets the properties of the rows themselves that a filter looks at.</summary>
    /// <param name="filter">The filter.</param>
    /// <returns>Their names.</returns>
    public static IEnumerable<string> PropertiesOf(FilterNode filter) => filter switch
    {
        FilterNode.Path path => [path.Steps[0]],
        FilterNode.Logical logical => PropertiesOf(logical.Left).Concat(PropertiesOf(logical.Right)),
        FilterNode.Not not => PropertiesOf(not.Operand),
        FilterNode.Comparison comparison => PropertiesOf(comparison.Left).Concat(PropertiesOf(comparison.Right)),
        FilterNode.TextMatch match => PropertiesOf(match.Text).Concat(PropertiesOf(match.Part)),
        FilterNode.CrmFunction function => function.Arguments.GetValueOrDefault("PropertyName") is string name ? [name.Split('/')[0]] : [],
        FilterNode.Lambda lambda => lambda.Condition is null ? [lambda.Collection[0]] : PropertiesOf(lambda.Condition).Append(lambda.Collection[0]),
        _ => [],
    };

    /// <summary>Compares two values of a property for an order; nothing comes first.</summary>
    public static int Compare(object? left, object? right) => (left, right) switch
    {
        (null, null) => 0,
        (null, _) => -1,
        (_, null) => 1,
        (string a, string b) => string.Compare(a, b, StringComparison.OrdinalIgnoreCase),
        (Guid a, Guid b) => a.CompareTo(b),
        (bool a, bool b) => a.CompareTo(b),
        (DateTimeOffset a, DateTimeOffset b) => a.CompareTo(b),
        _ when TryNumber(left, out decimal a) && TryNumber(right, out decimal b) => a.CompareTo(b),
        _ => throw ODataException.Syntax($"A binary operator with incompatible types was detected: found operand types '{EdmName(left)}' and '{EdmName(right)}'."),
    };

    private static void Check(FilterNode node, EntityType type, string? variable, EntityType? variableType)
    {
        switch (node)
        {
            case FilterNode.Path path:
                CheckPath(path.Steps, type, variable, variableType);
                break;
            case FilterNode.Logical logical:
                Check(logical.Left, type, variable, variableType);
                Check(logical.Right, type, variable, variableType);
                break;
            case FilterNode.Not not:
                Check(not.Operand, type, variable, variableType);
                break;
            case FilterNode.Comparison comparison:
                Check(comparison.Left, type, variable, variableType);
                Check(comparison.Right, type, variable, variableType);
                break;
            case FilterNode.TextMatch match:
                Check(match.Text, type, variable, variableType);
                Check(match.Part, type, variable, variableType);
                break;
            case FilterNode.CrmFunction function:
                if (function.Arguments.GetValueOrDefault("PropertyName") is not string name)
                    throw ODataException.Syntax($"The function '{function.Name}' needs PropertyName.");
                CheckPath(name.Split('/'), type, variable, variableType);
                break;
            case FilterNode.Lambda lambda:
                Navigation collection = type.FindNavigation(lambda.Collection[0]) is { IsCollection: true } found && lambda.Collection.Count == 1
                    ? found
                    : throw ODataException.Syntax($"Could not find a collection named '{string.Join('/', lambda.Collection)}' on type '{type.FullName}'.");
                if (lambda.Condition is not null)
                    Check(lambda.Condition, type, lambda.Variable, collection.Target);
                break;
        }
    }

    private static void CheckPath(IReadOnlyList<string> steps, EntityType type, string? variable, EntityType? variableType)
    {
        int first = 0;
        if (variable is not null && steps[0] == variable && steps.Count > 1)
        {
            type = variableType!;
            first = 1;
        }

        for (int i = first; i < steps.Count - 1; i++)
        {
            type = type.FindNavigation(steps[i]) is { IsCollection: false } navigation
                ? navigation.Target
                : throw ODataException.Syntax($"Could not find a property named '{steps[i]}' on type '{type.FullName}'.");
        }

        if (type.FindNavigation(steps[^1]) is null || type.FindProperty(steps[^1]) is not null)
            type.Property(steps[^1]);
    }

    private bool Fits(FilterNode node, Scope scope)
    {
        switch (node)
        {
            case FilterNode.Logical logical:
                return logical.IsAnd
                    ? Fits(logical.Left, scope) && Fits(logical.Right, scope)
                    : Fits(logical.Left, scope) || Fits(logical.Right, scope);
            case FilterNode.Not not:
                return !Fits(not.Operand, scope);
            case FilterNode.Comparison comparison:
                return Compare(comparison.Operator, Value(comparison.Left, scope), Value(comparison.Right, scope));
            case FilterNode.TextMatch match:
                return Value(match.Text, scope) is string text && Value(match.Part, scope) is string part && match.Function switch
                {
                    "contains" => text.Contains(part, StringComparison.OrdinalIgnoreCase),
                    "startswith" => text.StartsWith(part, StringComparison.OrdinalIgnoreCase),
                    _ => text.EndsWith(part, StringComparison.OrdinalIgnoreCase),
                };
            case FilterNode.CrmFunction function:
                return Apply(function, scope);
            case FilterNode.Lambda lambda:
                IEnumerable<CrmRecord> related = rows.Related(scope.Type.FindNavigation(lambda.Collection[0])!, scope.Row);
                EntityType target = scope.Type.FindNavigation(lambda.Collection[0])!.Target;
                bool Holds(CrmRecord r) => lambda.Condition is null || Fits(lambda.Condition, scope with { Variable = lambda.Variable, Inner = (target, r) });
                return lambda.IsAll ? related.All(Holds) : related.Any(Holds);
            default:
                return Value(node, scope) is true;
        }
    }

    private bool Apply(FilterNode.CrmFunction function, Scope scope)
    {
        object? value = Value(new FilterNode.Path(((string)function.Arguments["PropertyName"]!).Split('/')), scope);
        List<object?> values = function.Arguments.GetValueOrDefault("PropertyValues") as List<object?> ?? [];
        object? argument = function.Arguments.GetValueOrDefault("PropertyValue");
        DateTimeOffset now = rows.Now;
        return function.Name switch
        {
            // The values come as text whatever the property is.
            "In" => values.Any(v => EqualsText(value, v)),
            "NotIn" => !values.Any(v => EqualsText(value, v)),
            "Between" => values.Count == 2 && value is not null && CompareText(value, values[0]) >= 0 && CompareText(value, values[1]) <= 0,
            "EqualUserId" => value is Guid id && id == rows.CallerId,
            "NotEqualUserId" => value is Guid other && other != rows.CallerId,
            "LastXHours" => value is DateTimeOffset t && t <= now && t >= now.AddHours(-Number(argument)),
            "LastXDays" => value is DateTimeOffset t && t <= now && t >= now.AddDays(-Number(argument)),
            "OlderThanXMinutes" => value is DateTimeOffset t && t <= now.AddMinutes(-Number(argument)),
            "OlderThanXHours" => value is DateTimeOffset t && t <= now.AddHours(-Number(argument)),
            "OlderThanXDays" => value is DateTimeOffset t && t <= now.AddDays(-Number(argument)),
            "Under" or "Above" or _ => throw new ODataException(System.Net.HttpStatusCode.NotImplemented, "0x80060888", $"The query function '{function.Name}' is not supported."),
        };
    }

    private object? Value(FilterNode node, Scope scope) => node switch
    {
        FilterNode.Literal literal => literal.Value,
        FilterNode.Path path => PathValue(path.Steps, scope),
        _ => Fits(node, scope),
    };

    private object? PathValue(IReadOnlyList<string> steps, Scope scope)
    {
        (EntityType type, CrmRecord row) = (scope.Type, scope.Row);
        int first = 0;
        if (scope.Variable is not null && steps[0] == scope.Variable && steps.Count > 1)
        {
            (type, row) = scope.Inner!.Value;
            first = 1;
        }

        for (int i = first; i < steps.Count - 1; i++)
        {
            Navigation navigation = type.FindNavigation(steps[i])!;
            if (rows.Related(navigation, row).FirstOrDefault() is not { } next)
                return null;
            (type, row) = (navigation.Target, next);
        }

        // A navigation property compared with null asks whether it leads anywhere.
        return type.FindProperty(steps[^1]) is { } property
            ? property.ValueOf(row)
            : rows.Related(type.FindNavigation(steps[^1])!, row).FirstOrDefault()?.Id;
    }

    private static bool Compare(string name, object? left, object? right)
    {
        if (left is null || right is null)
            return name == "eq" ? left is null && right is null : name == "ne" && (left is null) != (right is null);

        // An id in quotes is taken for the id.
        (left, right) = (AsId(left, right), AsId(right, left));
        int order = Compare(left, right);
        return name switch
        {
            "eq" => order == 0,
            "ne" => order != 0,
            "gt" => order > 0,
            "ge" => order >= 0,
            "lt" => order < 0,
            _ => order <= 0,
        };
    }

    private static object AsId(object value, object other) => value is string text && other is Guid && Guid.TryParse(text, out Guid id) ? id : value;

    private static bool EqualsText(object? value, object? text) => value is not null && text is not null && CompareText(value, text) == 0;

    private static int CompareText(object value, object? text) => Compare(value, text is string s && value is not string && ODataLiteral.TryParse(s, out object? typed) ? typed : text);

    private static double Number(object? value) => TryNumber(value, out decimal number) ? (double)number : throw ODataException.Syntax("The function needs a number as PropertyValue.");

    private static bool TryNumber(object? value, out decimal number)
    {
        number = value switch { int n => n, long n => n, decimal n => n, _ => 0 };
        return value is int or long or decimal;
    }

    private static string EdmName(object? value) => value switch
    {
        string => "Edm.String",
        bool => "Edm.Boolean",
        Guid => "Edm.Guid",
        DateTimeOffset => "Edm.DateTimeOffset",
        decimal => "Edm.Decimal",
        _ => "Edm.Int32",
    };

    private sealed record Scope(EntityType Type, CrmRecord Row, string? Variable, (EntityType Type, CrmRecord Row)? Inner);
}
