using System.Text;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Lab.Seed;

/// <summary>Fills an embedded CRM with <see cref="SeedOrganization"/>. Ids follow from the names, so they are the same every time.</summary>
public static class LabSeed
{
    private static readonly Guid idNamespace = new("6d3c1f52-7f0e-4a55-9c7e-1d5a4f0b8e21");

    /// <summary>Gives the id of a seeded record.</summary>
    /// <param name="logicalName">The table.</param>
    /// <param name="name">The primary name; for an email its key.</param>
    /// <returns>The id.</returns>
    public static Guid IdOf(string logicalName, string name) => DeterministicGuid.CreateV5(idNamespace, $"{logicalName}:{name}");

    /// <summary>Finds the seeded user, queue or record with a name.</summary>
    /// <param name="name">The primary name.</param>
    /// <returns>The reference; null when nothing has this name.</returns>
    public static RecordReference? Find(string name)
    {
        string? table = SeedOrganization.Users.Any(u => u.Name == name) ? "systemuser"
            : SeedOrganization.Queues.Any(q => q.Name == name) ? "queue"
            : SeedOrganization.Records.FirstOrDefault(r => r.Name == name)?.LogicalName;
        return table is null ? null : new RecordReference(table, IdOf(table, name), name);
    }

    /// <summary>Says whether a CRM was filled before.</summary>
    /// <param name="crm">The CRM.</param>
    /// <param name="cancellationToken">Stops the look.</param>
    /// <returns>True when it holds the last thing that <see cref="FillAsync"/> creates.</returns>
    /// <exception cref="CrmException">The CRM cannot be read.</exception>
    public static async ValueTask<bool> IsFilledAsync(EmbeddedCrm crm, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(crm);
        return await crm.GetEmailAsync(IdOf("email", SeedOrganization.Emails[^1].Key), cancellationToken) is not null;
    }

    /// <summary>Fills a new CRM: settings, users, queues, records and the emails that wait to be sent.</summary>
    /// <param name="crm">The CRM, without any of it.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when everything is there.</returns>
    /// <exception cref="CrmException">The CRM has some of the records already, or cannot be written.</exception>
    public static async Task FillAsync(EmbeddedCrm crm, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(crm);
        await crm.SetOrganizationAsync(SeedOrganization.Settings, cancellationToken);
        var projects = new TableDefinition { LogicalName = SeedOrganization.ProjectTable, AddressColumns = ["new_emailaddress"] };
        await crm.RegisterTableAsync(projects, cancellationToken);
        await CreateAsync(crm, SeedOrganization.Users.Select(Record), cancellationToken);
        await CreateAsync(crm, SeedOrganization.Queues.Select(Record), cancellationToken);
        await CreateAsync(crm, SeedOrganization.Records.Select(Record), cancellationToken);
        foreach (SeedEmail email in SeedOrganization.Emails)
        {
            Guid id = await crm.CreateDraftAsync(Draft(email), cancellationToken);
            await crm.SendEmailAsync(id, issueSend: true, cancellationToken);
        }
    }

    // Writes that wait together share one flush to the disk.
    private static async Task CreateAsync(EmbeddedCrm crm, IEnumerable<CrmRecord> records, CancellationToken cancellationToken) =>
        await Task.WhenAll(records.Select(r => crm.CreateRecordAsync(r, cancellationToken).AsTask()));

    private static CrmRecord Record(SeedUser user) => new("systemuser", IdOf("systemuser", user.Name), new Dictionary<string, object?>
    {
        ["fullname"] = user.Name,
        ["internalemailaddress"] = user.Address,
        ["emailrouteraccessapproval"] = (int)user.Approval,
        ["incomingemaildeliverymethod"] = (int)user.Delivery,
        ["outgoingemaildeliverymethod"] = (int)user.Delivery,
        ["incomingemailfilteringmethod"] = (int)user.Filter,
        ["autocreatecontactonpromote"] = (int)user.AutoCreate,
        ["isdisabled"] = user.IsDisabled,
    });

    private static CrmRecord Record(SeedQueue queue) => new("queue", IdOf("queue", queue.Name), new Dictionary<string, object?>
    {
        ["name"] = queue.Name,
        ["emailaddress"] = queue.Address,
        ["emailrouteraccessapproval"] = (int)AccessApproval.Approved,
        ["incomingemaildeliverymethod"] = (int)DeliveryMethod.Router,
        ["outgoingemaildeliverymethod"] = (int)DeliveryMethod.Router,
        ["incomingemailfilteringmethod"] = (int)queue.Filter,
        ["ownerid"] = IdOf("systemuser", queue.Owner),
    });

    private static CrmRecord Record(SeedRecord record)
    {
        bool isProject = record.LogicalName == SeedOrganization.ProjectTable;
        var attributes = new Dictionary<string, object?>
        {
            [record.LogicalName is "contact" or "lead" ? "fullname" : "name"] = record.Name,
            [isProject ? "new_emailaddress" : "emailaddress1"] = record.Address,
            ["ownerid"] = IdOf("systemuser", record.Owner),
            ["statecode"] = record.IsInactive ? 1 : 0,
            ["statuscode"] = record.IsInactive ? 2 : 1,
            ["donotemail"] = record.DoNotEmail,
        };
        if (record.SecondAddress is not null)
            attributes["emailaddress2"] = record.SecondAddress;
        return new CrmRecord(record.LogicalName, IdOf(record.LogicalName, record.Name), attributes);
    }

    private static EmailDraft Draft(SeedEmail email) => new()
    {
        ActivityId = IdOf("email", email.Key),
        From = Find(email.From)!,
        To = [.. email.To.Select(Recipient)],
        Cc = [.. email.Cc.Select(Recipient)],
        Subject = email.Subject,
        Description = email.Description,
        Regarding = email.Regarding is null ? null : Find(email.Regarding),
        Priority = email.Priority,
        Attachments = email.Attachment is null ? [] : [Attachment(email.Attachment)],
    };

    private static DraftRecipient Recipient(string name) => Find(name) is { } record ? DraftRecipient.FromRecord(record) : DraftRecipient.FromAddress(name);

    private static EmailAttachment Attachment(string fileName)
    {
        byte[] content = Encoding.UTF8.GetBytes($"{fileName}\r\nThis stands for the real thing.\r\n");
        return new EmailAttachment(fileName, "text/plain", content.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(content, writable: false)));
    }
}
