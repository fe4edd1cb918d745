using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>Hands pending emails out (BackgroundSendEmail), in whatever language: they are in Sending from then on, so that nobody else gets them.</summary>
internal static class PendingClaim
{
    /// <summary>Hands out those of a query that are pending.</summary>
    /// <param name="rows">The transaction.</param>
    /// <param name="access">What the caller may.</param>
    /// <param name="fetch">A query for emails in FetchXML.</param>
    /// <returns>The emails as they are now, and whether each has attachments.</returns>
    /// <exception cref="EmailRouter.Lab.OData.ODataException">The query is malformed, or for other rows.</exception>
    public static (FetchPage Emails, IReadOnlyList<bool> HasAttachments) HandOut(RowReader rows, CallerAccess access, XElement fetch)
    {
        EntityType type = rows.Model.Of("email");
        access.Check(PrivilegeKind.Write, type);
        FetchPage page = new FetchReader(rows, access).Read(fetch);
        if (page.Type != type)
            throw FetchReader.Invalid("BackgroundSendEmail takes a query for emails.");
        CrmRecord[] handed =
        [
            .. page.Rows.Select(r => r.Row).OfType<CrmRecord>().DistinctBy(r => r.Id)
                .Where(e => e["statuscode"] is (int)EmailStatus.PendingSend && e["directioncode"] is true)
                .Select(e => rows.Crm.Update(new CrmRecord("email", e.Id, new Dictionary<string, object?> { ["statuscode"] = (int)EmailStatus.Sending }))),
        ];
        Navigation attachments = type.FindNavigation("email_activity_mime_attachment")!;
        return (new FetchPage(type, page.Columns, [.. handed.Select(e => new FetchRow(e, []))]), [.. handed.Select(e => rows.Related(attachments, e).Any())]);
    }
}
