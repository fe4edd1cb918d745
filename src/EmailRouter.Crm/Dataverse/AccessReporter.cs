using System.Text.Json;
using EmailRouter.Crm.Dataverse.WebApi;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Finds out who the router is in the organization, which privileges it lacks, and which settings stand against its work.</summary>
/// <param name="connection">The connection.</param>
/// <param name="directory">Settings and mailboxes, just read.</param>
internal sealed class AccessReporter(WebApiConnection connection, OrganizationDirectory directory)
{
    private const string What = "the router's rights";

    // Activities share their privileges: those of email are named after the activity.
    private static readonly string[] needed =
    [
        "prvReadActivity", "prvCreateActivity", "prvWriteActivity", "prvAppendActivity", "prvAppendToActivity", "prvReadUser", "prvReadQueue", "prvAppendToQueue",
        "prvReadOrganization", "prvReadUserSettings", "prvReadContact", "prvReadAccount", "prvAppendToContact", "prvAppendToAccount",
    ];

    private static readonly (string Name, string Use)[] useful =
    [
        ("prvReadLead", "leads are not found by their addresses"),
        ("prvCreateContact", "no contact can be created for an unknown sender"),
        ("prvCreateLead", "no lead can be created for an unknown sender"),
        ("prvDeleteActivity", "an email that two routers promoted at the same moment cannot be taken back"),
        ("prvCreateNote", "why an email could not be sent is not written to it"),
        ("prvReadEntity", "custom tables whose records have email addresses are not learned"),
        ("prvReadMailbox", "forward mailboxes and newer mailbox settings are not seen"),
        ("prvActOnBehalfOfAnotherUser", "missing tracking tokens are not taken from the sender's own counter"),
    ];

    /// <summary>Looks.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses the log-in.</exception>
    public async ValueTask<CrmAccess> ReportAsync(CancellationToken cancellationToken)
    {
        WebApiSite site = await connection.LocateAsync(cancellationToken).ConfigureAwait(false);
        var findings = new List<CrmFinding>
        {
            new("CrmVersion", CrmFindingSeverity.Right, $"{connection.Server} is version {site.ServerVersion}; its Web API {site.ApiVersion} is at {site.Root}."),
        };
        (Guid User, Guid Organization, string Name)? first = null;
        foreach (WebApiUser user in connection.Users)
        {
            (Guid User, Guid Organization, string Name) who = await WhoAsync(user, findings, cancellationToken).ConfigureAwait(false);
            first ??= who;
            if (user.Credential is CrmToken { CertificateExpiresOn: { } expires })
                JudgeCertificate(user, expires, findings);
        }

        JudgeSettings(findings);
        return new CrmAccess(first!.Value.Name, first.Value.User, directory.Settings.Name, first.Value.Organization, site.ServerVersion, findings);
    }

    private async ValueTask<(Guid User, Guid Organization, string Name)> WhoAsync(WebApiUser user, List<CrmFinding> findings, CancellationToken cancellationToken)
    {
        JsonElement who = (await connection.SendAsync(WebApiRequest.Get("WhoAmI", "who the router is"), cancellationToken, user).ConfigureAwait(false)).Json("who the router is");
        if (who.Id("UserId") is not { } userId)
            throw WebApiErrors.Unreadable("who the router is", "it has no UserId");
        JsonElement row = (await connection.SendAsync(
            WebApiRequest.Get($"systemusers?$select=systemuserid,fullname,isdisabled&$filter=systemuserid%20eq%20{userId:D}", What), cancellationToken, user).ConfigureAwait(false))
            .Rows(What).FirstOrDefault();
        string name = row.ValueKind == JsonValueKind.Object ? row.Text("fullname") ?? userId.ToString("D") : userId.ToString("D");
        findings.Add(row.ValueKind == JsonValueKind.Object && row.Flag("isdisabled") == true
            ? new CrmFinding("CrmUserDisabled", CrmFindingSeverity.Error, $"The user {name} ({user.Credential}) is disabled.", "Enable it in the organization.")
            : new CrmFinding("CrmUser", CrmFindingSeverity.Right, $"{user.Credential} is the user {name}."));
        await JudgePrivilegesAsync(user, userId, name, findings, cancellationToken).ConfigureAwait(false);
        return (userId, who.Id("OrganizationId") ?? Guid.Empty, name);
    }

