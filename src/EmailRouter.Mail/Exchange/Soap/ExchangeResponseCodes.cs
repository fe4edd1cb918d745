namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>What a response code means to the router.</summary>
/// <param name="ErrorId">The stable id of the error.</param>
/// <param name="Words">What it means, for administrators.</param>
/// <param name="Remedy">What to do about it.</param>
internal sealed record ExchangeResponseCode(string ErrorId, string Words, string Remedy)
{
    /// <summary>Gets a value indicating whether the same may succeed later without anybody doing anything.</summary>
    public bool IsTransient { get; init; }

    /// <summary>Gets what it means for a message being sent; null when it is not about the message, so that sending fails as a whole.</summary>
    public SendStatus? Sending { get; init; }

    /// <summary>Gets how long to wait where the server does not say; null for the router's own choice.</summary>
    public TimeSpan? Wait { get; init; }
}

/// <summary>The response codes of Exchange Web Services that a router meets. Codes that are not here are lasting, and the server's words are kept.</summary>
internal static class ExchangeResponseCodes
{
    private static readonly Dictionary<string, ExchangeResponseCode> Table = Build();

    private static readonly ExchangeResponseCode Unknown = new("MailServerRefused", "the server refused it", "See what the server says; ask its administrator if it stays.")
    {
        Sending = SendStatus.Rejected,
    };

    /// <summary>Says what a code means.</summary>
    /// <param name="code">The code.</param>
    /// <returns>The meaning.</returns>
    public static ExchangeResponseCode Find(string code) => Table.GetValueOrDefault(code, Unknown);

    /// <summary>Says whether an item is no longer there: gone, moved, or never to be found under that id again.</summary>
    /// <param name="code">The code.</param>
    /// <returns>True when it is gone.</returns>
    public static bool IsGone(string code) => Find(code).ErrorId == MailException.MessageGone;

    /// <summary>Says whether the server does not take the schema's version.</summary>
    /// <param name="code">The code.</param>
    /// <returns>True when an older one may do.</returns>
    public static bool IsVersion(string code) => code is "ErrorInvalidServerVersion" or "ErrorIncorrectSchemaVersion" or "ErrorInvalidSchemaVersionForMailboxVersion";

    /// <summary>Says whether a kept position is worth nothing any more.</summary>
    /// <param name="code">The code.</param>
    /// <returns>True when the folder is to be listed from the start.</returns>
    public static bool IsSyncStateLost(string code) => code is "ErrorInvalidSyncStateData" or "ErrorSyncFolderNotFound" or "ErrorStaleObject" or "ErrorInvalidSyncState";

    /// <summary>Says whether the mailbox may be found elsewhere by asking Autodiscover anew.</summary>
    /// <param name="errorId">The id of an error.</param>
    /// <returns>True when a found address is not to be used again.</returns>
    public static bool IsElsewhere(string errorId) => errorId is "MailMailboxMoved" or "MailMailboxNotFound" or "MailServiceNotFound" or "MailHttpRedirected";

