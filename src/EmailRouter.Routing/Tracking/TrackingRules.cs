namespace EmailRouter.Routing.Tracking;

/// <summary>The names of the rules in the evidence of a check, in the order in which they are looked at. Names are API.</summary>
public static class TrackingRules
{
    /// <summary>The sender's address is there and well-formed.</summary>
    public const string SenderAddress = "Sender.Address";

    /// <summary>The Message-ID is stored already.</summary>
    public const string DuplicateMessageId = "Duplicate.MessageId";

    /// <summary>The user or queue whose mailbox was polled.</summary>
    public const string PolledMailbox = "Recipients.PolledMailbox";

    /// <summary>The addresses in To, Cc, Bcc and the trace headers that belong to users and queues.</summary>
    public const string RecipientAddresses = "Recipients.Addresses";

    /// <summary>The user is enabled, the queue active.</summary>
    public const string RecipientActive = "Recipients.Active";

    /// <summary>The router receives for the user or queue (<c>incomingemaildeliverymethod</c>).</summary>
    public const string RecipientDeliveryMethod = "Recipients.DeliveryMethod";

    /// <summary>The address is approved where the organization requires it (<c>emailrouteraccessapproval</c>).</summary>
    public const string RecipientApproval = "Recipients.Approval";

    /// <summary>Only the polled mailbox's filter counts (<c>UseFilteringMethodOfSyncingMailboxOnlyForCorrelation</c>).</summary>
    public const string PolledMailboxOnly = "Recipients.PolledMailboxOnly";

    /// <summary>The sender's address belongs to a user.</summary>
    public const string InternalSender = "InternalMail.Sender";

    /// <summary>What the organization does with email between users (<c>ignoreinternalemail</c>, <c>DoNotIgnoreInternalEmailToQueues</c>).</summary>
    public const string InternalPolicy = "InternalMail.Policy";

    /// <summary>Forwarded email is no reply (<c>DoNotCorrelateForwardedEmailsAsReplies</c>).</summary>
    public const string CorrelationForward = "Correlation.Forward";

    /// <summary>In-Reply-To names a stored email.</summary>
    public const string CorrelationInReplyTo = "Correlation.InReplyTo";

    /// <summary>References names a stored email; the last is looked at first.</summary>
    public const string CorrelationReferences = "Correlation.References";

    /// <summary>The subject bears the tracking token of a stored outgoing email.</summary>
    public const string CorrelationTrackingToken = "Correlation.TrackingToken";

    /// <summary>Thread-Index names the conversation of a stored email.</summary>
    public const string CorrelationConversationIndex = "Correlation.ConversationIndex";

    /// <summary>Subject words and addresses coincide with those of a stored email.</summary>
    public const string CorrelationSmartMatching = "Correlation.SmartMatching";

    /// <summary>The mailbox accepts all email.</summary>
    public const string FilterAll = "Filter.All";

    /// <summary>The mailbox accepts email in response to CRM email.</summary>
    public const string FilterInResponse = "Filter.InResponse";

    /// <summary>The mailbox accepts email from leads, contacts and accounts.</summary>
    public const string FilterFromLeadsContactsAccounts = "Filter.FromLeadsContactsAccounts";

    /// <summary>The mailbox accepts email from records that are email enabled.</summary>
    public const string FilterFromEmailEnabledRecords = "Filter.FromEmailEnabledRecords";

    /// <summary>The mailbox accepts no email.</summary>
    public const string FilterNone = "Filter.None";

    /// <summary>The outcome, in one sentence.</summary>
    public const string Outcome = "Outcome";

    /// <summary>The record that the sender's address resolves to.</summary>
    public const string ResolutionSender = "Resolution.Sender";

    /// <summary>The records that the recipients' addresses resolve to.</summary>
    public const string ResolutionRecipients = "Resolution.Recipients";

    /// <summary>Who owns the activity.</summary>
    public const string PromotionOwner = "Promotion.Owner";

    /// <summary>What the activity is regarding.</summary>
    public const string PromotionRegarding = "Promotion.Regarding";

    /// <summary>The queues the activity is put into.</summary>
    public const string PromotionQueueItems = "Promotion.QueueItems";

    /// <summary>The contact or lead created for an unknown sender.</summary>
    public const string PromotionSenderRecord = "Promotion.SenderRecord";

    /// <summary>The email activity that was created or found.</summary>
    public const string DeliveryActivity = "Delivery.Activity";

    /// <summary>The queue items that were created.</summary>
    public const string DeliveryQueueItems = "Delivery.QueueItems";

    /// <summary>The contact or lead that was created.</summary>
    public const string DeliverySenderRecord = "Delivery.SenderRecord";
}
