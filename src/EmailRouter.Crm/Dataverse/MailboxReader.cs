using System.Text.Json;
using EmailRouter.Crm.Dataverse.WebApi;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Settings and mailboxes of the organization, read together.</summary>
/// <param name="Settings">The settings.</param>
/// <param name="Mailboxes">Users, queues and forward mailboxes that have an address, in the order of their addresses.</param>
/// <param name="SynchronizationChannel"><c>organization.emailconnectionchannel</c>: 0 server-side synchronization, 1 the router; null when unknown.</param>
internal sealed record OrganizationDirectory(OrganizationSettings Settings, IReadOnlyList<CrmMailbox> Mailboxes, int? SynchronizationChannel)
{
    private readonly Dictionary<Guid, CrmMailbox> byOwner = Mailboxes.GroupBy(m => m.Owner.Id).ToDictionary(g => g.Key, g => g.First());

    /// <summary>Gets the teams that own queues; owners are users otherwise.</summary>
    public IReadOnlySet<Guid> Teams { get; init; } = new HashSet<Guid>();

    /// <summary>Gets the mailbox rows by the user or queue they belong to.</summary>
    public IReadOnlyDictionary<Guid, Guid> MailboxRows { get; init; } = new Dictionary<Guid, Guid>();

    /// <summary>Finds the mailbox of a user or queue.</summary>
    /// <param name="owner">The user or queue.</param>
    /// <returns>The mailbox; null when there is none with an address.</returns>
    public CrmMailbox? Find(Guid owner) => byOwner.GetValueOrDefault(owner);
}

/// <summary>Reads <see cref="OrganizationDirectory"/>: one request, more only for further pages.</summary>
internal static class MailboxReader
{
    private const string What = "the mailboxes";

    private static readonly WebApiRequest[] requests =
    [
        SettingsReader.Request,
        Listed("systemusers?$select=systemuserid,fullname,internalemailaddress,incomingemaildeliverymethod,outgoingemaildeliverymethod,emailrouteraccessapproval,isdisabled,_queueid_value" +
            "&$filter=internalemailaddress%20ne%20null"),
        Listed("usersettingscollection?$select=systemuserid,incomingemailfilteringmethod,autocreatecontactonpromote,issendasallowed"),
        Listed("queues?$select=queueid,name,emailaddress,incomingemaildeliverymethod,outgoingemaildeliverymethod,incomingemailfilteringmethod,emailrouteraccessapproval,statecode,_ownerid_value" +
            "&$filter=emailaddress%20ne%20null"),

        // No columns are named: older servers have fewer.
        Listed("mailboxes"),
    ];

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
        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        var lists = new List<List<JsonElement>>();
        for (int i = 0; i < requests.Length; i++)
        {
            WebApiAnswer answer = answers[i][0];

            // Servers before 2013 have no mailbox rows; nothing is lost without them.
            if (i == requests.Length - 1 && answer.Status is 403 or 404)
            {
                lists.Add([]);
                continue;
            }

            if (!answer.IsSuccess)
                throw WebApiErrors.Explain(answer, requests[i].What, connection.Server);
            List<JsonElement> rows = [.. answer.Rows(What)];
            if (answer.NextLink(What) is { } next)
            {
                await foreach (JsonElement row in connection.RowsAsync(requests[i] with { Path = connection.NextPath(next, What) }, cancellationToken).ConfigureAwait(false))
                    rows.Add(row);
            }

            lists.Add(rows);
        }

