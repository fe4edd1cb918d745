using System.Net;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Dataverse.Rows;

namespace EmailRouter.Lab.Dataverse;

/// <summary>What the caller may do, and what stands in the way of everybody.</summary>
/// <param name="policy">The switches of the service.</param>
/// <param name="caller">The user in whose name the request runs, and who logged in: both need a privilege.</param>
internal sealed class CallerAccess(LabDataversePolicy policy, Caller caller)
{
    /// <summary>Gets a value indicating whether lists of rows come with links in place of the lists they expand.</summary>
    public bool LinksExpandedLists => policy.LinksExpandedLists;

    /// <summary>Checks the privilege for a kind of access to a table.</summary>
    public void Check(PrivilegeKind kind, EntityType type)
    {
        if (policy.IsReadOnly && kind != PrivilegeKind.Read)
            throw new ODataException(HttpStatusCode.Forbidden, "0x8004a10a", "The organization is in read-only mode; nothing can be changed.");
        Check($"prv{kind}{LabDataversePolicy.PrivilegeNameOf(type.LogicalName)}", type.LogicalName);
    }

    /// <summary>Checks a privilege.</summary>
    public void Check(string privilege, string logicalName)
    {
        foreach (Guid id in new[] { caller.UserId, caller.LoggedInId }.Where(i => policy.IsDenied(i, privilege)))
        {
            throw new ODataException(HttpStatusCode.Forbidden, "0x80040220",
                $"Principal user (Id={id}, type=8, roleCount=1, privilegeCount=40, accessMode=0), is missing {privilege} privilege (Id={LabDataversePolicy.IdOf(privilege)}) on OTC=0 " +
                $"for entity '{logicalName}' (LocalizedName='{logicalName}'). context.Caller={caller.UserId}.");
        }
    }

    /// <summary>Lets a plug-in of the table refuse.</summary>
    public void CheckPlugIns(string logicalName)
    {
        if (policy.PlugInErrors.TryGetValue(logicalName, out string? message))
            throw new ODataException(HttpStatusCode.BadRequest, "0x80040265", message);
    }

    /// <summary>Finds active records with the same address, where the table has a rule for that.</summary>
    public void CheckDuplicates(RowReader rows, RowChange change)
    {
        if (!policy.DuplicateRules.ContainsKey(change.Type.LogicalName))
            return;
        foreach (string column in change.Type.Table.AddressColumns)
        {
            if (change.Attributes.GetValueOrDefault(column) is string address && rows.Crm.Select(new RecordSelection(change.Type.LogicalName)
            {
                Conditions = [new RecordCondition(column, [address])],
            }).Count > 0)
            {
                throw new ODataException(HttpStatusCode.PreconditionFailed, "0x80040333",
                    "A record was not created or updated because a duplicate of the current record already exists.");
            }
        }
    }
}

/// <summary>The kinds of access to rows.</summary>
internal enum PrivilegeKind
{
    Create,
    Read,
    Write,
    Delete,
}
