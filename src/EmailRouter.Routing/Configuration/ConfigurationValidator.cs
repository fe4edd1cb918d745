using System.Buffers;
using EmailRouter.Crm.CrmService;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>Finds what is wrong in a configuration: everything at once, each with what to do about it.</summary>
public static class ConfigurationValidator
{
    private static readonly SearchValues<char> NotInAddresses = SearchValues.Create(" \t\r\n<>,;");

    /// <summary>Looks at a configuration. Reads no other file and reaches no server.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="systems">The systems that may be named; null accepts every name.</param>
    /// <returns>The faults in the order of the file; none when it is right.</returns>
    public static IReadOnlyList<ConfigurationFault> Validate(RouterConfiguration configuration, RouterSystems? systems = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var run = new Run(configuration, systems);
        run.CheckRouter();
        run.CheckDeployments();
        run.CheckProfiles();
        run.CheckMailboxes();
        run.CheckRouting();
        return run.Faults;
    }

    private sealed class Run(RouterConfiguration configuration, RouterSystems? systems)
    {
        public List<ConfigurationFault> Faults { get; } = [];

        public void CheckRouter()
        {
            if (configuration.Version != 1)
                Add("version", $"The file's format is {configuration.Version}; this router knows 1.", "Use the version of the router that wrote the file.");
            if (configuration.RouterName.Length is 0 or > 63 || !configuration.RouterName.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'))
            {
                Add(
                    "routerName",
                    $"\"{configuration.RouterName}\" is no name for a router.",
                    "Use 1 to 63 letters, digits, hyphens, dots and underscores; it becomes a part of Message-IDs.");
            }

            if (string.IsNullOrWhiteSpace(configuration.StatePath))
                Add("statePath", "It is empty.", "Name the file of the router's state, e.g. state.db.");
        }

        public void CheckDeployments()
        {
            CheckNames("deployments", [.. configuration.Deployments.Select(d => d.Name)]);
            foreach (DeploymentConfiguration deployment in configuration.Deployments)
            {
                string element = $"deployment \"{deployment.Name}\"";
                if (systems is not null)
                    CheckCrmSystem(element, deployment, systems);
                if (IsNamed(deployment.System, EmbeddedCrmSystem.SystemName))
                    CheckEmbedded(element, deployment);
                else
                    CheckCrmServer(element, deployment);

                foreach (string address in deployment.ForwardMailboxes.Where(address => !IsAddress(address)))
                    Add($"{element}, forwardMailboxes", $"\"{address}\" is no e-mail address.", "Write it as name@domain.");
                CheckProfileUse($"{element}, incomingProfile", deployment.IncomingProfile, MailDirection.Incoming);
                CheckProfileUse($"{element}, outgoingProfile", deployment.OutgoingProfile, MailDirection.Outgoing);
                CheckRulesProfile($"{element}, rulesProfile", deployment.RulesProfile);
                CheckCredential(element, deployment.Credential);
            }
        }

        public void CheckProfiles()
        {
            CheckNames("profiles", [.. configuration.Profiles.Select(p => p.Name)]);
            foreach (ProfileConfiguration profile in configuration.Profiles)
            {
                string element = $"profile \"{profile.Name}\"";
                CheckSystem(element, profile);
                if (IsLocal(profile))
                {
                    CheckFolder(element, profile);
                }
                else
                {
                    CheckServer(element, profile);
                    CheckSecurity(element, profile);
                }

                if (profile.MaxConnections < 1)
                    Add($"{element}, maxConnections", $"{profile.MaxConnections} is too few.", "Allow at least 1 connection.");
                CheckPace(element, profile);
                CheckSettlement($"{element}, settlement", profile.Settlement, profile.Direction);
                CheckSettlement($"{element}, untrackedSettlement", profile.UntrackedSettlement, profile.Direction);
                CheckSentCopy(element, profile);
                if (profile is { Direction: MailDirection.Outgoing, ReceivedAfter: not null })
                    Add($"{element}, receivedAfter", "It means nothing for outgoing mail.", "Remove it.");
            }
        }

        public void CheckMailboxes()
        {
            var known = new HashSet<(string, string)>();
            foreach (MailboxConfiguration mailbox in configuration.Mailboxes)
            {
                string element = $"mailbox \"{mailbox.Address}\"";
                if (!IsAddress(mailbox.Address))
                    Add(element, "That is no e-mail address.", "Write it as name@domain.");
                if (Find(configuration.Deployments, d => d.Name, mailbox.Deployment) is null)
                    Add($"{element}, deployment", $"There is no deployment \"{mailbox.Deployment}\".", "Name one of the deployments, or create it.");
                if (!known.Add((Fold(mailbox.Deployment), Fold(mailbox.Address))))
                    Add(element, $"It stands twice in deployment \"{mailbox.Deployment}\".", "Keep one of the two entries.");
                CheckProfileUse($"{element}, incomingProfile", mailbox.IncomingProfile, MailDirection.Incoming);
                CheckProfileUse($"{element}, outgoingProfile", mailbox.OutgoingProfile, MailDirection.Outgoing);
                CheckRulesProfile($"{element}, rulesProfile", mailbox.RulesProfile);
                CheckCredential(element, mailbox.Credential);
            }
        }

        public void CheckRouting()
        {
            RoutingOptions routing = configuration.Routing;
            CheckPositive("maxMessagesPerPoll", routing.MaxMessagesPerPoll);
            CheckPositive("failuresUntilQuarantine", routing.FailuresUntilQuarantine);
            CheckPositive("maxMessageSize", routing.MaxMessageSize);
            CheckPositive("maxReceivedHeaders", routing.MaxReceivedHeaders);
            CheckPositive("maxPerCorrespondentPerHour", routing.MaxPerCorrespondentPerHour);
            CheckPositive("maxDeliveryAttempts", routing.MaxDeliveryAttempts);
            CheckPositive("retryDelay", routing.RetryDelay.Ticks);
            CheckPositive("stuckAfter", routing.StuckAfter.Ticks);
            if (routing.MaxRetryDelay < routing.RetryDelay)
                Add("routing, maxRetryDelay", $"{routing.MaxRetryDelay} is shorter than retryDelay.", $"Set at least {routing.RetryDelay}.");
        }

        private static bool IsAddress(string? address)
        {
            int at = address?.LastIndexOf('@') ?? -1;
            return at > 0 && at < address!.Length - 1 && !address.AsSpan().ContainsAny(NotInAddresses);
        }

        private static string Fold(string? text) => (text ?? string.Empty).ToUpperInvariant();

        private static T? Find<T>(IReadOnlyList<T> list, Func<T, string> name, string? wanted)
            where T : class =>
            list.FirstOrDefault(item => string.Equals(name(item), wanted, StringComparison.OrdinalIgnoreCase));

        private void Add(string element, string problem, string remedy) => Faults.Add(new ConfigurationFault(element, problem, remedy));

        private void AddUnknownSystem(string element, string? name, IEnumerable<string> known) => Add(
            $"{element}, system", $"This router knows no system \"{name}\".", $"Use one of: {string.Join(", ", known.Order(StringComparer.OrdinalIgnoreCase))}.");

        private static bool IsNamed(string? system, params string[] names) => names.Contains(system, StringComparer.OrdinalIgnoreCase);

        private static bool IsOneOf(string? host, params string[] domains) =>
            host is not null && domains.Any(domain => host.Equals(domain, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase));

        private void CheckCrmSystem(string element, DeploymentConfiguration deployment, RouterSystems known)
        {
            if (known.FindCrm(deployment.System ?? string.Empty) is not { } system)
                AddUnknownSystem(element, deployment.System, known.CrmSystems.Select(s => s.Name));
            else if (!system.Authorities.Contains(deployment.Decides))
            {
                Add(
                    $"{element}, decides",
                    $"{system.Name} cannot have the {(deployment.Decides == DecisionAuthority.Server ? "server" : "router")} decide what is promoted.",
                    $"Set it to {string.Join(" or ", system.Authorities)}.");
            }
        }

        private void CheckEmbedded(string element, DeploymentConfiguration deployment)
        {
            if (string.IsNullOrWhiteSpace(deployment.Path))
                Add($"{element}, path", "An embedded CRM needs a file.", "Set the path, e.g. crm.db.");
            else if (string.Equals(deployment.Path, configuration.StatePath, StringComparison.Ordinal))
                Add($"{element}, path", "The file is that of the router's state.", "Give the CRM a file of its own.");
            if (deployment.Url is not null)
                Add($"{element}, url", "An embedded CRM is a file and has no address.", "Remove the url, or name the system at that address: Dataverse, Organization or CrmService.");
            if (deployment.OAuth is not null || deployment.FurtherApplications.Count > 0 || deployment.Credential is not null)
                Add($"{element}, authentication", "Nobody logs in to an embedded CRM; the rights to the file count.", "Remove credential, oAuth and furtherApplications.");
        }

        private void CheckCrmServer(string element, DeploymentConfiguration deployment)
        {
            // A plug-in may work on a file, and may log in as it likes; the router's own systems are known.
            bool isKnown = IsNamed(deployment.System, "Dataverse", "Organization", "CrmService");
            if (isKnown || string.IsNullOrWhiteSpace(deployment.Path))
                CheckUrl(element, deployment.Url, isRequired: true);
            if (isKnown && deployment.Path is not null)
                Add($"{element}, path", $"{deployment.System} is reached by its address and is no file.", "Remove the path.");
            CheckCrmLogin(element, deployment, isKnown);
            CheckPins(element, deployment.CertificatePins);
            if (deployment.Url is { IsAbsoluteUri: true } url && url.Scheme == Uri.UriSchemeHttp && !deployment.AllowPlainTextPassword)
            {
                Add(
                    $"{element}, url",
                    "The log-in would cross the network readable for everybody.",
                    "Use an https address; on a network you trust set allowPlainTextPassword.");
            }
        }

        private void CheckCrmLogin(string element, DeploymentConfiguration deployment, bool isKnown)
        {
            bool isOnline = IsOneOf(deployment.Url is { IsAbsoluteUri: true } url ? url.Host : null, "dynamics.com", "dynamics.cn", "appsplatform.us", "microsoftdynamics.us");
            if (deployment.Authentication == CrmAuthentication.OAuth)
            {
                if (isKnown && IsNamed(deployment.System, "CrmService"))
                    Add($"{element}, authentication", "CRM 4.0 knows no tokens.", "Set it to Password or Process.");
                else if (deployment.OAuth is { } oauth)
                    CheckOAuth($"{element}, oAuth", oauth);
                else if (isKnown)
                    Add($"{element}, oAuth", "The deployment is to log in by tokens and does not say how to get them.", "Add the section oAuth, or choose another authentication.");
                if (isKnown && deployment.Credential is not null)
                    Add($"{element}, credential", "The deployment logs in by tokens, so the password is not used.", "Remove it, or set authentication to Password.");
            }
            else
            {
                if (deployment.OAuth is not null)
                    Add($"{element}, oAuth", $"The authentication is {deployment.Authentication}, so no tokens are got.", "Set it to OAuth, or remove the section.");
                if (isOnline)
                    Add($"{element}, authentication", "Dynamics 365 online takes tokens only.", "Set it to OAuth and register an application for the router in the tenant.");
                if (deployment is { Authentication: CrmAuthentication.Password, Credential: null })
                    Add($"{element}, credential", "It is missing.", "Set the deployment's credential, or choose another authentication.");
                else if (deployment is { Authentication: CrmAuthentication.Process, Credential: not null })
                    Add($"{element}, credential", "The router's own account logs in, so the password is not used.", "Remove it, or set authentication to Password.");
            }

            if (isKnown && IsNamed(deployment.System, "CrmService") &&
                CrmServiceOrganization.LoginProblem(deployment.Options, deployment.Authentication == CrmAuthentication.Password) is { } problem)
                Add($"{element}, options, {CrmServiceOrganization.LoginOption}", problem, "Set it to windows, or to ifd with a user name and a password.");
            CheckFurtherApplications(element, deployment);
        }

        private void CheckFurtherApplications(string element, DeploymentConfiguration deployment)
        {
            if (deployment.FurtherApplications.Count == 0)
                return;
            if (deployment is not { Authentication: CrmAuthentication.OAuth, OAuth: not null })
            {
                Add($"{element}, furtherApplications", "They stand beside a first application, and there is none.", "Set authentication to OAuth and add the section oAuth, or remove them.");
                return;
            }

            var known = new HashSet<string> { Fold(deployment.OAuth.ClientId) };
            for (int i = 0; i < deployment.FurtherApplications.Count; i++)
            {
                OAuthConfiguration application = deployment.FurtherApplications[i];
                CheckOAuth($"{element}, furtherApplications[{i}]", application);
                if (!string.IsNullOrWhiteSpace(application.ClientId) && !known.Add(Fold(application.ClientId)))
                    Add($"{element}, furtherApplications[{i}], clientId", "The application stands twice.", "Name another application user; one user's limits count only once.");
            }
        }

        private void CheckNames(string list, IReadOnlyList<string?> names)
        {
            var known = new HashSet<string>();
            for (int i = 0; i < names.Count; i++)
            {
                if (string.IsNullOrWhiteSpace(names[i]))
                    Add($"{list}[{i}], name", "It is empty.", "Give it a name.");
                else if (!known.Add(Fold(names[i])))
                    Add($"{list}[{i}], name", $"\"{names[i]}\" stands twice; names are compared without regard to case.", "Give one of them another name.");
            }
        }

        private void CheckSystem(string element, ProfileConfiguration profile)
        {
            if (string.IsNullOrWhiteSpace(profile.System))
            {
                Add($"{element}, system", "It is empty.", "Name a mail system, e.g. Pop3 or Imap for incoming or Smtp for outgoing mail.");
            }
            else if (systems is not null)
            {
                (MailDoors door, string what) = profile.Direction == MailDirection.Incoming ? (MailDoors.Mailbox, "read mailboxes") : (MailDoors.Sender, "send");
                if (systems.FindMail(profile.System) is not { } system)
                    AddUnknownSystem(element, profile.System, systems.MailSystems.Where(s => s.Doors.HasFlag(door)).Select(s => s.Name));
                else if (!system.Doors.HasFlag(door) && !(profile.Direction == MailDirection.Incoming && system.Doors.HasFlag(MailDoors.Rules)))
                    Add($"{element}, system", $"{system.Name} cannot {what}, and the profile is {profile.Direction}.", "Name another system, or make a profile of the other direction.");
            }
        }

        /// <summary>Where the systems are not known, what the profile names tells the kind.</summary>
        private bool IsLocal(ProfileConfiguration profile) =>
            systems?.FindMail(profile.System ?? string.Empty)?.IsLocal ?? (profile.Path is not null && profile.Host is null && profile.Url is null);

        private void CheckFolder(string element, ProfileConfiguration profile)
        {
            if (MailboxPath.FindFault(profile.Path?.Trim()) is { } fault)
                Add($"{element}, path", fault, "Write the full path of the folder; {address}, {local} and {domain} in it stand for the mailbox's address and its parts.");
            if (profile.Host is not null || profile.Url is not null || profile.Port is not null)
                Add($"{element}, host", $"{profile.System} works on files of this machine and reaches no server.", "Remove host, port and url.");
            if (profile.CredentialSource != CredentialSource.Anonymous)
                Add($"{element}, credentialSource", "A folder asks for no credential; the rights of the router's account count.", "Set it to Anonymous.");
        }

        private void CheckServer(string element, ProfileConfiguration profile)
        {
            if (profile.Path is not null)
                Add($"{element}, path", $"{profile.System} reaches a server and works on no folder.", "Remove the path, or name another system.");
            if (profile.Url is not null)
                CheckUrl(element, profile.Url, isRequired: false);
            else if (string.IsNullOrWhiteSpace(profile.Host) && systems?.FindMail(profile.System ?? string.Empty)?.FindsServer != true)
                Add($"{element}, host", "It is missing.", "Name the mail server, e.g. mail.example.com.");
            if (profile.Url is not null && profile.Host is not null)
                Add($"{element}, host", "Both host and url are named, and only one can be meant.", "Keep the url for systems reached by HTTP, and the host for the others.");
            CheckExchangeOnline(element, profile);
            if (profile.Host is { Length: > 0 } host && Uri.CheckHostName(host.Trim('[', ']')) == UriHostNameType.Unknown)
                Add($"{element}, host", $"\"{host}\" is no host name.", "Write the name or the IP address alone, without protocol, port or path.");
            if (profile.Port is < 1 or > 65535)
                Add($"{element}, port", $"{profile.Port} is no port.", "Use 1 to 65535, or leave it out for the protocol's default.");
        }

        private void CheckExchangeOnline(string element, ProfileConfiguration profile)
        {
            string? server = profile.Url is { IsAbsoluteUri: true } url ? url.Host : profile.Host;
            if (IsNamed(profile.System, "Exchange") && IsOneOf(server, "outlook.office365.com", "outlook.office.com", "outlook.live.com"))
                Add($"{element}, system", "Exchange Online no longer serves Exchange Web Services.", "Set the system to Graph, and the credential source to OAuth.");
            if (IsNamed(profile.System, "Graph") && profile.CredentialSource != CredentialSource.OAuth)
                Add($"{element}, credentialSource", "Microsoft Graph takes tokens only.", "Set it to OAuth and register an application for the router in the tenant.");
            if (IsNamed(profile.System, "Graph") && profile.Host is not null)
                Add($"{element}, host", "Microsoft Graph has one address for all.", "Remove the host; for a national cloud set the url, e.g. https://graph.microsoft.us.");
        }

        private void CheckUrl(string element, Uri? url, bool isRequired)
        {
            if (url is null ? isRequired : !url.IsAbsoluteUri || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp))
                Add($"{element}, url", url is null ? "It is missing." : $"\"{url.OriginalString}\" is no web address.", "Write it as https://host/path.");
        }

