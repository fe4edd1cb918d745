namespace EmailRouter.Mail;

/// <summary>The rules that a mail server applies itself to what arrives in one mailbox, as far as they forward mail to a forward mailbox.</summary>
/// <remarks>
/// The router's rules are known by their name. No other rule is ever changed. A connection is used by one caller at a time.
/// </remarks>
public interface IInboxRules : IAsyncDisposable
{
    /// <summary>Gets the ways of forwarding this server can do.</summary>
    ForwardingKinds Kinds { get; }

    /// <summary>Lists the rules of the mailbox that forward mail, whoever made them.</summary>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The rules in the server's order.</returns>
    /// <exception cref="MailException">The rules cannot be read.</exception>
    ValueTask<IReadOnlyList<InboxRule>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Sees to it that a rule works. Does nothing when it does already.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="how">What may be done on the way.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was done, or with <see cref="RuleDeployment.DryRun"/> what would be.</returns>
    /// <exception cref="MailException">
    /// The server cannot do the rule or refuses it; <c>MailRulesClientSide</c> when rules of a mail program would be lost and that is not allowed.
    /// </exception>
    ValueTask<RuleChange> DeployAsync(ForwardingRule rule, RuleDeployment how, CancellationToken cancellationToken);

    /// <summary>Takes a rule away; everything else is as it was before.</summary>
    /// <param name="name">The rule's name.</param>
    /// <param name="how">What may be done on the way.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was done, or with <see cref="RuleDeployment.DryRun"/> what would be.</returns>
    /// <exception cref="MailException">As <see cref="DeployAsync"/>.</exception>
    ValueTask<RuleChange> RemoveAsync(string name, RuleDeployment how, CancellationToken cancellationToken);
}

/// <summary>The ways a server can forward; as flags, those it can do.</summary>
[Flags]
public enum ForwardingKinds
{
    /// <summary>None; not a valid way.</summary>
    None = 0,

    /// <summary>A new message with the original attached (<c>message/rfc822</c>): the forward mailbox sees every header.</summary>
    Attachment = 1,

    /// <summary>The message itself under its own sender: the forward mailbox sees it as it arrived.</summary>
    Redirect = 2,
}

/// <summary>A rule that forwards a copy of what arrives in a mailbox.</summary>
public sealed record ForwardingRule
{
    /// <summary>Gets the name that tells the rule from others in the mailbox: letters, digits, <c>-</c>, <c>_</c>, dots and spaces.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the address that gets the copies.</summary>
    public required string Target { get; init; }

    /// <summary>Gets how the copies are made. Servers with scripts (Sieve) only redirect. Defaults to <see cref="ForwardingKinds.Attachment"/>.</summary>
    public ForwardingKinds Kind { get; init; } = ForwardingKinds.Attachment;

    /// <summary>Gets the header by which mail of the router itself is known, which is not forwarded; null for none.</summary>
    public string? LoopHeader { get; init; }

    /// <summary>Gets what that header contains.</summary>
    public string LoopValue { get; init; } = string.Empty;

    /// <summary>
    /// Gets the header by which a copy tells whose mail it is, for servers that can add one (Sieve with <c>editheader</c>, RFC 5293); null for none. The user's own copy
    /// goes without. Servers that cannot forward without it; <see cref="RuleChange.Warnings"/> says so.
    /// </summary>
    public string? OriginHeader { get; init; }

    /// <summary>Gets the value of that header: the address of the mailbox that the rule is in.</summary>
    public string OriginValue { get; init; } = string.Empty;

    /// <summary>Gets a value indicating whether automatic answers (RFC 3834, <c>Auto-Submitted</c>) are forwarded too. Defaults to false.</summary>
    public bool ForwardAutomaticMail { get; init; }
}

/// <summary>A rule of a mailbox that forwards mail.</summary>
public sealed record InboxRule
{
    /// <summary>Gets the name.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the server's id of the rule; empty where rules have none.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>Gets how it forwards.</summary>
    public required ForwardingKinds Kind { get; init; }

    /// <summary>Gets the addresses it forwards to.</summary>
    public IReadOnlyList<string> Targets { get; init; } = [];

    /// <summary>Gets a value indicating whether it is switched on.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>Gets a value indicating whether the server says that the rule does not work.</summary>
    public bool HasError { get; init; }

    /// <summary>Gets its place among the rules of the mailbox, from 1; null where the server does not say.</summary>
    public int? Sequence { get; init; }
}

/// <summary>What may be done on the way to a rule.</summary>
public sealed record RuleDeployment
{
    /// <summary>Gets a value indicating whether to tell only what would be done. Defaults to false.</summary>
    public bool DryRun { get; init; }

    /// <summary>
    /// Gets a value indicating whether rules that only a mail program applies may be lost (EWS <c>RemoveOutlookRuleBlob</c>). Defaults to false: the deployment is refused then.
    /// </summary>
    public bool DropClientSideRules { get; init; }

    /// <summary>Gets how a rule stands beside the user's own script where rules are one script. Defaults to <see cref="ForwardingPlacement.Automatic"/>.</summary>
    public ForwardingPlacement Placement { get; init; }

    /// <summary>Gets what keeps a script before it is replaced, awaited before anything is written: its name and its text. Null: nobody wants to.</summary>
    public Func<string, string, CancellationToken, ValueTask>? SavePrevious { get; init; }
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
public enum RuleChangeKind
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

/// <summary>What was done to the rules of a mailbox.</summary>
/// <param name="Kind">What changed.</param>
/// <param name="Detail">What was found and done, in a sentence.</param>
/// <param name="Warnings">What the administrator should know although it worked; empty when there is nothing.</param>
public sealed record RuleChange(RuleChangeKind Kind, string Detail, IReadOnlyList<string> Warnings);
