using System.Text.Json.Serialization;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>Everything an administrator configures: one JSON file. Immutable; changing it makes another.</summary>
public sealed record RouterConfiguration
{
    /// <summary>Gets where editors find the file's schema; the router does not look at it.</summary>
    [JsonPropertyName("$schema")]
    public string? Schema { get; init; }

    /// <summary>Gets the version of the file's format. This is 1.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Gets the name of this router, used in Message-IDs, leases and the loop marker. Defaults to the machine's name.</summary>
    public string RouterName { get; init; } = Environment.MachineName.ToLowerInvariant();

    /// <summary>Gets where the router's state is kept; relative paths start at the configuration file's folder. Defaults to <c>state.db</c>.</summary>
    public string StatePath { get; init; } = "state.db";

    /// <summary>Gets how to reach each organization.</summary>
    public IReadOnlyList<DeploymentConfiguration> Deployments { get; init; } = [];

    /// <summary>Gets how to reach each mail server, in one direction.</summary>
    public IReadOnlyList<ProfileConfiguration> Profiles { get; init; } = [];

    /// <summary>Gets what is set for single mailboxes; mailboxes without an entry use their deployment's defaults.</summary>
    public IReadOnlyList<MailboxConfiguration> Mailboxes { get; init; } = [];

    /// <summary>Gets the settings of the pipelines.</summary>
    public RoutingOptions Routing { get; init; } = new();
}

/// <summary>How to reach one organization.</summary>
public sealed record DeploymentConfiguration
{
    /// <summary>Gets the name; unique without regard to case.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Gets the CRM system: <c>Embedded</c>, <c>Dataverse</c> (Dynamics 365 and CRM 2016 and later, by the Web API), <c>Organization</c> (CRM 2011 to 2015, by
    /// <c>Organization.svc</c>) or <c>CrmService</c> (CRM 4.0). Defaults to <c>Embedded</c>.
    /// </summary>
    public string System { get; init; } = "Embedded";

    /// <summary>Gets the file of an embedded CRM; relative paths start at the configuration file's folder.</summary>
    public string? Path { get; init; }

    /// <summary>Gets the address of a CRM reached by HTTP: of the organization, or of a server with several, then with <see cref="Organization"/>.</summary>
    public Uri? Url { get; init; }

    /// <summary>Gets the organization's unique name, where the address serves several.</summary>
    public string? Organization { get; init; }

    /// <summary>Gets who decides what is promoted. Defaults to <see cref="DecisionAuthority.Router"/>.</summary>
    public DecisionAuthority Decides { get; init; }

    /// <summary>Gets how the router logs in to a CRM reached by HTTP. Defaults to <see cref="CrmAuthentication.OAuth"/>.</summary>
    public CrmAuthentication Authentication { get; init; }

    /// <summary>Gets how access tokens are got when <see cref="Authentication"/> is <see cref="CrmAuthentication.OAuth"/>.</summary>
    public OAuthConfiguration? OAuth { get; init; }

    /// <summary>Gets further application users over whom work is spread, because a server limits what each may ask. With <see cref="OAuth"/> only.</summary>
    public IReadOnlyList<OAuthConfiguration> FurtherApplications { get; init; } = [];

    /// <summary>Gets the SHA-256 pins of public keys that are accepted although their chain is not trusted.</summary>
    public IReadOnlyList<string> CertificatePins { get; init; } = [];

    /// <summary>Gets a value indicating whether the log-in may cross a connection without TLS. Defaults to false.</summary>
    public bool AllowPlainTextPassword { get; init; }

    /// <summary>
    /// Gets further settings of the CRM system by name. <c>CrmService</c> has <c>logIn</c>: <c>windows</c> (the default), or <c>ifd</c> for internet-facing
    /// deployments.
    /// </summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the addresses of forward mailboxes that the CRM itself does not know. They are polled like mailboxes; what they hold is another mailbox's mail.</summary>
    public IReadOnlyList<string> ForwardMailboxes { get; init; } = [];

    /// <summary>Gets the profile by which rules are deployed, for mailboxes that name none; null: the incoming profile, where its system has rules.</summary>
    public string? RulesProfile { get; init; }

    /// <summary>Gets the incoming profile of mailboxes that name none.</summary>
    public string? IncomingProfile { get; init; }

    /// <summary>Gets the outgoing profile of mailboxes that name none.</summary>
    public string? OutgoingProfile { get; init; }

    /// <summary>Gets the credential for the CRM when <see cref="Authentication"/> is <see cref="CrmAuthentication.Password"/>.</summary>
    public StoredCredential? Credential { get; init; }

    /// <summary>Gets a value indicating whether the deployment is used. Defaults to true.</summary>
    public bool Enabled { get; init; } = true;
}

/// <summary>Who decides what is promoted.</summary>
public enum DecisionAuthority
{
    /// <summary>The router's own engine over the organization's records, which can explain itself.</summary>
    Router,

    /// <summary>The server (CheckIncomingEmail and DeliverIncomingEmail), as for the original product.</summary>
    Server,
}