        private void CheckSecurity(string element, ProfileConfiguration profile)
        {
            if (profile.CredentialSource == CredentialSource.Profile && profile.Credential is null)
            {
                Add(
                    $"{element}, credential",
                    "The profile is to give the credential and has none.",
                    "Set the profile's credential, or let it come from the mailbox.");
            }

            CheckCredential(element, profile.Credential);
            CheckTokens(element, profile);
            bool isPlain = profile.Url is { IsAbsoluteUri: true } url ? url.Scheme == Uri.UriSchemeHttp : profile.Tls == TlsMode.None;
            if (isPlain && profile.CredentialSource != CredentialSource.Anonymous && !profile.AllowPlainTextPassword)
            {
                Add(
                    $"{element}, tls",
                    "Passwords would cross the network readable for everybody.",
                    "Use Implicit or StartTls, or an https address; on a network you trust set allowPlainTextPassword.");
            }

            CheckPins(element, profile.CertificatePins);
        }

        private void CheckPins(string element, IReadOnlyList<string> pins)
        {
            foreach (string pin in pins)
            {
                if (pin.Length != 64 || !pin.All(char.IsAsciiHexDigit))
                    Add($"{element}, certificatePins", $"\"{pin}\" is no pin.", "Write the SHA-256 of the public key as 64 hexadecimal digits; the access test shows it.");
            }
        }

