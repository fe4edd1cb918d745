using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace EmailRouter.HelpGenerator;

/// <summary>The XML documentation of an assembly, as plain text.</summary>
/// <param name="document">The compiler's file.</param>
internal sealed partial class Documentation(XDocument document)
{
    private readonly Dictionary<string, XElement> members = document.Descendants("member").ToDictionary(member => (string)member.Attribute("name")!);

    /// <summary>Gets the text of one element of a member, one string a paragraph.</summary>
    public IReadOnlyList<string> Paragraphs(string member, string element) =>
        members.TryGetValue(member, out XElement? found) && found.Element(element) is { } text ? Paragraphs(text) : [];

    /// <summary>Gets the examples of a member.</summary>
    public IReadOnlyList<Example> Examples(string member) =>
        !members.TryGetValue(member, out XElement? found)
            ? []
            : [.. found.Elements("example").Select(example => new Example(
                string.Join(' ', Paragraphs(example.Element("summary") ?? new XElement("summary"))),
                Outdent(example.Element("code")?.Value ?? string.Empty),
                [.. example.Elements("para").SelectMany(Paragraphs)]))];

    private static IReadOnlyList<string> Paragraphs(XElement element)
    {
        List<string> paragraphs = [];
        string current = string.Empty;
        foreach (XNode node in element.Nodes())
        {
            if (node is XElement { Name.LocalName: "para" } para)
            {
                Add(current);
                current = string.Empty;
                Add(Inline(para.Nodes()));
            }
            else
            {
                current += Inline([node]);
            }
        }

        Add(current);
        return paragraphs;

        void Add(string text)
        {
            string flat = WhiteSpace().Replace(text, " ").Trim();
            if (flat.Length > 0)
            {
                paragraphs.Add(flat);
            }
        }
    }

    private static string Inline(IEnumerable<XNode> nodes) => string.Concat(nodes.Select(node => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" } see => see.Value.Length > 0 ? see.Value : Reference(see),
        XElement { Name.LocalName: "paramref" or "typeparamref" } reference => (string?)reference.Attribute("name") ?? string.Empty,
        XElement other => Inline(other.Nodes()),
        _ => string.Empty,
    }));

    // "P:Some.Namespace.Type.Member" is shown as "Member", "T:Some.Namespace.Type" as "Type".
    private static string Reference(XElement see)
    {
        string target = (string?)see.Attribute("cref") ?? (string?)see.Attribute("langword") ?? (string?)see.Attribute("href") ?? string.Empty;
        if (target.StartsWith("http", StringComparison.Ordinal))
        {
            return target;
        }

        string name = target.Split('(')[0];
        string last = name[(name.LastIndexOf('.') + 1)..];
        return last.EndsWith("Command", StringComparison.Ordinal) && target.StartsWith("T:", StringComparison.Ordinal) ? CmdletName(last) : last;
    }

    private static string CmdletName(string className)
    {
        string name = className[..^"Command".Length];
        int noun = name.Skip(1).TakeWhile(char.IsLower).Count() + 1;
        return $"{name[..noun]}-{name[noun..]}";
    }

    private static string Outdent(string code)
    {
        string[] lines = [.. code.Replace("\r", string.Empty, StringComparison.Ordinal).Split('\n').SkipWhile(string.IsNullOrWhiteSpace)];
        int indent = lines.Where(line => line.Trim().Length > 0).Select(line => line.Length - line.TrimStart().Length).DefaultIfEmpty(0).Min();
        return string.Join('\n', lines.Select(line => line.Length >= indent ? line[indent..].TrimEnd() : string.Empty)).TrimEnd();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}

/// <summary>An example of a cmdlet.</summary>
internal sealed record Example(string Title, string Code, IReadOnlyList<string> Remarks);
