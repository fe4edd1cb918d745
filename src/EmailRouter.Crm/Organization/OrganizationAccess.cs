using System.Text.Json;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>Finds out who the router is in the organization, which privileges it lacks, and which settings stand against its work.</summary>
/// <param name="connection">The connection.</param>
/// <param name="directory">Settings and mailboxes, just read.</param>
internal sealed class OrganizationAccess(OrganizationConnection connection, OrganizationDirectory directory)
{
    private const string What = "the router's rights";

    /// <summary>Looks.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses the log-in.</exception>
    public async ValueTask<CrmAccess> ReportAsync(CancellationToken cancellationToken)
    {
        OrganizationSite site = await connection.LocateAsync(cancellationToken).ConfigureAwait(false);
        var findings = new List<CrmFinding>
        {
            new("CrmVersion", CrmFindingSeverity.Right, $"{connection.Server} is version {site.Version}; its Organization.svc is at {site.Address}."),
        };
        (Guid User, Guid Organization, string Name)? first = null;
        foreach (CrmUser user in connection.Http.Users)
        {
            (Guid User, Guid Organization, string Name) who = await WhoAsync(user, findings, cancellationToken).ConfigureAwait(false);
            first ??= who;
            if (user.Credential is CrmToken { CertificateExpiresOn: { } expires })
                findings.AddRange(AccessFindings.OfCertificate(user, expires, connection.Clock.GetUtcNow()));
        }

        findings.AddRange(AccessFindings.OfDirectory(directory));
        return new CrmAccess(first!.Value.Name, first.Value.User, directory.Settings.Name, first.Value.Organization, site.Version.ToString(), findings);
    }

    private async ValueTask<(Guid User, Guid Organization, string Name)> WhoAsync(CrmUser user, List<CrmFinding> findings, CancellationToken cancellationToken)
    {
        OrganizationAnswer who = await connection.SendAsync(
            new OrganizationRequest("WhoAmI", "who the router is") { IsRepeatable = true }, cancellationToken, user).ConfigureAwait(false);
        if (who.Id("UserId") is not { } userId)
            throw AnswerErrors.Unreadable("who the router is", "it has no UserId");
        FetchQuery query = new FetchQuery("systemuser", "systemuserid", "fullname", "isdisabled").Where("systemuserid", "eq", userId.ToString("D"));
        OrganizationAnswer answer = await connection.SendAsync(OrganizationConnection.Fetch(query, What), cancellationToken, user).ConfigureAwait(false);
        JsonElement? row = OrganizationConnection.Rows(answer, What).Select(r => (JsonElement?)r).FirstOrDefault();
        string name = row?.Text("fullname") ?? userId.ToString("D");
        findings.Add(AccessFindings.OfUser(name, user, row?.Flag("isdisabled") == true));
        await JudgePrivilegesAsync(user, userId, name, findings, cancellationToken).ConfigureAwait(false);
        return (userId, who.Id("OrganizationId") ?? Guid.Empty, name);
    }

    /// <summary>The message tells ids only; the names stand in a table.</summary>
    private async ValueTask JudgePrivilegesAsync(CrmUser user, Guid userId, string name, List<CrmFinding> findings, CancellationToken cancellationToken)
    {
        OrganizationAnswer answer = await connection.TryAsync(
            new OrganizationRequest("RetrieveUserPrivileges", What) { IsRepeatable = true }.With("UserId", userId),
            cancellationToken,
            user).ConfigureAwait(false);
        if (answer.Fault is not null || answer.Result("RolePrivileges") is not { } privileges)
        {
            findings.Add(AccessFindings.PrivilegesUnknown(name, answer.Fault is { } said ? FaultTable.Cut(said.Message) : "its answer has no RolePrivileges"));
            return;
        }

        HashSet<Guid> ids = [.. privileges.Elements().Select(p => Guid.TryParse(p.Child("PrivilegeId")?.Value, out Guid id) ? id : Guid.Empty)];
        var held = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        FetchQuery names = new FetchQuery("privilege", "privilegeid", "name").By("privilegeid");
        foreach (XElement entity in await connection.RowsAsync(names, What, cancellationToken).ConfigureAwait(false))
        {
            JsonElement row = EntityRow.Read(entity).ToElement();
            if (row.Id("privilegeid") is { } id && ids.Contains(id) && row.Text("name") is { } known)
                held.Add(known);
        }

        findings.AddRange(AccessFindings.OfPrivileges(name, held));
    }
}
