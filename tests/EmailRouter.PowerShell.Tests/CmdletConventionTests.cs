using System.Reflection;

namespace EmailRouter.PowerShell.Tests;

public sealed class CmdletConventionTests
{
    // Get-Verb of PowerShell 7.4 and later.
    private static readonly string[] ApprovedVerbs =
    [
        "Add", "Clear", "Close", "Copy", "Enter", "Exit", "Find", "Format", "Get", "Hide", "Join", "Lock", "Move", "New", "Open", "Optimize", "Pop",
        "Push", "Redo", "Remove", "Rename", "Reset", "Resize", "Search", "Select", "Set", "Show", "Skip", "Split", "Step", "Switch", "Undo", "Unlock",
        "Watch", "Connect", "Disconnect", "Read", "Receive", "Send", "Write", "Backup", "Checkpoint", "Compare", "Compress", "Convert", "ConvertFrom",
        "ConvertTo", "Dismount", "Edit", "Expand", "Export", "Group", "Import", "Initialize", "Limit", "Merge", "Mount", "Out", "Publish", "Restore",
        "Save", "Sync", "Unpublish", "Update", "Debug", "Measure", "Ping", "Repair", "Resolve", "Test", "Trace", "Approve", "Assert", "Build",
        "Complete", "Confirm", "Deny", "Deploy", "Disable", "Enable", "Install", "Invoke", "Register", "Request", "Restart", "Resume", "Start",
        "Stop", "Submit", "Suspend", "Uninstall", "Unregister", "Wait", "Block", "Grant", "Protect", "Revoke", "Unblock", "Unprotect", "Use",
    ];

    private static readonly string[] Changing = ["New", "Set", "Remove", "Import", "Send", "Invoke", "Save", "Start", "Stop", "Deploy"];

    // Names that users of the original product look for.
    private static readonly string[] NounsWithoutPrefix = ["InboxRule", "DeployedInboxRule"];

    public static TheoryData<Type> All => [.. Cmdlets.All];

    [Fact]
    public void The_manifest_exports_exactly_the_cmdlets_there_are() =>
        Assert.Equal(Cmdlets.All.Select(Cmdlets.NameOf).Order(StringComparer.Ordinal), Cmdlets.Exported().Order(StringComparer.Ordinal));

    [Fact]
    public void The_manifest_lists_its_exports_in_order() => Assert.Equal(Cmdlets.Exported().Order(StringComparer.Ordinal), Cmdlets.Exported());

