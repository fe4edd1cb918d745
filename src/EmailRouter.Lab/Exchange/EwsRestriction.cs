using System.Globalization;
using System.Xml.Linq;

namespace EmailRouter.Lab.Exchange;

/// <summary>What a path of a restriction or sort order reads: the values, and how they compare.</summary>
internal delegate (EwsValueKind Kind, IReadOnlyList<string> Values) EwsRead<in TSubject>(TSubject subject);

/// <summary>Restrictions and sort orders of FindItem and FindFolder.</summary>
internal static class EwsRestriction
{
    private static readonly XNamespace T = EwsNames.T;

    /// <summary>Makes a test of a search expression.</summary>
    public static Predicate<TSubject> Parse<TSubject>(XElement expression, Func<XElement, EwsRead<TSubject>> path)
    {
        XElement[] children = [.. expression.Elements()];
        switch (expression.Name.LocalName)
        {
            case "And" or "Or":
                if (children.Length < 2)
                    throw EwsException.Schema(expression, $"The element '{expression.Name.LocalName}' has incomplete content.");
                Predicate<TSubject>[] parts = [.. children.Select(c => Parse(c, path))];
                return expression.Name.LocalName == "And" ? s => Array.TrueForAll(parts, p => p(s)) : s => Array.Exists(parts, p => p(s));
            case "Not":
                Predicate<TSubject> inner = Parse(Only(expression, 1)[0], path);
                return s => !inner(s);
            case "Exists":
                EwsRead<TSubject> there = path(Only(expression, 1)[0]);
                return s => there(s).Values.Count > 0;
            case "Contains":
                return Contains(expression, path);
            case "IsEqualTo" or "IsNotEqualTo" or "IsGreaterThan" or "IsGreaterThanOrEqualTo" or "IsLessThan" or "IsLessThanOrEqualTo":
                return Comparison(expression, path);
            case "Excludes":
                EwsRead<TSubject> bits = path(Only(expression, 2)[0]);
                string mask = children[1].Attribute("Value")?.Value ?? throw EwsException.Schema(children[1], "The required attribute 'Value' is missing.");
                int number = mask.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                    ? int.Parse(mask.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : int.Parse(mask, CultureInfo.InvariantCulture);
                return s => bits(s).Values.All(v => (int.Parse(v, CultureInfo.InvariantCulture) & number) == 0);
            default:
                throw EwsException.Schema(expression, $"The element '{expression.Name.LocalName}' is no search expression.");
        }
    }

    /// <summary>Compares two values.</summary>
    public static int Compare(EwsValueKind kind, string one, string other) => kind switch
    {
        EwsValueKind.Date => Date(one).CompareTo(Date(other)),
        EwsValueKind.Number => Number(one).CompareTo(Number(other)),
        EwsValueKind.Flag => EwsNames.IsTrue(one).CompareTo(EwsNames.IsTrue(other)),
        _ => string.Compare(one, other, StringComparison.OrdinalIgnoreCase),
    };

    private static Predicate<TSubject> Comparison<TSubject>(XElement expression, Func<XElement, EwsRead<TSubject>> path)
    {
        XElement[] children = Only(expression, 2);
        EwsRead<TSubject> left = path(children[0]);
        XElement other = children[1].Name == T + "FieldURIOrConstant" ? children[1].Elements().FirstOrDefault() ?? throw Incomplete(children[1]) : throw Incomplete(expression);
        EwsRead<TSubject>? field = other.Name == T + "Constant" ? null : path(other);
        string? constant = other.Attribute("Value")?.Value;
        if (field is null && constant is null)
            throw Incomplete(other);
        string name = expression.Name.LocalName;
        return subject =>
        {
            (EwsValueKind kind, IReadOnlyList<string> values) = left(subject);
            string? right = field is null ? constant : field(subject).Values is [var value, ..] ? value : null;
            if (name == "IsNotEqualTo")
                return right is null ? values.Count > 0 : values.All(v => Compare(kind, v, right) != 0);
            return right is not null && values.Any(v => Compare(kind, v, right) is var order && name switch
            {
                "IsEqualTo" => order == 0,
                "IsGreaterThan" => order > 0,
                "IsGreaterThanOrEqualTo" => order >= 0,
                "IsLessThan" => order < 0,
                _ => order <= 0,
            });
        };
    }

    private static Predicate<TSubject> Contains<TSubject>(XElement expression, Func<XElement, EwsRead<TSubject>> path)
    {
        XElement[] children = Only(expression, 2);
        EwsRead<TSubject> read = path(children[0]);
        string wanted = children[1].Attribute("Value")?.Value ?? throw Incomplete(children[1]);
        string mode = expression.Attribute("ContainmentMode")?.Value ?? "FullString";
        StringComparison how = expression.Attribute("ContainmentComparison")?.Value is "Exact" or null ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        return subject => read(subject).Values.Any(v => mode switch
        {
            "Substring" => v.Contains(wanted, how),
            "Prefixed" => v.StartsWith(wanted, how),
            "PrefixOnWords" or "ExactPhrase" => $" {v}".Contains($" {wanted}", how),
            _ => v.Equals(wanted, how),
        });
    }

    private static XElement[] Only(XElement expression, int count)
    {
        XElement[] children = [.. expression.Elements()];
        return children.Length == count ? children : throw Incomplete(expression);
    }

    private static EwsException Incomplete(XElement at) => EwsException.Schema(at, $"The element '{at.Name.LocalName}' has incomplete content.");

    private static DateTimeOffset Date(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date)
            ? date : throw new EwsException("ErrorInvalidValueForProperty", $"\"{text}\" is no date.");

    private static long Number(string text) =>
        long.TryParse(text, CultureInfo.InvariantCulture, out long number) ? number : throw new EwsException("ErrorInvalidValueForProperty", $"\"{text}\" is no number.");
}
