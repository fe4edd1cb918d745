using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Finds the records that the addresses of sender and recipients belong to.</summary>
internal static class AddressResolution
{
    /// <summary>An address that more records carry than this is left unresolved.</summary>
    public const int MaxMatches = 100;

    private static readonly string[] precedence = ["systemuser", "contact", "account", "lead", "equipment", "team", "businessunit"];

    /// <summary>Resolves the sender to exactly one record, or none.</summary>
    /// <param name="context">The email and what was looked up.</param>
    /// <param name="ownerId">The owner of the accepting mailbox, whose records are preferred.</param>
    public static SenderResolution ResolveSender(TrackingContext context, Guid ownerId)
    {
        EvidenceLog log = context.Log;
        string address = context.SenderAddress;
        IReadOnlyList<AddressOwner> owners = Distinct(context.OwnersOf(address));
        if (owners.Count == 0)
        {
            log.NoMatch(TrackingRules.ResolutionSender, $"No record has the sender's address {address}.");
            return new SenderResolution(null, false);
        }

        if (owners.Count > MaxMatches)
        {
            log.NoMatch(TrackingRules.ResolutionSender, $"More than {MaxMatches} records have the sender's address {address}; it is left unresolved.");
            return new SenderResolution(null, true);
        }

        if (owners is [var only])
        {
            log.Match(
                TrackingRules.ResolutionSender,
                $"{address} is that of {EvidenceLog.Describe(only.Record)} alone{(only.IsActive ? string.Empty : ", which is inactive")}.");
            return new SenderResolution(only, false);
        }

        AddressOwner[] pool = [.. owners.Where(o => o.IsActive)];
        if (pool.Length == 0 && context.Settings.ResolveInactiveRecords)
            pool = [.. owners];
        if (pool.Length == 0)
        {
            log.NoMatch(TrackingRules.ResolutionSender, $"The {owners.Count} records with {address} are all inactive: {Names(owners)}.");
            return new SenderResolution(null, false);
        }

        if (pool.Length > 1 && context.Settings.UnresolveSenderIfMultipleMatch)
        {
            log.NoMatch(
                TrackingRules.ResolutionSender, $"{pool.Length} records have {address}, and the organization leaves such senders unresolved: {Names(pool)}.");
            return new SenderResolution(null, true);
        }

        // A stable sort: among equals the store's order stands.
        AddressOwner chosen = pool.OrderBy(o => Rank(o.Record.LogicalName)).ThenBy(o => o.OwnerId == ownerId ? 0 : 1).First();
        string[] others = [.. owners.Where(o => o != chosen).Select(o => EvidenceLog.Describe(o.Record) + (o.IsActive ? string.Empty : " (inactive)"))];
        bool isByOwner = chosen.OwnerId == ownerId && pool.Any(
            o => o != chosen && Rank(o.Record.LogicalName) == Rank(chosen.Record.LogicalName) && o.OwnerId != ownerId);
        log.Match(
            TrackingRules.ResolutionSender,
            $"{address} is taken for {EvidenceLog.Describe(chosen.Record)}, " +
            $"{(isByOwner ? "which the owner of the accepting mailbox owns" : "the first by precedence")}; " +
            $"not chosen: {EvidenceLog.List(others)}.");
        return new SenderResolution(chosen, false);
    }

    /// <summary>Resolves the recipients of one kind: one party for each record that carries the address, or an unresolved party.</summary>
    public static IEnumerable<ActivityParty> ResolveRecipients(TrackingContext context, ParticipationType role, IReadOnlyList<EmailAddress> recipients)
    {
        var parties = new List<ActivityParty>();
        var seenAddresses = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var seenRecords = new HashSet<RecordReference>();
        foreach (EmailAddress recipient in recipients)
        {
            string address = recipient.Address.Trim();
            if (address.Length == 0 || !seenAddresses.Add(address))
                continue;

            AddressOwner[] matches = Matches(context, role, address);
            if (matches.Length == 0)
            {
                parties.Add(new ActivityParty(role, address) { UnresolvedPartyName = recipient.DisplayName ?? address });
                continue;
            }

            foreach (AddressOwner match in matches.Where(m => seenRecords.Add(m.Record)))
                parties.Add(new ActivityParty(role, address, match.Record) { DoNotEmail = match.DoNotEmail });
        }

        return parties;
    }

    private static AddressOwner[] Matches(TrackingContext context, ParticipationType role, string address)
    {
        EvidenceLog log = context.Log;
        string field = role.ToString();
        IReadOnlyList<AddressOwner> owners = Distinct(context.OwnersOf(address));
        AddressOwner[] matches = [.. owners.Where(o => o.IsActive || context.Settings.ResolveInactiveRecords)];
        if (matches.Length == 0)
        {
            log.NoMatch(
                TrackingRules.ResolutionRecipients,
                owners.Count == 0 ? $"{field}: no record has {address}." : $"{field}: the records with {address} are inactive: {Names(owners)}.");
            return [];
        }

        if (owners.Count > MaxMatches)
        {
            log.NoMatch(TrackingRules.ResolutionRecipients, $"{field}: more than {MaxMatches} records have {address}; it is left unresolved.");
            return [];
        }

        if (matches.Length > 1 && context.Settings.UnresolveRecipientsIfMultipleMatch)
        {
            log.NoMatch(
                TrackingRules.ResolutionRecipients,
                $"{field}: {matches.Length} records have {address}, and the organization leaves such recipients unresolved: {Names(matches)}.");
            return [];
        }

        log.Match(TrackingRules.ResolutionRecipients, $"{field}: {address} is that of {Names(matches)}.");
        return matches;
    }

    // A record that carries the address in two columns is one record.
    private static IReadOnlyList<AddressOwner> Distinct(IReadOnlyList<AddressOwner> owners) =>
        owners.Count <= 1 ? owners : [.. owners.DistinctBy(o => o.Record)];

    private static int Rank(string logicalName)
    {
        int rank = Array.IndexOf(precedence, logicalName);
        return rank < 0 ? precedence.Length : rank;
    }

    private static string Names(IEnumerable<AddressOwner> owners) => EvidenceLog.List(owners.Select(o => EvidenceLog.Describe(o.Record)));
}

/// <summary>What the sender's address resolves to.</summary>
/// <param name="Owner">The record; null when unresolved.</param>
/// <param name="IsAmbiguous">Whether it is unresolved because several records match.</param>
internal sealed record SenderResolution(AddressOwner? Owner, bool IsAmbiguous);
