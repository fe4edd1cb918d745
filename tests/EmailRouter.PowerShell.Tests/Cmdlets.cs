using System.Reflection;
using System.Text.RegularExpressions;
using EmailRouter.PowerShell.Pipeline;

namespace EmailRouter.PowerShell.Tests;

/// <summary>The cmdlets as metadata shows them.</summary>
internal static partial class Cmdlets
{
    public const string AllSets = "__AllParameterSets";

    public static IReadOnlyList<Type> All { get; } =
        [.. typeof(RouterCmdlet).Assembly.GetExportedTypes().Where(type => !type.IsAbstract && Attributes(type, "CmdletAttribute").Any())];

    public static string NameOf(Type cmdlet)
    {
        CustomAttributeData attribute = Attributes(cmdlet, "CmdletAttribute").Single();
        return $"{attribute.ConstructorArguments[0].Value}-{attribute.ConstructorArguments[1].Value}";
    }

    public static IEnumerable<PropertyInfo> Parameters(Type cmdlet) =>
        cmdlet.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => Attributes(property, "ParameterAttribute").Any());

    public static IEnumerable<CustomAttributeData> Attributes(MemberInfo member, string name) =>
        member.GetCustomAttributesData().Where(attribute => attribute.AttributeType.Name == name);

    public static object? Named(CustomAttributeData attribute, string name) =>
        attribute.NamedArguments.FirstOrDefault(argument => argument.MemberName == name).TypedValue.Value;

    public static string SetOf(CustomAttributeData parameter) => Named(parameter, "ParameterSetName") as string ?? AllSets;

    /// <summary>Reads the list of exported cmdlets out of the manifest.</summary>
    public static IReadOnlyList<string> Exported()
    {
        string manifest = File.ReadAllText(Path.Combine(Root(), "EmailRouter.psd1"));
        string list = ExportList().Match(manifest).Groups[1].Value;
        return [.. QuotedName().Matches(list).Select(match => match.Groups[1].Value)];
    }

    public static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "EmailRouter.psd1")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
    }

    [GeneratedRegex(@"CmdletsToExport\s*=\s*@\(([^)]*)\)")]
    private static partial Regex ExportList();

    [GeneratedRegex("'([^']+)'")]
    private static partial Regex QuotedName();
}
