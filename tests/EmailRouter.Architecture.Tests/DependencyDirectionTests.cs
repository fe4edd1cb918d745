using System.Reflection;
using System.Xml.Linq;

namespace EmailRouter.Architecture.Tests;

/// <summary>Dependencies point one way: Mime ← Mail ← Routing → Crm; PowerShell and Service → Routing; the Lab stands beside.</summary>
public sealed class DependencyDirectionTests
{
    private static readonly Dictionary<string, string[]> allowed = new()
    {
        ["EmailRouter.Mime"] = [],
        ["EmailRouter.Mail"] = ["EmailRouter.Mime"],
        ["EmailRouter.Crm"] = [],
        ["EmailRouter.Routing"] = ["EmailRouter.Mime", "EmailRouter.Mail", "EmailRouter.Crm"],
        ["EmailRouter.Loader"] = [],
        ["EmailRouter.PowerShell"] = ["EmailRouter.Loader", "EmailRouter.Mime", "EmailRouter.Mail", "EmailRouter.Crm", "EmailRouter.Routing"],
        ["EmailRouter.Service"] = ["EmailRouter.Mime", "EmailRouter.Mail", "EmailRouter.Crm", "EmailRouter.Routing"],
        ["EmailRouter.Lab"] = ["EmailRouter.Mime", "EmailRouter.Mail", "EmailRouter.Crm", "EmailRouter.Routing"],
    };

    private static string Root => typeof(DependencyDirectionTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    public static TheoryData<string> Rooms => [.. Directory.GetDirectories(Path.Combine(Root, "src")).Where(HasProject).Select(d => Path.GetFileName(d))];

    [Theory, MemberData(nameof(Rooms))]
    public void A_room_references_only_the_rooms_below_it(string room)
    {
        Assert.True(allowed.TryGetValue(room, out string[]? below), $"{room} is a new room: say here what it may depend on");

        string[] references = [.. ProjectReferences(room)];

        Assert.Empty(references.Except(below));
    }

    [Theory, MemberData(nameof(Rooms))]
    public void The_sources_of_a_room_name_only_the_rooms_below_it(string room)
    {
        string[] foreign = [.. allowed.Keys.Except(allowed[room]).Where(r => r != room)];

        IEnumerable<string> offences = from file in Sources(room)
                                       from line in File.ReadLines(file)
                                       where line.StartsWith("using ", StringComparison.Ordinal)
                                       from other in foreign
                                       where line.Contains(other, StringComparison.Ordinal)
                                       select $"{Path.GetRelativePath(Root, file)}: {line}";

        Assert.Empty(offences);
    }

    [Fact]
    public void The_mail_systems_do_not_know_each_other()
    {
        string[] systems = ["Pop3", "Imap", "Smtp", "Sieve", "Exchange", "Graph"];

        IEnumerable<string> offences = from file in Sources("EmailRouter.Mail")
                                       let system = systems.FirstOrDefault(s => file.Contains($"{Path.DirectorySeparatorChar}{s}{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
                                       where system is not null
                                       from line in File.ReadLines(file)
                                       where systems.Any(other => other != system && line.StartsWith($"using EmailRouter.Mail.{other}", StringComparison.Ordinal))
                                       select $"{Path.GetRelativePath(Root, file)}: {line}";

        Assert.Empty(offences);
    }

    [Fact]
    public void What_all_CRM_servers_share_and_the_older_ones_do_not_lean_on_Dataverse()
    {
        string crm = Path.Combine(Root, "src", "EmailRouter.Crm");
        string[] folders = [.. new[] { "Server", "Organization", "CrmService" }.Select(f => Path.Combine(crm, f) + Path.DirectorySeparatorChar)];
        string[] files = [.. Sources("EmailRouter.Crm").Where(f => folders.Any(folder => f.StartsWith(folder, StringComparison.Ordinal)))];

        IEnumerable<string> offences = from file in files
                                       from line in File.ReadLines(file)
                                       where line.Contains("using EmailRouter.Crm.Dataverse", StringComparison.Ordinal)
                                           || (file.StartsWith(folders[0], StringComparison.Ordinal) && line.StartsWith("using EmailRouter.Crm.Organization", StringComparison.Ordinal))
                                       select $"{Path.GetRelativePath(Root, file)}: {line}";

        Assert.All(folders, folder => Assert.Contains(files, f => f.StartsWith(folder, StringComparison.Ordinal)));
        Assert.Empty(offences);
    }

    [Theory]
    [InlineData("EmailRouter.Mime")]
    [InlineData("EmailRouter.Mail")]
    public void Mail_code_is_our_own_and_needs_no_package(string room)
    {
        XDocument project = XDocument.Load(ProjectFile(room));

        Assert.Empty(project.Descendants("PackageReference").Select(p => (string?)p.Attribute("Include")));
    }

    [Fact]
    public void Every_room_has_tests()
    {
        // The loader does nothing outside PowerShell; tests/PowerShell/Module.Tests.ps1 imports and removes the module in fresh processes.
        string[] testedInPowerShell = ["EmailRouter.Loader"];

        IEnumerable<string> untested = Directory.GetDirectories(Path.Combine(Root, "src")).Where(HasProject).Select(d => Path.GetFileName(d))
            .Except(testedInPowerShell).Where(room => !File.Exists(Path.Combine(Root, "tests", $"{room}.Tests", $"{room}.Tests.csproj")));

        Assert.Empty(untested);
    }

    private static bool HasProject(string folder) => File.Exists(Path.Combine(folder, Path.GetFileName(folder) + ".csproj"));

    private static string ProjectFile(string room) => Path.Combine(Root, "src", room, room + ".csproj");

    private static IEnumerable<string> ProjectReferences(string room) => XDocument.Load(ProjectFile(room)).Descendants("ProjectReference")
        .Select(r => Path.GetFileNameWithoutExtension(((string?)r.Attribute("Include") ?? string.Empty).Replace('\\', '/')));

    private static IEnumerable<string> Sources(string room) => Directory.EnumerateFiles(Path.Combine(Root, "src", room), "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
}
