using System.Collections;
using System.Management.Automation;
using EmailRouter.Mail;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Changes a profile. What is not given stays as it is; the direction cannot be changed.</summary>
/// <example>
/// <summary>Accept a server's private certificate by its pin</summary>
/// <code>Set-RouterProfile -Name Office-In -CertificatePin 6a09e667f3bcc908b2fb1366ea957d3e3adec17512775099da2f590b0667322a</code>
/// <para>The pin of a server whose certificate was refused is in the error, and in the result of Test-RouterAccess.</para>
/// </example>
/// <example>
/// <summary>Leave promoted messages on the server from now on</summary>
/// <code>Get-RouterProfile -Direction Incoming | Set-RouterProfile -Settlement Keep</code>
/// <para>Changes all incoming profiles.</para>
/// </example>
/// <example>
/// <summary>Enter the new secret of an application</summary>
/// <code>Set-RouterProfile Online-In, Online-Out -ClientSecret (Read-Host -AsSecureString)</code>
/// <para>Application and tenant stay as they are.</para>
/// </example>
[Cmdlet(VerbsCommon.Set, "RouterProfile", SupportsShouldProcess = true, DefaultParameterSetName = SameCredentialParameterSet)]
[OutputType(typeof(RouterProfileInfo))]
public sealed class SetRouterProfileCommand : OAuthConfigurationCmdlet
{
    private const string SameCredentialParameterSet = "SameCredential";
    private const string CredentialParameterSet = "Credential";
    private const string AnonymousParameterSet = "Anonymous";
    private const string MailboxCredentialParameterSet = "MailboxCredential";
    private const string ProcessAccountParameterSet = "ProcessAccount";

    /// <summary>The name of the profile.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>The mail system, e.g. Pop3, Imap or Smtp.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailSystemCompleter))]
    public string? System { get; set; }

    /// <summary>The name or address of the mail server.</summary>
    [Parameter]
    [Alias("Host", "Server")]
    [ValidateNotNullOrEmpty]
    public string? HostName { get; set; }

    /// <summary>The port; $null for the protocol's own.</summary>
    [Parameter]
    [AllowNull]
    [ValidatePort]
    public int? Port { get; set; }

    /// <summary>The address of the service, for mail systems reached by HTTP.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Url { get; set; }

