using System.Net;

namespace EmailRouter.Mail.Graph;

/// <summary>What is wrong, as far as somebody does something different about it.</summary>
internal enum GraphFault
{
    /// <summary>Refused for a reason the table does not know.</summary>
    Refused,

    /// <summary>The request makes no sense to the service.</summary>
    BadRequest,

    /// <summary>The access token is refused.</summary>
    Token,

    /// <summary>A permission is missing, or the application may not touch this mailbox.</summary>
    Permission,

    /// <summary>The message's From is not the mailbox's to use.</summary>
    SendAs,

    /// <summary>The message is gone.</summary>
    ItemGone,

    /// <summary>The folder is not there.</summary>
    FolderMissing,

    /// <summary>The folder is there already.</summary>
    FolderExists,

    /// <summary>The tenant knows no such mailbox.</summary>
    MailboxUnknown,

    /// <summary>The mailbox is not in Exchange Online.</summary>
    MailboxElsewhere,

    /// <summary>Somebody else changed it at the same time.</summary>
    Conflict,

    /// <summary>The position of a listing has been forgotten.</summary>
    PositionLost,

    /// <summary>The message is too large.</summary>
    TooLarge,

    /// <summary>The message is not taken as it is.</summary>
    BadMessage,

    /// <summary>The recipients are not taken.</summary>
    BadRecipients,

    /// <summary>The mailbox has sent as much as it may for now.</summary>
    SendingLimit,

    /// <summary>The mailbox is full.</summary>
    Full,

    /// <summary>The service wants fewer requests.</summary>
    Throttled,

    /// <summary>The service, or this mailbox, cannot answer now.</summary>
    Unavailable,

    /// <summary>The mailbox is being moved; that takes minutes to hours.</summary>
    Moving,

    /// <summary>Something broke within the service, maybe only over this message.</summary>
    ServerFault,
}