    private static Dictionary<string, ExchangeResponseCode> Build()
    {
        var table = new Dictionary<string, ExchangeResponseCode>(StringComparer.Ordinal);

        // Not now.
        Add(
            new("MailServerThrottled", "the server is busy or limits this account", "It is tried again when the server says. Impersonation charges the mailboxes' own budgets instead of one account's.")
            {
                IsTransient = true, Sending = SendStatus.Deferred, Wait = TimeSpan.FromMinutes(1),
            },
            "ErrorServerBusy");
        Add(
            new(MailException.TooManyConnections, "there are more requests at once than the server's policy allows", "Use fewer connections for this server.") { IsTransient = true, Sending = SendStatus.Deferred },
            "ErrorExceededConnectionCount", "ErrorExceededSubscriptionCount", "ErrorTooManyObjectsOpened", "ErrorExceededFindCountLimit");
        Add(
            new("MailServerTemporarilyUnavailable", "the server has a passing problem", "It is tried again.") { IsTransient = true, Sending = SendStatus.Deferred },
            "ErrorInsufficientResources", "ErrorNotEnoughMemory", "ErrorADUnavailable", "ErrorADOperation", "ErrorNoRespondingCASInDestinationSite",
            "ErrorProxyRequestProcessingFailed", "ErrorProxiedSubscriptionCallFailure", "ErrorMailboxStoreUnavailable", "ErrorExchangeConfigurationException", "ErrorDuplicateSOAPHeader");
        Add(
            new("MailServerTemporarilyUnavailable", "the server broke off", "It is tried again.") { IsTransient = true, Sending = SendStatus.Uncertain },
            "ErrorTimeoutExpired", "ErrorInternalServerTransientError", "ErrorInternalServerError", "ErrorConnectionFailed", "ErrorMailboxFailover", "ErrorBatchProcessingStopped");
        Add(
            new("MailMailboxMoved", "the mailbox is being moved or is served elsewhere", "It is tried again; without an address in the profile, Autodiscover finds the new place.")
            {
                IsTransient = true, Sending = SendStatus.Deferred,
            },
            "ErrorMailboxMoveInProgress", "ErrorCrossSiteRequest", "ErrorNoDestinationCASDueToKerberosRequirements", "ErrorNoDestinationCASDueToSSLRequirements",
            "ErrorNoDestinationCASDueToVersionMismatch");
        Add(
            new("MailSendingLimitReached", "the account may send no more for now", "It is tried again later; limit the messages per minute in the profile.") { IsTransient = true, Sending = SendStatus.Deferred },
            "ErrorSubmissionQuotaExceeded", "ErrorExceededMessageLimit", "ErrorMessageThrottled", "ErrorRecoverableItemsAccessDenied");
        Add(
            new("MailConflict", "somebody else changed it at the same time", "It is tried again.") { IsTransient = true, Sending = SendStatus.Deferred },
            "ErrorIrresolvableConflict", "ErrorStaleObject", "ErrorSaveFailed", "ErrorItemSave");
        Add(
            new("MailSubscriptionLost", "the server has forgotten the subscription", "It is made anew; polling goes on meanwhile.") { IsTransient = true },
            "ErrorSubscriptionNotFound", "ErrorInvalidSubscription", "ErrorNewEventStreamConnectionOpened", "ErrorExpiredSubscription", "ErrorSubscriptionUnsubscribed",
            "ErrorSubscriptionAccessDenied", "ErrorMissedNotificationEvents", "ErrorReadEventsFailed");

        // Single messages.
        Add(
            new(MailException.MessageGone, "the server no longer has it", "Somebody else may have moved or deleted it; nothing is to be done.") { Sending = SendStatus.Rejected },
            "ErrorItemNotFound", "ErrorInvalidIdMalformed", "ErrorInvalidId", "ErrorInvalidIdEmpty", "ErrorInvalidIdNotAnItemAttachmentId", "ErrorObjectCorrupt",
            "ErrorInvalidIdReturnedByResolveNames", "ErrorInvalidIdStoreObjectIdTooLong", "ErrorInvalidIdXml", "ErrorInvalidChangeKey", "ErrorCannotDeleteObject_NotFound");
        Add(
            new("MailMessageUnavailable", "the server cannot render the message", "It may be damaged on the server; open it in Outlook, or have it removed.") { Sending = SendStatus.Rejected },
            "ErrorMimeContentConversionFailed", "ErrorItemCorrupt", "ErrorCorruptData", "ErrorItemPropertyRequestFailed", "ErrorPropertyValidationFailure", "ErrorUnsupportedMimeConversion",
            "ErrorVirusDetected", "ErrorVirusMessageDeleted", "ErrorContentIndexingNotEnabled", "ErrorInvalidPropertyRequest", "ErrorUnexpectedPropertyTypes");
        Add(
            new("MailMessageRefused", "the server does not take the message's MIME", "Look at the activity's attachments and texts; the server says what it stumbles over.") { Sending = SendStatus.Rejected },
            "ErrorMimeContentInvalid", "ErrorMimeContentInvalidBase64String", "ErrorContentConversionFailed", "ErrorInvalidRecipients", "ErrorMissingRecipients",
            "ErrorInvalidRecipientSubfilter", "ErrorMessageDispositionRequired");
        Add(
            new(MailException.MessageTooLarge, "the message is over a size limit of the server", "Send smaller attachments, or raise the limits of server, transport and mailbox.") { Sending = SendStatus.Rejected },
            "ErrorMessageSizeExceeded", "ErrorDataSizeLimitExceeded", "ErrorRequestStreamTooBig", "ErrorAttachmentSizeLimitExceeded");

        // What an administrator has to change.
        Add(
            new("MailSendAsDenied", "the account may not send under this address", "Give it Send As or Send on Behalf for the sender (Add-RecipientPermission, Add-ADPermission), or use impersonation.")
            {
                Sending = SendStatus.Rejected,
            },
            "ErrorSendAsDenied", "ErrorSendOnBehalfDenied");
        Add(
            new("MailMailboxFull", "the mailbox is over its quota", "Make room in it or raise its quota.") { Sending = SendStatus.Deferred },
            "ErrorQuotaExceeded", "ErrorNotEnoughQuota");
        Add(
            new("MailFolderNotFound", "the folder is missing, or the account has no right to it", "Check the folder's name in the profile, and that the account has Full Access to the mailbox or impersonates it."),
            "ErrorFolderNotFound", "ErrorToFolderNotFound", "ErrorParentFolderNotFound", "ErrorSavedItemFolderNotFound", "ErrorSyncFolderNotFound", "ErrorInvalidFolderId");
        Add(
            new("MailAccessDenied", "a right is missing", "Give the account Full Access to the mailbox, or impersonation (New-ManagementRoleAssignment -Role ApplicationImpersonation)."),
            "ErrorAccessDenied", "ErrorCreateItemAccessDenied", "ErrorDelegateNoUser", "ErrorDeleteDistinguishedFolder", "ErrorCannotDeleteObject", "ErrorMoveCopyFailed");
        Add(
            new(
                "MailImpersonationDenied",
                "the account may not act as this mailbox",
                "Assign the role: New-ManagementRoleAssignment -Role ApplicationImpersonation -User ACCOUNT -CustomRecipientWriteScope SCOPE. " +
                "Where the account has Full Access instead, set the option access to delegate; where the mailbox is its own, to own."),
            "ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed", "ErrorInvalidExchangeImpersonationHeaderData", "ErrorMailboxScopeNotAllowedWithoutQueryString",
            "ErrorMailboxSearchFailed", "ErrorUserNotUnifiedMessagingEnabled");
        Add(
            new("MailMailboxNotFound", "this server has no mailbox with that address", "Check the address; the mailbox may have moved to Exchange Online, which is reached with the system Graph."),
            "ErrorNonExistentMailbox", "ErrorMissingEmailAddress", "ErrorNonPrimarySmtpAddress", "ErrorInvalidSmtpAddress", "ErrorMailboxMissing", "ErrorMissingInformationEmailAddress",
            "ErrorNoPublicFolderReplicaAvailable");
        Add(
            new("MailAccountDisabled", "the account cannot be used", "Enable the account or set a new password; it is not tried on, since accounts get locked."),
            "ErrorAccountDisabled", "ErrorPasswordExpired", "ErrorPasswordChangeRequired", "ErrorMailboxConfiguration");
        Add(
            new("MailVersionRefused", "the server knows none of the schema versions offered", "Exchange 2010 SP1 or later is needed; leave the option version away, or set one the server knows."),
            "ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion", "ErrorInvalidSchemaVersionForMailboxVersion");
        Add(
            new("MailRequestRefused", "the server does not take the request as the router wrote it", "Report it with the server's words and its version."),
            "ErrorSchemaValidation", "ErrorInvalidRequest", "ErrorInvalidOperation", "ErrorInvalidArgument", "ErrorNoPropertyTagForCustomProperties");
        Add(new("MailSyncStateLost", "the position kept for the folder is worth nothing any more", "The folder is listed from the start."), "ErrorInvalidSyncStateData", "ErrorInvalidSyncState");
        Add(
            new("MailRulesClientSide", "Outlook keeps rules of its own in this mailbox, which would be lost", "Export them from Outlook, then allow that client-side rules are dropped."),
            "ErrorOutlookRuleBlobExists");
        Add(
            new("MailRulesRefused", "the server does not take the rule", "See the reasons; a target outside the organization may need a mail contact first."),
            "ErrorInboxRulesValidationError");
        Add(
            new("MailRulesFull", "the mailbox has no room for more rules", "Delete rules or raise the quota (Set-Mailbox -RulesQuota 256KB)."),
            "ErrorRulesOverQuota");
        return table;

        // A code that stands in two groups keeps the first.
        void Add(ExchangeResponseCode meaning, params ReadOnlySpan<string> codes)
        {
            foreach (string code in codes)
                table.TryAdd(code, meaning);
        }
    }
}