        private void CheckPace(string element, ProfileConfiguration profile)
        {
            foreach ((string name, int? value) in new[] { ("maxMessagesPerMinute", profile.MaxMessagesPerMinute), ("maxRecipientsPerDay", profile.MaxRecipientsPerDay) })
            {
                if (value is not null && profile.Direction == MailDirection.Incoming)
                    Add($"{element}, {name}", "It means nothing for incoming mail.", "Remove it.");
                else if (value < 1)
                    Add($"{element}, {name}", $"{value} is too few.", "Allow at least 1, or remove it for no limit.");
            }
        }

        private void CheckTokens(string element, ProfileConfiguration profile)
        {
            if (profile.CredentialSource != CredentialSource.OAuth)
            {
                if (profile.OAuth is not null)
                    Add($"{element}, oAuth", $"The credential source is {profile.CredentialSource}, so no tokens are got.", "Set the credential source to OAuth, or remove the section.");
                return;
            }

            if (profile.OAuth is { } oauth)
                CheckOAuth($"{element}, oAuth", oauth);
            else
                Add($"{element}, oAuth", "The profile is to log in by tokens and does not say how to get them.", "Add the section oAuth, or choose another credential source.");
        }

        private void CheckOAuth(string element, OAuthConfiguration oauth)
        {
            bool asksProvider = oauth.Flow is not (OAuthFlow.ManagedIdentity or OAuthFlow.Command);
            bool isAdfs = MsalAuthority.IsAdfs(oauth.Authority is { IsAbsoluteUri: true } address ? address : null);
            if (asksProvider && string.IsNullOrWhiteSpace(oauth.ClientId))
                Add($"{element}, clientId", "It is missing.", "Write the id of the application that is registered for the router.");
            if (asksProvider && oauth.Authority is null && (string.IsNullOrWhiteSpace(oauth.TenantId) || oauth.TenantId.Contains('/', StringComparison.Ordinal)))
                Add($"{element}, tenantId", "It is missing or no id.", "Write the tenant's id or domain, or the whole address as authority.");
            if (oauth.Authority is { } authority && (!authority.IsAbsoluteUri || authority.Scheme != Uri.UriSchemeHttps || authority.AbsolutePath.Length < 2))
                Add($"{element}, authority", $"\"{authority.OriginalString}\" is no https address of a tenant.", "Write it as https://login.example.com/tenant.");

            // An application asks for all its rights at one service; single rights are refused (AADSTS1002012).
            if (oauth.Flow is OAuthFlow.ClientCredentials or OAuthFlow.Certificate && !isAdfs && oauth.Scopes.Count > 0
                && (oauth.Scopes.Count > 1 || !oauth.Scopes[0].EndsWith("/.default", StringComparison.OrdinalIgnoreCase)))
            {
                Add($"{element}, scopes", "An application that logs in itself asks for all its rights at one service.", "Remove the scopes for the default, or write https://service/.default.");
            }

            CheckSecret($"{element}, clientSecret", oauth.ClientSecret, oauth.Flow == OAuthFlow.ClientCredentials, isNeeded: true);
            CheckCertificate(element, oauth);
            CheckCommand(element, oauth);
            if (oauth.UserName is not null && oauth.Flow is not (OAuthFlow.DeviceCode or OAuthFlow.Interactive or OAuthFlow.Command))
                Add($"{element}, userName", $"With {oauth.Flow} nobody signs in.", "Remove it.");
        }

