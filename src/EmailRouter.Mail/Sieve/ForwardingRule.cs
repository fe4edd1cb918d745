namespace EmailRouter.Mail.Sieve;

/// <summary>A rule that forwards a copy of what arrives in a mailbox.</summary>
public sealed record ForwardingRule
{
    /// <summary>Gets the name that tells the rule from others in the same script: letters, digits, <c>-</c>, <c>_</c> and dots.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the address that gets the copies.</summary>
    public required string Target { get; init; }

    /// <summary>Gets the header by which mail of the router itself is known, which is not forwarded; null for none.</summary>
    public string? LoopHeader { get; init; }

    /// <summary>Gets what that header contains.</summary>
    public string LoopValue { get; init; } = string.Empty;

    /// <summary>Gets a value indicating whether automatic answers (RFC 3834, <c>Auto-Submitted</c>) are forwarded too. Defaults to false.</summary>
    public bool ForwardAutomaticMail { get; init; }
}

/// <summary>How a forwarding rule stands beside the user's own script; only one script can be active.</summary>
public enum ForwardingPlacement
{
    /// <summary>As a block in the user's script; where that script cannot be followed and the server knows <c>include</c>, by a master script.</summary>
    Automatic,

    /// <summary>As a marked block in the user's script.</summary>
    Block,

    /// <summary>In a script of its own that includes the user's (RFC 6609).</summary>
    Include,
}

/// <summary>What deploying or removing a rule changed.</summary>
public enum ForwardingChange
{
    /// <summary>Nothing: all is as it should be.</summary>
    None,

    /// <summary>The rule is new.</summary>
    Added,

    /// <summary>The rule was there and said something else.</summary>
    Updated,

    /// <summary>The rule is gone.</summary>
    Removed,
}

/// <summary>What was done on the server.</summary>
/// <param name="Change">What changed.</param>
/// <param name="Placement">How the rule stands beside the user's script; never <see cref="ForwardingPlacement.Automatic"/>.</param>
/// <param name="Script">The script the rule is or was in; empty when there is none.</param>
/// <param name="Previous">The script that was active before; null when there was none.</param>
/// <param name="Warnings">The server's warnings about the new script; empty when there are none.</param>
public sealed record ForwardingResult(ForwardingChange Change, ForwardingPlacement Placement, string Script, SieveScript? Previous, string Warnings);
