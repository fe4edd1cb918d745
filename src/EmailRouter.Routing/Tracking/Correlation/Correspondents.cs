using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking.Correlation;

/// <summary>How far the correspondents of an email are those of a stored one.</summary>
internal enum Correspondence
{
    /// <summary>Nobody outside the organization's own mailboxes took part in both.</summary>
    None,

    /// <summary>Somebody else than the sender took part in both.</summary>
    Shared,

    /// <summary>The sender took part in the stored email.</summary>
    Sender,
}

/// <summary>Compares the correspondents of emails. The organization's own mailboxes take part in nearly all and so say nothing.</summary>
internal static class Correspondents
{
    public static Correspondence Compare(TrackingContext context, StoredEmail stored)
    {
        var addresses = new HashSet<string>(stored.Addresses.Select(a => a.Trim()), StringComparer.OrdinalIgnoreCase);
        if (addresses.Contains(context.SenderAddress))
            return Correspondence.Sender;
        return context.Participants.Any(a => addresses.Contains(a) && context.Mailboxes.ByAddress(a).Count == 0) ? Correspondence.Shared : Correspondence.None;
    }

    public static string Describe(TrackingContext context, StoredEmail stored)
    {
        if (stored.Addresses.Count == 0)
            return "its correspondents are not known";
        return Compare(context, stored) switch
        {
            Correspondence.Sender => "the sender took part in it",
            Correspondence.Shared => "the sender did not take part in it, other correspondents did",
            _ => "none of the correspondents outside took part in it",
        };
    }
}