        private void CheckSecret(string element, string? secret, bool isUsed, bool isNeeded)
        {
            if (!isUsed)
            {
                if (secret is not null)
                    Add(element, "It is not used by this flow.", "Remove it, or choose the flow that uses it.");
            }
            else if (isNeeded ? string.IsNullOrEmpty(secret) : secret?.Length == 0)
            {
                Add(element, "It is missing; exported configurations have none.", "Set the secret again.");
            }
            else if (secret is not null && !SecretProtector.IsProtected(secret))
            {
                Add(element, "It is not encrypted.", "Never write a secret into the file: set it with the router's commands.");
            }
        }

        private void CheckCertificate(string element, OAuthConfiguration oauth)
        {
            bool isThumbprint = ClientCertificate.IsThumbprint(oauth.Certificate);
            if (oauth.Flow != OAuthFlow.Certificate)
            {
                if (oauth.Certificate is not null)
                    Add($"{element}, certificate", "It is not used by this flow.", "Remove it, or set the flow to Certificate.");
            }
            else if (string.IsNullOrWhiteSpace(oauth.Certificate))
            {
                Add($"{element}, certificate", "It is missing.", "Write the full path of a PKCS #12 or PEM file, or the thumbprint of a certificate in the store.");
            }
            else if (!isThumbprint && !Path.IsPathFullyQualified(oauth.Certificate))
            {
                Add($"{element}, certificate", $"\"{oauth.Certificate}\" is neither a full path nor a thumbprint.", "Write the full path of the file, or the thumbprint as 40 hexadecimal digits.");
            }

            CheckSecret($"{element}, certificatePassword", oauth.CertificatePassword, oauth.Flow == OAuthFlow.Certificate && !isThumbprint, isNeeded: false);
        }

