using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>A deployment as the cmdlets show it: how to reach one organization. Secrets are not part of it.</summary>
public sealed class RouterDeploymentInfo
{
    internal RouterDeploymentInfo(DeploymentConfiguration deployment, string configurationPath)
    {
        Name = deployment.Name;
        System = deployment.System;
        Path = deployment.Path;
        Url = deployment.Url;
        IncomingProfile = deployment.IncomingProfile;
        OutgoingProfile = deployment.OutgoingProfile;
        OrganizationName = deployment.Organization;
        Decides = deployment.Decides;
        Authentication = deployment.Url is null ? null : deployment.Authentication;
        UserName = deployment.Credential?.UserName ?? deployment.OAuth?.UserName;
        OAuthFlow = deployment.OAuth?.Flow;
        ClientId = [.. deployment.FurtherApplications.Prepend(deployment.OAuth).Select(one => one?.ClientId).OfType<string>().Where(id => id.Length > 0)];
        TenantId = deployment.OAuth?.TenantId;
        CertificatePin = [.. deployment.CertificatePins];
        AllowPlainTextPassword = deployment.AllowPlainTextPassword;
        Options = deployment.Options;
        ForwardMailbox = [.. deployment.ForwardMailboxes];
        RulesProfile = deployment.RulesProfile;
        Enabled = deployment.Enabled;
        ConfigurationPath = configurationPath;
    }

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets the CRM system.</summary>
    public string System { get; }

    /// <summary>Gets the file of an embedded CRM.</summary>
    public string? Path { get; }

    /// <summary>Gets the address of a CRM reached by HTTP.</summary>
    public Uri? Url { get; }

    /// <summary>Gets the incoming profile of mailboxes that name none.</summary>
    public string? IncomingProfile { get; }

    /// <summary>Gets the outgoing profile of mailboxes that name none.</summary>
    public string? OutgoingProfile { get; }

    /// <summary>Gets the organization's unique name, where the address serves several.</summary>
    public string? OrganizationName { get; }

    /// <summary>Gets who decides what is promoted.</summary>
    public DecisionAuthority Decides { get; }

    /// <summary>Gets how the router logs in; null for an embedded CRM.</summary>
    public CrmAuthentication? Authentication { get; }

    /// <summary>Gets the user name of the credential for the CRM, or the account whose tokens are used; null where there is none.</summary>
    public string? UserName { get; }

    /// <summary>Gets how access tokens are got; null where there are none.</summary>
    public OAuthFlow? OAuthFlow { get; }

    /// <summary>Gets the ids of the applications over which work is spread.</summary>
    public string[] ClientId { get; }

    /// <summary>Gets the tenant; null where there is none.</summary>
    public string? TenantId { get; }

    /// <summary>Gets the SHA-256 pins of public keys that are accepted although their chain is not trusted.</summary>
    public string[] CertificatePin { get; }

    /// <summary>Gets a value indicating whether the log-in may cross a connection without TLS.</summary>
    public bool AllowPlainTextPassword { get; }

    /// <summary>Gets further settings of the CRM system.</summary>
    public IReadOnlyDictionary<string, string> Options { get; }

    /// <summary>Gets the addresses of forward mailboxes that the CRM itself does not know.</summary>
    public string[] ForwardMailbox { get; }

    /// <summary>Gets the profile by which rules are deployed, for mailboxes that name none.</summary>
    public string? RulesProfile { get; }

    /// <summary>Gets a value indicating whether the deployment is used.</summary>
    public bool Enabled { get; }

    /// <summary>Gets the configuration file it is from.</summary>
    public string ConfigurationPath { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
