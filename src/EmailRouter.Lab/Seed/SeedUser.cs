using EmailRouter.Crm;

namespace EmailRouter.Lab.Seed;

/// <summary>A user of the lab's organization.</summary>
/// <param name="Name">The full name.</param>
/// <param name="Address">The address.</param>
/// <param name="Filter">Which incoming email is promoted.</param>
/// <param name="AutoCreate">What is created for an unknown sender.</param>
public sealed record SeedUser(string Name, string Address, FilteringMethod Filter, AutoCreate AutoCreate)
{
    /// <summary>Gets whether the address is approved. Defaults to approved.</summary>
    public AccessApproval Approval { get; init; } = AccessApproval.Approved;

    /// <summary>Gets how email is handled, in both directions. Defaults to the router.</summary>
    public DeliveryMethod Delivery { get; init; } = DeliveryMethod.Router;

    /// <summary>Gets a value indicating whether the user is disabled.</summary>
    public bool IsDisabled { get; init; }
}

/// <summary>A queue of the lab's organization.</summary>
/// <param name="Name">The name.</param>
/// <param name="Address">The address.</param>
/// <param name="Filter">Which incoming email is promoted.</param>
/// <param name="Owner">The name of the user who owns it.</param>
public sealed record SeedQueue(string Name, string Address, FilteringMethod Filter, string Owner);

/// <summary>A record with addresses: a contact, an account, a lead, a project.</summary>
/// <param name="LogicalName">The table.</param>
/// <param name="Name">The primary name.</param>
/// <param name="Address">The first address.</param>
/// <param name="Owner">The name of the user who owns it.</param>
public sealed record SeedRecord(string LogicalName, string Name, string Address, string Owner)
{
    /// <summary>Gets the second address; null for none.</summary>
    public string? SecondAddress { get; init; }

    /// <summary>Gets a value indicating whether the record is inactive.</summary>
    public bool IsInactive { get; init; }

    /// <summary>Gets a value indicating whether the record must not be mailed.</summary>
    public bool DoNotEmail { get; init; }
}

/// <summary>An email activity that waits to be sent.</summary>
/// <param name="Key">The name by which samples refer to it.</param>
/// <param name="From">The name of the user or queue that sends it.</param>
/// <param name="To">The recipients: names of records, or addresses of nobody known.</param>
/// <param name="Subject">The subject without its token.</param>
/// <param name="Description">The body.</param>
/// <param name="Action">What is to become of it.</param>
/// <param name="Reason">The reason code of that decision; null when there must be no decision.</param>
/// <param name="Why">Why, in one sentence.</param>
public sealed record SeedEmail(
    string Key, string From, IReadOnlyList<string> To, string Subject, string Description, Routing.DecisionAction? Action, string? Reason, string Why)
{
    /// <summary>Gets the Cc recipients.</summary>
    public IReadOnlyList<string> Cc { get; init; } = [];

    /// <summary>Gets the name of the record it is regarding; null for none.</summary>
    public string? Regarding { get; init; }

    /// <summary>Gets the priority.</summary>
    public EmailPriority Priority { get; init; } = EmailPriority.Normal;

    /// <summary>Gets the name of a text file to attach; null for none.</summary>
    public string? Attachment { get; init; }

    /// <summary>Gets a value indicating whether a mail server reports later that it could not be delivered.</summary>
    public bool ComesBack { get; init; }
}