        private void CheckCommand(string element, OAuthConfiguration oauth)
        {
            bool hasScript = oauth.Script.Count > 0;
            if (oauth.Flow != OAuthFlow.Command)
            {
                if (oauth.Command is not null || oauth.Arguments.Count > 0 || hasScript)
                    Add($"{element}, {(hasScript ? "script" : "command")}", "It is not used by this flow.", "Remove command, arguments and script, or set the flow to Command.");
            }
            else if (hasScript)
            {
                if (oauth.Command is not null || oauth.Arguments.Count > 0)
                    Add($"{element}, command", "There is a script as well.", "Keep the command with its arguments, or the script.");
                if (oauth.Script.All(string.IsNullOrWhiteSpace))
                    Add($"{element}, script", "It is empty.", "Write the lines of a PowerShell script that returns a token.");
            }
            else if (string.IsNullOrWhiteSpace(oauth.Command) || !Path.IsPathFullyQualified(oauth.Command))
            {
                Add($"{element}, command", "It is missing or no full path.", "Write the full path of a program or PowerShell script that prints a token, or the script itself as script.");
            }
        }

        private void CheckCredential(string element, StoredCredential? credential)
        {
            if (credential is null)
                return;
            if (string.IsNullOrEmpty(credential.Secret))
                Add($"{element}, credential", "Its secret is missing; exported configurations have none.", "Set the credential again.");
            else if (!SecretProtector.IsProtected(credential.Secret))
                Add($"{element}, credential", "Its secret is not encrypted.", "Never write a password into the file: set the credential with the router's commands.");
        }

