using EmailRouter.Crm;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Mailboxes;

/// <summary>A mailbox as the cmdlets show it: what the CRM says of it, and what follows from the configuration.</summary>
public sealed class RouterMailboxInfo
{
    internal RouterMailboxInfo(EffectiveMailbox mailbox, string configurationPath)
    {
        Name = mailbox.Crm.Owner.Name ?? mailbox.Address;
        Address = mailbox.Address;
        Kind = mailbox.Kind;
        Deployment = mailbox.Deployment;
        Owner = mailbox.Crm.Owner;
        IsActive = mailbox.Crm.IsActive;
        Approval = mailbox.Crm.Approval;
        Filter = mailbox.Crm.Filter;
        IncomingDelivery = mailbox.Crm.IncomingDelivery;
        OutgoingDelivery = mailbox.Crm.OutgoingDelivery;
        Incoming = mailbox.Incoming.Status;
        IncomingText = Text(mailbox.Incoming);
        IncomingProfile = mailbox.Incoming.Profile?.Name;
        IncomingUserName = mailbox.Incoming.UserName;
        Outgoing = mailbox.Outgoing.Status;
        OutgoingText = Text(mailbox.Outgoing);
        OutgoingProfile = mailbox.Outgoing.Profile?.Name;
        OutgoingUserName = mailbox.Outgoing.UserName;
        ConfigurationPath = configurationPath;
    }

    /// <summary>Gets the name of the user or queue.</summary>
    public string Name { get; }

    /// <summary>Gets the address.</summary>
    public string Address { get; }

    /// <summary>Gets what the mailbox belongs to.</summary>
    public CrmMailboxKind Kind { get; }

    /// <summary>Gets the deployment's name.</summary>
    public string Deployment { get; }

    /// <summary>Gets the record in the CRM.</summary>
    public RecordReference Owner { get; }

    /// <summary>Gets a value indicating whether the user is enabled, or the queue active.</summary>
    public bool IsActive { get; }

    /// <summary>Gets whether the address is approved.</summary>
    public AccessApproval Approval { get; }

    /// <summary>Gets which incoming email is promoted.</summary>
    public FilteringMethod Filter { get; }

    /// <summary>Gets how incoming email is handled.</summary>
    public DeliveryMethod IncomingDelivery { get; }

    /// <summary>Gets how outgoing email is handled.</summary>
    public DeliveryMethod OutgoingDelivery { get; }

    /// <summary>Gets whether the router reads the mailbox, or why not.</summary>
    public MailboxStatus Incoming { get; }

    /// <summary>Gets <see cref="Incoming"/> in words, with what to do about it.</summary>
    public string IncomingText { get; }

    /// <summary>Gets the incoming profile in effect.</summary>
    public string? IncomingProfile { get; }

    /// <summary>Gets the user name for reading.</summary>
    public string? IncomingUserName { get; }

    /// <summary>Gets whether the router sends for the mailbox, or why not.</summary>
    public MailboxStatus Outgoing { get; }

    /// <summary>Gets <see cref="Outgoing"/> in words, with what to do about it.</summary>
    public string OutgoingText { get; }

    /// <summary>Gets the outgoing profile in effect.</summary>
    public string? OutgoingProfile { get; }

    /// <summary>Gets the user name for sending.</summary>
    public string? OutgoingUserName { get; }

    /// <summary>Gets the configuration file.</summary>
    public string ConfigurationPath { get; }

    /// <inheritdoc/>
    public override string ToString() => Address;

    private static string Text(MailboxRoute route) => route.Remedy.Length == 0 ? route.StatusText : $"{route.StatusText} {route.Remedy}";
}
