using System.Xml.Linq;

namespace EmailRouter.Lab.Exchange;

/// <summary>
/// What Exchange's schema says of requests, as far as clients get it wrong: which elements follow each other, what is required, and what came with which
/// version. Elements that are not listed are not checked.
/// </summary>
internal static class EwsSchema
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    /// <summary>The children of an element in their order; those with an exclamation mark are required.</summary>
    private static readonly Dictionary<XName, string[]> Sequences = new()
    {
        [M + "GetFolder"] = ["FolderShape!", "FolderIds!"],
        [M + "FindFolder"] = ["FolderShape!", "IndexedPageFolderView", "FractionalPageFolderView", "Restriction", "ParentFolderIds!"],
        [M + "CreateFolder"] = ["ParentFolderId!", "Folders!"],
        [M + "UpdateFolder"] = ["FolderChanges!"],
        [M + "MoveFolder"] = ["ToFolderId!", "FolderIds!"],
        [M + "DeleteFolder"] = ["FolderIds!"],
        [M + "EmptyFolder"] = ["FolderIds!"],
        [M + "FindItem"] =
        [
            "ItemShape!", "IndexedPageItemView", "FractionalPageItemView", "SeekToConditionPageItemView", "CalendarView", "ContactsView", "GroupBy", "DistinguishedGroupBy",
            "Restriction", "SortOrder", "ParentFolderIds!", "QueryString",
        ],
        [M + "GetItem"] = ["ItemShape!", "ItemIds!"],
        [M + "CreateItem"] = ["SavedItemFolderId", "Items!"],
        [M + "SendItem"] = ["ItemIds!", "SavedItemFolderId"],
        [M + "UpdateItem"] = ["SavedItemFolderId", "ItemChanges!"],
        [M + "MoveItem"] = ["ToFolderId!", "ItemIds!", "ReturnNewItemIds"],
        [M + "CopyItem"] = ["ToFolderId!", "ItemIds!", "ReturnNewItemIds"],
        [M + "DeleteItem"] = ["ItemIds!"],
        [M + "MarkAllItemsAsRead"] = ["ReadFlag!", "SuppressReadReceipts!", "FolderIds!"],
        [M + "SyncFolderItems"] = ["ItemShape!", "SyncFolderId!", "SyncState", "Ignore", "MaxChangesReturned!", "SyncScope"],
        [M + "SyncFolderHierarchy"] = ["FolderShape!", "SyncFolderId", "SyncState"],
        [M + "GetAttachment"] = ["AttachmentShape", "AttachmentIds!"],
        [M + "CreateAttachment"] = ["ParentItemId!", "Attachments!"],
        [M + "DeleteAttachment"] = ["AttachmentIds!"],
        [M + "GetStreamingEvents"] = ["SubscriptionIds!", "ConnectionTimeout!"],
        [M + "GetEvents"] = ["SubscriptionId!", "Watermark!"],
        [M + "Unsubscribe"] = ["SubscriptionId!"],
        [M + "GetInboxRules"] = ["MailboxSmtpAddress"],
        [M + "UpdateInboxRules"] = ["MailboxSmtpAddress", "RemoveOutlookRuleBlob", "Operations!"],
        [M + "ResolveNames"] = ["ParentFolderIds", "UnresolvedEntry!"],
        [M + "ConvertId"] = ["SourceIds!"],
        [M + "ItemShape"] =
        [
            "BaseShape!", "IncludeMimeContent", "BodyType", "UniqueBodyType", "NormalizedBodyType", "FilterHtmlContent", "ConvertHtmlCodePageToUTF8", "InlineImageUrlTemplate",
            "BlockExternalImages", "AddBlankTargetToLinks", "MaximumBodySize", "AdditionalProperties",
        ],
        [M + "FolderShape"] = ["BaseShape!", "AdditionalProperties"],
        [T + "Rule"] = ["RuleId", "DisplayName!", "Priority!", "IsEnabled!", "IsNotSupported", "IsInError", "Conditions", "Exceptions", "Actions"],
        [T + "Actions"] =
        [
            "AssignCategories", "CopyToFolder", "Delete", "ForwardAsAttachmentToRecipients", "ForwardToRecipients", "MarkImportance", "MarkAsRead", "MoveToFolder",
            "PermanentDelete", "RedirectToRecipients", "SendSMSAlertToRecipients", "ServerReplyWithMessage", "StopProcessingRules",
        ],
        [T + "Conditions"] = Predicates,
        [T + "Exceptions"] = Predicates,
        [T + "Message"] =
        [
            "MimeContent", "ItemId", "ParentFolderId", "ItemClass", "Subject", "Sensitivity", "Body", "Attachments", "DateTimeReceived", "Size", "Categories", "Importance",
            "InReplyTo", "IsSubmitted", "IsDraft", "IsFromMe", "IsResend", "IsUnmodified", "InternetMessageHeaders", "DateTimeSent", "DateTimeCreated", "ResponseObjects",
            "ReminderDueBy", "ReminderIsSet", "ReminderNextTime", "ReminderMinutesBeforeStart", "DisplayCc", "DisplayTo", "HasAttachments", "ExtendedProperty*", "Culture", "EffectiveRights",
            "LastModifiedName", "LastModifiedTime", "IsAssociated", "WebClientReadFormQueryString", "WebClientEditFormQueryString", "ConversationId", "UniqueBody", "Flag",
            "StoreEntryId", "InstanceKey", "NormalizedBody", "EntityExtractionResult", "PolicyTag", "ArchiveTag", "RetentionDate", "Preview", "RightsManagementLicenseData",
            "BlockStatus", "HasBlockedImages", "TextBody", "IconIndex", "Sender", "ToRecipients", "CcRecipients", "BccRecipients", "IsReadReceiptRequested",
            "IsDeliveryReceiptRequested", "ConversationIndex", "ConversationTopic", "From", "InternetMessageId", "IsRead", "IsResponseRequested", "References", "ReplyTo",
            "ReceivedBy", "ReceivedRepresenting", "ApprovalRequestData", "VotingInformation", "ReminderMessageData",
        ],
    };

    /// <summary>What came with which version: operations, elements, and attributes of operations.</summary>
    private static readonly Dictionary<string, EwsVersion> Since = new(StringComparer.Ordinal)
    {
        ["GetInboxRules"] = EwsVersion.Exchange2010SP1,
        ["UpdateInboxRules"] = EwsVersion.Exchange2010SP1,
        ["GetStreamingEvents"] = EwsVersion.Exchange2010SP1,
        ["EmptyFolder"] = EwsVersion.Exchange2010SP1,
        ["GetServerTimeZones"] = EwsVersion.Exchange2010,
        ["MarkAllItemsAsRead"] = EwsVersion.Exchange2013,
        ["StreamingSubscriptionRequest"] = EwsVersion.Exchange2010SP1,
        ["ReturnNewItemIds"] = EwsVersion.Exchange2010SP1,
        ["SyncScope"] = EwsVersion.Exchange2010,
        ["@SuppressReadReceipts"] = EwsVersion.Exchange2013,
    };

    private static string[] Predicates =>
    [
        "Categories", "ContainsBodyStrings", "ContainsHeaderStrings", "ContainsRecipientStrings", "ContainsSenderStrings", "ContainsSubjectOrBodyStrings",
        "ContainsSubjectStrings", "FlaggedForAction", "FromAddresses", "FromConnectedAccounts", "HasAttachments", "Importance", "IsApprovalRequest", "IsAutomaticForward",
        "IsAutomaticReply", "IsEncrypted", "IsMeetingRequest", "IsMeetingResponse", "IsNDR", "IsPermissionControlled", "IsReadReceipt", "IsSigned", "IsVoicemail",
        "ItemClasses", "MessageClassifications", "NotSentToMe", "SentCcMe", "SentOnlyToMe", "SentToAddresses", "SentToMe", "SentToOrCcMe", "Sensitivity", "WithinDateRange",
        "WithinSizeRange",
    ];

    /// <summary>Checks an operation.</summary>
    /// <exception cref="EwsException">ErrorSchemaValidation, with the place.</exception>
    public static void Check(XElement operation, EwsVersion version)
    {
        foreach (XAttribute attribute in operation.Attributes())
            CheckVersion(operation, "@" + attribute.Name.LocalName, version);
        foreach (XElement element in operation.DescendantsAndSelf())
        {
            if (element.Name.Namespace == M)
                CheckVersion(element, element.Name.LocalName, version);
            if (Sequences.TryGetValue(element.Name, out string[]? sequence) && (element.Name.Namespace == M || element.HasElements))
                CheckOrder(element, sequence);
        }
    }

    private static void CheckVersion(XElement at, string name, EwsVersion version)
    {
        if (Since.TryGetValue(name, out EwsVersion since) && version < since)
            throw EwsException.Schema(at, $"'{name.TrimStart('@')}' is not part of the schema of {version}.");
    }

    private static void CheckOrder(XElement element, string[] sequence)
    {
        XNamespace expected = element.Parent?.Name.LocalName == "Body" ? M : T;
        int at = 0;
        foreach (XElement child in element.Elements())
        {
            int found = Array.FindIndex(sequence, at, s => s.TrimEnd('!', '*') == child.Name.LocalName && child.Name.Namespace == expected);
            if (found < 0)
                throw EwsException.Schema(child, $"The element '{element.Name.LocalName}' has invalid child element '{child.Name.LocalName}' in namespace '{child.Name.Namespace}'.");
            if (Array.FindIndex(sequence, at, found - at, s => s.EndsWith('!')) is >= 0 and int skipped)
                throw EwsException.Schema(child, $"The element '{element.Name.LocalName}' has invalid child element '{child.Name.LocalName}'. List of possible elements expected: '{sequence[skipped].TrimEnd('!')}'.");
            at = sequence[found].EndsWith('*') ? found : found + 1;
        }

        if (Array.FindIndex(sequence, at, s => s.EndsWith('!')) is >= 0 and int missing)
            throw EwsException.Schema(element, $"The element '{element.Name.LocalName}' has incomplete content. List of possible elements expected: '{sequence[missing].TrimEnd('!')}'.");
    }
}
