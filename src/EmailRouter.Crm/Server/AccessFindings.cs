
namespace EmailRouter.Crm.Server;

/// <summary>What is found about the router's rights and the settings its work depends on, whatever way they were read.</summary>
internal static class AccessFindings
{
    // Activities share their privileges: those of email are named after the activity.
    private static readonly string[] needed =
    [
        "prvReadActivity", "prvCreateActivity", "prvWriteActivity", "prvAppendActivity", "prvAppendToActivity", "prvReadUser", "prvReadQueue",
        "prvAppendToQueue",
        "prvReadOrganization", "prvReadUserSettings", "prvReadContact", "prvReadAccount", "prvAppendToContact", "prvAppendToAccount",
    ];

    private static readonly (string Name, string Use)[] useful =
    [
        ("prvReadLead", "leads are not found by their addresses"),
        ("prvCreateContact", "no contact can be created for an unknown sender"),
        ("prvCreateLead", "no lead can be created for an unknown sender"),
        ("prvDeleteActivity", "an email that two routers promoted at the same moment cannot be taken back"),
        ("prvCreateNote", "why an email could not be sent is not written to it"),
        ("prvReadNote", "of an email that comes back from several recipients only the first reason is written to it"),
        ("prvReadEntity", "custom tables whose records have email addresses are not learned"),
        ("prvReadMailbox", "forward mailboxes and newer mailbox settings are not seen"),
        ("prvActOnBehalfOfAnotherUser", "missing tracking tokens are not taken from the sender's own counter"),
    ];

    /// <summary>Judges the user.</summary>
    public static CrmFinding OfUser(string name, CrmUser user, bool isDisabled) => isDisabled
        ? new CrmFinding("CrmUserDisabled", CrmFindingSeverity.Error, $"The user {name} ({user.Credential}) is disabled.", "Enable it in the organization.")
        : new CrmFinding("CrmUser", CrmFindingSeverity.Right, $"{user.Credential} is the user {name}.");

    /// <summary>The server does not tell the privileges.</summary>
    public static CrmFinding PrivilegesUnknown(string name, string why) => new(
        "CrmPrivilegesUnknown", CrmFindingSeverity.Warning, $"The server does not tell which privileges {name} has ({why}).",
        $"Make sure that it has {string.Join(", ", needed)}.");

    /// <summary>Judges the privileges that a user holds.</summary>
    public static IEnumerable<CrmFinding> OfPrivileges(string name, IReadOnlySet<string> held)
    {
        string[] missing = [.. needed.Where(p => !held.Contains(p))];
        yield return missing.Length == 0
            ? new CrmFinding("CrmPrivileges", CrmFindingSeverity.Right, $"{name} has the privileges the router needs.")
            : new CrmFinding(
                "CrmPrivilegeMissing", CrmFindingSeverity.Error, $"{name} lacks {string.Join(", ", missing)}.",
                "Give it a security role with these privileges at organization level.");
        foreach ((string privilege, string use) in useful.Where(u => !held.Contains(u.Name)))
        {
            yield return new CrmFinding(
                "CrmPrivilegeUseful", CrmFindingSeverity.Warning, $"{name} lacks {privilege}: {use}.",
                $"Give it a security role with {privilege}, where that is wanted.");
        }
    }

    /// <summary>Judges how long the certificate of a log-in is good for.</summary>
    public static IEnumerable<CrmFinding> OfCertificate(CrmUser user, DateTimeOffset expires, DateTimeOffset now)
    {
        TimeSpan left = expires - now;
        if (left > TimeSpan.FromDays(30))
            yield break;
        yield return new CrmFinding(
            "CrmCertificateExpires",
            left <= TimeSpan.Zero ? CrmFindingSeverity.Error : CrmFindingSeverity.Warning,
            $"The certificate of {user.Credential} {(left <= TimeSpan.Zero ? "expired" : "expires")} on {expires:u}.",
            "Register a new certificate with the application, and set it in the deployment.");
    }

    /// <summary>Judges settings and mailboxes.</summary>
    public static IEnumerable<CrmFinding> OfDirectory(OrganizationDirectory directory)
    {
        if (directory.SynchronizationChannel == 0)
        {
            yield return new CrmFinding(
                "CrmServerSideSync",
                CrmFindingSeverity.Warning,
                "The organization processes email by server-side synchronization (organization.emailconnectionchannel is 0). " +
                "Mailboxes that it synchronizes too are handled twice.",
                "Set 'Process email using' to the email router in the system settings, or disable these mailboxes for server-side synchronization.");
        }

        foreach (CrmFinding finding in MailboxFindings.Judge(directory.Settings, directory.Mailboxes))
            yield return finding;
    }
}
