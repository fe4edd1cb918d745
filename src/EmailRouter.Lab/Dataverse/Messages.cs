using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.OData;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Dataverse;

/// <summary>The functions and actions of the service.</summary>
internal static class Messages
{
    private const string Prefix = "Microsoft.Dynamics.CRM.";
    private const string Version = "9.2.24104.00150";

    /// <summary>Answers a message within a transaction.</summary>
    /// <returns>The answer; null when the request is for rows.</returns>
    public static LabHttpAnswer? Handle(ODataRequest request, RowReader rows, CallerAccess access)
    {
        PathSegment last = request.Resource.Segments[^1];
        string name = last.Name.StartsWith(Prefix, StringComparison.Ordinal) ? last.Name[Prefix.Length..] : last.Name;
        Guid? bound = request.Resource.Segments is [.., { Arguments: [var key] }, _] && Guid.TryParse(key, out Guid id) ? id : null;
        switch (request.Method, name)
        {
            case ("GET", "WhoAmI"):
                CrmRecord user = rows.Find("systemuser", rows.CallerId)!;
                OrganizationSettings settings = rows.Crm.ReadSettings();
                return Result(request, "WhoAmIResponse", ("BusinessUnitId", user["businessunitid"] as Guid? ?? settings.OrganizationId), ("UserId", user.Id), ("OrganizationId", settings.OrganizationId));
            case ("GET", "RetrieveVersion"):
                return Result(request, "RetrieveVersionResponse", ("Version", Version));
            case ("POST", "SendEmail") when bound is { } email:
                access.Check(PrivilegeKind.Write, rows.Model.Of("email"));
                JsonElement body = request.ReadJson();
                bool issue = !body.TryGetProperty("IssueSend", out JsonElement flag) || flag.ValueKind != JsonValueKind.False;
                string subject = rows.Crm.SendEmail(email, issue, TextOf(body, "TrackingToken"));
                return Result(request, "SendEmailResponse", ("Subject", subject));
            case ("POST", "GetTrackingTokenEmail"):
                return Result(request, "GetTrackingTokenEmailResponse", ("TrackingToken", rows.Crm.NextTrackingToken(rows.CallerId)));
            default:
                return null;
        }
    }

    private static string? TextOf(JsonElement body, string name) =>
        body.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static LabHttpAnswer Result(ODataRequest request, string type, params (string Name, object? Value)[] values)
    {
        var json = new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#{Prefix}{type}" };
        foreach ((string name, object? value) in values)
            json[name] = RowWriter.ToJson(value);
        return ODataAnswer.Json((int)HttpStatusCode.OK, json, request);
    }
}
