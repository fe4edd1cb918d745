using System.Globalization;
using System.Text.Json;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Answers a <see cref="RecordQuery"/> with one batch.</summary>
/// <remarks>
/// What Dataverse has no column for is done as far as its columns allow. The conversation is looked for within <c>conversationindex</c>. Smart matching has no
/// access to the CRM's own hashes: the newest 500 sent and received emails since the time asked for are compared, those with one of the
/// email's first addresses where it has any.
/// </remarks>
/// <param name="connection">The connection.</param>
/// <param name="batches">What look-ups and creations share requests by.</param>
/// <param name="tables">The tables.</param>
/// <param name="settings">The settings, for smart matching.</param>
internal sealed class LookupReader(WebApiConnection connection, SharedBatches batches, TableDirectory tables, OrganizationSettings settings)
{
    private const string What = "the email's correlation and addresses";
    private const int MaxBearers = 10;
    private const int MaxSmartCandidates = 500;

    // A query may name so many conditions, and its address within a batch may be so long.
    private const int MaxConditions = 120;
    private const int MaxFilterLength = 12_000;

    private readonly List<(WebApiRequest Request, Action<JsonElement> Use, bool AllPages)> parts = [];
    private readonly LookupResults results = new(settings);

    /// <summary>Looks up.</summary>
    /// <param name="query">What to look for.</param>
    /// <param name="cancellationToken">Stops the look-up.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<RecordLookup> ReadAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        AskForMessageIds(query.MessageIds);
        foreach (string token in query.TrackingTokens.Distinct(StringComparer.OrdinalIgnoreCase))
            AskForToken(token);
        if (query.ConversationId is { } conversation)
            AskForConversation(conversation);
        if (query.SmartMatch is { Keys.Words.Count: > 0 } smart && smart.Keys.Addresses.Count >= smart.MinAddressCount)
            AskForSmartMatches(smart, query.Addresses);
        string[] addresses = [.. query.Addresses.Select(a => a.Trim()).Where(a => a.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase)];
        foreach (TableInfo table in tables.AddressTables)
            AskForOwners(table, addresses);
        await SendAsync(cancellationToken).ConfigureAwait(false);
        return results.ToLookup();
    }

    private async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        foreach ((WebApiRequest Request, Action<JsonElement> Use, bool AllPages)[] some in parts.Chunk(WebApiBatch.MaxRequests))
        {
            var batch = new WebApiBatch(What);
            foreach ((WebApiRequest request, _, _) in some)
                batch.Add(request);
            IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await batches.SendAsync(batch, cancellationToken).ConfigureAwait(false);
            var found = new List<(Action<JsonElement> Use, JsonElement Row)>();
            for (int i = 0; i < some.Length; i++)
            {
                Action<JsonElement> use = some[i].Use;
                CrmAnswer answer = answers[i][0];
                if (!answer.IsSuccess)
                    throw AnswerErrors.Explain(answer, some[i].Request.What, connection.Server);
                found.AddRange(answer.Rows(some[i].Request.What).Select(r => (use, r)));
                if (!some[i].AllPages || answer.NextLink(some[i].Request.What) is not { } next)
                    continue;
                WebApiRequest rest = some[i].Request with { Path = connection.NextPath(next, some[i].Request.What) };
                await foreach (JsonElement row in connection.RowsAsync(rest, cancellationToken).ConfigureAwait(false))
                    found.Add((use, row));
            }

            IReadOnlyList<JsonElement?> whole =
                await ExpandedLists.CompleteAsync(connection, [.. found.Select(f => f.Row)], What, cancellationToken).ConfigureAwait(false);
            for (int i = 0; i < found.Count; i++)
            {
                if (whole[i] is { } row)
                    found[i].Use(row);
            }
        }
    }

    private void Ask(string path, string what, Action<JsonElement> use, bool allPages = false) => parts.Add((WebApiRequest.Get(path, what), use, allPages));

    private void AskForMessageIds(IReadOnlyList<string> messageIds)
    {
        var wanted = messageIds.ToHashSet(StringComparer.Ordinal);
        foreach (string[] some in Chunks(wanted, 1))
        {
            Ask(
                $"emails?{EmailColumns.StoredColumns}&$filter={ODataText.AnyOf(["messageid"], some.Select(ODataText.Quote))}",
                "emails by Message-ID",
                row => results.AddByMessageId(row, wanted));
        }
    }

    private void AskForToken(string token) => Ask(
        $"emails?{EmailColumns.StoredColumns}&$filter=trackingtoken%20eq%20{ODataText.Quote(token)}%20and%20directioncode%20eq%20true" +
        $"&$orderby=createdon%20desc&$top={MaxBearers}",
        "emails by tracking token",
        row => results.AddBearer(token, row));

    private void AskForConversation(Guid conversation)
    {
        if (!tables.Email.Has("conversationindex"))
            return;

        Ask(
            $"emails?{EmailColumns.StoredColumns}&$filter=contains(conversationindex,{ODataText.Quote(LookupResults.PartOf(conversation))})" +
            $"%20and%20statuscode%20ne%201&$orderby=createdon%20desc&$top={MaxBearers}",
            "emails by conversation",
            row => results.AddOfConversation(conversation, row));
    }

    private void AskForSmartMatches(SmartMatchQuery smart, IReadOnlyList<string> addresses)
    {
        string filter = $"createdon%20ge%20{ODataText.Time(smart.NotBefore)}%20and%20(statuscode%20eq%203%20or%20statuscode%20eq%204)";
        if (smart.MinAddressCount > 0 && addresses.Count > 0)
            filter += $"%20and%20email_activity_parties/any(p:{ODataText.AnyOf(["p/addressused"], addresses.Take(10).Select(ODataText.Quote))})";
        Ask(
            $"emails?{EmailColumns.StoredColumns}&$filter={filter}&$orderby=createdon%20desc&$top={MaxSmartCandidates.ToString(CultureInfo.InvariantCulture)}",
            "emails that resemble it",
            row => results.AddResembling(smart, row));
    }

    private void AskForOwners(TableInfo table, string[] addresses)
    {
        string state = LookupResults.StateColumn(table);
        bool isKnown = table.Columns is not null;
        string[] columns =
        [
            .. new[] { table.IdColumn, table.NameColumn }.Where(c => c.Length > 0),
            .. table.AddressColumns,
            .. new[] { state }.Where(c => table.Has(c, unlessKnown: table.LogicalName is "contact" or "account" or "lead" or "queue" or "systemuser")),
            .. table.HasDoNotEmail ? new[] { "donotemail" } : [],
            .. table.Has("ownerid", unlessKnown: table.LogicalName is "contact" or "account" or "lead" or "queue") ? new[] { "_ownerid_value" } : [],
        ];
        var wanted = addresses.ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (string[] some in Chunks(addresses, table.AddressColumns.Count))
        {
            Ask(
                $"{table.SetName}?$select={string.Join(',', columns.Distinct())}&$filter={ODataText.AnyOf(table.AddressColumns, some.Select(ODataText.Quote))}",
                $"addresses in {table.LogicalName}",
                row => results.AddOwner(table, wanted, row),
                allPages: isKnown);
        }
    }

    private static IEnumerable<string[]> Chunks(IEnumerable<string> values, int columns)
    {
        var some = new List<string>();
        int length = 0;
        foreach (string value in values)
        {
            int cost = (ODataText.Quote(value).Length + 30) * columns;
            if (some.Count > 0 && (length + cost > MaxFilterLength || (some.Count + 1) * columns > MaxConditions))
            {
                yield return [.. some];
                some.Clear();
                length = 0;
            }

            some.Add(value);
            length += cost;
        }

        if (some.Count > 0)
            yield return [.. some];
    }
}
