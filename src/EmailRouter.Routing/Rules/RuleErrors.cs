using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Rules;

/// <summary>Makes the errors of deploying rules.</summary>
internal static class RuleErrors
{
    private const string Step = nameof(MailStep.Rules);

    public static RouterException OnForwardMailbox(string mailbox) => Make(
        "RouterRuleInvalid", $"{mailbox} is a forward mailbox; a rule in it would send mail round in circles.", "Deploy rules to the mailboxes of users and queues.");

    public static RouterException ToItself(string mailbox) => Make(
        "RouterRuleInvalid", $"{mailbox} would forward to itself.", "Name the forward mailbox with -ForwardTo.");

    public static RouterException NoTarget(string deployment) => Make(
        "RouterForwardMailboxMissing", $"The deployment {deployment} has no forward mailbox.", "Name one in the CRM or in the deployment's forwardMailboxes, or say where to forward with -ForwardTo.");

    public static RouterException SeveralTargets(string deployment, IEnumerable<string> addresses) => Make(
        "RouterForwardMailboxAmbiguous", $"The deployment {deployment} has several forward mailboxes: {string.Join(", ", addresses)}.", "Say which one with -ForwardTo.");

    public static RouterException InvalidTarget(string target) =>
        Make("RouterRuleInvalid", $"\"{target}\" is no address to forward to.", "Write it as name@domain.");

    public static RouterException NotUsable(string mailbox, string text, string remedy) => Make("RouterMailboxNotUsable", $"{mailbox}: {text}", remedy);

    public static RouterException NoRules(string mailbox, string profile, string system) => Make(
        "RouterRulesUnsupported", $"{mailbox}: the profile {profile} is of {system}, which knows no rules.", "Assign a rulesProfile of a system with rules, e.g. Sieve, Exchange or Graph.");

    public static RouterException NoSuchKind(string mailbox, ForwardingKinds wanted, ForwardingKinds possible) => Make(
        "RouterRuleKindUnsupported", $"{mailbox}: the server can forward by {possible}, not by {wanted}.", "Leave -Kind out, or name what the server can.");

    public static RouterException OfAnother(EffectiveMailbox mailbox, IEnumerable<string> targets) => Make(
        "RouterRuleOfAnother",
        $"The rule in {mailbox.Address} forwards to {string.Join(", ", targets)}, which is no forward mailbox of {mailbox.Deployment}: another router made it, or the forward mailbox was another one before.",
        "Leave the mailbox to the other router, or take it over with -Force.");

    private static RouterException Make(string id, string message, string remedy) => new(new RouterError(id, Step, message, remedy, false));
}
