using EmailRouter.Crm;

namespace EmailRouter.Routing;

/// <summary>The reason codes of a check in one sentence each.</summary>
public static class DecisionWords
{
    /// <summary>Explains a reason code.</summary>
    /// <param name="reason">The code.</param>
    /// <returns>One sentence for an administrator.</returns>
    public static string Explain(CheckReason reason) => reason switch
    {
        CheckReason.Duplicate => "The email activity exists already.",
        CheckReason.NoCorrelationMatch => "No recipient's filter accepts it: it answers no email of the CRM.",
        CheckReason.CorrelationMatch => "It answers an email of the CRM.",
        CheckReason.NoRecipientMatch => "No recipient is a user or queue whose mail the router handles.",
        CheckReason.InternalEmailReject => "Sender and recipients are users of the CRM, and the organization ignores internal email.",
        CheckReason.SenderMatch => "The sender is a record of the CRM.",
        CheckReason.AcceptAll => "The recipient's filter accepts all email.",
        CheckReason.InvalidSender => "The sender's address is missing or malformed.",
        _ => "The organization gave no reason.",
    };
}
