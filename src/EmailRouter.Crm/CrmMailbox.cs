namespace EmailRouter.Crm;

/// <summary>A user, a queue or a forward mailbox with an address, and how its email is to be handled.</summary>
public sealed record CrmMailbox
{
    /// <summary>Gets whose mailbox it is: <c>systemuser</c>, <c>queue</c> or, for a forward mailbox, <c>mailbox</c>.</summary>
    public required RecordReference Owner { get; init; }

    /// <summary>Gets what it belongs to.</summary>
    public required CrmMailboxKind Kind { get; init; }

    /// <summary>Gets the address.</summary>
    public required string Address { get; init; }

    /// <summary>Gets how incoming email is handled (<c>incomingemaildeliverymethod</c>).</summary>
    public required DeliveryMethod IncomingDelivery { get; init; }

    /// <summary>Gets how outgoing email is handled (<c>outgoingemaildeliverymethod</c>).</summary>
    public required DeliveryMethod OutgoingDelivery { get; init; }

    /// <summary>Gets which incoming email is promoted (<c>incomingemailfilteringmethod</c>).</summary>
    public required FilteringMethod Filter { get; init; }

    /// <summary>Gets whether the address is approved (<c>emailrouteraccessapproval</c>).</summary>
    public required AccessApproval Approval { get; init; }

    /// <summary>Gets a value indicating whether the user is enabled, or the queue active.</summary>
    public required bool IsActive { get; init; }

    /// <summary>Gets the user who owns what is promoted for it: the user itself, or the queue's owner.</summary>
    public required Guid OwnerUserId { get; init; }

    /// <summary>Gets the user's default queue (<c>systemuser.queueid</c>); null for queues and where there is none.</summary>
    public Guid? DefaultQueueId { get; init; }

    /// <summary>Gets what to create for an unknown sender (<c>usersettings.autocreatecontactonpromote</c>).</summary>
    public AutoCreate AutoCreate { get; init; }

    /// <summary>Gets a value indicating whether others may send in this user's name (<c>usersettings.issendasallowed</c>).</summary>
    public bool IsSendAsAllowed { get; init; }
}

/// <summary>What a mailbox belongs to.</summary>
public enum CrmMailboxKind
{
    /// <summary>A user.</summary>
    User,

    /// <summary>A queue.</summary>
    Queue,

    /// <summary>A forward mailbox.</summary>
    Forward,
}

/// <summary>The values of <c>incomingemaildeliverymethod</c> and <c>outgoingemaildeliverymethod</c>.</summary>
public enum DeliveryMethod
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>CRM for Outlook.</summary>
    Outlook = 1,

    /// <summary>The router (or server-side synchronization).</summary>
    Router = 2,

    /// <summary>Through a forward mailbox; incoming only.</summary>
    ForwardMailbox = 3,
}

/// <summary>The values of <c>incomingemailfilteringmethod</c>.</summary>
public enum FilteringMethod
{
    /// <summary>All email messages.</summary>
    All = 0,

    /// <summary>Email messages in response to CRM email.</summary>
    InResponse = 1,

    /// <summary>Email messages from CRM leads, contacts and accounts.</summary>
    FromLeadsContactsAccounts = 2,

    /// <summary>Email messages from CRM records that are email enabled.</summary>
    FromEmailEnabledRecords = 3,

    /// <summary>No email messages.</summary>
    None = 4,
}

/// <summary>The values of <c>emailrouteraccessapproval</c>.</summary>
public enum AccessApproval
{
    /// <summary>Empty.</summary>
    Empty = 0,

    /// <summary>Approved.</summary>
    Approved = 1,

    /// <summary>Pending approval.</summary>
    Pending = 2,

    /// <summary>Rejected.</summary>
    Rejected = 3,
}

/// <summary>What is created for an unknown sender.</summary>
public enum AutoCreate
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A contact.</summary>
    Contact = 1,

    /// <summary>A lead.</summary>
    Lead = 2,
}
