using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Dataverse.Messages;

/// <summary>The functions and actions that work on rows, within one transaction.</summary>
/// <param name="policy">The switches of the service.</param>
internal sealed class RowMessages(LabDataversePolicy policy)
{
    /// <summary>The version that the service says it is.</summary>
    public const string Version = "9.2.24104.00150";

    private const int MaxBlocks = 4096;

    // Transfers in blocks that have begun; the token that the client sends back names one.
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, byte[]>> uploads = new(StringComparer.Ordinal);

    /// <summary>Carries a message out.</summary>
    /// <param name="call">The message.</param>
    /// <param name="request">The request it came with.</param>
    /// <param name="rows">The transaction.</param>
    /// <param name="access">What the caller may.</param>
    /// <returns>The answer.</returns>
    public LabHttpAnswer Handle(MessageCall call, ODataRequest request, RowReader rows, CallerAccess access)
    {
        DataverseModel model = rows.Model;
        OrganizationSettings settings;
        switch (call.Definition.Name)
        {
            case "WhoAmI":
                CrmRecord user = rows.Find("systemuser", rows.CallerId)!;
                settings = rows.Crm.ReadSettings();
                return call.Answer(("BusinessUnitId", user["businessunitid"] as Guid? ?? settings.OrganizationId), ("UserId", user.Id), ("OrganizationId", settings.OrganizationId));
            case "RetrieveVersion":
                return call.Answer(("Version", Version));
            case "RetrieveCurrentOrganization":
                return call.Answer(("Detail", Describe(rows.Crm.ReadSettings(), request.Root)));
            case "RetrieveUserPrivileges":
                return call.Answer(("RolePrivileges", Privileges(rows, Bound(call, rows, "systemuser"), null)));
            case "RetrieveUserPrivilegeByPrivilegeName":
                return call.Answer(("RolePrivileges", Privileges(rows, Bound(call, rows, "systemuser"), call.Required("PrivilegeName"))));
            case "RetrieveUserQueues":
                access.Check(PrivilegeKind.Read, model.Of("queue"));
                CrmRecord owner = Bound(call, rows, "systemuser");
                bool isPublic = call.Flag("IncludePublic", false);
                IEnumerable<CrmRecord> queues = QueuesOf(rows, owner.Id, isPublic);
                var writer = new RowWriter(rows, request.Root, request.Preferences);
                return ODataAnswer.Json(200, new JsonObject
                {
                    ["@odata.context"] = $"{request.Root}$metadata#queues",
                    ["value"] = new JsonArray([.. queues.Select(q => (JsonNode)writer.Write(model.Of("queue"), q, request.Options))]),
                }, request);
            case "CheckPromoteEmail":
                access.Check(PrivilegeKind.Read, model.Of("email"));
                bool isKnown = rows.Crm.Select(new RecordSelection("email") { Columns = [], Conditions = [new RecordCondition("messageid", [call.Required("MessageId")])] }).Count > 0;
                return call.Answer(("ShouldPromote", !isKnown), ("ReasonCode", isKnown ? CheckReason.Duplicate : CheckReason.AcceptAll));
            case "DeliverPromoteEmail":
                access.Check(PrivilegeKind.Write, model.Of("email"));
                return call.Answer(("EmailId", Promote(call, rows)));
            case "SendEmail":
                access.Check(PrivilegeKind.Write, model.Of("email"));
                return call.Answer(("Subject", rows.Crm.SendEmail(Bound(call, rows, "email").Id, call.Flag("IssueSend", true), call.Text("TrackingToken"))));
            case "BackgroundSendEmail":
                return HandOut(call, request, rows, access);
            case "GetTrackingTokenEmail":
                return call.Answer(("TrackingToken", rows.Crm.NextTrackingToken(rows.CallerId)));
            case "AddToQueue":
                access.Check(PrivilegeKind.Create, model.Of("queueitem"));
                Guid item = rows.Crm.Create(new CrmRecord("queueitem", Guid.Empty, new Dictionary<string, object?>
                {
                    ["queueid"] = Bound(call, rows, "queue").Id,
                    ["objectid"] = Target(call, model),
                })).Id;
                return call.Answer(("QueueItemId", item));
            case "InitializeAttachmentBlocksUpload":
                access.Check(PrivilegeKind.Create, model.Of("activitymimeattachment"));
                string token = Guid.NewGuid().ToString("N");
                uploads[token] = new ConcurrentDictionary<string, byte[]>(StringComparer.Ordinal);
                return call.Answer(("FileContinuationToken", token));
            case "UploadBlock":
                ConcurrentDictionary<string, byte[]> blocks = Upload(call);
                JsonElement data = call.Json("BlockData");
                if (data.ValueKind != JsonValueKind.String || !data.TryGetBytesFromBase64(out byte[]? block) || block.Length > 4 * 1024 * 1024)
                    throw ODataException.Payload(call.Definition.Name, "BlockData must be base64 of at most 4 MB.");
                blocks[call.Required("BlockId")] = block;
                return blocks.Count <= MaxBlocks ? call.Answer() : throw ODataException.Payload(call.Definition.Name, $"There are more than {MaxBlocks} blocks.");
            case "CommitAttachmentBlocksUpload":
                access.Check(PrivilegeKind.Create, model.Of("activitymimeattachment"));
                return Commit(call, request, rows, access);
            case "InitializeAttachmentBlocksDownload":
                access.Check(PrivilegeKind.Read, model.Of("activitymimeattachment"));
                RecordReference target = Target(call, model);
                CrmRecord attachment = rows.Crm.Find("activitymimeattachment", target.Id) ?? throw ODataException.NoRow("activitymimeattachment", target.Id);
                return call.Answer(("FileContinuationToken", "download:" + attachment.Id), ("FileSizeInBytes", attachment["filesize"]), ("FileName", attachment["filename"]));
            case "DownloadBlock":
                access.Check(PrivilegeKind.Read, model.Of("activitymimeattachment"));
                byte[] content = call.Required("FileContinuationToken").Split(':') is ["download", var key] && Guid.TryParse(key, out Guid id) && rows.Crm.ReadAttachment(id) is { } found
                    ? found
                    : throw ODataException.Syntax("The FileContinuationToken is not known.");
                int offset = (int)Math.Clamp(call.Number("Offset") ?? 0, 0, content.Length);
                int length = (int)Math.Clamp(call.Number("BlockLength") ?? content.Length, 0, content.Length - offset);
                return call.Answer(("Data", Convert.ToBase64String(content, offset, length)));
            default:
                throw ODataException.Syntax($"The message '{call.Definition.Name}' cannot be part of a change set.");
        }
    }

