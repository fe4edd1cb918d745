namespace EmailRouter.Mail.Sieve;

/// <summary>What was done on the server.</summary>
/// <param name="Change">What changed.</param>
/// <param name="Placement">How the rule stands beside the user's script; never <see cref="ForwardingPlacement.Automatic"/>.</param>
/// <param name="Script">The script the rule is or was in; empty when there is none.</param>
/// <param name="Previous">The script that was active before; null when there was none.</param>
/// <param name="Warnings">The server's warnings about the new script; empty when there are none.</param>
public sealed record ForwardingResult(RuleChangeKind Change, ForwardingPlacement Placement, string Script, SieveScript? Previous, string Warnings);
