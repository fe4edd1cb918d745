using EmailRouter.Mail;

namespace EmailRouter.Routing.Rules;

/// <summary>Which rule a mailbox is to have.</summary>
public sealed record RuleRequest
{
    /// <summary>Gets the address of the forward mailbox; null for the deployment's only one.</summary>
    public string? ForwardTo { get; init; }

    /// <summary>Gets how copies are made; null: attached to a new message where the server can, otherwise redirected.</summary>
    public ForwardingKinds? Kind { get; init; }

    /// <summary>
    /// Gets a value indicating whether each mailbox forwards to an address of its own, <c>crm+sue=example.com@...</c>, by which the forward mailbox knows whose mail it is.
    /// The forward mailbox's server must deliver such addresses. Defaults to false.
    /// </summary>
    public bool UsePlusAddress { get; init; }

    /// <summary>Gets a value indicating whether automatic answers are forwarded too. Defaults to false.</summary>
    public bool ForwardAutomaticMail { get; init; }

    /// <summary>Gets a value indicating whether rules that only a mail program applies may be lost. Defaults to false.</summary>
    public bool DropClientSideRules { get; init; }

    /// <summary>Gets a value indicating whether a rule that forwards to where the deployment reads nothing, as that of another router does, may be replaced or removed. Defaults to false.</summary>
    public bool Force { get; init; }

    /// <summary>Gets how the rule stands beside the user's own script, where rules are one script.</summary>
    public ForwardingPlacement Placement { get; init; }

    /// <summary>Gets a value indicating whether to tell only what would be done. Defaults to false.</summary>
    public bool DryRun { get; init; }
}