    /// <summary>The folder, for mail systems that work on files of this machine.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>One credential for all mailboxes. It is encrypted in the configuration.</summary>
    [Parameter(Mandatory = true, ParameterSetName = CredentialParameterSet)]
    [ValidateNotNull]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>The server asks for no credential.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AnonymousParameterSet)]
    public SwitchParameter Anonymous { get; set; }

    /// <summary>Each mailbox has its own credential.</summary>
    [Parameter(Mandatory = true, ParameterSetName = MailboxCredentialParameterSet)]
    public SwitchParameter MailboxCredential { get; set; }

    /// <summary>The account the router runs under logs in: by its Kerberos ticket or Windows log-on.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ProcessAccountParameterSet)]
    public SwitchParameter ProcessAccount { get; set; }

    /// <summary>How the connection is secured.</summary>
    [Parameter]
    public TlsMode Tls { get; set; }

    /// <summary>SHA-256 pins (hexadecimal) of public keys that are accepted although their chain is not trusted; an empty list for none.</summary>
    [Parameter]
    [AllowEmptyCollection]
    [ValidatePattern("^[0-9A-Fa-f]{64}$")]
    public string[] CertificatePin { get; set; } = [];

    /// <summary>Whether to ask if certificates were revoked.</summary>
    [Parameter]
    public bool CheckRevocation { get; set; }

    /// <summary>Whether a password may cross a connection without TLS.</summary>
    [Parameter]
    public bool AllowPlainTextPassword { get; set; }

    /// <summary>What happens to a promoted message on the mail server: Keep, MarkRead, Delete, Move:Folder, or Categorize:Name. Incoming only.</summary>
    [Parameter]
    [SettlementTransformation]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(SettlementCompleter))]
    public Settlement? Settlement { get; set; }

    /// <summary>What happens to a message that is not promoted: Keep, MarkRead, Delete, Move:Folder, or Categorize:Name. Incoming only.</summary>
    [Parameter]
    [SettlementTransformation]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(SettlementCompleter))]
    public Settlement? UntrackedSettlement { get; set; }

    /// <summary>Messages received earlier are left alone; $null to read all. Incoming only.</summary>
    [Parameter]
    [AllowNull]
    public DateTimeOffset? ReceivedAfter { get; set; }

    /// <summary>The greatest number of connections to the server at once.</summary>
    [Parameter]
    [ValidateRange(1, 1000)]
    public int MaxConnections { get; set; }

    /// <summary>The folders that are read, where the system has folders.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? Folder { get; set; }

    /// <summary>How Exchange opens mailboxes: Impersonation, or Delegate for accounts with full access.</summary>
    [Parameter]
    [ValidateSet("Impersonation", "Delegate")]
    public string? Access { get; set; }

    /// <summary>Further settings of the mail system, by name. They replace those there are.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? Options { get; set; }

    /// <summary>Writes the changed profile to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        if (HostName is not null && Url is not null)
            throw Terminating(RouterErrors.AmbiguousServer(string.Join(", ", Name)));
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        await CheckOAuthAsync().ConfigureAwait(false);
        string? path = Path is null ? null : await ResolvePathAsync(Path).ConfigureAwait(false);
        foreach (string name in Name)
        {
            if (!await ConfirmAsync($"profile '{name}' in {store.Path}", "Change").ConfigureAwait(false))
            {
                continue;
            }

            RouterConfiguration? changed = await ChangeAsync(
                store, configuration => configuration.ChangeProfile(name, old => Change(old, path, store)), name, cancellationToken).ConfigureAwait(false);
            if (changed is not null && PassThru)
            {
                ProfileConfiguration profile = changed.Profiles.First(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));
                await EmitAsync(new RouterProfileInfo(profile, store.Path)).ConfigureAwait(false);
            }
        }
    }

    private ProfileConfiguration Change(ProfileConfiguration old, string? path, ConfigurationStore store) => WithCredential(old, store) with
    {
        System = System ?? old.System,
        Host = Url is null ? HostName ?? old.Host : HostName,
        Port = IsGiven(nameof(Port)) ? Port : Url is null ? old.Port : null,
        Url = HostName is null ? Url ?? old.Url : Url,
        Path = path ?? old.Path,
        Tls = IsGiven(nameof(Tls)) ? Tls : old.Tls,
        CertificatePins = IsGiven(nameof(CertificatePin)) ? [.. CertificatePin.Select(pin => pin.ToLowerInvariant())] : old.CertificatePins,
        CheckRevocation = IsGiven(nameof(CheckRevocation)) ? CheckRevocation : old.CheckRevocation,
        AllowPlainTextPassword = IsGiven(nameof(AllowPlainTextPassword)) ? AllowPlainTextPassword : old.AllowPlainTextPassword,
        Settlement = Settlement ?? old.Settlement,
        UntrackedSettlement = UntrackedSettlement ?? old.UntrackedSettlement,
        ReceivedAfter = IsGiven(nameof(ReceivedAfter)) ? ReceivedAfter : old.ReceivedAfter,
        MaxConnections = IsGiven(nameof(MaxConnections)) ? MaxConnections : old.MaxConnections,
        Options = ProfileOptions.With(Options is null ? old.Options : ProfileOptions.From(Options), Folder, Access),
    };

    private ProfileConfiguration WithCredential(ProfileConfiguration old, ConfigurationStore store) => ParameterSetName switch
    {
        CredentialParameterSet => old with { CredentialSource = CredentialSource.Profile, Credential = Protect(Credential, store), OAuth = null },
        AnonymousParameterSet => old with { CredentialSource = CredentialSource.Anonymous, Credential = null, OAuth = null },
        ProcessAccountParameterSet => old with { CredentialSource = CredentialSource.Process, Credential = null, OAuth = null },
        MailboxCredentialParameterSet => old with { CredentialSource = CredentialSource.Mailbox, Credential = null, OAuth = null },
        _ => MakeOAuth(old.OAuth, store) is { } oauth ? old with { CredentialSource = CredentialSource.OAuth, Credential = null, OAuth = oauth } : old,
    };
}
