using System.Text.Json;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Finds out who the router is in the organization, which privileges it lacks, and which settings stand against its work.</summary>
/// <param name="connection">The connection.</param>
/// <param name="directory">Settings and mailboxes, just read.</param>
internal sealed class AccessReporter(WebApiConnection connection, OrganizationDirectory directory)
{
    private const string What = "the router's rights";

    /// <summary>Looks.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses the log-in.</exception>
    public async ValueTask<CrmAccess> ReportAsync(CancellationToken cancellationToken)
    {
        WebApiSite site = await connection.LocateAsync(cancellationToken).ConfigureAwait(false);
        var findings = new List<CrmFinding>
        {
            new("CrmVersion", CrmFindingSeverity.Right,
                $"{connection.Server} is version {site.ServerVersion}; its Web API {site.ApiVersion} is at {site.Root}."),
        };
        (Guid User, Guid Organization, string Name)? first = null;
        foreach (CrmUser user in connection.Users)
        {
            (Guid User, Guid Organization, string Name) who = await WhoAsync(user, findings, cancellationToken).ConfigureAwait(false);
            first ??= who;
            if (user.Credential is CrmToken { CertificateExpiresOn: { } expires })
                findings.AddRange(AccessFindings.OfCertificate(user, expires, connection.Clock.GetUtcNow()));
        }

        findings.AddRange(AccessFindings.OfDirectory(directory));
        return new CrmAccess(first!.Value.Name, first.Value.User, directory.Settings.Name, first.Value.Organization, site.ServerVersion, findings);
    }

    private async ValueTask<(Guid User, Guid Organization, string Name)> WhoAsync(CrmUser user, List<CrmFinding> findings, CancellationToken cancellationToken)
    {
        const string question = "who the router is";
        JsonElement who = (await connection.SendAsync(WebApiRequest.Get("WhoAmI", question), cancellationToken, user).ConfigureAwait(false)).Json(question);
        if (who.Id("UserId") is not { } userId)
            throw AnswerErrors.Unreadable(question, "it has no UserId");
        var own = WebApiRequest.Get($"systemusers?$select=systemuserid,fullname,isdisabled&$filter=systemuserid%20eq%20{userId:D}", What);
        JsonElement row = (await connection.SendAsync(own, cancellationToken, user).ConfigureAwait(false)).Rows(What).FirstOrDefault();
        string name = row.ValueKind == JsonValueKind.Object ? row.Text("fullname") ?? userId.ToString("D") : userId.ToString("D");
        findings.Add(AccessFindings.OfUser(name, user, row.ValueKind == JsonValueKind.Object && row.Flag("isdisabled") == true));
        await JudgePrivilegesAsync(user, userId, name, findings, cancellationToken).ConfigureAwait(false);
        return (userId, who.Id("OrganizationId") ?? Guid.Empty, name);
    }

    private async ValueTask JudgePrivilegesAsync(CrmUser user, Guid userId, string name, List<CrmFinding> findings, CancellationToken cancellationToken)
    {
        CrmAnswer answer = await connection.TryAsync(
            WebApiRequest.Get($"systemusers({userId:D})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", What), cancellationToken, user).ConfigureAwait(false);
        if (!answer.IsSuccess || !answer.Json(What).TryGetProperty("RolePrivileges", out JsonElement privileges) || privileges.ValueKind != JsonValueKind.Array)
        {
            findings.Add(AccessFindings.PrivilegesUnknown(name, $"HTTP {answer.Status}"));
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
            var all = WebApiRequest.Get("privileges?$select=privilegeid,name", What);
            await foreach (JsonElement row in connection.RowsAsync(all, cancellationToken).ConfigureAwait(false))
            {
                if (row.Id("privilegeid") is { } id && unnamed.Contains(id) && row.Text("name") is { } known)
                    held.Add(known);
            }
        }

        findings.AddRange(AccessFindings.OfPrivileges(name, held));
    }
}