        private void CheckSettlement(string element, Settlement settlement, MailDirection direction)
        {
            if (settlement.Kind is not (SettlementKinds.Keep or SettlementKinds.MarkRead or SettlementKinds.Delete or SettlementKinds.Move or SettlementKinds.Categorize))
                Add(element, $"\"{settlement.Kind}\" is not one thing to do.", "Use Keep, MarkRead, Delete, Move or Categorize.");
            else if (direction == MailDirection.Outgoing && settlement.Kind != SettlementKinds.Keep)
                Add(element, "It means nothing for outgoing mail.", "Remove it.");
            else if (settlement.Kind == SettlementKinds.Move && string.IsNullOrWhiteSpace(settlement.Folder))
                Add(element, "Move needs a folder.", "Name the folder, e.g. \"folder\": \"Tracked\".");
            else if (settlement.Kind != SettlementKinds.Move && settlement.Folder is not null)
                Add(element, $"{settlement.Kind} needs no folder.", "Remove the folder, or use Move.");
            else if (settlement.Kind == SettlementKinds.Categorize && string.IsNullOrWhiteSpace(settlement.Category))
                Add(element, "Categorize needs a category.", "Name the category, e.g. \"category\": \"Tracked\".");
            else if (settlement.Kind != SettlementKinds.Categorize && settlement.Category is not null)
                Add(element, $"{settlement.Kind} needs no category.", "Remove the category, or use Categorize.");
        }

