using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Configuration;

/// <summary>A mailbox as the router sees it: what the CRM says of it and what the configuration says, with the profiles and credentials that result.</summary>
public sealed record EffectiveMailbox
{
    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets what the CRM says.</summary>
    public required CrmMailbox Crm { get; init; }

    /// <summary>Gets how mail is read from it.</summary>
    public required MailboxRoute Incoming { get; init; }

    /// <summary>Gets how mail is sent for it.</summary>
    public required MailboxRoute Outgoing { get; init; }

    /// <summary>Gets how its folder of sent mail is read, whatever the CRM says of its delivery methods; null where the outgoing profile does not want it looked into.</summary>
    public MailboxRoute? SentFolder { get; init; }

    /// <summary>Gets how its rules are reached, whatever the CRM says of its delivery methods.</summary>
    public required MailboxRoute Rules { get; init; }

    /// <summary>Gets the address.</summary>
    public string Address => Crm.Address;

    /// <summary>Gets what the mailbox belongs to.</summary>
    public CrmMailboxKind Kind => Crm.Kind;

    /// <summary>Gets the mailbox as the state knows it.</summary>
    public MailboxKey Key => new(Deployment, Crm.Address);

    /// <summary>Gets one of the two directions.</summary>
    /// <param name="direction">Which.</param>
    /// <returns>Its route.</returns>
    public MailboxRoute Route(MailDirection direction) => direction == MailDirection.Incoming ? Incoming : Outgoing;
}

/// <summary>One direction of a mailbox: the profile and the credential, or the reason why the router does not use it.</summary>
public sealed record MailboxRoute
{
    /// <summary>Gets the direction.</summary>
    public required MailDirection Direction { get; init; }

    /// <summary>Gets whether the router uses it, or why not.</summary>
    public required MailboxStatus Status { get; init; }

    /// <summary>Gets <see cref="Status"/> in a sentence.</summary>
    public required string StatusText { get; init; }

    /// <summary>Gets what to do when it should be used and is not; empty when it is.</summary>
    public string Remedy { get; init; } = string.Empty;

    /// <summary>Gets the profile; null when there is none.</summary>
    public ProfileConfiguration? Profile { get; init; }

    /// <summary>Gets the user name for the mail server; null for servers that ask for none, or while the credential is missing.</summary>
    public string? UserName => Credential?.UserName;

    /// <summary>Gets a value indicating whether the router uses it.</summary>
    public bool IsUsable => Status == MailboxStatus.Usable;

    /// <summary>Gets the credential with its secret still encrypted; null as <see cref="UserName"/>.</summary>
    internal StoredCredential? Credential { get; init; }

    /// <summary>Gets whether profile and credential suffice for a connection, whatever the CRM and the administrator say.</summary>
    internal (MailboxStatus Status, string Text, string Remedy) Connection { get; init; }

    /// <summary>Makes the login for the mail server; the secret is decrypted only here.</summary>
    /// <param name="address">The mailbox's address.</param>
    /// <param name="secrets">What decrypts.</param>
    /// <param name="tokens">What gets tokens; needed for profiles that log in by them.</param>
    /// <returns>The login.</returns>
    /// <exception cref="RouterException">The secret cannot be decrypted.</exception>
    public MailLogin Login(string address, ISecretProtector secrets, TokenSource? tokens = null)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        if (Profile is { CredentialSource: CredentialSource.OAuth, OAuth: not null })
        {
            ArgumentNullException.ThrowIfNull(tokens);
            return new MailLogin(address, tokens.CredentialOf(Profile, address));
        }

        if (Profile is { CredentialSource: CredentialSource.Process })
            return new MailLogin(address, MailCredential.Process());
        return new MailLogin(address, Credential is null ? MailCredential.Anonymous : MailCredential.Password(Credential.UserName, secrets.Unprotect(Credential.Secret)));
    }
}

/// <summary>Whether the router uses one direction of a mailbox, or why not. The first reason that holds.</summary>
public enum MailboxStatus
{
    /// <summary>It is used.</summary>
    Usable,

    /// <summary>The deployment is switched off in the configuration.</summary>
    DeploymentDisabled,

    /// <summary>The mailbox is switched off in the configuration.</summary>
    Disabled,

    /// <summary>The user is disabled, or the queue inactive.</summary>
    Inactive,

    /// <summary>The delivery method is None.</summary>
    DeliveryMethodNone,

    /// <summary>The delivery method is another product's: CRM for Outlook.</summary>
    DeliveredByOutlook,

    /// <summary>Incoming mail comes through a forward mailbox.</summary>
    DeliveredByForwardMailbox,

    /// <summary>The organization requires approved addresses, and this one is not.</summary>
    NotApproved,

    /// <summary>Another mailbox of the deployment with the same address is used already.</summary>
    SharedAddress,

    /// <summary>Neither the mailbox nor the deployment names a profile.</summary>
    NoProfile,

    /// <summary>The profile does not exist, or is of the other direction.</summary>
    ProfileInvalid,

    /// <summary>The credential is missing.</summary>
    NoCredential,
}
