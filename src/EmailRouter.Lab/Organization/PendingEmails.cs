using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.Dataverse.Rows;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>Hands pending emails out (BackgroundSendEmail): they are in Sending from then on, so that nobody else gets them.</summary>
internal static class PendingEmails
{
    /// <summary>Hands out those of a query that are pending.</summary>
    /// <param name="rows">The transaction.</param>
    /// <param name="access">What the caller may.</param>
    /// <param name="query">A query for emails.</param>
    /// <returns>The emails, and whether each has attachments.</returns>
    public static List<(string Key, XElement Value)> HandOut(RowReader rows, CallerAccess access, XElement query)
    {
        EntityType type = rows.Model.Of("email");
        access.Check(PrivilegeKind.Write, type);
        FetchPage page = new FetchReader(rows, access).Read(QueryXml.ToFetch(query));
        if (page.Type != type)
            throw FetchReader.Invalid("BackgroundSendEmail takes a query for emails.");
        var handed = new List<XElement>();
        var attached = new List<XElement>();
        foreach (CrmRecord email in page.Rows.Select(r => r.Row).OfType<CrmRecord>().DistinctBy(r => r.Id))
        {
            if (email["statuscode"] is not (int)EmailStatus.PendingSend || email["directioncode"] is not true)
                continue;
            CrmRecord sending = rows.Crm.Update(
                new CrmRecord("email", email.Id, new Dictionary<string, object?> { ["statuscode"] = (int)EmailStatus.Sending }));
            handed.Add(EntityXml.Write(Contracts + "Entity", rows, type, sending, page.Columns));
            attached.Add(new XElement(Arrays + "boolean", rows.Related(type.FindNavigation("email_activity_mime_attachment")!, sending).Any()));
        }

        return
        [
            ("EntityCollection", Value(Contracts, "EntityCollection", EntityXml.Collection("email", handed))),
            ("HasAttachments", Value(Arrays, "ArrayOfboolean", attached)),
        ];
    }
}
