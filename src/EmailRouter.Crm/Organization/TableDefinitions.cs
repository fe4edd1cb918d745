using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// Reads <see cref="TableDirectory"/> from the organization's definitions: with one message from Update Rollup 12 of CRM 2011 on (RetrieveMetadataChanges),
/// before that a list of the tables and one message for each that email can be addressed to.
/// </summary>
internal static class TableDefinitions
{
    private const string What = "the tables' definitions";
    private const int MaxPartyTables = 300;

    // What emails are made of beside their own row.
    private static readonly string[] partTables = ["activityparty", "activitymimeattachment"];

    /// <summary>Reads the definitions.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The tables; those every organization has where definitions cannot be read.</returns>
    /// <exception cref="CrmException">The server cannot be reached.</exception>
    public static async ValueTask<TableDirectory> ReadAsync(OrganizationConnection connection, CancellationToken cancellationToken)
    {
        OrganizationSite site = await connection.LocateAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<XElement>? tables = site.Version < OrganizationConnection.UpdateRollup12 ? null
            : await AskOnceAsync(connection, cancellationToken).ConfigureAwait(false);
        tables ??= await AskEachAsync(connection, cancellationToken).ConfigureAwait(false);
        var found = new Dictionary<string, TableInfo>(StringComparer.Ordinal);
        foreach (XElement table in tables)
        {
            if (TextOf(table, "LogicalName") is { } name && TextOf(table, "PrimaryIdAttribute") is { } id)
                found[name] = Read(table, name, id);
        }

        return TableDirectory.Learned(found);
    }

    /// <summary>Asks for everything at once.</summary>
    /// <returns>The tables; null when the server refuses.</returns>
    private static async ValueTask<IReadOnlyList<XElement>?> AskOnceAsync(OrganizationConnection connection, CancellationToken cancellationToken)
    {
        var query = new DefinitionQuery(
            [.. TableDirectory.UsualTables.Select(t => t.LogicalName), .. partTables],
            ["LogicalName", "PrimaryIdAttribute", "PrimaryNameAttribute", "IsActivityParty", "Attributes"],
            ["LogicalName", "Format", "FormatName", "IsValidForCreate", "IsValidForUpdate"]);
        OrganizationAnswer answer = await connection.TryAsync(
            new OrganizationRequest("RetrieveMetadataChanges", What) { IsRepeatable = true }.With("Query", query), cancellationToken).ConfigureAwait(false);
        return answer.Fault is { } fault ? FaultTable.Explain(fault, What, connection.Server) is { IsTransient: true } passing ? throw passing : null
            : answer.Result("EntityMetadata") is { } tables ? [.. tables.Elements()] : null;
    }

    private static async ValueTask<List<XElement>> AskEachAsync(OrganizationConnection connection, CancellationToken cancellationToken)
    {
        OrganizationAnswer list = await connection.TryAsync(
            new OrganizationRequest("RetrieveAllEntities", What) { IsRepeatable = true }.With("EntityFilters", new EntityFilters("Entity"))
                .With("RetrieveAsIfPublished", false),
            cancellationToken).ConfigureAwait(false);
        if (list.Fault is { } fault && FaultTable.Explain(fault, What, connection.Server) is { IsTransient: true } passing)
            throw passing;
        XElement[] all = [.. list.Result("EntityMetadata")?.Elements() ?? []];
        var usual = TableDirectory.UsualTables.Where(t => t.AddressColumns.Count > 0).Select(t => t.LogicalName).ToHashSet(StringComparer.Ordinal);
        string[] wanted =
        [
            "email",
            .. partTables.Where(p => all.Any(t => TextOf(t, "LogicalName") == p)),
            .. all.Where(t => FlagOf(t, "IsActivityParty") || usual.Contains(TextOf(t, "LogicalName") ?? string.Empty)).Select(t => TextOf(t, "LogicalName"))
                .OfType<string>().Where(n => n != "email" && !partTables.Contains(n)).Take(MaxPartyTables),
        ];
        IReadOnlyList<OrganizationAnswer> answers = await connection.SendAsync([.. wanted.Select(Definition)], What, cancellationToken).ConfigureAwait(false);

        // A refusal leaves a table out; trouble that passes must not do so for as long as the definitions are kept.
        if (answers.Select(a => a.Fault).OfType<ServerFault>().Select(f => FaultTable.Explain(f, What, connection.Server)).FirstOrDefault(e => e.IsTransient) is { } trouble)
            throw trouble;
        Dictionary<string, XElement> whole = wanted.Zip(answers)
            .Where(a => a.Second.Fault is null && a.Second.Result("EntityMetadata")?.Child("Attributes") is not null)
            .ToDictionary(a => a.First, a => a.Second.Result("EntityMetadata")!);
        return
        [
            .. all.Select(t => whole.Remove(TextOf(t, "LogicalName") ?? string.Empty, out XElement? more) ? Joined(t, more) : t),
            .. whole.Select(w => Joined(Named(w.Key), w.Value)),
        ];
    }

    private static OrganizationRequest Definition(string table) =>
        new OrganizationRequest("RetrieveEntity", $"the definition of {table}") { IsRepeatable = true }
        .With("EntityFilters", new EntityFilters("Attributes"))
        .With("LogicalName", table)
        .With("MetadataId", Guid.Empty)
        .With("RetrieveAsIfPublished", false);

    private static XElement Joined(XElement table, XElement columns)
    {
        var joined = new XElement(table);
        joined.Elements().Where(e => e.Name.LocalName == "Attributes").Remove();
        joined.Add(columns.Child("Attributes"));
        return joined;
    }

    /// <summary>Makes a definition for a table that is known though the list of all tables cannot be read.</summary>
    private static XElement Named(string table)
    {
        TableInfo usual = TableDirectory.UsualTables.First(t => t.LogicalName == table);
        return new XElement(
            "EntityMetadata",
            new XElement("LogicalName", usual.LogicalName),
            new XElement("PrimaryIdAttribute", usual.IdColumn),
            new XElement("PrimaryNameAttribute", usual.NameColumn));
    }

    private static TableInfo Read(XElement table, string name, string id)
    {
        // No address in the Web API is made of these.
        var info = new TableInfo(name, name + "s", id, TextOf(table, "PrimaryNameAttribute") ?? string.Empty);
        if (table.Child("Attributes") is not { } attributes || attributes.IsNil())
            return info;
        XElement[] columns = [.. attributes.Elements()];
        bool isParty = FlagOf(table, "IsActivityParty");
        return info with
        {
            Columns = Names(columns, null),
            CreateColumns = Names(columns, "IsValidForCreate"),
            UpdateColumns = Names(columns, "IsValidForUpdate"),
            AddressColumns = !isParty ? [] : [.. columns
                .Where(c => TextOf(c, "Format") == "Email" || c.Child("FormatName")?.Child("Value")?.Value == "Email")
                .Select(c => TextOf(c, "LogicalName")).OfType<string>().Order(StringComparer.Ordinal)],
        };
    }

    private static HashSet<string> Names(XElement[] columns, string? flag) =>
        [.. columns.Where(c => flag is null || FlagOf(c, flag)).Select(c => TextOf(c, "LogicalName")).OfType<string>()];

    private static string? TextOf(XElement element, string name) =>
        element.Child(name) is { } child && !child.IsNil() && child.Value.Length > 0 ? child.Value : null;

    private static bool FlagOf(XElement element, string name) => element.Child(name)?.Value.Trim() is "true" or "1";
}