/// <summary>The one table of what Graph's error codes mean ("Microsoft Graph error responses and resource types"; those that begin with Error are Exchange's).</summary>
internal static class GraphErrorCodes
{
    private static readonly Dictionary<string, GraphFault> Codes = new(StringComparer.OrdinalIgnoreCase)
    {
        ["InvalidAuthenticationToken"] = GraphFault.Token,
        ["CompactToken"] = GraphFault.Token,
        ["ErrorAccessDenied"] = GraphFault.Permission,
        ["AccessDenied"] = GraphFault.Permission,
        ["accessRestricted"] = GraphFault.Permission,
        ["Authorization_RequestDenied"] = GraphFault.Permission,
        ["ErrorSendAsDenied"] = GraphFault.SendAs,
        ["ErrorItemNotFound"] = GraphFault.ItemGone,
        ["itemNotFound"] = GraphFault.ItemGone,
        ["ErrorMessageNotFound"] = GraphFault.ItemGone,
        ["ErrorFolderNotFound"] = GraphFault.FolderMissing,
        ["ErrorParentFolderNotFound"] = GraphFault.FolderMissing,
        ["ErrorFolderExists"] = GraphFault.FolderExists,
        ["ErrorInvalidUser"] = GraphFault.MailboxUnknown,
        ["ErrorNonExistentMailbox"] = GraphFault.MailboxUnknown,
        ["Request_ResourceNotFound"] = GraphFault.MailboxUnknown,
        ["ResourceNotFound"] = GraphFault.MailboxUnknown,
        ["MailboxNotEnabledForRESTAPI"] = GraphFault.MailboxElsewhere,
        ["MailboxNotSupportedForRESTAPI"] = GraphFault.MailboxElsewhere,
        ["MailboxNotHostedInExchangeOnline"] = GraphFault.MailboxElsewhere,
        ["ErrorIrresolvableConflict"] = GraphFault.Conflict,
        ["ErrorChangeKeyRequiredForWriteOperations"] = GraphFault.Conflict,
        ["SyncStateNotFound"] = GraphFault.PositionLost,
        ["SyncStateInvalid"] = GraphFault.PositionLost,
        ["ErrorInvalidSyncStateData"] = GraphFault.PositionLost,
        ["resyncRequired"] = GraphFault.PositionLost,
        ["resyncApplyDifferences"] = GraphFault.PositionLost,
        ["resyncUploadDifferences"] = GraphFault.PositionLost,
        ["ErrorMessageSizeExceeded"] = GraphFault.TooLarge,
        ["ErrorAttachmentSizeLimitExceeded"] = GraphFault.TooLarge,
        ["RequestEntityTooLarge"] = GraphFault.TooLarge,
        ["ErrorMimeContentInvalid"] = GraphFault.BadMessage,
        ["ErrorMimeContentInvalidBase64String"] = GraphFault.BadMessage,
        ["ErrorMimeContentConversionFailed"] = GraphFault.BadMessage,
        ["ErrorContentConversionFailed"] = GraphFault.BadMessage,
        ["ErrorCorruptData"] = GraphFault.BadMessage,
        ["ErrorItemCorrupt"] = GraphFault.BadMessage,
        ["ErrorInvalidRecipients"] = GraphFault.BadRecipients,
        ["ErrorMissingRecipients"] = GraphFault.BadRecipients,
        ["ErrorSubmissionQuotaExceeded"] = GraphFault.SendingLimit,
        ["ErrorMessageSubmissionBlocked"] = GraphFault.SendingLimit,
        ["ErrorMessagePerFolderCountReceiveQuotaExceeded"] = GraphFault.Full,
        ["ErrorQuotaExceeded"] = GraphFault.Full,
        ["quotaLimitReached"] = GraphFault.Full,
        ["ApplicationThrottled"] = GraphFault.Throttled,
        ["TooManyRequests"] = GraphFault.Throttled,
        ["activityLimitReached"] = GraphFault.Throttled,
        ["ErrorExceededConnectionCount"] = GraphFault.Throttled,
        ["ErrorServerBusy"] = GraphFault.Throttled,
        ["MailboxConcurrency"] = GraphFault.Throttled,
        ["ErrorMailboxMoveInProgress"] = GraphFault.Moving,
        ["ErrorMailboxStoreUnavailable"] = GraphFault.Unavailable,
        ["ErrorMailboxFailover"] = GraphFault.Unavailable,
        ["ErrorInternalServerTransientError"] = GraphFault.Unavailable,
        ["ErrorTimeoutExpired"] = GraphFault.Unavailable,
        ["ErrorBatchProcessingStopped"] = GraphFault.Unavailable,
        ["serviceNotAvailable"] = GraphFault.Unavailable,
        ["ErrorInvalidRequest"] = GraphFault.BadRequest,
        ["ErrorInvalidIdMalformed"] = GraphFault.BadRequest,
        ["InefficientFilter"] = GraphFault.BadRequest,
        ["RequestBodyRead"] = GraphFault.BadRequest,
        ["BadRequest"] = GraphFault.BadRequest,
        ["invalidRequest"] = GraphFault.BadRequest,
    };

    /// <summary>Finds out what an answer means: by its codes, outer before inner, and by its status where the codes say nothing.</summary>
    /// <param name="status">The status.</param>
    /// <param name="codes">The codes, the outermost first.</param>
    /// <returns>The fault.</returns>
    public static GraphFault Find(HttpStatusCode status, IEnumerable<string> codes)
    {
        foreach (string code in codes)
        {
            // "BadRequest" says no more than the status; an inner code may.
            if (Codes.TryGetValue(code, out GraphFault known) && known != GraphFault.BadRequest)
                return known;
        }

        return (int)status switch
        {
            400 or 405 or 406 or 415 => GraphFault.BadRequest,
            401 => GraphFault.Token,
            403 => GraphFault.Permission,
            404 => GraphFault.ItemGone,
            409 => GraphFault.FolderExists,
            410 => GraphFault.PositionLost,
            412 => GraphFault.Conflict,
            413 => GraphFault.TooLarge,
            429 or 509 => GraphFault.Throttled,
            423 or 424 or 408 or 502 or 503 or 504 => GraphFault.Unavailable,
            507 => GraphFault.Full,
            >= 500 => GraphFault.ServerFault,
            _ => GraphFault.Refused,
        };
    }