        if (lists[0].Count == 0)
            throw WebApiErrors.Unreadable("the organization's settings", "it has no row");
        return Read(lists[0][0], lists[1], lists[2], lists[3], lists[4]);
    }

    private static WebApiRequest Listed(string path) => WebApiRequest.Get(path, What) with { Prefer = "odata.maxpagesize=5000," + WebApiRequest.LookupAnnotations };

    /// <summary>Makes the directory of rows.</summary>
    /// <param name="organization">The organization's row.</param>
    /// <param name="users">The users' rows.</param>
    /// <param name="settings">The rows of the users' settings.</param>
    /// <param name="queues">The queues' rows.</param>
    /// <param name="mailboxRows">The mailboxes' rows; none on servers that have none.</param>
    /// <returns>The directory.</returns>
    public static OrganizationDirectory Read(JsonElement organization, List<JsonElement> users, List<JsonElement> settings, List<JsonElement> queues, List<JsonElement> mailboxRows)
    {
        var found = new List<CrmMailbox>();
        var teams = new HashSet<Guid>();
        Dictionary<Guid, JsonElement> rows = mailboxRows.Where(m => m.Flag("isforwardmailbox") != true && m.Lookup("regardingobjectid", "?") is not null)
            .GroupBy(m => m.Lookup("regardingobjectid", "?")!.Id).ToDictionary(g => g.Key, g => g.First());
        Dictionary<Guid, JsonElement> settingsOf = settings.Where(s => s.Id("systemuserid") is not null).GroupBy(s => s.Id("systemuserid")!.Value).ToDictionary(g => g.Key, g => g.First());
        foreach (JsonElement user in users)
        {
            if (user.Id("systemuserid") is not { } id)
                continue;
            JsonElement own = settingsOf.GetValueOrDefault(id);
            bool known = own.ValueKind == JsonValueKind.Object;
            found.Add(Mailbox(user, rows.GetValueOrDefault(id), new RecordReference("systemuser", id, user.Text("fullname")), CrmMailboxKind.User, user.Text("internalemailaddress")) with
            {
                Filter = (FilteringMethod)((known ? own.Number("incomingemailfilteringmethod") : null) ?? (int)FilteringMethod.InResponse),
                IsActive = user.Flag("isdisabled") != true,
                OwnerUserId = id,
                DefaultQueueId = user.Id("_queueid_value"),
                AutoCreate = known && own.Number("autocreatecontactonpromote") is 1 or 2 ? (AutoCreate)own.Number("autocreatecontactonpromote")!.Value : AutoCreate.None,
                IsSendAsAllowed = known && own.Flag("issendasallowed") == true,
            });
        }

        foreach (JsonElement queue in queues)
        {
            if (queue.Id("queueid") is not { } id)
                continue;
            RecordReference? owner = queue.Lookup("ownerid", "systemuser");
            if (owner?.LogicalName == "team")
                teams.Add(owner.Id);
            found.Add(Mailbox(queue, rows.GetValueOrDefault(id), new RecordReference("queue", id, queue.Text("name")), CrmMailboxKind.Queue, queue.Text("emailaddress")) with
            {
                Filter = (FilteringMethod)(queue.Number("incomingemailfilteringmethod") ?? (int)FilteringMethod.All),
                IsActive = queue.Number("statecode") is null or 0,
                OwnerUserId = owner?.Id ?? Guid.Empty,
            });
        }

        foreach (JsonElement row in mailboxRows.Where(m => m.Flag("isforwardmailbox") == true && m.Id("mailboxid") is not null))
        {
            found.Add(Mailbox(row, default, new RecordReference("mailbox", row.Id("mailboxid")!.Value, row.Text("name")), CrmMailboxKind.Forward, row.Text("emailaddress")) with
            {
                OutgoingDelivery = DeliveryMethod.None,
                IsActive = row.Number("statecode") is null or 0,
                OwnerUserId = row.Lookup("ownerid", "systemuser")?.Id ?? Guid.Empty,
            });
        }

        return new OrganizationDirectory(
            SettingsReader.Read(organization),
            [.. found.Where(m => m.Address.Length > 0).OrderBy(m => m.Address, StringComparer.Ordinal).ThenBy(m => m.Owner.Id)],
            organization.Number("emailconnectionchannel"))
        {
            Teams = teams,
            MailboxRows = rows.Where(r => r.Value.Id("mailboxid") is not null).ToDictionary(r => r.Key, r => r.Value.Id("mailboxid")!.Value),
        };
    }

    /// <summary>The user's or queue's own columns count; the mailbox row, which newer servers keep beside them, where they are empty.</summary>
    private static CrmMailbox Mailbox(JsonElement own, JsonElement row, RecordReference owner, CrmMailboxKind kind, string? address)
    {
        int? Either(string column) => own.Number(column) ?? (row.ValueKind == JsonValueKind.Object ? row.Number(column) : null);
        return new CrmMailbox
        {
            Owner = owner,
            Kind = kind,
            Address = address?.Trim() ?? string.Empty,
            IncomingDelivery = (DeliveryMethod)(Either("incomingemaildeliverymethod") ?? 0),
            OutgoingDelivery = (DeliveryMethod)(Either("outgoingemaildeliverymethod") ?? 0),
            Filter = FilteringMethod.All,
            Approval = (AccessApproval)(Either("emailrouteraccessapproval") ?? 0),
            IsActive = true,
            OwnerUserId = Guid.Empty,
        };
    }
}
