using System.Text.Json.Nodes;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Graph;

/// <summary>A <c>$filter</c> over the JSON of an item. Texts are compared without regard to case, as Exchange does.</summary>
internal sealed class GraphFilter
{
    private static readonly Dictionary<string, string> NoAliases = [];

    private readonly FilterNode root;
    private readonly List<string> paths = [];

    private GraphFilter(FilterNode root)
    {
        this.root = root;
        Collect(root);
    }

    /// <summary>Gets the properties it names, in order.</summary>
    public IReadOnlyList<string> Paths => paths;

    /// <summary>Reads an expression.</summary>
    /// <exception cref="GraphError">It is none, or one that the service has not.</exception>
    public static GraphFilter Parse(string text)
    {
        try
        {
            return new GraphFilter(FilterParser.Parse(text, NoAliases));
        }
        catch (ODataException e)
        {
            throw Invalid(e.Message);
        }
    }

    /// <summary>Says whether it holds.</summary>
    /// <param name="resolve">Finds the value of a property by its path.</param>
    public bool Holds(Func<string, JsonNode?> resolve) => Holds(root, new Scope(null, null, resolve));

    /// <summary>Names the properties, and refuses what is no condition before any item is looked at.</summary>
    private void Collect(FilterNode node)
    {
        switch (node)
        {
            case FilterNode.Logical both:
                Collect(both.Left);
                Collect(both.Right);
                break;
            case FilterNode.Not not:
                Collect(not.Operand);
                break;
            case FilterNode.Comparison { Left: FilterNode.Path path, Right: FilterNode.Literal }:
                paths.Add(string.Join('/', path.Steps));
                break;
            case FilterNode.TextMatch { Text: FilterNode.Path path, Part: FilterNode.Literal { Value: string } }:
                paths.Add(string.Join('/', path.Steps));
                break;
            case FilterNode.Lambda { IsAll: false, Condition: { } condition } lambda:
                paths.Add(string.Join('/', lambda.Collection));
                int known = paths.Count;
                Collect(condition);
                paths.RemoveRange(known, paths.Count - known);
                break;
            default:
                throw Invalid("every condition compares a property with a value.");
        }
    }

    private static bool Holds(FilterNode node, Scope scope) => node switch
    {
        FilterNode.Logical { IsAnd: true } both => Holds(both.Left, scope) && Holds(both.Right, scope),
        FilterNode.Logical either => Holds(either.Left, scope) || Holds(either.Right, scope),
        FilterNode.Not not => !Holds(not.Operand, scope),
        FilterNode.Comparison compared => Compare(compared.Operator, GraphValue.Compare(scope.Find(compared.Left), ((FilterNode.Literal)compared.Right).Value)),
        FilterNode.TextMatch match => GraphValue.Comparable(scope.Find(match.Text)) is string text && Match(match.Function, text, (string)((FilterNode.Literal)match.Part).Value!),
        FilterNode.Lambda lambda => scope.Items(lambda) is { } items && items.Any(item => Holds(lambda.Condition!, new Scope(lambda.Variable, item, scope.Resolve))),
        _ => false,
    };

    private static bool Compare(string name, int? order) => name switch
    {
        "eq" => order == 0,
        "ne" => order != 0,
        "gt" => order > 0,
        "ge" => order >= 0,
        "lt" => order < 0,
        _ => order <= 0,
    };

    private static bool Match(string function, string text, string part) => function switch
    {
        "startswith" => text.StartsWith(part, StringComparison.OrdinalIgnoreCase),
        "endswith" => text.EndsWith(part, StringComparison.OrdinalIgnoreCase),
        _ => text.Contains(part, StringComparison.OrdinalIgnoreCase),
    };

    private static GraphError Invalid(string what) => GraphError.BadRequest($"Invalid filter clause: {what}");

    /// <summary>What names mean: those of the item, and within a lambda those of one entry.</summary>
    private sealed record Scope(string? Variable, JsonNode? Entry, Func<string, JsonNode?> Resolve)
    {
        public JsonNode? Find(FilterNode node)
        {
            IReadOnlyList<string> steps = ((FilterNode.Path)node).Steps;
            if (Variable is null || steps[0] != Variable)
                return Resolve(string.Join('/', steps));
            return steps.Count == 1 ? Entry : GraphValue.Find(Entry, string.Join('/', steps.Skip(1)));
        }

        /// <summary>Extended properties are those whose ids stand in the condition; nobody lists all.</summary>
        public JsonArray? Items(FilterNode.Lambda lambda)
        {
            string path = string.Join('/', lambda.Collection);
            bool isExtended = path.Equals("singleValueExtendedProperties", StringComparison.OrdinalIgnoreCase);
            return Resolve(isExtended ? $"{path}({string.Join(' ', Literals(lambda.Condition!).Select(l => $"'{l.Replace("'", "''", StringComparison.Ordinal)}'"))})" : path) as JsonArray;
        }

        private static IEnumerable<string> Literals(FilterNode node) => node switch
        {
            FilterNode.Logical both => Literals(both.Left).Concat(Literals(both.Right)),
            FilterNode.Not not => Literals(not.Operand),
            FilterNode.Comparison { Right: FilterNode.Literal { Value: string text } } => [text],
            _ => [],
        };
    }
}