        private void CheckSentCopy(string profileElement, ProfileConfiguration profile)
        {
            if (profile.SentCopy is not { } copy)
                return;
            string element = $"{profileElement}, sentCopy";
            if (profile.Direction == MailDirection.Incoming)
                Add(element, "It means nothing for incoming mail.", "Remove it.");
            if (copy.InSentFolder)
                CheckSentFolder(element, copy);
            else if (!IsAddress(copy.Address))
                Add($"{element}, address", $"\"{copy.Address}\" is no e-mail address.", "Write it as name@domain, or set inSentFolder for the sender's own folder of sent mail.");
            if (string.IsNullOrWhiteSpace(copy.Profile))
                Add($"{element}, profile", "It is empty.", "Name the incoming profile by which the copies are read.");
            else
                CheckProfileUse($"{element}, profile", copy.Profile, MailDirection.Incoming);
            if (!copy.InSentFolder && copy.Credential is null && Find(configuration.Profiles, p => p.Name, copy.Profile) is { CredentialSource: CredentialSource.Mailbox })
                Add($"{element}, credential", "It is missing, and the profile takes it from the mailbox.", "Set the credential of the mailbox of copies.");
            CheckCredential(element, copy.Credential);
        }

        private void CheckSentFolder(string element, SentCopyConfiguration copy)
        {
            if (copy.Address is not null)
                Add($"{element}, address", "Copies are looked for in the sender's own folder of sent mail, so no mailbox gets any.", "Remove it, or set inSentFolder to false.");
            if (copy.Credential is not null)
                Add($"{element}, credential", "The sender's own folder is read with the credential of the sender's mailbox.", "Remove it.");
            if (Find(configuration.Profiles, p => p.Name, copy.Profile) is { System: { } name } && systems?.FindMail(name) is { FindsSent: false })
                Add($"{element}, profile", $"{name} cannot look for what was sent.", "Name an incoming profile of IMAP.");
        }

