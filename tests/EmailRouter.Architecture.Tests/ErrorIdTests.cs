using System.Reflection;
using System.Text.RegularExpressions;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Architecture.Tests;

/// <summary>Error ids are API: every one stands in docs/errors.md, and none stands there that is gone.</summary>
public sealed partial class ErrorIdTests
{
    // Words of the same form that are no ids: systems' names, rules, and beginnings of ids.
    private static readonly HashSet<string> others = ["CrmService", "MailServer", "CrmCertificate", "CrmPrivilege", "CrmToken"];

    private static string Root => typeof(ErrorIdTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    [Fact]
    public void Every_id_of_the_source_is_in_the_documentation() => Assert.Empty(InSource().Except(InDocumentation()).Order());

    [Fact]
    public void Every_id_of_the_documentation_is_in_the_source() => Assert.Empty(InDocumentation().Except(InSource()).Order());

    [Fact]
    public void Every_id_is_explained_once() => Assert.Empty(Rows().GroupBy(r => r.Groups["id"].Value).Where(g => g.Count() > 1).Select(g => g.Key));

    [Fact]
    public void Both_are_found() => Assert.Contains("RouterUnexpected", InSource().Intersect(InDocumentation()));

    private static HashSet<string> InSource()
    {
        var found = new HashSet<string>();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories))
        {
            string path = Path.GetRelativePath(Root, file).Replace('\\', '/');
            if (path.Contains("/obj/", StringComparison.Ordinal) || path.Contains("/bin/", StringComparison.Ordinal) || path.StartsWith("src/EmailRouter.Lab/", StringComparison.Ordinal))
                continue;
            foreach (string line in File.ReadLines(file).Select(l => l.Trim()).Where(l => !l.StartsWith("//", StringComparison.Ordinal) && !l.StartsWith("[Cmdlet(", StringComparison.Ordinal)))
                found.UnionWith(Literal().Matches(line).Select(m => m.Groups[1].Value));
        }

        found.ExceptWith(others);
        found.RemoveWhere(word => WireType().IsMatch(word));

        // Those that are put together: what stands against a mailbox, and why there is no token.
        found.UnionWith(Enum.GetNames<MailboxStatus>().Where(s => s != nameof(MailboxStatus.Usable)).Select(s => "RouterMailbox" + s));
        found.UnionWith(from side in (string[])["Mail", "Crm"] from kind in (string[])["SignInNeeded", "Refused", "Unavailable"] select $"{side}Token{kind}");
        return found;
    }

    private static HashSet<string> InDocumentation() => [.. Rows().Select(r => r.Groups["id"].Value)];

    private static MatchCollection Rows() => Row().Matches(File.ReadAllText(Path.Combine(Root, "docs", "errors.md")));

    [GeneratedRegex("\"((?:Mail|Crm|Router)[A-Z][A-Za-z]+)\"")]
    private static partial Regex Literal();

    /// <summary>Types of values and parts of messages as Microsoft CRM 4.0 and 2011 write them in XML.</summary>
    [GeneratedRegex("^Crm(AuthenticationToken|Ticket|ServiceUrl|Reference|Number|Float|Decimal|Money|Boolean|DateTime)(Property)?$")]
    private static partial Regex WireType();

    [GeneratedRegex(@"^\| `(?<id>[A-Za-z]+)` \| \S.* \|\r?$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
