namespace EmailRouter.Crm;

/// <summary>A sender or recipient of an email activity, resolved to a record or not (table <c>activityparty</c>).</summary>
/// <param name="Role"><c>participationtypemask</c>.</param>
/// <param name="AddressUsed"><c>addressused</c>.</param>
/// <param name="Party"><c>partyid</c>; null when unresolved.</param>
public sealed record ActivityParty(ParticipationType Role, string? AddressUsed, RecordReference? Party = null)
{
    /// <summary>Gets <c>unresolvedpartyname</c>: the display name in the mail of an unresolved party.</summary>
    public string? UnresolvedPartyName { get; init; }

    /// <summary>Gets a value indicating whether the party must not be mailed (<c>donotemail</c>).</summary>
    public bool DoNotEmail { get; init; }
}

/// <summary>The values of <c>activityparty.participationtypemask</c> that emails use.</summary>
public enum ParticipationType
{
    /// <summary>Sender.</summary>
    Sender = 1,

    /// <summary>To recipient.</summary>
    To = 2,

    /// <summary>CC recipient.</summary>
    Cc = 3,

    /// <summary>BCC recipient.</summary>
    Bcc = 4,

    /// <summary>Regarding.</summary>
    Regarding = 8,

    /// <summary>Owner.</summary>
    Owner = 9,
}