    [Theory]
    [MemberData(nameof(All))]
    public void The_verb_is_approved_and_the_noun_has_the_prefix(Type cmdlet)
    {
        string[] name = Cmdlets.NameOf(cmdlet).Split('-');

        Assert.Contains(name[0], ApprovedVerbs);
        Assert.True(name[1].StartsWith("Router", StringComparison.Ordinal) || name[1].StartsWith("Crm", StringComparison.Ordinal) || NounsWithoutPrefix.Contains(name[1]), name[1]);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_class_is_sealed_and_named_after_verb_and_noun(Type cmdlet)
    {
        Assert.True(cmdlet.IsSealed);
        Assert.Equal(Cmdlets.NameOf(cmdlet).Replace("-", string.Empty, StringComparison.Ordinal) + "Command", cmdlet.Name);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_output_type_is_declared(Type cmdlet) => Assert.NotEmpty(Cmdlets.Attributes(cmdlet, "OutputTypeAttribute"));

    [Theory]
    [MemberData(nameof(All))]
    public void What_changes_something_supports_WhatIf_and_what_does_not_does_not(Type cmdlet)
    {
        bool changes = Changing.Contains(Cmdlets.NameOf(cmdlet).Split('-')[0]);

        bool supports = Cmdlets.Named(Cmdlets.Attributes(cmdlet, "CmdletAttribute").Single(), "SupportsShouldProcess") is true;

        Assert.Equal(changes, supports);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Each_parameter_set_is_told_apart_by_its_mandatory_parameters(Type cmdlet)
    {
        var sets = Cmdlets.Parameters(cmdlet)
            .SelectMany(parameter => Cmdlets
                .Attributes(parameter, "ParameterAttribute")
                .Select(attribute => (parameter.Name, Set: Cmdlets.SetOf(attribute), attribute)))
            .ToList();
        string? defaultSet = Cmdlets.Named(Cmdlets.Attributes(cmdlet, "CmdletAttribute").Single(), "DefaultParameterSetName") as string;
        string[] named = [.. sets.Select(one => one.Set).Where(set => set != Cmdlets.AllSets).Distinct()];
        string[] names = [.. named.Union(defaultSet is null ? [] : [defaultSet])];

        Assert.True(named.Length == 0 || defaultSet is not null, "There are parameter sets and none is the default.");
        string[] mandatory = [.. names.Select(set => string.Join(
            ',',
            sets.Where(one => one.Set == set && Cmdlets.Named(one.attribute, "Mandatory") is true).Select(one => one.Name).Order(StringComparer.Ordinal)))];
        Assert.Equal(mandatory.Length, mandatory.Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(All))]
    public void At_most_two_parameters_are_positional(Type cmdlet)
    {
        var positions = Cmdlets.Parameters(cmdlet).Where(parameter =>
            Cmdlets.Attributes(parameter, "ParameterAttribute").Any(attribute => Cmdlets.Named(attribute, "Position") is not null));

        Assert.True(positions.Count() <= 3 && positions.SelectMany(parameter => Cmdlets.Attributes(parameter, "ParameterAttribute"))
            .Select(attribute => Cmdlets.Named(attribute, "Position")).Distinct().Count() <= 2);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_configuration_path_flows_along_the_pipeline(Type cmdlet)
    {
        if (Cmdlets.NameOf(cmdlet) == "Start-RouterLab")
        {
            // It makes a configuration.
            return;
        }

        PropertyInfo? path = Cmdlets.Parameters(cmdlet).SingleOrDefault(parameter => parameter.Name == "ConfigurationPath");

        Assert.NotNull(path);
        Assert.All(Cmdlets.Attributes(path, "ParameterAttribute"),
            attribute => Assert.True(Cmdlets.Named(attribute, "ValueFromPipelineByPropertyName") is true));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void No_parameter_takes_a_secret_as_text(Type cmdlet) => Assert.DoesNotContain(
        Cmdlets.Parameters(cmdlet),
        parameter => parameter.PropertyType == typeof(string)
            && (parameter.Name.Contains("Password", StringComparison.OrdinalIgnoreCase)
                || parameter.Name.Contains("Secret", StringComparison.OrdinalIgnoreCase)));

    [Theory]
    [MemberData(nameof(All))]
    public void Names_of_deployments_and_profiles_are_completed(Type cmdlet) => Assert.All(
        Cmdlets.Parameters(cmdlet).Where(parameter => parameter.Name is "Deployment" or "IncomingProfile" or "OutgoingProfile" or "RulesProfile" or "Profile"),
        parameter => Assert.NotEmpty(Cmdlets.Attributes(parameter, "ArgumentCompleterAttribute")));

    [Theory]
    [InlineData("New-RouterProfile", "Path", "Credential", "Anonymous", "ProcessAccount")]
    [InlineData("Set-RouterProfile", "MailboxCredential", "Credential", "Anonymous", "ProcessAccount")]
    [InlineData("New-RouterDeployment", "Path", "Credential", "ProcessAccount")]
    [InlineData("Set-RouterDeployment", "Credential", "ProcessAccount")]
    public void Ways_to_log_in_cannot_be_combined(string cmdlet, params string[] ways)
    {
        string[] flows = ["ClientSecret", "CertificatePath", "CertificateThumbprint", "ManagedIdentity", "DeviceCode", "Interactive", "TokenCommand", "TokenScript"];
        Type type = Cmdlets.All.Single(one => Cmdlets.NameOf(one) == cmdlet);

        string[] sets = [.. flows.Concat(ways).Select(way =>
        {
            CustomAttributeData attribute = Assert.Single(Cmdlets.Attributes(Cmdlets.Parameters(type).Single(parameter => parameter.Name == way), "ParameterAttribute"));
            Assert.True(Cmdlets.Named(attribute, "Mandatory") is true, way);
            return Cmdlets.SetOf(attribute);
        })];

        Assert.DoesNotContain(Cmdlets.AllSets, sets);
        Assert.Equal(sets.Length, sets.Distinct().Count());
    }

    [Theory]
    [InlineData("New-RouterProfile", "HostName")]
    [InlineData("New-RouterProfile", "Port")]
    [InlineData("New-RouterProfile", "Url")]
    [InlineData("New-RouterDeployment", "Url")]
    [InlineData("New-RouterDeployment", "System")]
    public void What_names_a_server_does_not_go_with_a_path_and_goes_with_every_log_in(string cmdlet, string name)
    {
        Type type = Cmdlets.All.Single(one => Cmdlets.NameOf(one) == cmdlet);
        string[] all = [.. Cmdlets.Parameters(type).SelectMany(parameter => Cmdlets.Attributes(parameter, "ParameterAttribute")).Select(Cmdlets.SetOf).Distinct()
            .Where(set => set is not (Cmdlets.AllSets or "Path" or "Embedded"))];

        string[] sets = [.. Cmdlets.Attributes(Cmdlets.Parameters(type).Single(parameter => parameter.Name == name), "ParameterAttribute").Select(Cmdlets.SetOf)];

        Assert.Equal(all.Order(StringComparer.Ordinal), sets.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_belongs_to_one_flow_goes_with_no_other()
    {
        foreach (Type cmdlet in Cmdlets.All.Where(one => Cmdlets.Parameters(one).Any(parameter => parameter.Name == "TokenCommand")))
        {
            Assert.Equal(["CertificatePath"], SetsOf("CertificatePassword"));
            Assert.Equal(["TokenCommand"], SetsOf("TokenArgument"));
            Assert.Equal(["DeviceCode", "Interactive", "TokenCommand", "TokenScript"], SetsOf("UserName"));
            Assert.DoesNotContain("TokenCommand", SetsOf("ClientId"));
            Assert.DoesNotContain("ManagedIdentity", SetsOf("TenantId"));

            IEnumerable<string> SetsOf(string name) => Cmdlets
                .Attributes(Cmdlets.Parameters(cmdlet).Single(parameter => parameter.Name == name), "ParameterAttribute").Select(Cmdlets.SetOf).Order(StringComparer.Ordinal);
        }
    }
}
