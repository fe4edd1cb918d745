using System.Text.Json;

namespace EmailRouter.Lab.OData;

/// <summary>Reads <c>$filter</c> (OData 4.0 Part 2: URL Conventions, 5.1.1), as far as Dataverse has it.</summary>
internal sealed class FilterParser
{
    private const int MaxLength = 32 * 1024;
    private const int MaxDepth = 100;
    private const string CrmNamespace = "Microsoft.Dynamics.CRM.";

    private readonly string text;
    private readonly IReadOnlyDictionary<string, string> aliases;
    private int position;
    private int depth;

    private FilterParser(string text, IReadOnlyDictionary<string, string> aliases)
    {
        this.text = text;
        this.aliases = aliases;
    }

    /// <summary>Reads a filter.</summary>
    /// <param name="text">The filter, decoded.</param>
    /// <param name="aliases">The values of parameter aliases (<c>@p</c>).</param>
    /// <returns>The filter.</returns>
    public static FilterNode Parse(string text, IReadOnlyDictionary<string, string> aliases)
    {
        if (text.Length > MaxLength)
            throw ODataException.Syntax($"The filter is longer than {MaxLength} characters.");
        var parser = new FilterParser(text, aliases);
        FilterNode node = parser.ReadOr();
        parser.SkipSpaces();
        return parser.position == text.Length ? node : throw parser.Error($"unexpected '{text[parser.position]}'");
    }

    private FilterNode ReadOr()
    {
        if (++depth > MaxDepth)
            throw Error("the expression is nested too deeply");
        FilterNode left = ReadAnd();
        while (TryWord("or"))
            left = new FilterNode.Logical(IsAnd: false, left, ReadAnd());
        depth--;
        return left;
    }

    private FilterNode ReadAnd()
    {
        FilterNode left = ReadUnary();
        while (TryWord("and"))
            left = new FilterNode.Logical(IsAnd: true, left, ReadUnary());
        return left;
    }

    private FilterNode ReadUnary()
    {
        if (!TryWord("not"))
            return ReadComparison();
        if (++depth > MaxDepth)
            throw Error("the expression is nested too deeply");
        FilterNode operand = ReadUnary();
        depth--;
        return new FilterNode.Not(operand);
    }

    private FilterNode ReadComparison()
    {
        FilterNode left = ReadOperand();
        foreach (string name in (string[])["eq", "ne", "gt", "ge", "lt", "le"])
        {
            if (TryWord(name))
                return new FilterNode.Comparison(name, left, ReadOperand());
        }

        return left;
    }

    private FilterNode ReadOperand()
    {
        SkipSpaces();
        if (position >= text.Length)
            throw Error("the expression ends early");
        char c = text[position];
        if (c == '(')
        {
            position++;
            FilterNode inner = ReadOr();
            Expect(')');
            return inner;
        }

        if (c == '@')
        {
            int start = position++;
            while (position < text.Length && (char.IsLetterOrDigit(text[position]) || text[position] == '_'))
                position++;
            string alias = text[start..position];
            return aliases.TryGetValue(alias, out string? value)
                ? new FilterNode.Literal(ODataLiteral.Parse(value))
                : throw Error($"the parameter alias '{alias}' has no value");
        }

        if (c == '\'' || c == '-' || char.IsAsciiDigit(c))
            return new FilterNode.Literal(ReadLiteral());
        return char.IsLetter(c) || c == '_' ? ReadName() : throw Error($"unexpected '{c}'");
    }

    private FilterNode ReadName()
    {
        int start = position;
        while (position < text.Length && (char.IsLetterOrDigit(text[position]) || text[position] is '_' or '.' or '-'))
            position++;
        string name = text[start..position];
        bool isCall = position < text.Length && text[position] == '(';
        if (!isCall && name is "null" or "true" or "false" || Guid.TryParseExact(name, "D", out _))
            return new FilterNode.Literal(ODataLiteral.Parse(name));
        if (isCall && name is "contains" or "startswith" or "endswith")
        {
            position++;
            FilterNode value = ReadOperand();
            Expect(',');
            FilterNode part = ReadOperand();
            Expect(')');
            return new FilterNode.TextMatch(name, value, part);
        }

        if (isCall && name.StartsWith(CrmNamespace, StringComparison.Ordinal))
            return new FilterNode.CrmFunction(name[CrmNamespace.Length..], ReadArguments());
        if (isCall)
            throw new ODataException(System.Net.HttpStatusCode.NotImplemented, "0x80060888", $"The function '{name}' is not supported.");
        var steps = new List<string> { name };
        while (position < text.Length && text[position] == '/')
        {
            position++;
            start = position;
            while (position < text.Length && (char.IsLetterOrDigit(text[position]) || text[position] == '_'))
                position++;
            string step = text[start..position];
            if (step is "any" or "Any" or "all" && position < text.Length && text[position] == '(')
                return ReadLambda(steps, step == "all");
            steps.Add(step.Length > 0 ? step : throw Error("a property is missing after '/'"));
        }

        return new FilterNode.Path(steps);
    }

