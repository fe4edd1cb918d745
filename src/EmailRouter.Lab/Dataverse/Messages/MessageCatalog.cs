namespace EmailRouter.Lab.Dataverse.Messages;

/// <summary>The functions and actions of the service, as its metadata lists them.</summary>
internal static class MessageCatalog
{
    private const string Rows = "Collection(mscrm.crmbaseentity)";

    /// <summary>Gets them all.</summary>
    public static IReadOnlyList<MessageDefinition> All { get; } =
    [
        new("WhoAmI", true, null, [], [("BusinessUnitId", "Edm.Guid"), ("UserId", "Edm.Guid"), ("OrganizationId", "Edm.Guid")]),
        new("RetrieveVersion", true, null, [], [("Version", "Edm.String")]),
        new("RetrieveCurrentOrganization", true, null, [("AccessType", "Edm.String")], [("Detail", "mscrm.OrganizationDetail")]),
        new("RetrieveUserPrivileges", true, "mscrm.systemuser", [], [("RolePrivileges", "Collection(mscrm.RolePrivilege)")]),
        new("RetrieveUserPrivilegeByPrivilegeName", true, "mscrm.systemuser", [("PrivilegeName", "Edm.String")], [("RolePrivileges", "Collection(mscrm.RolePrivilege)")]),
        new("RetrieveUserQueues", true, "mscrm.systemuser", [("IncludePublic", "Edm.Boolean")], [("EntityCollection", Rows)]),
        new("CheckIncomingEmail", true, null, [.. Strings("MessageId", "Subject", "From", "To", "Cc", "Bcc"), ("ExtraProperties", "mscrm.email")],
            [("ShouldDeliver", "Edm.Boolean"), ("ReasonCode", "Edm.Int32")]),
        new("CheckPromoteEmail", true, null, [.. Strings("MessageId", "Subject"), ("DirectionCode", "Edm.Int32")], [("ShouldPromote", "Edm.Boolean"), ("ReasonCode", "Edm.Int32")]),
        new("DeliverIncomingEmail", false, "Collection(mscrm.email)",
            [.. Strings("MessageId", "Subject", "From", "To", "Cc", "Bcc"), ("ReceivedOn", "Edm.DateTimeOffset"), .. Strings("SubmittedBy", "Importance", "Body"),
                ("Attachments", "Collection(mscrm.activitymimeattachment)"), ("ExtraProperties", "mscrm.crmbaseentity"), ("ValidateBeforeCreate", "Edm.Boolean")],
            [("EmailId", "Edm.Guid")]),
        new("DeliverPromoteEmail", false, "mscrm.email",
            [.. Strings("MessageId", "Subject", "From", "To", "Cc", "Bcc"), ("ReceivedOn", "Edm.DateTimeOffset"), .. Strings("SubmittedBy", "Importance", "Body"),
                ("Attachments", "Collection(mscrm.activitymimeattachment)")],
            [("EmailId", "Edm.Guid")]),
        new("SendEmail", false, "mscrm.email", [("IssueSend", "Edm.Boolean"), ("TrackingToken", "Edm.String")], [("Subject", "Edm.String")]),
        new("GetTrackingTokenEmail", false, null, Strings("Subject"), [("TrackingToken", "Edm.String")]),
        new("BackgroundSendEmail", false, null, [("Query", "mscrm.QueryBase")], [("EntityCollection", Rows), ("HasAttachments", "Collection(Edm.Boolean)")]),
        new("AddToQueue", false, "mscrm.queue", [("Target", "mscrm.crmbaseentity")], [("QueueItemId", "Edm.Guid")]),
        new("InitializeAttachmentBlocksUpload", false, null, [("Target", "mscrm.crmbaseentity")], [("FileContinuationToken", "Edm.String")]),
        new("UploadBlock", false, null, [("BlockId", "Edm.String"), ("BlockData", "Edm.Binary"), ("FileContinuationToken", "Edm.String")], []),
        new("CommitAttachmentBlocksUpload", false, null,
            [("Target", "mscrm.crmbaseentity"), ("BlockList", "Collection(Edm.String)"), ("FileContinuationToken", "Edm.String")],
            [("ActivityMimeAttachmentId", "Edm.Guid"), ("FileSizeInBytes", "Edm.Int64")]),
        new("InitializeAttachmentBlocksDownload", false, null, [("Target", "mscrm.crmbaseentity")],
            [("FileContinuationToken", "Edm.String"), ("FileSizeInBytes", "Edm.Int32"), ("FileName", "Edm.String")]),
        new("DownloadBlock", false, null, [("Offset", "Edm.Int64"), ("BlockLength", "Edm.Int64"), ("FileContinuationToken", "Edm.String")], [("Data", "Edm.Binary")]),
    ];

    private static (string Name, string Type)[] Strings(params string[] names) => [.. names.Select(n => (n, "Edm.String"))];
}

/// <summary>A function or an action.</summary>
/// <param name="Name">The name.</param>
/// <param name="IsFunction">True for a function (GET), false for an action (POST).</param>
/// <param name="BoundTo">The type it is bound to; null for none.</param>
/// <param name="Parameters">The parameters with their types.</param>
/// <param name="Results">The properties of the response with their types; none for an action without a response.</param>
internal sealed record MessageDefinition(
    string Name, bool IsFunction, string? BoundTo, IReadOnlyList<(string Name, string Type)> Parameters, IReadOnlyList<(string Name, string Type)> Results);
