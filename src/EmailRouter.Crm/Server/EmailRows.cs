using System.Text.Json;

namespace EmailRouter.Crm.Server;

/// <summary>How rows become emails.</summary>
internal static class EmailRows
{
    /// <summary>Reads an email that correlation can lead to.</summary>
    /// <param name="row">The row.</param>
    /// <returns>The email; null for a row without id.</returns>
    public static StoredEmail? Stored(JsonElement row) => row.Id("activityid") is not { } id ? null : new StoredEmail
    {
        ActivityId = id,
        MessageId = row.Text("messageid"),
        Subject = row.Text("subject") ?? string.Empty,
        IsOutgoing = row.Flag("directioncode") ?? true,
        TrackingToken = row.Text("trackingtoken"),
        Regarding = row.Lookup("regardingobjectid"),
        CreatedOn = row.Time("createdon") ?? DateTimeOffset.MinValue,
        Addresses =
        [
            .. row.Expanded("email_activity_parties").OrderBy(p => p.Number("participationtypemask")).Select(p => p.Text("addressused")).OfType<string>(),
        ],
        QueueIds = [.. row.Expanded("Email_QueueItem").Select(q => q.Id("_queueid_value")).OfType<Guid>().Distinct()],
    };

    /// <summary>Reads the parties of an email that it is addressed to or from.</summary>
    /// <param name="row">The email's row.</param>
    /// <returns>The parties, sender first, then To, Cc and Bcc.</returns>
    public static IReadOnlyList<ActivityParty> ReadParties(JsonElement row) => ReadParties(row.Expanded("email_activity_parties"));

    /// <summary>Reads the parties of an email that it is addressed to or from.</summary>
    /// <param name="parties">The rows of its parties.</param>
    /// <returns>The parties, sender first, then To, Cc and Bcc.</returns>
    public static IReadOnlyList<ActivityParty> ReadParties(IEnumerable<JsonElement> parties) =>
    [
        .. parties.Where(p => p.Number("participationtypemask") is >= 1 and <= 4).OrderBy(p => p.Number("participationtypemask")).Select(p =>
            new ActivityParty((ParticipationType)p.Number("participationtypemask")!.Value, p.Text("addressused"), p.Lookup("partyid"))
            {
                UnresolvedPartyName = p.Text("unresolvedpartyname"),
                DoNotEmail = p.Flag("donotemail") == true,
            }),
    ];
}