    private async ValueTask JudgePrivilegesAsync(WebApiUser user, Guid userId, string name, List<CrmFinding> findings, CancellationToken cancellationToken)
    {
        WebApiAnswer answer = await connection.TryAsync(
            WebApiRequest.Get($"systemusers({userId:D})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", What), cancellationToken, user).ConfigureAwait(false);
        if (!answer.IsSuccess || !answer.Json(What).TryGetProperty("RolePrivileges", out JsonElement privileges) || privileges.ValueKind != JsonValueKind.Array)
        {
            findings.Add(new CrmFinding(
                "CrmPrivilegesUnknown", CrmFindingSeverity.Warning, $"The server does not tell which privileges {name} has (HTTP {answer.Status}).",
                $"Make sure that it has {string.Join(", ", needed)}."));
            return;
        }

        HashSet<string> held = new(StringComparer.OrdinalIgnoreCase);
        var unnamed = new HashSet<Guid>();
        foreach (JsonElement privilege in privileges.EnumerateArray())
        {
            if (privilege.Text("PrivilegeName") is { Length: > 0 } named)
                held.Add(named);
            else if (privilege.Id("PrivilegeId") is { } id)
                unnamed.Add(id);
        }

        // Older servers tell ids only; the names stand in a table.
        if (unnamed.Count > 0)
        {
            await foreach (JsonElement row in connection.RowsAsync(WebApiRequest.Get("privileges?$select=privilegeid,name", What), cancellationToken).ConfigureAwait(false))
            {
                if (row.Id("privilegeid") is { } id && unnamed.Contains(id) && row.Text("name") is { } known)
                    held.Add(known);
            }
        }

        string[] missing = [.. needed.Where(p => !held.Contains(p))];
        findings.Add(missing.Length == 0
            ? new CrmFinding("CrmPrivileges", CrmFindingSeverity.Right, $"{name} has the privileges the router needs.")
            : new CrmFinding(
                "CrmPrivilegeMissing", CrmFindingSeverity.Error, $"{name} lacks {string.Join(", ", missing)}.",
                "Give it a security role with these privileges at organization level."));
        foreach ((string privilege, string use) in useful.Where(u => !held.Contains(u.Name)))
        {
            findings.Add(new CrmFinding(
                "CrmPrivilegeUseful", CrmFindingSeverity.Warning, $"{name} lacks {privilege}: {use}.", $"Give it a security role with {privilege}, where that is wanted."));
        }
    }

    private void JudgeCertificate(WebApiUser user, DateTimeOffset expires, List<CrmFinding> findings)
    {
        TimeSpan left = expires - connection.Clock.GetUtcNow();
        if (left > TimeSpan.FromDays(30))
            return;
        findings.Add(new CrmFinding(
            "CrmCertificateExpires",
            left <= TimeSpan.Zero ? CrmFindingSeverity.Error : CrmFindingSeverity.Warning,
            $"The certificate of {user.Credential} {(left <= TimeSpan.Zero ? "expired" : "expires")} on {expires:u}.",
            "Register a new certificate with the application, and set it in the deployment."));
    }

    private void JudgeSettings(List<CrmFinding> findings)
    {
        if (directory.SynchronizationChannel == 0)
        {
            findings.Add(new CrmFinding(
                "CrmServerSideSync",
                CrmFindingSeverity.Warning,
                "The organization processes email by server-side synchronization (organization.emailconnectionchannel is 0). Mailboxes that it synchronizes too are handled twice.",
                "Set 'Process email using' to the email router in the system settings, or disable these mailboxes for server-side synchronization."));
        }

        CrmMailbox[] routed = [.. directory.Mailboxes.Where(m => m.IncomingDelivery == DeliveryMethod.Router || m.OutgoingDelivery == DeliveryMethod.Router)];
        findings.Add(routed.Length == 0
            ? new CrmFinding(
                "CrmNoMailbox", CrmFindingSeverity.Error, "No user and no queue sends or receives email through the router.",
                "Set the incoming or outgoing delivery method of the mailboxes to server-side synchronization or email router (2).")
            : new CrmFinding("CrmMailboxes", CrmFindingSeverity.Right, $"{routed.Length} users and queues send or receive email through the router."));
        foreach (CrmMailbox mailbox in routed)
        {
            bool asks = mailbox.Kind == CrmMailboxKind.Queue ? directory.Settings.RequireApprovalForQueues : directory.Settings.RequireApprovalForUsers;
            if (asks && mailbox.Approval != AccessApproval.Approved)
            {
                findings.Add(new CrmFinding(
                    "CrmAddressNotApproved", CrmFindingSeverity.Warning, $"The address {mailbox.Address} of {mailbox.Owner} is not approved (emailrouteraccessapproval is {mailbox.Approval}).",
                    "Approve the email address in the organization."));
            }

            if (!mailbox.IsActive)
            {
                findings.Add(new CrmFinding(
                    "CrmMailboxDisabled", CrmFindingSeverity.Warning, $"{mailbox.Owner} with the address {mailbox.Address} is disabled; its email is not handled.",
                    "Enable it, or set its delivery methods to none."));
            }
        }
    }
}
