using System.Text.Json;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Reads <see cref="OrganizationDirectory"/>: one request, more only for further pages.</summary>
internal static class MailboxReader
{
    private const string What = "the mailboxes";

    private static readonly WebApiRequest[] requests =
    [
        // No columns are named, because versions differ in which they have.
        WebApiRequest.Get("organizations", "the organization's settings"),

        Listed("systemusers?$select=systemuserid,fullname,internalemailaddress,incomingemaildeliverymethod,outgoingemaildeliverymethod," +
            "emailrouteraccessapproval,isdisabled,_queueid_value&$filter=internalemailaddress%20ne%20null"),
        Listed("usersettingscollection?$select=systemuserid,incomingemailfilteringmethod,autocreatecontactonpromote,issendasallowed"),
        Listed("queues?$select=queueid,name,emailaddress,incomingemaildeliverymethod,outgoingemaildeliverymethod,incomingemailfilteringmethod," +
            "emailrouteraccessapproval,statecode,_ownerid_value&$filter=emailaddress%20ne%20null"),

        // No columns are named: older servers have fewer.
        Listed("mailboxes"),

        // The users' ids in Entra, where the server knows such; on premises there are none.
        Listed("systemusers?$select=systemuserid,azureactivedirectoryobjectid&$filter=azureactivedirectoryobjectid%20ne%20null"),
    ];

    // What is beyond these, older servers do not have; nothing is lost without it.
    private const int NeededLists = 4;

    /// <summary>Reads settings and mailboxes.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>What was read.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public static async ValueTask<OrganizationDirectory> ReadAsync(WebApiConnection connection, CancellationToken cancellationToken)
    {
        var batch = new WebApiBatch("settings and mailboxes");
        foreach (WebApiRequest request in requests)
            batch.Add(request);
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        var lists = new List<List<JsonElement>>();
        for (int i = 0; i < requests.Length; i++)
        {
            CrmAnswer answer = answers[i][0];

            if (i >= NeededLists && answer.Status is 400 or 403 or 404)
            {
                lists.Add([]);
                continue;
            }

            if (!answer.IsSuccess)
                throw AnswerErrors.Explain(answer, requests[i].What, connection.Server);
            List<JsonElement> rows = [.. answer.Rows(What)];
            if (answer.NextLink(What) is { } next)
            {
                WebApiRequest rest = requests[i] with { Path = connection.NextPath(next, What) };
                await foreach (JsonElement row in connection.RowsAsync(rest, cancellationToken).ConfigureAwait(false))
                    rows.Add(row);
            }

            lists.Add(rows);
        }

        if (lists[0].Count == 0)
            throw AnswerErrors.Unreadable("the organization's settings", "it has no row");
        return MailboxRows.Read(lists[0][0], lists[1], lists[2], lists[3], lists[4]) with
        {
            ObjectIds = lists[5].Where(u => u.Id("systemuserid") is not null && u.Id("azureactivedirectoryobjectid") is not null)
                .ToDictionary(u => u.Id("systemuserid")!.Value, u => u.Id("azureactivedirectoryobjectid")!.Value),
        };
    }

    private static WebApiRequest Listed(string path) =>
        WebApiRequest.Get(path, What) with { Prefer = "odata.maxpagesize=5000," + WebApiRequest.LookupAnnotations };
}
