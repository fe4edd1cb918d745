using System.Collections;
using System.Management.Automation;
using EmailRouter.Mail;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Makes a profile: how to reach one mail server, in one direction.</summary>
/// <remarks>
/// <para>The credential comes from each mailbox, unless the profile is given one for all, or the server asks for none.</para>
/// <para>
/// Connections use TLS from the first byte unless -Tls says otherwise. Certificates are checked; a server with a private certificate is accepted by its
/// pin.
/// </para>
/// </remarks>
/// <example>
/// <summary>Read mailboxes by POP3</summary>
/// <code>New-RouterProfile -Name Office-In -Direction Incoming -System Pop3 -HostName mail.example.test -Settlement Delete</code>
/// <para>
/// Promoted messages are deleted on the server once the CRM has confirmed them; each mailbox has its own credential (Set-RouterMailbox -Credential).
/// </para>
/// </example>
/// <example>
/// <summary>Send through a relay with one account</summary>
/// <code>New-RouterProfile -Name Office-Out -Direction Outgoing -System Smtp -HostName relay.example.test -Port 587 -Tls StartTls -Credential (Get-Credential)</code>
/// <para>The password is encrypted in the configuration file and never shown.</para>
/// </example>
/// <example>
/// <summary>Read the Maildirs of a mail server on this machine</summary>
/// <code>New-RouterProfile -Name Local-In -Direction Incoming -System Maildir -Path '/var/mail/{domain}/{local}/Maildir' -Settlement MarkRead</code>
/// <para>Each mailbox is read from the folder that its address names.</para>
/// </example>
/// <example>
/// <summary>Read mailboxes of Exchange Online</summary>
/// <code>New-RouterProfile Online-In -Direction Incoming -System Graph -ClientId $app -TenantId contoso.com -ClientSecret (Read-Host -AsSecureString) -Settlement Move:Tracked</code>
/// <para>The application logs in by its secret, which is encrypted in the configuration; Microsoft Graph needs no address.</para>
/// </example>
/// <example>
/// <summary>Send through Exchange Online with a certificate</summary>
/// <code>New-RouterProfile Online-Out -Direction Outgoing -System Smtp -HostName smtp.office365.com -Port 587 -Tls StartTls -ClientId $app -TenantId contoso.com -CertificatePath ./router.pem</code>
/// <para>Test-RouterAccess warns 30 days before the certificate ends.</para>
/// </example>
/// <example>
/// <summary>Read mailboxes of Exchange Server under the router's own account</summary>
/// <code>New-RouterProfile Exchange-In -Direction Incoming -System Exchange -Url https://mail.contoso.test/EWS/Exchange.asmx -ProcessAccount -Access Impersonation -Folder Inbox</code>
/// <para>The account opens the mailboxes it may impersonate.</para>
/// </example>
/// <example>
/// <summary>Get tokens by a script of your own</summary>
/// <code>
/// New-RouterProfile Online-In -Direction Incoming -System Imap -HostName outlook.office365.com -TokenScript {
///     Invoke-RestMethod -Uri https://tokens.contoso.test/router -UseDefaultCredentials -Body @{ scope = $env:EMAILROUTER_SCOPE; user = $env:EMAILROUTER_USER }
/// }
/// </code>
/// <para>The script runs in a PowerShell of its own whenever a token is needed; its text is in the configuration.</para>
/// </example>
[Cmdlet(VerbsCommon.New, "RouterProfile", SupportsShouldProcess = true, DefaultParameterSetName = MailboxCredentialParameterSet)]
[OutputType(typeof(RouterProfileInfo))]
public sealed class NewRouterProfileCommand : OAuthConfigurationCmdlet
{
    private const string MailboxCredentialParameterSet = "MailboxCredential";
    private const string CredentialParameterSet = "Credential";
    private const string AnonymousParameterSet = "Anonymous";
    private const string ProcessAccountParameterSet = "ProcessAccount";
    private const string PathParameterSet = "Path";

    /// <summary>The name; unique without regard to case.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = string.Empty;

    /// <summary>The direction, seen from the CRM. It cannot be changed later.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public MailDirection Direction { get; set; }

    /// <summary>The mail system, e.g. Pop3, Imap or Smtp.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailSystemCompleter))]
    public string System { get; set; } = string.Empty;

    /// <summary>The name or address of the mail server. Systems reached by HTTP take -Url instead, or find their server themselves.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = MailboxCredentialParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CredentialParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = AnonymousParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = InteractiveParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenScriptParameterSet)]
    [Alias("Host", "Server")]
    [ValidateNotNullOrEmpty]
    public string? HostName { get; set; }

