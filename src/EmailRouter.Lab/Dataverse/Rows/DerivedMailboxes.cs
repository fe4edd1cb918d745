using System.Net;
using System.Security.Cryptography;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>
/// The rows of <c>mailbox</c> that Dataverse keeps for every user and queue. The embedded CRM has what they say in the users' and queues' own columns, so they
/// are made when they are read, and changing one changes the user or queue. A user or queue for which there is a stored row has that.
/// </summary>
internal static class DerivedMailboxes
{
    /// <summary>The table.</summary>
    public const string Table = "mailbox";

    private const string Mailbox = "defaultmailbox";
    private const string Receiver = "receivingmailboxid";

    private static readonly string[] owners = ["systemuser", "queue"];

    // What users and queues have under the same name.
    private static readonly string[] shared = ["incomingemaildeliverymethod", "outgoingemaildeliverymethod", "emailrouteraccessapproval"];

    private static readonly string[] kept = ["createdon", "modifiedon", "versionnumber"];

    /// <summary>Makes the rows.</summary>
    /// <param name="crm">The transaction.</param>
    /// <returns>A row for each user and queue that has no stored one.</returns>
    public static IEnumerable<CrmRecord> Rows(CrmUnitOfWork crm)
    {
        HashSet<Guid> stored = StoredOwners(crm);
        return owners.SelectMany(t => crm.Select(new RecordSelection(t))).Where(o => !stored.Contains(o.Id)).Select(Of);
    }

    /// <summary>Gives a user or a queue its mailbox.</summary>
    /// <param name="crm">The transaction.</param>
    /// <param name="rows">Rows of a table.</param>
    /// <param name="columns">The columns that are read; null for all.</param>
    /// <returns>The rows, those of users and queues with <c>defaultmailbox</c>.</returns>
    public static IEnumerable<CrmRecord> Complete(CrmUnitOfWork crm, IReadOnlyList<CrmRecord> rows, IReadOnlyCollection<string>? columns)
    {
        if (rows.Count == 0 || !owners.Contains(rows[0].LogicalName) || columns?.Contains(Mailbox) == false)
            return rows;
        HashSet<Guid> stored = StoredOwners(crm);
        return rows.Select(o => o[Mailbox] is not null || stored.Contains(o.Id)
            ? o
            : o with { Attributes = new Dictionary<string, object?>(o.Attributes) { [Mailbox] = IdOf(o.Id) } });
    }

    /// <summary>Says what changing a made row changes.</summary>
    /// <param name="row">The row.</param>
    /// <param name="attributes">The changes.</param>
    /// <returns>The changes of the user or queue.</returns>
    /// <exception cref="ODataException">The user or queue has no such column.</exception>
    public static CrmRecord ChangeOf(CrmRecord row, IReadOnlyDictionary<string, object?> attributes)
    {
        var owner = (RecordReference)row["regardingobjectid"]!;
        return new CrmRecord(owner.LogicalName, owner.Id, attributes.ToDictionary(
            a => a.Key switch
            {
                "emailaddress" => AddressColumn(owner.LogicalName),
                var name when shared.Contains(name) => name,
                var name => throw new ODataException(
                    HttpStatusCode.BadRequest, "0x80040203", $"The lab keeps no '{name}' of the mailboxes of users and queues."),
            },
            a => a.Value));
    }

    /// <summary>Lets columns that refer to a made row refer to its user or queue, whom the embedded CRM knows.</summary>
    /// <param name="crm">The transaction.</param>
    /// <param name="attributes">The columns of a row that is written; changed.</param>
    public static void Resolve(CrmUnitOfWork crm, Dictionary<string, object?> attributes)
    {
        if (attributes.GetValueOrDefault(Receiver) is RecordReference { LogicalName: Table } mailbox && crm.Find(Table, mailbox.Id) is null &&
            Rows(crm).FirstOrDefault(r => r.Id == mailbox.Id)?["regardingobjectid"] is RecordReference owner)
        {
            attributes[Receiver] = owner;
        }
    }

    private static HashSet<Guid> StoredOwners(CrmUnitOfWork crm) =>
    [
        .. crm.Select(new RecordSelection(Table) { Columns = ["regardingobjectid"] })
            .Select(m => m["regardingobjectid"]).OfType<RecordReference>().Select(r => r.Id),
    ];

    private static CrmRecord Of(CrmRecord owner)
    {
        bool isUser = owner.LogicalName == "systemuser";
        string? address = owner[AddressColumn(owner.LogicalName)] as string;
        var attributes = new Dictionary<string, object?>
        {
            ["name"] = owner.Name,
            ["emailaddress"] = address,
            ["isforwardmailbox"] = false,
            ["regardingobjectid"] = owner.ToReference(),
            ["enabledforincoming"] = owner["incomingemaildeliverymethod"] is not (null or (int)DeliveryMethod.None),
            ["enabledforoutgoing"] = owner["outgoingemaildeliverymethod"] is not (null or (int)DeliveryMethod.None),
            ["incomingemailstatus"] = 0,
            ["outgoingemailstatus"] = 0,
            ["ownerid"] = isUser ? owner.Id : owner["ownerid"],
            ["statecode"] = isUser ? (owner["isdisabled"] is true ? 1 : 0) : owner["statecode"],
            ["statuscode"] = isUser ? (owner["isdisabled"] is true ? 2 : 1) : owner["statuscode"],
        };
        foreach (string column in shared.Concat(kept))
            attributes[column] = owner[column];
        return new CrmRecord(Table, IdOf(owner.Id), attributes) { Name = owner.Name };
    }

    private static string AddressColumn(string logicalName) => logicalName == "systemuser" ? "internalemailaddress" : "emailaddress";

    /// <summary>Gives the id of the mailbox of a user or queue: always the same.</summary>
    private static Guid IdOf(Guid owner) => new(SHA256.HashData([.. owner.ToByteArray(), .. "mailbox"u8]).AsSpan(0, 16));
}
