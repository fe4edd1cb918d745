using System.Reflection;
using System.Runtime.Loader;
using System.Xml.Linq;
using EmailRouter.HelpGenerator;

// Makes PowerShell's help file from the XML documentation of the cmdlets, so that there is one text for both.
//   HelpGenerator <cmdlet assembly> <XML documentation> <reference paths, separated by ;> <help file to write>
if (args.Length != 4)
{
    Console.Error.WriteLine("usage: HelpGenerator <cmdlet assembly> <XML documentation> <references> <help file>");
    return 2;
}

Dictionary<string, string> references = args[2].Split(';', StringSplitOptions.RemoveEmptyEntries)
    .GroupBy(Path.GetFileNameWithoutExtension, StringComparer.OrdinalIgnoreCase)
    .ToDictionary(group => group.Key!, group => group.First(), StringComparer.OrdinalIgnoreCase);
AssemblyLoadContext.Default.Resolving += (context, name) =>
    name.Name is { } simpleName && references.TryGetValue(simpleName, out string? path) ? context.LoadFromAssemblyPath(path) : null;

Assembly assembly = AssemblyLoadContext.Default.LoadFromAssemblyPath(Path.GetFullPath(args[0]));
Documentation documentation = new(XDocument.Load(args[1]));
List<string> gaps = [];
XDocument help = MamlWriter.Write(CmdletReader.Read(assembly, documentation, gaps));
foreach (string gap in gaps)
{
    // In the form that MSBuild shows as an error of its own.
    Console.Error.WriteLine($"{Path.GetFileName(args[0])} : error ROUTERHELP: {gap}");
}

if (gaps.Count > 0)
{
    return 1;
}

Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(args[3]))!);
help.Save(args[3]);
return 0;
