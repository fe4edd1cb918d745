using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Puts everything that deciding about an email can need to know into one look-up.</summary>
internal static class TrackingQuery
{
    /// <summary>The greatest number of ids of References looked at, from the right: long threads repeat what the last ones say.</summary>
    public const int MaxReferences = 50;

    /// <summary>The greatest number of addresses resolved; further recipients stay unresolved.</summary>
    public const int MaxAddresses = 1000;

    public static RecordQuery Build(IncomingEmail email, OrganizationSettings settings)
    {
        IEnumerable<string> references = email.References.Reverse().Take(MaxReferences);
        return new RecordQuery
        {
            MessageIds = [.. new[] { email.MessageId }.Concat(email.InReplyTo).Concat(references).Where(id => id.Length > 0).Distinct(StringComparer.Ordinal)],
            TrackingTokens = TrackingToken.Find(email.Subject, settings),
            ConversationId = email.ConversationId,
            SmartMatch = SmartMatch(email, settings),
            Addresses = [.. AddressesOf(email).Where(a => a.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase).Take(MaxAddresses)],
        };
    }

    // What decides comes first, so that no number of recipients can push it out.
    private static IEnumerable<string> AddressesOf(IncomingEmail email)
    {
        IEnumerable<string> sender = email.From is { } from ? [from.Address.Trim()] : [];
        return sender.Concat(email.DeliveredTo.Select(a => a.Trim())).Concat(TrackingContext.ParticipantsOf(email));
    }

    private static SmartMatchQuery? SmartMatch(IncomingEmail email, OrganizationSettings settings)
    {
        if (!settings.EnableSmartMatching || !settings.CorrelationOrder.Contains(CorrelationStep.SmartMatching))
            return null;
        SmartMatchKeys keys = SmartMatchKeys.Compute(email.Subject, TrackingContext.ParticipantsOf(email), settings);
        if (keys.Words.Count == 0 || keys.Words.Count < settings.SmartMatchingMinWords || keys.Addresses.Count < settings.HashMinAddressCount)
            return null;
        DateTimeOffset notBefore = email.ReceivedOn - DateTimeOffset.MinValue > settings.SmartMatchingMaxAge
            ? email.ReceivedOn - settings.SmartMatchingMaxAge
            : DateTimeOffset.MinValue;
        return new SmartMatchQuery(keys, settings.HashDeltaSubjectCount, settings.HashMinAddressCount, notBefore);
    }
}