    /// <summary>Says what a fault is called, and what to do about it.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="step">The step at which it came up, which says what permission is missing.</param>
    /// <returns>The stable id, the remedy, and whether it passes by itself.</returns>
    public static (string ErrorId, string Remedy, bool IsTransient) Describe(GraphFault fault, MailStep step) => fault switch
    {
        GraphFault.BadRequest => ("MailServerRefused", "The service does not understand the request; look at the profile's options, and report it with the request's id.", false),
        GraphFault.Token => ("MailAuthenticationFailed", "Check the application, its tenant and its secret or certificate; the token must be for Microsoft Graph.", false),
        GraphFault.Permission => ("MailPermissionMissing", PermissionRemedy(step), false),
        GraphFault.SendAs => (
            "MailSendAsDenied", "Send from the mailbox's own address, or give the mailbox or application the right Send As for the address in From.", false),
        GraphFault.ItemGone => (MailException.MessageGone, "Somebody else has moved or removed it since it was listed; nothing is to be done.", false),
        GraphFault.FolderMissing => ("MailFolderNotFound", "Check the folder's name in the profile: a well-known name such as inbox, or a path such as Inbox/CRM.", false),
        GraphFault.FolderExists => ("MailServerRefused", "A folder of that name has come up at the same time; try again.", true),
        GraphFault.MailboxUnknown => ("MailMailboxNotFound", "Check the address, and that the application belongs to the tenant (or is consented in it) where the mailbox is.", false),
        GraphFault.MailboxElsewhere => (
            "MailMailboxNotInCloud",
            "The mailbox is not in Exchange Online, or has no licence: where it is on an Exchange Server of your own, give it a profile of the system Exchange (EWS).",
            false),
        GraphFault.Conflict => ("MailServerConflict", "Something else changed it at the same time; it is tried again.", true),
        GraphFault.PositionLost => ("MailPositionLost", "The service has forgotten the position of the listing; it starts again.", true),
        GraphFault.TooLarge => (MailException.MessageTooLarge, "Raise the mailbox's or the organization's size limit, or send less.", false),
        GraphFault.BadMessage => ("MailMessageUnavailable", "The service cannot convert this message; look at it in the mailbox.", false),
        GraphFault.BadRecipients => ("MailRecipientsRefused", "Check the recipients' addresses.", false),
        GraphFault.SendingLimit => ("MailSendingLimit", "The mailbox has reached its sending limit (30 messages a minute, 10,000 recipients a day), or is blocked from sending; it is tried again.", true),
        GraphFault.Full => ("MailMailboxFull", "The mailbox is full: make room in it, also in its folder of recoverable items.", true),
        GraphFault.Throttled => ("MailServerThrottled", "The service wants fewer requests for this mailbox; it is tried again. Poll less often when it stays.", true),
        GraphFault.Unavailable => ("MailServerTemporarilyUnavailable", "The service has a passing problem; it is tried again.", true),
        GraphFault.Moving => ("MailServerTemporarilyUnavailable", "The mailbox is being moved; it is tried again.", true),
        GraphFault.ServerFault => ("MailServerFault", "Something broke within the service; it is tried again. Report it to Microsoft with the request's id when it stays.", true),
        _ => ("MailServerRefused", "See what the service says.", false),
    };

    private static string PermissionRemedy(MailStep step)
    {
        string permission = step switch
        {
            MailStep.Send => "Mail.Send (and Mail.ReadWrite for the draft, unless the option sendMode is direct)",
            MailStep.Rules => "MailboxSettings.ReadWrite",
            MailStep.Settle or MailStep.Complete => "Mail.ReadWrite",
            _ => "Mail.Read (Mail.ReadWrite to settle messages; Mail.ReadBasic is not enough)",
        };
        return $"Needed: {permission}. Either grant it in Entra ID and consent to it, or better, for chosen mailboxes only: assign the role of that name to the application in " +
            "Exchange Online (RBAC for Applications: New-ManagementRoleAssignment -Role \"Application …\" -CustomResourceScope …). Where there is an application access policy or a " +
            "scope, it must include this mailbox; changes take up to two hours. Test-ServicePrincipalAuthorization shows what holds.";
    }
}
