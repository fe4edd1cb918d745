namespace EmailRouter.PowerShell.Configuration;

/// <summary>Who signed in for a profile or a deployment.</summary>
public sealed class RouterSignInInfo
{
    internal RouterSignInInfo(string? profile, string? deployment, string clientId, string userName, string[] scope, string configurationPath)
    {
        Profile = profile;
        Deployment = deployment;
        ClientId = clientId;
        UserName = userName;
        Scope = scope;
        ConfigurationPath = configurationPath;
    }

    /// <summary>Gets the profile; null when it was a deployment.</summary>
    public string? Profile { get; }

    /// <summary>Gets the deployment; null when it was a profile.</summary>
    public string? Deployment { get; }

    /// <summary>Gets the application that it signed in for.</summary>
    public string ClientId { get; }

    /// <summary>Gets the account that signed in.</summary>
    public string UserName { get; }

    /// <summary>Gets the scopes that it consented to.</summary>
    public string[] Scope { get; }

    /// <summary>Gets the configuration file it is kept beside.</summary>
    public string ConfigurationPath { get; }

    /// <inheritdoc/>
    public override string ToString() => UserName;
}
