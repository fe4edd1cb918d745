using System.Text.Json;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>Reads settings, mailboxes and the definition of emails.</summary>
internal static class OrganizationReader
{
    private const string What = "settings and mailboxes";

    // Columns that an organization without a value for them means something by.
    private static readonly string[] telling = ["trackingprefix", "blockedattachments"];

    /// <summary>Reads settings and mailboxes. No columns are named: versions differ in which they have.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>What was read.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public static async ValueTask<OrganizationDirectory> ReadDirectoryAsync(OrganizationConnection connection, CancellationToken cancellationToken)
    {
        List<JsonElement> organizations = await RowsAsync(connection, new FetchQuery("organization"), cancellationToken, telling).ConfigureAwait(false);
        List<JsonElement> users = await RowsAsync(
            connection, new FetchQuery("systemuser").Where("internalemailaddress", "not-null").By("systemuserid"), cancellationToken).ConfigureAwait(false);
        List<JsonElement> settings = await RowsAsync(
            connection, new FetchQuery("usersettings").By("systemuserid"), cancellationToken).ConfigureAwait(false);
        List<JsonElement> queues = await RowsAsync(connection, new FetchQuery("queue").By("queueid"), cancellationToken).ConfigureAwait(false);
        OrganizationSite site = await connection.LocateAsync(cancellationToken).ConfigureAwait(false);

        // Mailbox rows came with CRM 2013, together with server-side synchronization.
        List<JsonElement> mailboxes = site.Version.Major < 6 ? [] : await MailboxesAsync(connection, cancellationToken).ConfigureAwait(false);
        return organizations.Count == 0
            ? throw AnswerErrors.Unreadable("the organization's settings", "it has no row")
            : MailboxRows.Read(organizations[0], users, settings, queues, mailboxes);
    }

    private static async ValueTask<List<JsonElement>> RowsAsync(
        OrganizationConnection connection, FetchQuery query, CancellationToken cancellationToken, params string[] asked) =>
        [.. (await connection.RowsAsync(query, What, cancellationToken).ConfigureAwait(false)).Select(e => EntityRow.Read(e, asked).ToElement())];

    private static async ValueTask<List<JsonElement>> MailboxesAsync(OrganizationConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            return await RowsAsync(connection, new FetchQuery("mailbox").By("mailboxid"), cancellationToken).ConfigureAwait(false);
        }
        catch (CrmException e) when (e.ErrorId is "CrmPrivilegeMissing" or "CrmAccessDenied" or "CrmRequestRefused")
        {
            // Forward mailboxes are not seen then; users and queues have everything in their own rows.
            return [];
        }
    }
}