/// <summary>How the router logs in to a CRM.</summary>
public enum CrmAuthentication
{
    /// <summary>OAuth access tokens, from Microsoft Entra or AD FS.</summary>
    OAuth,

    /// <summary>A user name and a password: Windows log-in, or claims.</summary>
    Password,

    /// <summary>The account the router runs under.</summary>
    Process,
}

/// <summary>How to reach one mail server, in one direction.</summary>
public sealed record ProfileConfiguration
{
    /// <summary>Gets the name; unique without regard to case.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the direction; it cannot be changed.</summary>
    public required MailDirection Direction { get; init; }

    /// <summary>
    /// Gets the mail system: <c>Pop3</c>, <c>Imap</c>, <c>Exchange</c> (Exchange Server by EWS), <c>Graph</c> (Exchange Online), <c>Maildir</c> or <c>PickupFolder</c> for
    /// incoming, <c>Smtp</c>, <c>Exchange</c>, <c>Graph</c> or <c>DropFolder</c> for outgoing mail, <c>Sieve</c> for rules only.
    /// </summary>
    public required string System { get; init; }

    /// <summary>Gets the host.</summary>
    public string? Host { get; init; }

    /// <summary>Gets the port; null for the protocol's default.</summary>
    public int? Port { get; init; }

    /// <summary>Gets the service address of systems reached by HTTP.</summary>
    public Uri? Url { get; init; }

    /// <summary>
    /// Gets the full path of the folder of mail systems that work on files; <c>{address}</c>, <c>{local}</c> and <c>{domain}</c> in it stand for the mailbox's
    /// address and its two parts in lower case. Such profiles have neither host nor credential.
    /// </summary>
    public string? Path { get; init; }

    /// <summary>Gets how the connection is secured.</summary>
    public TlsMode Tls { get; init; } = TlsMode.Implicit;

    /// <summary>Gets the SHA-256 pins of public keys that are accepted although their chain is not trusted.</summary>
    public IReadOnlyList<string> CertificatePins { get; init; } = [];

    /// <summary>Gets a value indicating whether revocation is checked.</summary>
    public bool CheckRevocation { get; init; }

    /// <summary>Gets a value indicating whether a password may cross a connection without TLS.</summary>
    public bool AllowPlainTextPassword { get; init; }

    /// <summary>Gets where the credential comes from. Defaults to <see cref="CredentialSource.Mailbox"/>.</summary>
    public CredentialSource CredentialSource { get; init; }

    /// <summary>Gets the credential when <see cref="CredentialSource"/> is <see cref="CredentialSource.Profile"/>.</summary>
    public StoredCredential? Credential { get; init; }

    /// <summary>Gets how access tokens are got when <see cref="CredentialSource"/> is <see cref="CredentialSource.OAuth"/>.</summary>
    public OAuthConfiguration? OAuth { get; init; }

    /// <summary>Gets what happens to a promoted message on the mail server. Defaults to keeping it. Incoming only.</summary>
    public Settlement Settlement { get; init; } = Settlement.Keep;

    /// <summary>Gets what happens to a message that is not promoted. Defaults to keeping it. Incoming only.</summary>
    public Settlement UntrackedSettlement { get; init; } = Settlement.Keep;

    /// <summary>Gets from when on messages are read; earlier ones are left alone. Null: all. Incoming only.</summary>
    public DateTimeOffset? ReceivedAfter { get; init; }

    /// <summary>Gets the greatest number of connections to the server at once. Defaults to 8.</summary>
    public int MaxConnections { get; init; } = 8;

    /// <summary>Gets the most messages sent within any minute; null for no limit. Outgoing only.</summary>
    public int? MaxMessagesPerMinute { get; init; }

    /// <summary>Gets the most recipients sent to within any 24 hours; null for no limit. Outgoing only.</summary>
    public int? MaxRecipientsPerDay { get; init; }

    /// <summary>
    /// Gets where the router can look up what became of an email whose answer was lost: a mailbox that gets a copy of everything the profile sends, or the sender's own folder of sent
    /// mail. Null: nowhere. Outgoing only.
    /// </summary>
    public SentCopyConfiguration? SentCopy { get; init; }

    /// <summary>Gets further settings of a mail system by name.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();
}

/// <summary>Where copies of what an outgoing profile sent are found.</summary>
public sealed record SentCopyConfiguration
{
    /// <summary>
    /// Gets the address of a mailbox of sent copies, which is added to the envelope of every message. What it does not have after a while was not sent and is sent again. Null with
    /// <see cref="InSentFolder"/>.
    /// </summary>
    public string? Address { get; init; }

    /// <summary>
    /// Gets a value indicating whether the sender's own folder of sent mail is looked into, on servers that keep there what they accept by SMTP (Gmail, Microsoft 365). What is found there was sent;
    /// what is not found is held for a person, because it proves nothing. Defaults to false.
    /// </summary>
    public bool InSentFolder { get; init; }

    /// <summary>Gets the incoming profile by which the copies are read; with <see cref="InSentFolder"/> one of IMAP, with the credential of the sender's mailbox.</summary>
    public required string Profile { get; init; }