        private void CheckProfileUse(string element, string? name, MailDirection direction)
        {
            if (name is null)
                return;
            ProfileConfiguration? profile = Find(configuration.Profiles, p => p.Name, name);
            if (profile is null)
                Add(element, $"There is no profile \"{name}\".", "Name one of the profiles, or create it.");
            else if (profile.Direction != direction)
                Add(element, $"The profile \"{name}\" is {profile.Direction}.", $"Name one whose direction is {direction}.");
            else if (systems?.FindMail(profile.System ?? string.Empty) is { } system && system.Doors.HasFlag(MailDoors.Rules)
                && !system.Doors.HasFlag(direction == MailDirection.Incoming ? MailDoors.Mailbox : MailDoors.Sender))
            {
                Add(element, $"The profile \"{name}\" is for rules only: {system.Name} moves no mail.", "Name another profile, and this one as rulesProfile.");
            }
        }

        private void CheckRulesProfile(string element, string? name)
        {
            if (name is null)
                return;
            if (Find(configuration.Profiles, p => p.Name, name) is not { } profile)
                Add(element, $"There is no profile \"{name}\".", "Name one of the profiles, or create it.");
            else if (systems?.FindMail(profile.System ?? string.Empty) is { } system && !system.Doors.HasFlag(MailDoors.Rules))
                Add(element, $"The profile \"{name}\" has no rules: {system.Name} knows none.", $"Name a profile of a system with rules: {string.Join(", ", WithRules())}.");

            IEnumerable<string> WithRules() => systems.MailSystems.Where(s => s.Doors.HasFlag(MailDoors.Rules)).Select(s => s.Name).Order(StringComparer.OrdinalIgnoreCase);
        }

        private void CheckPositive(string setting, long value)
        {
            if (value <= 0)
                Add($"routing, {setting}", "It must be greater than nothing.", "Correct it, or remove it for the default.");
        }
    }
}