    /// <summary>Gets the queues a user works with.</summary>
    /// <param name="rows">The transaction.</param>
    /// <param name="userId">The user.</param>
    /// <param name="withPublic">Whether public queues of others count.</param>
    public static IEnumerable<CrmRecord> QueuesOf(RowReader rows, Guid userId, bool withPublic)
    {
        object? own = rows.Find("systemuser", userId)?["queueid"];
        return rows.Query(rows.Model.Of("queue"), new QueryOptions())
            .Where(q => q["ownerid"] is Guid id && id == userId || own is Guid mine && mine == q.Id || (withPublic && q["queueviewtype"] is 0));
    }

    /// <summary>Hands out the pending emails of a query; without one all there are.</summary>
    private static LabHttpAnswer HandOut(MessageCall call, ODataRequest request, RowReader rows, CallerAccess access)
    {
        JsonElement query = call.Json("Query");
        XElement fetch = FetchReader.Parse("""<fetch><entity name="email"><all-attributes/></entity></fetch>""");
        if (query.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null))
        {
            string? type = query.ValueKind == JsonValueKind.Object && query.TryGetProperty("@odata.type", out JsonElement name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
            if (type?.TrimStart('#') != "Microsoft.Dynamics.CRM.FetchExpression" || !query.TryGetProperty("Query", out JsonElement text) || text.ValueKind != JsonValueKind.String)
                throw ODataException.Payload(call.Definition.Name, "The lab takes a Query with @odata.type Microsoft.Dynamics.CRM.FetchExpression, and the FetchXML as its Query.");
            fetch = FetchReader.Parse(text.GetString()!);
        }

        (FetchPage emails, IReadOnlyList<bool> hasAttachments) = PendingClaim.HandOut(rows, access, fetch);
        var writer = new FetchWriter(new RowWriter(rows, request.Root, request.Preferences), request.Preferences, request.IsOld);
        JsonObject Written(FetchRow row)
        {
            JsonObject json = writer.Write(emails, row);
            json["@odata.type"] = "#Microsoft.Dynamics.CRM.email";
            return json;
        }

        return call.Answer(
            ("EntityCollection", new JsonArray([.. emails.Rows.Select(r => (JsonNode)Written(r))])),
            ("HasAttachments", new JsonArray([.. hasAttachments.Select(h => (JsonNode)h)])));
    }

    private LabHttpAnswer Commit(MessageCall call, ODataRequest request, RowReader rows, CallerAccess access)
    {
        ConcurrentDictionary<string, byte[]> blocks = Upload(call);
        JsonElement list = call.Json("BlockList");
        using var content = new MemoryStream();
        foreach (JsonElement id in list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : throw ODataException.Payload(call.Definition.Name, "BlockList must be a list of block ids."))
            content.Write(id.ValueKind == JsonValueKind.String && blocks.TryGetValue(id.GetString()!, out byte[]? block) ? block : throw ODataException.Payload(call.Definition.Name, $"The block {id} was not uploaded."));
        CrmRecord row = new EntityRequests(request, rows, access).CreateAttachment(call.Json("Target"), content.ToArray());
        return call.Answer(("ActivityMimeAttachmentId", row.Id), ("FileSizeInBytes", (int)content.Length));
    }

