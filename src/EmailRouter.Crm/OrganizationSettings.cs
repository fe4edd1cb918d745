namespace EmailRouter.Crm;

/// <summary>An organization's email settings (table <c>organization</c> and the switches of <c>orgdborgsettings</c>).</summary>
public sealed record OrganizationSettings
{
    /// <summary>Gets <c>organizationid</c>.</summary>
    public required Guid OrganizationId { get; init; }

    /// <summary>Gets the organization's name.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Gets a value indicating whether tracking tokens are used. Defaults to true.</summary>
    public bool UseTrackingToken { get; init; } = true;

    /// <summary>Gets the token's prefixes, the current one first (<c>trackingprefix</c> with its history). Defaults to <c>CRM:</c>.</summary>
    public IReadOnlyList<string> TrackingPrefixes { get; init; } = ["CRM:"];

    /// <summary>Gets <c>trackingtokenidbase</c>. Defaults to 0.</summary>
    public int TrackingTokenIdBase { get; init; }

    /// <summary>Gets <c>trackingtokeniddigits</c>: digits of the user number. Defaults to 3.</summary>
    public int TrackingTokenIdDigits { get; init; } = 3;

    /// <summary>Gets <c>maximumtrackingnumber</c>: the counter's ceiling, whose length is the counter's number of digits. Defaults to 999.</summary>
    public int MaximumTrackingNumber { get; init; } = 999;

    /// <summary>Gets <c>MaximumSubjectLengthOnMailServer</c>. Defaults to 255.</summary>
    public int MaximumSubjectLength { get; init; } = 255;

    /// <summary>Gets the correlation steps in their order. Defaults to In-Reply-To, References, token, conversation index, smart matching.</summary>
    public IReadOnlyList<CorrelationStep> CorrelationOrder { get; init; } =
        [CorrelationStep.InReplyTo, CorrelationStep.References, CorrelationStep.TrackingToken, CorrelationStep.ConversationIndex, CorrelationStep.SmartMatching];

    /// <summary>Gets <c>emailcorrelationenabled</c>: correlation by headers. Defaults to true.</summary>
    public bool EmailCorrelationEnabled { get; init; } = true;

    /// <summary>Gets <c>IgnoreConversationIndexAndInReplyToForCorrelation</c>. Defaults to false.</summary>
    public bool IgnoreConversationIndexAndInReplyTo { get; init; }

    /// <summary>Gets <c>DoNotCorrelateForwardedEmailsAsReplies</c>. Defaults to false.</summary>
    public bool DoNotCorrelateForwards { get; init; }

    /// <summary>Gets <c>enablesmartmatching</c>. Defaults to false.</summary>
    public bool EnableSmartMatching { get; init; }

    /// <summary>Gets <c>hashfilterkeywords</c>: the expression removed from subjects before they are hashed.</summary>
    public string HashFilterKeywords { get; init; } = @"^[\s]*([\w]+\s?:[\s]*)+";

    /// <summary>Gets <c>hashmaxcount</c>: how many words and addresses are hashed. Defaults to 20.</summary>
    public int HashMaxCount { get; init; } = 20;

    /// <summary>Gets <c>hashminaddresscount</c>. Defaults to 2.</summary>
    public int HashMinAddressCount { get; init; } = 2;

    /// <summary>Gets <c>hashdeltasubjectcount</c>. Defaults to 0.</summary>
    public int HashDeltaSubjectCount { get; init; }

