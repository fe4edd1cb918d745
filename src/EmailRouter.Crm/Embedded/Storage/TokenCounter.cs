using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Gives out tracking tokens. Every user has a counter of its own; a queue uses its owner's.</summary>
internal static class TokenCounter
{
    /// <summary>Makes the next token of a user.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="userId">The user.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <returns>The token; null when there is no such user.</returns>
    public static string? Next(SqliteSession session, Guid userId, OrganizationSettings settings)
    {
        if (session.Query(
            "SELECT emailrouter_usernumber, emailrouter_trackingcounter FROM systemuser WHERE systemuserid = @id",
            row => (Number: row.Int(0), Counter: row.Int(1)), ("id", userId)) is not [var user])
        {
            return null;
        }

        int counter = TrackingToken.Next(user.Counter, settings);
        session.Execute("UPDATE systemuser SET emailrouter_trackingcounter = @counter WHERE systemuserid = @id", ("counter", counter), ("id", userId));
        return TrackingToken.Format(user.Number, counter, settings);
    }

    /// <summary>Gives an email its token: the one asked for, a known one that stands in the subject (a reply), or the next of the sender.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="subject">The email's subject.</param>
    /// <param name="given">The token asked for; null or empty for none.</param>
    /// <param name="sender">The sender's mailbox; null when unknown.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <returns>The subject with the token, and the token; null when the organization uses none, or it does not fit.</returns>
    public static (string Subject, string? Token) Assign(SqliteSession session, string subject, string? given, CrmMailbox? sender,
        OrganizationSettings settings)
    {
        if (!settings.UseTrackingToken)
            return (subject, null);
        string? token = !string.IsNullOrEmpty(given)
            ? given
            : TrackingToken.Find(subject, settings)
                .FirstOrDefault(t => session.Any("SELECT 1 FROM email WHERE trackingtoken = @token COLLATE NOCASE LIMIT 1", ("token", t)));
        if (token is null && sender is not null)
            token = Next(session, sender.OwnerUserId, settings);
        if (token is null)
            return (subject, null);
        string tokenised = TrackingToken.Insert(subject, token, settings);
        return (tokenised, tokenised.Contains(token, StringComparison.OrdinalIgnoreCase) ? token : null);
    }
}
