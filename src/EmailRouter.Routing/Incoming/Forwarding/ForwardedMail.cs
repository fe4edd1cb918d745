using EmailRouter.Crm;
using EmailRouter.Mime;

namespace EmailRouter.Routing.Incoming.Forwarding;

/// <summary>What a message in a forward mailbox turned out to be: somebody's mail, or something for a person to look at.</summary>
/// <param name="Message">The mail that arrived in the owner's mailbox: what was wrapped, or the message itself.</param>
/// <param name="IsWrapped">Whether it came as an attachment of another.</param>
/// <param name="Owner">Whose mail it is; null when that is not known, or not the router's business.</param>
internal sealed record ForwardedMail(MimeMessage Message, bool IsWrapped, CrmMailbox? Owner)
{
    /// <summary>Gets the reason code where there is no owner (<see cref="DecisionReasons"/>).</summary>
    public string Reason { get; init; } = string.Empty;

    /// <summary>Gets that reason in a sentence.</summary>
    public string Explanation { get; init; } = string.Empty;
}