    /// <summary>Gets how old an email may be to be matched smartly. Defaults to 90 days.</summary>
    public TimeSpan SmartMatchingMaxAge { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Gets how many subject words smart matching needs at least. Defaults to 2.</summary>
    public int SmartMatchingMinWords { get; init; } = 2;

    /// <summary>Gets <c>ignoreinternalemail</c>: email between users is not promoted. Defaults to false.</summary>
    public bool IgnoreInternalEmail { get; init; }

    /// <summary>Gets <c>DoNotIgnoreInternalEmailToQueues</c>. Defaults to true.</summary>
    public bool DoNotIgnoreInternalEmailToQueues { get; init; } = true;

    /// <summary>Gets <c>UseFilteringMethodOfSyncingMailboxOnlyForCorrelation</c>: only the polled mailbox's filter counts. Defaults to false.</summary>
    public bool UseOnlyPolledMailboxFilter { get; init; }

    /// <summary>Gets <c>requireapprovalforuseremail</c>. Defaults to true.</summary>
    public bool RequireApprovalForUsers { get; init; } = true;

    /// <summary>Gets <c>requireapprovalforqueueemail</c>. Defaults to true.</summary>
    public bool RequireApprovalForQueues { get; init; } = true;

    /// <summary>Gets <c>unresolveemailaddressifmultiplematch</c>: To, Cc and Bcc stay unresolved when several records match. Defaults to false.</summary>
    public bool UnresolveRecipientsIfMultipleMatch { get; init; }

    /// <summary>Gets <c>UnresolveSenderInCaseOfMultipleMatch</c>. Defaults to false.</summary>
    public bool UnresolveSenderIfMultipleMatch { get; init; }

    /// <summary>Gets <c>ResolveForInactiveEntities</c>. Defaults to false.</summary>
    public bool ResolveInactiveRecords { get; init; }

    /// <summary>Gets the <c>AutoCreateContactOnPromote</c> switch over all users. Defaults to true.</summary>
    public bool AutoCreateOnPromote { get; init; } = true;

    /// <summary>Gets <c>CreateQueueItemsForAcceptingQueueRecipients</c>. Defaults to true.</summary>
    public bool CreateQueueItemsForQueueRecipients { get; init; } = true;

    /// <summary>Gets <c>CreateQueueItemForSynchronizingMailbox</c>: a queue item in the user's own default queue. Defaults to false.</summary>
    public bool CreateQueueItemForPolledMailbox { get; init; }

    /// <summary>Gets <c>SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail</c>. Defaults to false.</summary>
    public bool AddQueueItemsForTrackedEmail { get; init; }

    /// <summary>Gets <c>allowunresolvedpartiesonemailsend</c>. Defaults to false.</summary>
    public bool AllowUnresolvedPartiesOnSend { get; init; }

    /// <summary>Gets the blocked file extensions, lower case without dot (<c>blockedattachments</c>).</summary>
    public IReadOnlySet<string> BlockedAttachments { get; init; } = DefaultBlockedAttachments;

    /// <summary>Gets <c>maxuploadfilesize</c> in bytes. Defaults to 5 242 880.</summary>
    public long MaxUploadFileSize { get; init; } = 5_242_880;

    /// <summary>Gets the longest body in characters (<c>email.description</c>). Defaults to 1 048 576.</summary>
    public int MaxBodyLength { get; init; } = 1_048_576;

    /// <summary>Gets the item classes that are promoted, compared without regard to case.</summary>
    public IReadOnlyList<string> AcceptedMessageClasses { get; init; } = ["IPM.Note", "IPM.Note.Rules.OofTemplate.Microsoft"];

    /// <summary>Gets the default of <c>organization.blockedattachments</c>.</summary>
    public static IReadOnlySet<string> DefaultBlockedAttachments { get; } = new HashSet<string>(
        ("ade adp app asa ashx asmx asp bas bat cdx cer chm class cmd com config cpl crt csh dll exe fxp hlp hta htr htw ida idc idq inf ins isp its jar js jse ksh lnk " +
         "mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh1xml msh2 msh2xml mshxml msi msp mst ops pcd pif prf prg printer pst " +
         "reg rem scf scr sct shb shs shtm shtml soap stm tmp url vb vbe vbs vsmacros vss vst vsw ws wsc wsf wsh svg").Split(' '),
        StringComparer.OrdinalIgnoreCase);
}

/// <summary>The steps of correlation.</summary>
public enum CorrelationStep
{
    /// <summary>In-Reply-To.</summary>
    InReplyTo,

    /// <summary>References, from right to left.</summary>
    References,

    /// <summary>The tracking token in the subject.</summary>
    TrackingToken,

    /// <summary>The conversation id in Thread-Index.</summary>
    ConversationIndex,

    /// <summary>Smart matching by hashed subject words and addresses.</summary>
    SmartMatching,
}