    /// <summary>The port; the protocol's own when left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = MailboxCredentialParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CredentialParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = AnonymousParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = InteractiveParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenScriptParameterSet)]
    [ValidateRange(1, 65535)]
    public int? Port { get; set; }

    /// <summary>
    /// The address of the service, for mail systems reached by HTTP. Without it Exchange is looked for by Autodiscover, and Graph is that of the public cloud. Not together with
    /// -HostName.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = MailboxCredentialParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CredentialParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = AnonymousParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = InteractiveParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenScriptParameterSet)]
    [ValidateNotNull]
    public Uri? Url { get; set; }

    /// <summary>
    /// The folder, for mail systems that work on files of this machine. {address}, {local} and {domain} in it stand for the mailbox's address and its parts.
    /// </summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathParameterSet)]
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

    /// <summary>The account the router runs under logs in: by its Kerberos ticket or Windows log-on.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ProcessAccountParameterSet)]
    public SwitchParameter ProcessAccount { get; set; }

    /// <summary>How the connection is secured. TLS from the first byte when left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public TlsMode Tls { get; set; } = TlsMode.Implicit;

    /// <summary>SHA-256 pins (hexadecimal) of public keys that are accepted although their chain is not trusted.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidatePattern("^[0-9A-Fa-f]{64}$")]
    public string[] CertificatePin { get; set; } = [];

    /// <summary>Also asks whether certificates were revoked.</summary>
    [Parameter]
    public SwitchParameter CheckRevocation { get; set; }

    /// <summary>Lets a password cross a connection without TLS.</summary>
    [Parameter]
    public SwitchParameter AllowPlainTextPassword { get; set; }

    /// <summary>What happens to a promoted message on the mail server: Keep, MarkRead, Delete, Move:Folder, or Categorize:Name. Incoming only.</summary>
    [Parameter]
    [SettlementTransformation]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(SettlementCompleter))]
    public Settlement Settlement { get; set; } = Settlement.Keep;

    /// <summary>What happens to a message that is not promoted: Keep, MarkRead, Delete, Move:Folder, or Categorize:Name. Incoming only.</summary>
    [Parameter]
    [SettlementTransformation]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(SettlementCompleter))]
    public Settlement UntrackedSettlement { get; set; } = Settlement.Keep;

    /// <summary>Messages received earlier are left alone. Incoming only.</summary>
    [Parameter]
    public DateTimeOffset? ReceivedAfter { get; set; }

    /// <summary>The greatest number of connections to the server at once.</summary>
    [Parameter]
    [ValidateRange(1, 1000)]
    public int MaxConnections { get; set; } = 8;

    /// <summary>The folders that are read, where the system has folders; the inbox when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? Folder { get; set; }

    /// <summary>How Exchange opens mailboxes: Impersonation, or Delegate for accounts with full access.</summary>
    [Parameter]
    [ValidateSet("Impersonation", "Delegate")]
    public string? Access { get; set; }

    /// <summary>Further settings of the mail system, by name.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable Options { get; set; } = [];

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        if (HostName is not null && Url is not null)
            throw Terminating(RouterErrors.AmbiguousServer(Name));
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        await CheckOAuthAsync().ConfigureAwait(false);
        ProfileConfiguration profile = new()
        {
            Name = Name,
            Direction = Direction,
            System = System,
            Host = HostName,
            Port = Port,
            Url = Url,
            Path = Path is null ? null : await ResolvePathAsync(Path).ConfigureAwait(false),
            Tls = Tls,
            CertificatePins = [.. CertificatePin.Select(pin => pin.ToLowerInvariant())],
            CheckRevocation = CheckRevocation,
            AllowPlainTextPassword = AllowPlainTextPassword,
            CredentialSource = ParameterSetName switch
            {
                AnonymousParameterSet or PathParameterSet => CredentialSource.Anonymous,
                CredentialParameterSet => CredentialSource.Profile,
                ProcessAccountParameterSet => CredentialSource.Process,
                _ => Flow is null ? CredentialSource.Mailbox : CredentialSource.OAuth,
            },
            Credential = Protect(Credential, store),
            OAuth = MakeOAuth(null, store),
            Settlement = Settlement,
            UntrackedSettlement = UntrackedSettlement,
            ReceivedAfter = ReceivedAfter,
            MaxConnections = MaxConnections,
            Options = ProfileOptions.From(Options, Folder, Access),
        };
        if (!await ConfirmAsync($"profile '{Name}' in {store.Path}", "Make").ConfigureAwait(false))
        {
            return;
        }

        if (await ChangeAsync(store, configuration => configuration.AddProfile(profile), Name, cancellationToken).ConfigureAwait(false) is not null)
        {
            await EmitAsync(new RouterProfileInfo(profile, store.Path)).ConfigureAwait(false);
        }
    }
}