    private ConcurrentDictionary<string, byte[]> Upload(MessageCall call) =>
        uploads.GetValueOrDefault(call.Required("FileContinuationToken")) ?? throw ODataException.Syntax("The FileContinuationToken is not known.");

    /// <summary>Completes a draft that a client made of a received email (DeliverPromoteEmail).</summary>
    private static Guid Promote(MessageCall call, RowReader rows)
    {
        CrmRecord email = Bound(call, rows, "email");
        rows.Crm.Update(new CrmRecord("email", email.Id, new Dictionary<string, object?>
        {
            ["directioncode"] = false,
            ["messageid"] = call.Required("MessageId"),
            ["subject"] = call.Text("Subject"),
            ["description"] = call.Text("Body"),
            ["submittedby"] = call.Text("SubmittedBy"),
            ["prioritycode"] = (int)EmailContent.PriorityOf(call.Text("Importance")),
        }));
        foreach (CrmRecord party in rows.Related(rows.Model.Of("email").FindNavigation("email_activity_parties")!, email).ToArray())
            rows.Crm.Delete("activityparty", party.Id);
        foreach ((string parameter, ParticipationType role) in EmailContent.Roles)
        {
            foreach (string address in EmailContent.AddressesOf(call.Text(parameter)))
            {
                rows.Crm.Create(new CrmRecord("activityparty", Guid.Empty, new Dictionary<string, object?>
                {
                    ["activityid"] = email.Id,
                    ["participationtypemask"] = (int)role,
                    ["addressused"] = address,
                }));
            }
        }

        foreach ((EmailAttachment attachment, byte[] content) in EmailContent.AttachmentsOf(call.Json("Attachments")))
            rows.Crm.AddAttachment(email.Id, attachment, content);
        rows.Crm.Update(new CrmRecord("email", email.Id, new Dictionary<string, object?> { ["statuscode"] = (int)EmailStatus.Received }));
        return email.Id;
    }

    private static CrmRecord Bound(MessageCall call, RowReader rows, string table)
    {
        Guid id = call.BoundId ?? throw ODataException.Syntax($"The message '{call.Definition.Name}' is bound to a row of {table}.");
        return rows.Crm.Find(table, id) ?? throw ODataException.NoRow(table, id);
    }

    private static RecordReference Target(MessageCall call, DataverseModel model)
    {
        JsonElement target = call.Json("Target");
        if (target.ValueKind == JsonValueKind.Object)
        {
            string? typeName = target.TryGetProperty("@odata.type", out JsonElement type) ? type.GetString()?.TrimStart('#').Split('.')[^1] : null;
            foreach (EntityType candidate in model.Types.Where(t => typeName is null || t.LogicalName == typeName))
            {
                if (target.TryGetProperty(candidate.Key, out JsonElement key) && key.ValueKind == JsonValueKind.String && key.TryGetGuid(out Guid id))
                    return new RecordReference(candidate.LogicalName, id);
            }
        }

        throw ODataException.Payload(call.Definition.Name, "Target must be a row with its primary key.");
    }

    private JsonArray Privileges(RowReader rows, CrmRecord user, string? only)
    {
        Guid unit = user["businessunitid"] as Guid? ?? rows.Crm.ReadSettings().OrganizationId;
        return [.. LabDataversePolicy.PrivilegesOf(rows.Model.Types.Select(t => t.LogicalName)).Where(p => (only is null || p == only) && !policy.IsDenied(user.Id, p)).Select(p => (JsonNode)new JsonObject
        {
            ["Depth"] = "Global",
            ["PrivilegeId"] = LabDataversePolicy.IdOf(p).ToString(),
            ["BusinessUnitId"] = unit.ToString(),
            ["PrivilegeName"] = p,
        })];
    }

    private static JsonObject Describe(OrganizationSettings settings, string root) => new()
    {
        ["OrganizationId"] = settings.OrganizationId.ToString(),
        ["FriendlyName"] = settings.Name,
        ["OrganizationVersion"] = Version,
        ["EnvironmentId"] = settings.OrganizationId.ToString(),
        ["UrlName"] = settings.Name,
        ["UniqueName"] = settings.Name,
        ["State"] = "Enabled",
        ["Endpoints"] = new JsonObject
        {
            ["Count"] = 1,
            ["IsReadOnly"] = false,
            ["Keys"] = new JsonArray("WebApplication"),
            ["Values"] = new JsonArray(new Uri(root).GetLeftPart(UriPartial.Authority) + "/"),
        },
    };
}