    /// <summary>Gets the credential of the mailbox of sent copies, when that profile takes it from the mailbox.</summary>
    public StoredCredential? Credential { get; init; }
}

/// <summary>Where a profile's credential comes from.</summary>
public enum CredentialSource
{
    /// <summary>Each mailbox has its own.</summary>
    Mailbox,

    /// <summary>The profile has one for all.</summary>
    Profile,

    /// <summary>The server asks for none.</summary>
    Anonymous,

    /// <summary>OAuth access tokens, got as the profile's <c>oAuth</c> section says; the user name is the mailbox's address.</summary>
    OAuth,

    /// <summary>The account the router runs under: its Kerberos ticket or Windows logon.</summary>
    Process,
}

/// <summary>What is set for one mailbox.</summary>
public sealed record MailboxConfiguration
{
    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets the address; compared without regard to case.</summary>
    public required string Address { get; init; }

    /// <summary>Gets the incoming profile; null for the deployment's default.</summary>
    public string? IncomingProfile { get; init; }

    /// <summary>Gets the outgoing profile; null for the deployment's default.</summary>
    public string? OutgoingProfile { get; init; }

    /// <summary>Gets the profile by which rules are deployed; null for the deployment's default.</summary>
    public string? RulesProfile { get; init; }

    /// <summary>Gets the credential, for profiles that take it from the mailbox.</summary>
    public StoredCredential? Credential { get; init; }

    /// <summary>Gets a value indicating whether the router works on the mailbox. Defaults to true.</summary>
    public bool Enabled { get; init; } = true;
}

/// <summary>A credential as it lies in the file: the user name readable, the secret encrypted.</summary>
/// <param name="UserName">The user name.</param>
/// <param name="Secret">The protected secret (<see cref="ISecretProtector"/>).</param>
public sealed record StoredCredential(string UserName, string Secret);

/// <summary>Settings of the two pipelines.</summary>
public sealed record RoutingOptions
{
    /// <summary>Gets how many messages of a mailbox one poll handles. Defaults to 1 000; the rest follows in the next poll.</summary>
    public int MaxMessagesPerPoll { get; init; } = 1000;

    /// <summary>Gets after how many failures a message goes to quarantine. Defaults to 3.</summary>
    public int FailuresUntilQuarantine { get; init; } = 3;

    /// <summary>Gets the greatest size of a message in bytes. Defaults to 150 MB.</summary>
    public int MaxMessageSize { get; init; } = Mime.MessageBufferOptions.DefaultMaximumSize;

    /// <summary>Gets how many Received headers a message may have before it counts as looping. Defaults to 25.</summary>
    public int MaxReceivedHeaders { get; init; } = 25;

    /// <summary>
    /// Gets how many answers of one correspondent to one mailbox are promoted within an hour; more are taken for a loop between machines. Mail that answers nothing is not
    /// counted. Defaults to 500.
    /// </summary>
    public int MaxPerCorrespondentPerHour { get; init; } = 500;

    /// <summary>Gets what happens when a mail server reports that a sent email could not be delivered. Defaults to <see cref="BounceHandling.Ignore"/>.</summary>
    public BounceHandling Bounces { get; init; }

    /// <summary>Gets after how many attempts a pending email fails (<c>MaximumDeliveryAttempts</c>). Defaults to 10.</summary>
    public int MaxDeliveryAttempts { get; init; } = 10;

    /// <summary>Gets the wait before the second delivery attempt; it doubles with each further one (<c>PendingStatusDelay</c>). Defaults to 5 minutes.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets the longest wait between delivery attempts. Defaults to 4 hours.</summary>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromHours(4);

    /// <summary>Gets after which time an email in Sending is taken back (<c>SendingStatusDelay</c>). Defaults to 30 minutes.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Gets what happens to an email whose outcome is unknown. Defaults to <see cref="UncertainPolicy.Hold"/>.</summary>
    public UncertainPolicy WhenUncertain { get; init; }
}

/// <summary>What happens when a mail server reports that a sent email could not be delivered.</summary>
public enum BounceHandling
{
    /// <summary>Nothing, as in the original product: the email stays Sent.</summary>
    Ignore,

    /// <summary>The email is marked failed, with the reason for each recipient.</summary>
    MarkFailed,
}

/// <summary>What happens to an email that left completely and got no answer.</summary>
public enum UncertainPolicy
{
    /// <summary>It stays in Sending until a person decides.</summary>
    Hold,

    /// <summary>It is sent again with the same Message-ID: rather twice than never.</summary>
    SendAgain,
}

/// <summary>Protects secrets at rest.</summary>
public interface ISecretProtector
{
    /// <summary>Encrypts a secret.</summary>
    /// <param name="secret">The secret.</param>
    /// <returns>Text for the configuration file.</returns>
    string Protect(string secret);

    /// <summary>Decrypts a secret.</summary>
    /// <param name="text">Text of <see cref="Protect"/>.</param>
    /// <returns>The secret.</returns>
    /// <exception cref="RouterException">The text was made with another key or on another machine.</exception>
    string Unprotect(string text);
}
