using System.Xml.Linq;

namespace EmailRouter.HelpGenerator;

/// <summary>Writes help in the form that Get-Help reads.</summary>
internal static class MamlWriter
{
    private static readonly XNamespace Items = "http://msh";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    public static XDocument Write(IReadOnlyList<CmdletHelp> cmdlets) => new(
        new XDeclaration("1.0", "utf-8", null),
        new XElement(
            Items + "helpItems",
            new XAttribute("schema", "maml"),
            cmdlets.Select(cmdlet => new XElement(
                Command + "command",
                new XAttribute(XNamespace.Xmlns + "maml", Maml),
                new XAttribute(XNamespace.Xmlns + "command", Command),
                new XAttribute(XNamespace.Xmlns + "dev", Dev),
                Details(cmdlet),
                new XElement(Maml + "description", Paragraphs(cmdlet.Description.Count > 0 ? cmdlet.Description : [cmdlet.Synopsis])),
                new XElement(Command + "syntax", cmdlet.ParameterSets.Select(set => SyntaxItem(cmdlet, set))),
                new XElement(Command + "parameters", cmdlet.Parameters.Select(parameter => Parameter(parameter, Widest(parameter)))),
                new XElement(Command + "inputTypes", Inputs(cmdlet)),
                new XElement(Command + "returnValues", cmdlet.OutputTypes.Select(type => new XElement(Command + "returnValue", TypeElement(type)))),
                new XElement(Command + "examples", cmdlet.Examples.Select(Example)),
                new XElement(Command + "relatedLinks")))));

    private static XElement Details(CmdletHelp cmdlet) => new(
        Command + "details",
        new XElement(Command + "name", $"{cmdlet.Verb}-{cmdlet.Noun}"),
        new XElement(Command + "verb", cmdlet.Verb),
        new XElement(Command + "noun", cmdlet.Noun),
        new XElement(Maml + "description", Paragraphs([cmdlet.Synopsis])));

    private static XElement SyntaxItem(CmdletHelp cmdlet, string set) => new(
        Command + "syntaxItem",
        new XElement(Maml + "name", $"{cmdlet.Verb}-{cmdlet.Noun}"),
        cmdlet.Parameters
            .Select(parameter => (parameter, inSet: parameter.Sets.FirstOrDefault(one => one.Set == set)
                ?? parameter.Sets.FirstOrDefault(one => one.Set == "__AllParameterSets")))
            .Where(pair => pair.inSet is not null)
            .OrderBy(pair => pair.inSet!.Position ?? int.MaxValue).ThenBy(pair => pair.inSet!.Mandatory ? 0 : 1)
            .Select(pair => Parameter(pair.parameter, pair.inSet!)));

    private static XElement Parameter(ParameterHelp parameter, ParameterInSet set) => new(
        Command + "parameter",
        new XAttribute("required", Text(set.Mandatory)),
        new XAttribute("variableLength", "true"),
        new XAttribute("globbing", Text(parameter.Wildcards)),
        new XAttribute("pipelineInput", Pipeline(set)),
        new XAttribute("position", set.Position?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "named"),
        new XAttribute("aliases", parameter.Aliases.Count > 0 ? string.Join(", ", parameter.Aliases) : "none"),
        new XElement(Maml + "name", parameter.Name),
        new XElement(Maml + "description", Paragraphs(parameter.Description)),
        parameter.Values.Count > 0
            ? new XElement(Command + "parameterValueGroup", parameter.Values.Select(value => new XElement(
                Command + "parameterValue", new XAttribute("required", "false"), new XAttribute("variableLength", "false"), value)))
            : null,
        parameter.IsSwitch
            ? null
            : new XElement(Command + "parameterValue", new XAttribute("required", "true"), new XAttribute("variableLength", "false"), parameter.Type),
        TypeElement(parameter.Type),
        new XElement(Dev + "defaultValue", parameter.IsSwitch ? "False" : "None"));

    private static ParameterInSet Widest(ParameterHelp parameter) => parameter.Sets[0] with
    {
        Mandatory = parameter.Sets.All(set => set.Mandatory),
        ByValue = parameter.Sets.Any(set => set.ByValue),
        ByPropertyName = parameter.Sets.Any(set => set.ByPropertyName),
    };

    private static IEnumerable<XElement> Inputs(CmdletHelp cmdlet) => cmdlet.Parameters
        .Where(parameter => parameter.Sets.Any(set => set.ByValue))
        .Select(parameter => parameter.Type).Distinct()
        .Select(type => new XElement(Command + "inputType", TypeElement(type)));

    private static XElement Example(Example example, int index) => new(
        Command + "example",
        new XElement(Maml + "title", $"Example {index + 1}: {example.Title}"),
        new XElement(Dev + "code", example.Code),
        new XElement(Dev + "remarks", Paragraphs(example.Remarks)));

    private static XElement TypeElement(string type) => new(Dev + "type", new XElement(Maml + "name", type), new XElement(Maml + "uri"));

    private static IEnumerable<XElement> Paragraphs(IEnumerable<string> texts) => texts.Select(text => new XElement(Maml + "para", text));

    private static string Pipeline(ParameterInSet set) => (set.ByValue, set.ByPropertyName) switch
    {
        (true, true) => "True (ByPropertyName, ByValue)",
        (true, false) => "True (ByValue)",
        (false, true) => "True (ByPropertyName)",
        _ => "False",
    };

    private static string Text(bool value) => value ? "true" : "false";
}
