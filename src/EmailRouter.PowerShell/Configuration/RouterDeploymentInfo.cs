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
        UserName = deployment.Credential?.UserName;
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

    /// <summary>Gets the user name of the credential for the CRM; null where there is none.</summary>
    public string? UserName { get; }

    /// <summary>Gets a value indicating whether the deployment is used.</summary>
    public bool Enabled { get; }

    /// <summary>Gets the configuration file it is from.</summary>
    public string ConfigurationPath { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
