using System.Xml.Linq;
using EmailRouter.Crm.Organization;
using EmailRouter.Crm.Tests.Dataverse;
using static EmailRouter.Crm.Tests.Organization.ScriptedOrganizationService;

namespace EmailRouter.Crm.Tests.Organization;

/// <summary>How tables that email can be addressed to are learned, in each version's way.</summary>
public sealed class TableDefinitionsTests : IAsyncDisposable
{
    private const string Name = "http://schemas.microsoft.com/xrm/2011/Metadata";
    private static readonly Guid vera = new("dddddddd-0000-0000-0000-000000000009");

    private readonly ScriptedOrganizationService server = new();
    private readonly OrganizationServiceStore store;

    public TableDefinitionsTests()
    {
        store = new OrganizationServiceStore(ScriptedServer.Endpoint, server.Http.Context);
        server.Tables["new_vendor"] =
            [Entity("new_vendor", vera, Result("new_vendorid", "d:guid", vera.ToString()), Text("new_name", "Vera"),
                Text("new_mail", "vera@vendor.test"), Option("statecode", 0))];
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    [Fact]
    public async Task A_custom_table_is_learned_with_one_message()
    {
        server.Answer = m => m.Name != "RetrieveMetadataChanges" ? null : Definitions(
            "a:EntityMetadataCollection",
            "a",
            Table("new_vendor", "new_vendorid", "new_name", true, Column("new_vendorid"),
                Column("new_name", "<m:Format>Text</m:Format>"), Column("new_mail", "<m:Format>Email</m:Format>"), Column("statecode")),
            Table("new_note", "new_noteid", "new_name", false, Column("new_mail", "<m:Format>Email</m:Format>")),
            Table("equipment", "equipmentid", "name", true, Column("equipmentid"), Column("name"), Column("emailaddress")));

        await FindVeraAsync();

        XElement query = server.Messages.Single(m => m.Name == "RetrieveMetadataChanges").Parameters["Query"];
        Assert.Equal(["Criteria", "Properties", "AttributeQuery"], query.Elements().Select(e => e.Name.LocalName));
        Assert.DoesNotContain(server.Messages, m => m.Name is "RetrieveAllEntities" or "RetrieveEntity" || m.Table == "new_note");
        Assert.Equal(["equipmentid", "name", "emailaddress"], ColumnsOf("equipment"));
        Assert.Contains("ownerid", ColumnsOf("contact"));
    }

    [Fact]
    public async Task The_format_of_CRM_2013_counts_too()
    {
        server.Answer = m => m.Name != "RetrieveMetadataChanges" ? null : Definitions(
            "a:EntityMetadataCollection",
            "a",
            Table("new_vendor", "new_vendorid", "new_name", true, Column("new_name"),
                Column("new_mail", "<m:FormatName><x:Value xmlns:x=\"http://schemas.microsoft.com/xrm/2013/Metadata\">Email</x:Value></m:FormatName>")));

        await FindVeraAsync();
    }

    [Fact]
    public async Task Before_Update_Rollup_12_the_tables_are_listed_and_each_is_asked_for()
    {
        server.Version = "5.0.9688.583";
        server.Answer = m => m.Name switch
        {
            "RetrieveAllEntities" => Definitions("m:ArrayOfEntityMetadata", "m", Table("new_vendor", "new_vendorid", "new_name", true),
                Table("new_note", "new_noteid", "new_name", false), Table("email", "activityid", "subject", false)),
            "RetrieveEntity" when m["LogicalName"] == "new_vendor" => Result(
                "EntityMetadata", $"m:EntityMetadata\" xmlns:m=\"{Name}",
                    $"<m:Attributes>{Column("new_name")}{Column("new_mail", "<m:Format>Email</m:Format>")}</m:Attributes><m:LogicalName i:nil=\"true\"/>"),
            _ => null,
        };

        await FindVeraAsync();

        Assert.Equal(["email", "new_vendor"],
            server.Messages.Where(m => m.Name == "RetrieveEntity").Select(m => m["LogicalName"]).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(server.Messages, m => m.Name is "RetrieveMetadataChanges" or "ExecuteMultiple");
    }

    [Fact]
    public async Task A_table_is_not_left_out_for_trouble_that_passes()
    {
        server.Version = "5.0.9688.583";
        server.Answer = m => m.Name switch
        {
            "RetrieveAllEntities" => Definitions("m:ArrayOfEntityMetadata", "m", Table("new_vendor", "new_vendorid", "new_name", true)),
            "RetrieveEntity" when m["LogicalName"] == "new_vendor" => Fault(unchecked((int)0x80044150), "The organization is disabled for now."),
            _ => null,
        };

        CrmException trouble = await Assert.ThrowsAsync<CrmException>(
            () => store.LookupAsync(new RecordQuery { Addresses = ["vera@vendor.test"] }, default).AsTask());

        Assert.True(trouble.IsTransient);
    }

    [Fact]
    public async Task Who_may_not_read_definitions_looks_into_what_every_organization_has()
    {
        server.Answer = m => m.Name.StartsWith("RetrieveMetadata", StringComparison.Ordinal) || m.Name is "RetrieveAllEntities" or "RetrieveEntity"
            ? Fault(unchecked((int)0x80040220), "Principal user is missing prvReadEntity privilege.") : null;

        RecordLookup found = await store.LookupAsync(new RecordQuery { Addresses = ["vera@vendor.test"] }, default);

        Assert.Empty(found.Owners.GetValueOrDefault("vera@vendor.test") ?? []);
        Assert.Contains("emailaddress1", ColumnsOf("contact"));
        Assert.DoesNotContain("isdisabled", ColumnsOf("equipment"));
    }

    private static string Definitions(string type, string prefix, params string[] tables) => Result(
        "EntityMetadata",
        $"{type}\" xmlns:m=\"{Name}",
        string.Concat(tables.Select(t => $"<{prefix}:EntityMetadata>{t}</{prefix}:EntityMetadata>")));

    private static string Table(string name, string id, string primaryName, bool isParty, params string[] columns) =>
        (columns.Length == 0 ? "<m:Attributes i:nil=\"true\"/>" : $"<m:Attributes>{string.Concat(columns)}</m:Attributes>") +
        $"<m:IsActivityParty>{(isParty ? "true" : "false")}</m:IsActivityParty><m:LogicalName>{name}</m:LogicalName>" +
        $"<m:PrimaryIdAttribute>{id}</m:PrimaryIdAttribute><m:PrimaryNameAttribute>{primaryName}</m:PrimaryNameAttribute>";

    private static string Column(string name, string more = "") =>
        "<m:AttributeMetadata i:type=\"m:StringAttributeMetadata\"><m:IsValidForCreate>true</m:IsValidForCreate>" +
        $"<m:IsValidForUpdate>true</m:IsValidForUpdate><m:LogicalName>{name}</m:LogicalName>{more}</m:AttributeMetadata>";

    private string[] ColumnsOf(string table) =>
        [.. server.Messages.First(m => m.Table == table).Fetch.Element("entity")!.Elements("attribute").Select(a => (string)a.Attribute("name")!)];

    private async Task FindVeraAsync()
    {
        RecordLookup found = await store.LookupAsync(new RecordQuery { Addresses = ["vera@vendor.test"] }, default);

        AddressOwner owner = Assert.Single(found.Owners["vera@vendor.test"]);
        Assert.Equal((new RecordReference("new_vendor", vera), "Vera", "new_mail"), (owner.Record, owner.Record.Name, owner.Column));
    }
}
