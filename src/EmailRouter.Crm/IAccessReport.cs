namespace EmailRouter.Crm;

/// <summary>An organization that can say what the router may do in it. An <see cref="IOrganization"/> or <see cref="IRecordStore"/> implements it beside its own contract.</summary>
public interface IAccessReport
{
    /// <summary>Finds out who the router is in the organization, which privileges it lacks, and which settings stand against its work. Changes nothing.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="CrmException">The organization cannot be reached, or refuses the log-in.</exception>
    ValueTask<CrmAccess> ReportAccessAsync(CancellationToken cancellationToken);
}

/// <summary>Who the router is in an organization, and what was found.</summary>
/// <param name="User">The user's name, as the CRM knows it.</param>
/// <param name="UserId">The user's id.</param>
/// <param name="Organization">The organization's name.</param>
/// <param name="OrganizationId">The organization's id.</param>
/// <param name="Version">The server's version, e.g. <c>9.2.24</c>.</param>
/// <param name="Findings">What was looked at, in order; also what is right.</param>
public sealed record CrmAccess(string User, Guid UserId, string Organization, Guid OrganizationId, string Version, IReadOnlyList<CrmFinding> Findings);

/// <summary>One thing that was looked at.</summary>
/// <param name="Id">Its stable id, e.g. <c>CrmPrivilegeMissing</c>.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Text">What was found, with the names of privileges, settings and records.</param>
/// <param name="Remedy">What to do about it; empty when it is right.</param>
public sealed record CrmFinding(string Id, CrmFindingSeverity Severity, string Text, string Remedy = "");

/// <summary>How bad a finding is.</summary>
public enum CrmFindingSeverity
{
    /// <summary>It is right.</summary>
    Right,

    /// <summary>It works, and something should be looked at.</summary>
    Warning,

    /// <summary>The router cannot work so.</summary>
    Error,
}