    private FilterNode.Lambda ReadLambda(List<string> collection, bool isAll)
    {
        position++;
        SkipSpaces();
        if (position < text.Length && text[position] == ')' && !isAll)
        {
            position++;
            return new FilterNode.Lambda(collection, isAll, null, null);
        }

        int start = position;
        while (position < text.Length && (char.IsLetterOrDigit(text[position]) || text[position] == '_'))
            position++;
        string variable = text[start..position];
        if (variable.Length == 0)
            throw Error("the lambda has no variable");
        Expect(':');
        FilterNode condition = ReadOr();
        Expect(')');
        return new FilterNode.Lambda(collection, isAll, variable, condition);
    }

    private Dictionary<string, object?> ReadArguments()
    {
        position++;
        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (; ; )
        {
            SkipSpaces();
            if (position < text.Length && text[position] == ')')
            {
                position++;
                return arguments;
            }

            int start = position;
            while (position < text.Length && char.IsLetterOrDigit(text[position]))
                position++;
            string name = text[start..position];
            Expect('=');
            SkipSpaces();
            arguments[name] = position < text.Length && text[position] == '['
                ? ReadList()
                : ReadOperand() is FilterNode.Literal literal ? literal.Value : throw Error("an argument must be a constant");
            SkipSpaces();
            if (position < text.Length && text[position] == ',')
                position++;
        }
    }

    private List<object?> ReadList()
    {
        position++;
        var values = new List<object?>();
        for (; ; )
        {
            SkipSpaces();
            if (position >= text.Length)
                throw Error("the list has no end");
            switch (text[position])
            {
                case ']':
                    position++;
                    return values;
                case ',':
                    position++;
                    break;
                case '"':
                    // A list is JSON, though the documentation shows single quotes as well.
                    int start = position++;
                    while (position < text.Length && text[position] != '"')
                        position += text[position] == '\\' ? 2 : 1;
                    if (position >= text.Length)
                        throw Error("the string has no end");
                    position++;
                    try
                    {
                        values.Add(JsonSerializer.Deserialize<string>(text[start..position]));
                    }
                    catch (JsonException)
                    {
                        throw Error("a string is malformed");
                    }

                    break;
                default:
                    values.Add(ReadOperand() is FilterNode.Literal literal ? literal.Value : throw Error("a list holds constants alone"));
                    break;
            }
        }
    }

    private object? ReadLiteral()
    {
        int start = position;
        if (text[position] == '\'')
        {
            for (position++; ; position++)
            {
                if (position >= text.Length)
                    throw Error("there is an unterminated string literal");
                if (text[position] != '\'')
                    continue;
                if (position + 1 >= text.Length || text[position + 1] != '\'')
                    break;
                position++;
            }

            position++;
        }
        else
        {
            while (position < text.Length && (char.IsLetterOrDigit(text[position]) || text[position] is '-' or '+' or ':' or '.'))
                position++;
        }

        return ODataLiteral.TryParse(text[start..position], out object? value) ? value : throw Error($"'{text[start..position]}' is no literal");
    }

    private bool TryWord(string word)
    {
        int before = position;
        SkipSpaces();
        int end = position + word.Length;
        if (string.CompareOrdinal(text, position, word, 0, word.Length) == 0 && end < text.Length && (text[end] is ' ' or '(') &&
            (before == 0 || position > before || text[before - 1] is ')' or '('))
        {
            position = end;
            return true;
        }

        position = before;
        return false;
    }

    private void Expect(char expected)
    {
        SkipSpaces();
        if (position >= text.Length || text[position] != expected)
            throw Error($"'{expected}' expected");
        position++;
    }

    private void SkipSpaces()
    {
        while (position < text.Length && text[position] is ' ' or '\t')
            position++;
    }

    private ODataException Error(string what) => ODataException.Syntax($"Syntax error at position {Math.Min(position, text.Length)} in '{text}': {what}.");
}
