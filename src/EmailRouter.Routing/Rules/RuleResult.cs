using EmailRouter.Mail;
using EmailRouter.Routing.Access;

namespace EmailRouter.Routing.Rules;

/// <summary>What was done about the router's rule of a mailbox.</summary>
public sealed record RuleResult
{
    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets the mailbox's address.</summary>
    public required string Mailbox { get; init; }

    /// <summary>Gets the rule's name.</summary>
    public required string Rule { get; init; }

    /// <summary>Gets what changed, or with <see cref="IsDryRun"/> would change.</summary>
    public required RuleChangeKind Change { get; init; }

    /// <summary>Gets what was found and done, in a sentence.</summary>
    public required string Detail { get; init; }

    /// <summary>Gets the address that gets the copies; null when the rule was removed.</summary>
    public string? Target { get; init; }

    /// <summary>Gets how copies are made; null when the rule was removed.</summary>
    public ForwardingKinds? Kind { get; init; }

    /// <summary>Gets what the administrator should know although it worked.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Gets a value indicating whether nothing was changed because that was asked for.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Gets whether a test message came through; null when none was sent.</summary>
    public bool? Verified { get; init; }

    /// <summary>Gets the steps of that test, in their order.</summary>
    public IReadOnlyList<AccessStep> Steps { get; init; } = [];
}

/// <summary>A rule of a mailbox that forwards mail.</summary>
/// <param name="Deployment">The deployment's name.</param>
/// <param name="Mailbox">The mailbox's address.</param>
/// <param name="Rule">The rule as the server tells it.</param>
/// <param name="IsOurs">Whether it is the router's.</param>
public sealed record DeployedRule(string Deployment, string Mailbox, InboxRule Rule, bool IsOurs);
