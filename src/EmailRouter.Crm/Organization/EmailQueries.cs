using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>Answers a <see cref="RecordQuery"/>: all its questions in one message where the server takes that.</summary>
/// <remarks>Smart matching compares the newest emails only, without the CRM's own hashes.</remarks>
/// <param name="connection">The connection.</param>
/// <param name="tables">The tables.</param>
/// <param name="settings">The settings, for smart matching.</param>
internal sealed class EmailQueries(OrganizationConnection connection, TableDirectory tables, OrganizationSettings settings)
{
    private const string What = "the email's correlation and addresses";
    private const int MaxBearers = 10;
    private const int MaxSmartCandidates = 500;
    private const int MaxConditions = 120;

    private static readonly string[] storedColumns =
    [
        "activityid", "messageid", "subject", "directioncode", "trackingtoken", "createdon", "statuscode",
        "conversationindex", "regardingobjectid", "from", "to", "cc", "bcc",
    ];

    private readonly LookupResults results = new(settings);
    private readonly List<(OrganizationRequest Request, Action<JsonElement> Use)> parts = [];

    private string[] StoredColumns => [.. storedColumns.Where(c => tables.Email.Has(c, unlessKnown: c != "conversationindex"))];

    /// <summary>Looks up.</summary>
    /// <param name="query">What to look for.</param>
    /// <param name="cancellationToken">Stops the look-up.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<RecordLookup> ReadAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        var ids = query.MessageIds.ToHashSet(StringComparer.Ordinal);
        foreach (string[] some in ids.Chunk(MaxConditions))
            Ask(Emails().WhereAny(["messageid"], some), "emails by Message-ID", row => results.AddByMessageId(row, ids));
        foreach (string token in query.TrackingTokens.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            Ask(Emails().Where("trackingtoken", "eq", token).Where("directioncode", "eq", "1").By("createdon", isDescending: true).Top(MaxBearers),
                "emails by tracking token",
                row => results.AddBearer(token, row));
        }

        if (query.ConversationId is { } conversation && tables.Email.Has("conversationindex", unlessKnown: false))
        {
            Ask(
                Emails().Where("conversationindex", "like", $"%{LookupResults.PartOf(conversation)}%").Where("statuscode", "ne", "1")
                    .By("createdon", isDescending: true).Top(MaxBearers),
                "emails by conversation", row => results.AddOfConversation(conversation, row));
        }

        if (query.SmartMatch is { Keys.Words.Count: > 0 } smart && smart.Keys.Addresses.Count >= smart.MinAddressCount)
        {
            FetchQuery emails = Emails().Where("createdon", "ge", ColumnText.Time(smart.NotBefore))
                .WhereAny(["statuscode"], ["3", "4"]).By("createdon", isDescending: true).Top(MaxSmartCandidates);
            if (smart.MinAddressCount > 0 && query.Addresses.Count > 0)
                emails.Join("activityparty", "activityid", "activityid", null, [], ("addressused", "in", [.. query.Addresses.Take(10)]));
            Ask(emails, "emails that resemble it", row => results.AddResembling(smart, row));
        }

        string[] addresses = [.. query.Addresses.Select(a => a.Trim()).Where(a => a.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase)];
        var wanted = addresses.ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (TableInfo table in tables.AddressTables)
        {
            foreach (string[] some in addresses.Chunk(Math.Max(1, MaxConditions / table.AddressColumns.Count)))
                Ask(Owners(table).WhereAny(table.AddressColumns, some), $"addresses in {table.LogicalName}", row => results.AddOwner(table, wanted, row));
        }

        await SendAsync(cancellationToken).ConfigureAwait(false);
        return results.ToLookup();
    }

    private void Ask(FetchQuery query, string what, Action<JsonElement> use) => parts.Add((OrganizationConnection.Fetch(query, what), use));

    private FetchQuery Emails() => new FetchQuery("email", StoredColumns).Join("queueitem", "objectid", "activityid", "q", ["queueid"]);

    private static FetchQuery Owners(TableInfo table)
    {
        bool isUsual = table.LogicalName is "contact" or "account" or "lead" or "queue";
        string state = LookupResults.StateColumn(table);
        List<string> columns = [table.IdColumn, table.NameColumn, .. table.AddressColumns];
        if (table.Has(state, unlessKnown: isUsual || table.LogicalName is "systemuser"))
            columns.Add(state);
        if (table.HasDoNotEmail)
            columns.Add("donotemail");
        if (table.Has("ownerid", unlessKnown: isUsual))
            columns.Add("ownerid");
        return new FetchQuery(table.LogicalName, [.. columns.Where(c => c.Length > 0).Distinct()]);
    }

    private async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        if (parts.Count == 0)
            return;
        IReadOnlyList<OrganizationAnswer> answers = await connection.SendAsync([.. parts.Select(p => p.Request)], What, cancellationToken)
            .ConfigureAwait(false);
        for (int i = 0; i < parts.Count; i++)
        {
            if (answers[i].Fault is { } fault)
                throw FaultTable.Explain(fault, parts[i].Request.What, connection.Server);
            foreach (JsonElement row in Merge(OrganizationConnection.Entities(answers[i], What)))
                parts[i].Use(row);
        }
    }

    /// <summary>An email in several queues comes once for each; it becomes one row with all of them.</summary>
    private static IEnumerable<JsonElement> Merge(XElement entities)
    {
        var order = new List<JsonObject>();
        var byId = new Dictionary<string, JsonObject>(StringComparer.OrdinalIgnoreCase);
        foreach (XElement entity in entities.Child("Entities")?.Elements() ?? [])
        {
            JsonObject row = EntityRow.Read(entity);
            JsonNode? queue = row["_q.queueid_value"];
            if (row["activityid"]?.GetValue<string>() is not { } id)
            {
                order.Add(row);
                continue;
            }

            if (!byId.TryGetValue(id, out JsonObject? known))
            {
                byId[id] = known = row;
                known["Email_QueueItem"] = new JsonArray();
                order.Add(known);
            }

            if (queue is not null)
                ((JsonArray)known["Email_QueueItem"]!).Add(new JsonObject { ["_queueid_value"] = queue.GetValue<string>() });
        }

        return order.Select(r => r.ToElement());
    }
}
