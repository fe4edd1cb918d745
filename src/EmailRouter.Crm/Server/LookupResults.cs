using System.Text.Json;

namespace EmailRouter.Crm.Server;

/// <summary>Makes a <see cref="RecordLookup"/> of rows, whatever way they came.</summary>
/// <param name="settings">The settings, for smart matching.</param>
internal sealed class LookupResults(OrganizationSettings settings)
{
    private const int MaxOwners = 101;
    private const int MaxSmartMatches = 10;

    private readonly Dictionary<string, StoredEmail> byMessageId = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<StoredEmail>> byToken = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<StoredEmail> inConversation = [];
    private readonly List<SmartMatch> smartMatches = [];
    private readonly Dictionary<string, Dictionary<RecordReference, AddressOwner>> owners = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gets the column that says whether a record is active.</summary>
    /// <param name="table">The table.</param>
    /// <returns>The column.</returns>
    public static string StateColumn(TableInfo table) => table.LogicalName is "systemuser" or "businessunit" or "equipment" ? "isdisabled" : "statecode";

    /// <summary>Gets what the conversation indexes of a conversation have in common: its id is bytes 6 to 21, and the first 15 of these are 20 whole characters
    /// of base64.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <returns>The text.</returns>
    public static string PartOf(Guid conversation) => Convert.ToBase64String(conversation.ToByteArray(), 0, 15);

    /// <summary>Adds an email with one of the Message-IDs.</summary>
    /// <param name="row">The row.</param>
    /// <param name="wanted">The Message-IDs looked for.</param>
    public void AddByMessageId(JsonElement row, HashSet<string> wanted)
    {
        // The database compares without regard to case. Of two copies of one email the incoming one counts, then the older.
        if (EmailRows.Stored(row) is not { MessageId: { } id } email || !wanted.Contains(id))
            return;
        if (!byMessageId.TryGetValue(id, out StoredEmail? other) || (other.IsOutgoing, other.CreatedOn).CompareTo((email.IsOutgoing, email.CreatedOn)) > 0)
            byMessageId[id] = email;
    }

    /// <summary>Adds an email that bears a token, the newest first.</summary>
    /// <param name="token">The token.</param>
    /// <param name="row">The row.</param>
    public void AddBearer(string token, JsonElement row)
    {
        if (EmailRows.Stored(row) is not { } email)
            return;
        if (!byToken.TryGetValue(token, out List<StoredEmail>? bearers))
            byToken[token] = bearers = [];
        bearers.Add(email);
    }

    /// <summary>Adds an email that may belong to a conversation.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="row">The row.</param>
    public void AddOfConversation(Guid conversation, JsonElement row)
    {
        if (EmailRows.Stored(row) is { } email && row.Text("conversationindex") is { } index && Bears(index, conversation.ToByteArray()))
            inConversation.Add(email);
    }

    /// <summary>Adds an email that may resemble the one looked for.</summary>
    /// <param name="smart">What is looked for.</param>
    /// <param name="row">The row.</param>
    public void AddResembling(SmartMatchQuery smart, JsonElement row)
    {
        if (EmailRows.Stored(row) is not { } email)
            return;
        SmartMatchKeys keys = SmartMatchKeys.Compute(email.Subject, email.Addresses, settings);
        var words = smart.Keys.Words.ToHashSet();
        int shared = keys.Words.Count(words.Contains);
        int sharedAddresses = keys.Addresses.Count(smart.Keys.Addresses.Contains);
        if (shared > 0 && sharedAddresses >= smart.MinAddressCount && Math.Abs(keys.Words.Count - words.Count) <= smart.DeltaSubjectCount &&
            shared >= Math.Max(keys.Words.Count, words.Count) - smart.DeltaSubjectCount)
        {
            smartMatches.Add(new SmartMatch(email, shared, sharedAddresses));
        }
    }

    /// <summary>Adds a record that carries addresses.</summary>
    /// <param name="table">Its table.</param>
    /// <param name="wanted">The addresses looked for, compared without regard to case.</param>
    /// <param name="row">The row.</param>
    public void AddOwner(TableInfo table, HashSet<string> wanted, JsonElement row)
    {
        if (row.Id(table.IdColumn) is not { } id)
            return;
        string state = StateColumn(table);
        foreach (string column in table.AddressColumns)
        {
            if (row.Text(column)?.Trim() is not { Length: > 0 } address || !wanted.TryGetValue(address, out string? asked))
                continue;
            var record = new RecordReference(table.LogicalName, id, table.NameColumn.Length > 0 ? row.Text(table.NameColumn) : null);
            if (!owners.TryGetValue(asked, out Dictionary<RecordReference, AddressOwner>? found))
                owners[asked] = found = [];
            found.TryAdd(record, new AddressOwner
            {
                Record = record,
                IsActive = state == "isdisabled" ? row.Flag(state) != true : row.Number(state) is null or 0,
                OwnerId = row.Id("_ownerid_value"),
                Column = column,
                DoNotEmail = row.Flag("donotemail") == true,
            });
        }
    }

    /// <summary>Makes the lookup of everything that was added.</summary>
    /// <returns>The lookup.</returns>
    public RecordLookup ToLookup() => new()
    {
        ByMessageId = byMessageId,
        ByTrackingToken = byToken.Where(t => t.Value.Count > 0).ToDictionary(t => t.Key, t => t.Value[0], StringComparer.OrdinalIgnoreCase),
        EarlierByTrackingToken = byToken.Where(t => t.Value.Count > 1)
            .ToDictionary(t => t.Key, t => (IReadOnlyList<StoredEmail>)t.Value[1..], StringComparer.OrdinalIgnoreCase),
        ByConversation = inConversation.MaxBy(e => e.CreatedOn),
        SmartMatches = [.. smartMatches.OrderByDescending(m => m.Email.CreatedOn).Take(MaxSmartMatches)],
        Owners = owners.ToDictionary(
            o => o.Key,
            o => (IReadOnlyList<AddressOwner>)[.. o.Value.Values.OrderByDescending(a => a.IsActive).Take(MaxOwners)],
            StringComparer.OrdinalIgnoreCase),
    };

    private static bool Bears(string index, byte[] id)
    {
        byte[] bytes = new byte[index.Length];
        return Convert.TryFromBase64String(index, bytes, out int length) && length >= 22 && bytes.AsSpan(6, 16).SequenceEqual(id);
    }
}
