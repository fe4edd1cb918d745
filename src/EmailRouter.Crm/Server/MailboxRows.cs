using System.Text.Json;

namespace EmailRouter.Crm.Server;

/// <summary>How the rows of users, queues and mailboxes become mailboxes.</summary>
internal static class MailboxRows
{
    /// <summary>Makes the directory of rows.</summary>
    /// <param name="organization">The organization's row.</param>
    /// <param name="users">The users' rows.</param>
    /// <param name="settings">The rows of the users' settings.</param>
    /// <param name="queues">The queues' rows.</param>
    /// <param name="mailboxRows">The mailboxes' rows; none on servers that have none.</param>
    /// <returns>The directory.</returns>
    public static OrganizationDirectory Read(
        JsonElement organization, List<JsonElement> users, List<JsonElement> settings, List<JsonElement> queues, List<JsonElement> mailboxRows)
    {
        var found = new List<CrmMailbox>();
        var teams = new HashSet<Guid>();
        Dictionary<Guid, JsonElement> rows = mailboxRows.Where(m => m.Flag("isforwardmailbox") != true && m.Lookup("regardingobjectid", "?") is not null)
            .GroupBy(m => m.Lookup("regardingobjectid", "?")!.Id).ToDictionary(g => g.Key, g => g.First());
        Dictionary<Guid, JsonElement> settingsOf = settings.Where(s => s.Id("systemuserid") is not null)
            .GroupBy(s => s.Id("systemuserid")!.Value).ToDictionary(g => g.Key, g => g.First());
        foreach (JsonElement user in users)
        {
            if (user.Id("systemuserid") is not { } id)
                continue;
            JsonElement own = settingsOf.GetValueOrDefault(id);
            bool known = own.ValueKind == JsonValueKind.Object;
            var reference = new RecordReference("systemuser", id, user.Text("fullname"));
            found.Add(Mailbox(user, rows.GetValueOrDefault(id), reference, CrmMailboxKind.User, user.Text("internalemailaddress")) with
            {
                Filter = (FilteringMethod)((known ? own.Number("incomingemailfilteringmethod") : null) ?? (int)FilteringMethod.InResponse),
                IsActive = user.Flag("isdisabled") != true,
                OwnerUserId = id,
                DefaultQueueId = user.Id("_queueid_value"),
                AutoCreate = known && own.Number("autocreatecontactonpromote") is { } create and (1 or 2) ? (AutoCreate)create : AutoCreate.None,
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
            var reference = new RecordReference("queue", id, queue.Text("name"));
            found.Add(Mailbox(queue, rows.GetValueOrDefault(id), reference, CrmMailboxKind.Queue, queue.Text("emailaddress")) with
            {
                Filter = (FilteringMethod)(queue.Number("incomingemailfilteringmethod") ?? (int)FilteringMethod.All),
                IsActive = queue.Number("statecode") is null or 0,
                OwnerUserId = owner?.Id ?? Guid.Empty,
            });
        }

        foreach (JsonElement row in mailboxRows.Where(m => m.Flag("isforwardmailbox") == true && m.Id("mailboxid") is not null))
        {
            var reference = new RecordReference("mailbox", row.Id("mailboxid")!.Value, row.Text("name"));
            found.Add(Mailbox(row, default, reference, CrmMailboxKind.Forward, row.Text("emailaddress")) with
            {
                OutgoingDelivery = DeliveryMethod.None,
                IsActive = row.Number("statecode") is null or 0,
                OwnerUserId = row.Lookup("ownerid", "systemuser")?.Id ?? Guid.Empty,
            });
        }

        return new OrganizationDirectory(
            SettingsRow.Read(organization),
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
