namespace EmailRouter.Crm.Server;

/// <summary>Which emails an email may answer, for servers that take one of them.</summary>
internal static class AnsweredEmails
{
    // A query names so many; who answers the 21st ancestor answers one of the nearer ones too.
    private const int Max = 20;

    /// <summary>Lists the ids of the emails it may answer, the nearest first: In-Reply-To, then References from right to left.</summary>
    /// <param name="email">The email.</param>
    /// <returns>At most 20 Message-IDs; its own is none of them.</returns>
    public static IReadOnlyList<string> NearestFirst(IncomingEmail email) =>
        [.. email.InReplyTo.Concat(email.References.Reverse()).Where(id => id.Length > 0 && id != email.MessageId).Distinct(StringComparer.Ordinal).Take(Max)];
}
