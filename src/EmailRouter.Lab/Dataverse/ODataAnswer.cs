using System.Text.Json.Nodes;
using EmailRouter.Crm;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Dataverse;

/// <summary>Answers in the service's words.</summary>
internal static class ODataAnswer
{
    private const string MediaType = "application/json; odata.metadata=minimal";

    /// <summary>Makes an answer with JSON.</summary>
    public static LabHttpAnswer Json(int status, JsonObject json, ODataRequest request)
    {
        LabHttpAnswer answer = LabHttpAnswer.OfJson(status, json, MediaType);
        return request.Preferences.Applied is { } applied ? answer.With("Preference-Applied", applied) : answer;
    }

    /// <summary>Makes an error.</summary>
    /// <param name="error">What is wrong.</param>
    /// <param name="preferences">What the client prefers: annotations tell it more.</param>
    /// <param name="isOld">Whether the client uses an address of version 8, whose errors name their type.</param>
    /// <returns>The answer.</returns>
    public static LabHttpAnswer Error(ODataException error, Preferences preferences, bool isOld = false)
    {
        var body = new JsonObject { ["code"] = error.Code, ["message"] = error.Message };
        if (isOld)
        {
            body["innererror"] = new JsonObject
            {
                ["message"] = error.Message,
                ["type"] = "Microsoft.Crm.CrmHttpException",
                ["stacktrace"] = "   at Microsoft.Crm.Extensibility.OData.CrmODataExecutionContext.CreateODataException()",
            };
        }

        if (preferences.Wants("Microsoft.PowerApps.CDS.HelpLink"))
            body["@Microsoft.PowerApps.CDS.HelpLink"] = $"http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{error.Code[2..]}&client=platform";
        if (preferences.Wants("Microsoft.PowerApps.CDS.TraceText"))
            body["@Microsoft.PowerApps.CDS.TraceText"] = $"[EmailRouter.Lab: {error.Code}]\n{error.Message}";
        return LabHttpAnswer.OfJson((int)error.Status, new JsonObject { ["error"] = body }, MediaType).WithRetryAfter(error.RetryAfter);
    }

    /// <summary>Puts a refusal of the embedded CRM into the service's words.</summary>
    public static ODataException Explain(CrmException error) => error.ErrorId switch
    {
        "CrmRecordMissing" => New(404, "0x80040217", error.Message),
        "CrmRecordExists" => New(412, "0x80040237", "A record with matching key values already exists. " + error.Message),
        "CrmRecordChanged" => ODataException.Version(),
        "CrmTransitionInvalid" => New(400, "0x80048408", error.Message),
        "CrmTableUnknown" => New(404, "0x8006088a", error.Message),
        "CrmColumnUnknown" => New(400, "0x80041103", error.Message),
        "CrmAttachmentTooLarge" => New(400, "0x80044a02", "Attachment file size is too big. " + error.Message),
        "CrmAttachmentBlocked" => New(400, "0x80043e09", "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded. " + error.Message),
        "CrmSendAsDenied" => New(403, "0x80044303", error.Message),
        "CrmRecordInvalid" => New(400, "0x80040203", error.Message),
        "CrmStoreLocked" or "CrmStoreFull" => New(503, "0x80044150", error.Message),
        _ => New(500, "0x80040216", "An unexpected error occurred. " + error.Message),
    };

    private static ODataException New(int status, string code, string message) => new((System.Net.HttpStatusCode)status, code, message);
}
