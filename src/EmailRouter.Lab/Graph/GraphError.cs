using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>The endpoint refuses a request, in the words of the service.</summary>
internal sealed class GraphError(int status, string code, string message) : Exception(message)
{
    public int Status => status;

    /// <summary>The code that programs branch on; Outlook's begin with Error and are those of EWS.</summary>
    public string Code => code;

    public static GraphError NotFound() => new(404, "ErrorItemNotFound", "The specified object was not found in the store.");

    public static GraphError FolderNotFound() => new(404, "ErrorFolderNotFound", "The specified folder could not be found in the store.");

    public static GraphError MalformedId() => new(400, "ErrorInvalidIdMalformed", "Id is malformed.");

    public static GraphError BadRequest(string message) => new(400, "BadRequest", message);

    public static GraphError Invalid(string message) => new(400, "ErrorInvalidRequest", message);

    public static GraphError InvalidProperty(string message) => new(400, "ErrorInvalidPropertySet", message);

    public static GraphError Body(string message) => new(400, "RequestBodyRead", message);

    public static GraphError AccessDenied(string message = "Access is denied. Check credentials and try again.") => new(403, "ErrorAccessDenied", message);

    public static GraphError NoResource(string segment) => new(400, "BadRequest", $"Resource not found for the segment '{segment}'.");

    public static GraphError SyncState() => new(
        410, "syncStateNotFound", "The sync state generation is not found. It is required to perform a full synchronization without a delta token.");

    public static GraphError Of(LabStoreException refused) => refused.Error switch
    {
        LabStoreError.FolderNotFound => FolderNotFound(),
        LabStoreError.MessageNotFound => NotFound(),
        LabStoreError.MailboxNotFound => new GraphError(404, "ErrorInvalidUser", refused.Message),
        LabStoreError.FolderExists => new GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists."),
        LabStoreError.WellKnownFolder => new GraphError(403, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be changed or deleted."),
        LabStoreError.FolderLoop => new GraphError(400, "ErrorMoveCopyFailed", refused.Message),
        LabStoreError.Conflict => new GraphError(412, "ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."),
        LabStoreError.QuotaExceeded => new GraphError(507, "ErrorQuotaExceeded", "The mailbox has exceeded its storage quota."),
        LabStoreError.MessageTooLarge => new GraphError(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."),
        LabStoreError.NoRecipients => new GraphError(400, "ErrorInvalidRecipients", "At least one recipient isn't valid., A message can't be sent because it contains no recipients."),
        LabStoreError.SendAsDenied => new GraphError(403, "ErrorSendAsDenied", "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account."),
        _ => new GraphError(500, "ErrorInternalServerError", refused.Message),
    };
}
