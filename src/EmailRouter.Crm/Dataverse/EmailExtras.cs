using System.Text.Json.Nodes;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// What CheckIncomingEmail and DeliverIncomingEmail have no parameter for: which email is answered, and the conversation. Both messages take an email as
/// <c>ExtraProperties</c>, by which these columns of it can be told. Of that parameter the reference says no more than "For internal use only": a server may
/// ignore it, and then correlates by the subject alone.
/// </summary>
internal static class EmailExtras
{
    // The lengths of the columns.
    private const int MaxMessageId = 320;
    private const int MaxConversationIndex = 2048;

    /// <summary>Makes the email that holds the columns.</summary>
    /// <param name="email">The email.</param>
    /// <param name="answered">The Message-ID of the email it answers; null for none.</param>
    /// <returns>The email; null when there is nothing to tell.</returns>
    public static JsonObject? Of(IncomingEmail email, string? answered)
    {
        var columns = new JsonObject { ["@odata.type"] = "Microsoft.Dynamics.CRM.email" };
        if (answered is { Length: > 0 and <= MaxMessageId })
            columns["inreplyto"] = answered;
        if (email.ConversationIndex is { Length: > 0 and <= MaxConversationIndex } conversation)
            columns["conversationindex"] = conversation;
        return columns.Count > 1 ? columns : null;
    }
}
