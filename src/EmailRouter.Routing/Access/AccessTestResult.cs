using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Access;

/// <summary>What testing one direction of a mailbox found.</summary>
public sealed record AccessTestResult
{
    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets what was tested: the mailbox.</summary>
    public AccessScope Scope { get; } = AccessScope.Mailbox;

    /// <summary>Gets the mailbox's address.</summary>
    public required string Mailbox { get; init; }

    /// <summary>Gets the direction.</summary>
    public required MailDirection Direction { get; init; }

    /// <summary>Gets the steps in their order. After a step without which the rest cannot work there are no further ones.</summary>
    public required IReadOnlyList<AccessStep> Steps { get; init; }

    /// <summary>Gets how many messages the mailbox holds; null for outgoing, and where the listing was not reached.</summary>
    public int? MessageCount { get; init; }

    /// <summary>Gets a value indicating whether every step succeeded; warnings do not count.</summary>
    public bool Success => Steps.All(step => step.Success);

    /// <summary>Gets the first step that failed; null on success.</summary>
    public AccessStep? Failure => Steps.FirstOrDefault(step => !step.Success);

    /// <summary>Gets the mailbox as the state knows it.</summary>
    public MailboxKey Key => new(Deployment, Mailbox);
}

/// <summary>What an access test is of.</summary>
public enum AccessScope
{
    /// <summary>The CRM side of a deployment (<see cref="DeploymentTestResult"/>).</summary>
    Deployment,

    /// <summary>One direction of a mailbox (<see cref="AccessTestResult"/>).</summary>
    Mailbox,
}

/// <summary>One step of an access test.</summary>
/// <param name="Name">The step (<see cref="AccessStepNames"/>, or the name of a <see cref="Mail.MailStep"/>).</param>
/// <param name="Success">Whether it succeeded.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record AccessStep(string Name, bool Success, string Detail, TimeSpan Elapsed)
{
    /// <summary>Gets what to do about a failure or a warning; empty when there is nothing to do.</summary>
    public string Remedy { get; init; } = string.Empty;

    /// <summary>Gets the stable id of the failure or warning; null when there is none.</summary>
    public string? ErrorId { get; init; }

    /// <summary>Gets a value indicating whether it succeeded and there is still something to do.</summary>
    public bool IsWarning => Success && ErrorId is not null;
}

/// <summary>The router's own steps of an access test; those of the mail server are named as in <see cref="Mail.MailStep"/>.</summary>
public static class AccessStepNames
{
    /// <summary>The parts of the configuration that the deployment or mailbox uses.</summary>
    public const string Configuration = nameof(Configuration);

    /// <summary>Reaching the CRM, reading its settings and mailboxes.</summary>
    public const string Crm = nameof(Crm);

    /// <summary>Who the router is in the CRM, and which version that has.</summary>
    public const string WhoAmI = nameof(WhoAmI);

    /// <summary>The privileges that the router needs in the CRM.</summary>
    public const string Privileges = nameof(Privileges);

    /// <summary>Settings of the organization and its mailboxes that stand against the router's work.</summary>
    public const string Settings = nameof(Settings);

    /// <summary>The mailbox's record in the CRM: active, delivery method.</summary>
    public const string Mailbox = nameof(Mailbox);

    /// <summary>The approval of the address.</summary>
    public const string Approval = nameof(Approval);

    /// <summary>Profile and credential.</summary>
    public const string Credential = nameof(Credential);

    /// <summary>Whether the server can do with a message what the profile says.</summary>
    public const string Settlement = nameof(Settlement);

    /// <summary>Opening the connection through which messages are sent.</summary>
    public const string OpenSender = nameof(OpenSender);

    /// <summary>Looking into the sender's folder of sent mail, where a lost answer is to be looked up there.</summary>
    public const string SentFolder = nameof(SentFolder);
}
