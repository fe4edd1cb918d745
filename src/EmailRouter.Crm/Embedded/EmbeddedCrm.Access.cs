using EmailRouter.Crm.Embedded.Storage;

namespace EmailRouter.Crm.Embedded;

/// <content>What the router may do here.</content>
public sealed partial class EmbeddedCrm
{
    /// <inheritdoc/>
    /// <remarks>There are no users who log in: the account of the process has what the file system lets it do.</remarks>
    public async ValueTask<CrmAccess> ReportAccessAsync(CancellationToken cancellationToken)
    {
        OrganizationSettings settings = await GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        List<CrmMailbox> mailboxes = await file.ReadAsync(s => MailboxTable.List(s), cancellationToken).ConfigureAwait(false);
        string version = $"{Schema.Migrations.Count}";
        string where = FilePath ?? "in memory";
        List<CrmFinding> findings =
        [
            new("CrmVersion", CrmFindingSeverity.Right, $"An embedded CRM of version {version}, {where}."),
            new("CrmUser", CrmFindingSeverity.Right, $"There is no log-in; the file is opened by {Environment.UserName}."),
            await JudgeWritingAsync(where, cancellationToken).ConfigureAwait(false),
            .. MailboxFindings.Judge(settings, mailboxes),
        ];
        return new CrmAccess(Environment.UserName, Guid.Empty, settings.Name, settings.OrganizationId, version, findings);
    }

    private async ValueTask<CrmFinding> JudgeWritingAsync(string where, CancellationToken cancellationToken)
    {
        try
        {
            await WriteAsync(static _ => { }, cancellationToken).ConfigureAwait(false);       // takes the lock and changes nothing
            return new CrmFinding("CrmPrivileges", CrmFindingSeverity.Right, "It can be read and written.");
        }
        catch (CrmException e) when (!e.IsTransient)
        {
            return new CrmFinding("CrmPrivilegeMissing", CrmFindingSeverity.Error, $"It cannot be written ({where}): {e.Message}", e.Remedy);
        }
    }
}
