using System.Text.Json;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Reads <see cref="TableDirectory"/> from the organization's metadata.</summary>
internal static class TableReader
{
    private const string What = "the tables' definitions";
    private const int MaxPartyTables = 300;

    /// <summary>Reads the definitions: two requests.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The tables.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public static async ValueTask<TableDirectory> ReadAsync(WebApiConnection connection, CancellationToken cancellationToken)
    {
        var all = WebApiRequest.Get("EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,IsActivityParty", What);
        CrmAnswer list = await connection.TryAsync(all, cancellationToken).ConfigureAwait(false);
        if (!list.IsSuccess)
        {
            return list.Status is 403 or 404 or 405 or 501
                ? new TableDirectory(TableDirectory.UsualTables)
                : throw AnswerErrors.Explain(list, What, connection.Server);
        }

        var found = new Dictionary<string, TableInfo>(StringComparer.Ordinal);
        var parties = new List<string>();
        foreach (JsonElement row in list.Rows(What))
        {
            if (row.Text("LogicalName") is not { } name || row.Text("EntitySetName") is not { Length: > 0 } set || row.Text("PrimaryIdAttribute") is not { } id)
                continue;
            found[name] = new TableInfo(name, set, id, row.Text("PrimaryNameAttribute") ?? string.Empty);
            if (row.Flag("IsActivityParty") == true && parties.Count < MaxPartyTables)
                parties.Add(name);
        }

        foreach (TableInfo table in TableDirectory.UsualTables)
            found.TryAdd(table.LogicalName, table);
        IEnumerable<string> usual = TableDirectory.UsualTables.Where(u => u.AddressColumns.Count > 0).Select(u => u.LogicalName);
        await ReadColumnsAsync(connection, found, [.. parties.Union(usual)], cancellationToken).ConfigureAwait(false);
        return TableDirectory.Learned(found);
    }

    private static async ValueTask ReadColumnsAsync(
        WebApiConnection connection, Dictionary<string, TableInfo> found, IReadOnlyList<string> parties, CancellationToken cancellationToken)
    {
        var batch = new WebApiBatch(What);
        var uses = new List<Action<CrmAnswer>>();
        void Ask(string path, Action<CrmAnswer> use)
        {
            batch.Add(WebApiRequest.Get(path, What));
            uses.Add(use);
        }

        foreach (string name in parties)
        {
            Ask($"EntityDefinitions(LogicalName='{name}')/Attributes?$select=LogicalName", a => found[name] = found[name] with { Columns = Names(a) });
            Ask($"EntityDefinitions(LogicalName='{name}')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=LogicalName,Format,FormatName",
                a => found[name] = found[name] with { AddressColumns = Addresses(a) });
        }

        Ask("EntityDefinitions(LogicalName='email')/Attributes?$select=LogicalName,IsValidForCreate,IsValidForUpdate", a => found["email"] = found["email"] with
        {
            Columns = Names(a),
            CreateColumns = Names(a, "IsValidForCreate"),
            UpdateColumns = Names(a, "IsValidForUpdate"),
        });
        Ask(
            "EntityDefinitions(LogicalName='email')/ManyToOneRelationships" +
            "?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName",
            a => found["email"] = found["email"] with { Navigations = Navigations(a) });
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < answers.Count; i++)
        {
            if (answers[i][0].IsSuccess)
                uses[i](answers[i][0]);
        }
    }

    private static HashSet<string> Names(CrmAnswer answer, string? flag = null) =>
        [.. answer.Rows(What).Where(r => flag is null || r.Flag(flag) != false).Select(r => r.Text("LogicalName")).OfType<string>()];

    private static List<string> Addresses(CrmAnswer answer) =>
        [.. answer.Rows(What).Where(IsAddress).Select(r => r.Text("LogicalName")).OfType<string>().Order(StringComparer.Ordinal)];

    private static bool IsAddress(JsonElement row) => row.Text("Format") == "Email" ||
        (row.TryGetProperty("FormatName", out JsonElement format) && format.ValueKind == JsonValueKind.Object && format.Text("Value") == "Email");

    private static Dictionary<(string, string), string> Navigations(CrmAnswer answer)
    {
        var found = new Dictionary<(string, string), string>();
        foreach (JsonElement row in answer.Rows(What))
        {
            string? property = row.Text("ReferencingEntityNavigationPropertyName");
            if (row.Text("ReferencingAttribute") is { } column && row.Text("ReferencedEntity") is { } target && property is not null)
                found[(column, target)] = property;
        }

        return found;
    }
}
