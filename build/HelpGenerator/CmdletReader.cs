using System.Reflection;

namespace EmailRouter.HelpGenerator;

/// <summary>A cmdlet as help shows it.</summary>
internal sealed record CmdletHelp(
    string Verb,
    string Noun,
    string Synopsis,
    IReadOnlyList<string> Description,
    IReadOnlyList<ParameterHelp> Parameters,
    IReadOnlyList<string> ParameterSets,
    IReadOnlyList<string> OutputTypes,
    IReadOnlyList<Example> Examples);

/// <summary>A parameter as help shows it.</summary>
internal sealed record ParameterHelp(
    string Name,
    string Type,
    bool IsSwitch,
    IReadOnlyList<string> Description,
    IReadOnlyList<string> Aliases,
    IReadOnlyList<string> Values,
    bool Wildcards,
    IReadOnlyList<ParameterInSet> Sets);

/// <summary>A parameter in one parameter set.</summary>
internal sealed record ParameterInSet(string Set, bool Mandatory, int? Position, bool ByValue, bool ByPropertyName);

/// <summary>Reads the cmdlets of an assembly.</summary>
/// <remarks>
/// Attributes are read as data: the assembly was compiled against a reference assembly whose attributes remember nothing when they are constructed.
/// </remarks>
internal static class CmdletReader
{
    private const string AllSets = "__AllParameterSets";

    public static IReadOnlyList<CmdletHelp> Read(Assembly assembly, Documentation documentation, List<string> gaps) =>
        [.. assembly.GetExportedTypes()
            .Where(type => !type.IsAbstract && Attribute(type, "CmdletAttribute") is not null)
            .Select(type => Read(type, documentation, gaps))
            .OrderBy(cmdlet => cmdlet.Noun, StringComparer.Ordinal).ThenBy(cmdlet => cmdlet.Verb, StringComparer.Ordinal)];

    private static CmdletHelp Read(Type type, Documentation documentation, List<string> gaps)
    {
        CustomAttributeData cmdlet = Attribute(type, "CmdletAttribute")!;
        string verb = (string)cmdlet.ConstructorArguments[0].Value!;
        string noun = (string)cmdlet.ConstructorArguments[1].Value!;
        string member = "T:" + type.FullName;
        List<ParameterHelp> parameters = [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => Attributes(property, "ParameterAttribute").Any())
            .Select(property => Read(property, documentation))];
        if (Named(cmdlet, "SupportsShouldProcess") is true)
        {
            parameters.Add(Common("WhatIf", "wi", "Shows what would happen, and changes nothing."));
            parameters.Add(Common("Confirm", "cf", "Asks before each change."));
        }

        IReadOnlyList<string> synopsis = documentation.Paragraphs(member, "summary");
        IReadOnlyList<Example> examples = documentation.Examples(member);
        string name = $"{verb}-{noun}";
        gaps.AddRange(synopsis.Count == 0 ? [$"{name} has no summary."] : []);
        gaps.AddRange(examples.Count < 2 || examples.Any(example => example.Code.Length == 0 || example.Title.Length == 0)
            ? [$"{name} needs two examples with a title and code."] : []);
        gaps.AddRange(parameters.Where(parameter => parameter.Description.Count == 0).Select(parameter => $"{name} -{parameter.Name} has no summary."));

        string[] sets = [.. parameters.SelectMany(parameter => parameter.Sets).Select(set => set.Set).Where(set => set != AllSets).Distinct()];
        string? defaultSet = Named(cmdlet, "DefaultParameterSetName") as string;
        return new CmdletHelp(
            verb,
            noun,
            string.Join(' ', synopsis),
            documentation.Paragraphs(member, "remarks"),
            [.. parameters
                .OrderBy(parameter => parameter.Sets.Min(set => set.Position ?? int.MaxValue))
                .ThenBy(parameter => parameter.Name, StringComparer.Ordinal)],
            sets.Length == 0 ? [AllSets] : [.. sets.OrderBy(set => set == defaultSet ? 0 : 1)],
            [.. Attributes(type, "OutputTypeAttribute").SelectMany(OutputTypes).Distinct()],
            examples);
    }

    private static ParameterHelp Read(PropertyInfo property, Documentation documentation)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        Type element = type.IsArray ? type.GetElementType()! : type;
        return new ParameterHelp(
            property.Name,
            element.Name + (type.IsArray ? "[]" : string.Empty),
            type.Name == "SwitchParameter",
            documentation.Paragraphs($"P:{property.DeclaringType!.FullName}.{property.Name}", "summary"),
            [.. Attributes(property, "AliasAttribute").SelectMany(alias => Strings(alias.ConstructorArguments[0]))],
            element.IsEnum ? Enum.GetNames(element) : [.. Attributes(property, "ValidateSetAttribute").SelectMany(set => Strings(set.ConstructorArguments[0]))],
            Attributes(property, "SupportsWildcardsAttribute").Any(),
            [.. Attributes(property, "ParameterAttribute").Select(InSet)]);
    }

    private static ParameterHelp Common(string name, string alias, string description) =>
        new(name, "SwitchParameter", true, [description], [alias], [], false, [new ParameterInSet(AllSets, false, null, false, false)]);

    private static ParameterInSet InSet(CustomAttributeData parameter) => new(
        Named(parameter, "ParameterSetName") as string ?? AllSets,
        Named(parameter, "Mandatory") is true,
        Named(parameter, "Position") as int?,
        Named(parameter, "ValueFromPipeline") is true,
        Named(parameter, "ValueFromPipelineByPropertyName") is true);

    private static IEnumerable<string> OutputTypes(CustomAttributeData output) =>
        output.ConstructorArguments[0].Value is IReadOnlyCollection<CustomAttributeTypedArgument> many
            ? many.Select(one => ((Type)one.Value!).FullName!)
            : [((Type)output.ConstructorArguments[0].Value!).FullName!];

    private static IEnumerable<string> Strings(CustomAttributeTypedArgument argument) =>
        argument.Value is IReadOnlyCollection<CustomAttributeTypedArgument> many ? many.Select(one => (string)one.Value!) : [(string)argument.Value!];

    private static object? Named(CustomAttributeData attribute, string name) =>
        attribute.NamedArguments.FirstOrDefault(argument => argument.MemberName == name).TypedValue.Value;

    private static CustomAttributeData? Attribute(MemberInfo member, string name) => Attributes(member, name).FirstOrDefault();

    private static IEnumerable<CustomAttributeData> Attributes(MemberInfo member, string name) =>
        member.GetCustomAttributesData().Where(attribute => attribute.AttributeType.Name == name);
}
