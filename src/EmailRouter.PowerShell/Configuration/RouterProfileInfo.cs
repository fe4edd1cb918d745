using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>A profile as the cmdlets show it: how to reach one mail server, in one direction. Secrets are not part of it.</summary>
public sealed class RouterProfileInfo
{
    internal RouterProfileInfo(ProfileConfiguration profile, string configurationPath)
    {
        Name = profile.Name;
        Direction = profile.Direction;
        System = profile.System;
        Host = profile.Host;
        Port = profile.Port;
        Url = profile.Url;
        Path = profile.Path;
        Tls = profile.Tls;
        CertificatePin = [.. profile.CertificatePins];
        CheckRevocation = profile.CheckRevocation;
        AllowPlainTextPassword = profile.AllowPlainTextPassword;
        CredentialSource = profile.CredentialSource;
        UserName = profile.Credential?.UserName ?? profile.OAuth?.UserName;
        OAuthFlow = profile.OAuth?.Flow;
        ClientId = profile.OAuth is { ClientId.Length: > 0 } ? profile.OAuth.ClientId : null;
        TenantId = profile.OAuth?.TenantId;
        Settlement = profile.Settlement;
        UntrackedSettlement = profile.UntrackedSettlement;
        ReceivedAfter = profile.ReceivedAfter;
        MaxConnections = profile.MaxConnections;
        Options = profile.Options;
        ConfigurationPath = configurationPath;
    }

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets the direction.</summary>
    public MailDirection Direction { get; }

    /// <summary>Gets the mail system.</summary>
    public string System { get; }

    /// <summary>Gets the host.</summary>
    public string? Host { get; }

    /// <summary>Gets the port; null for the protocol's default.</summary>
    public int? Port { get; }

    /// <summary>Gets the service address of systems reached by HTTP.</summary>
    public Uri? Url { get; }

    /// <summary>Gets the folder of mail systems that work on files.</summary>
    public string? Path { get; }

    /// <summary>Gets how the connection is secured.</summary>
    public TlsMode Tls { get; }

    /// <summary>Gets the SHA-256 pins of public keys that are accepted although their chain is not trusted.</summary>
    public string[] CertificatePin { get; }

    /// <summary>Gets a value indicating whether revocation is checked.</summary>
    public bool CheckRevocation { get; }

    /// <summary>Gets a value indicating whether a password may cross a connection without TLS.</summary>
    public bool AllowPlainTextPassword { get; }

    /// <summary>Gets where the credential comes from.</summary>
    public CredentialSource CredentialSource { get; }

    /// <summary>Gets the user name of the profile's own credential, or the account whose tokens are used; null where there is none.</summary>
    public string? UserName { get; }

    /// <summary>Gets how access tokens are got; null where there are none.</summary>
    public OAuthFlow? OAuthFlow { get; }

    /// <summary>Gets the id of the application; null where there is none.</summary>
    public string? ClientId { get; }

    /// <summary>Gets the tenant; null where there is none.</summary>
    public string? TenantId { get; }

    /// <summary>Gets what happens to a promoted message on the mail server.</summary>
    public Settlement Settlement { get; }

    /// <summary>Gets what happens to a message that is not promoted.</summary>
    public Settlement UntrackedSettlement { get; }

    /// <summary>Gets from when on messages are read; null: all.</summary>
    public DateTimeOffset? ReceivedAfter { get; }

    /// <summary>Gets the greatest number of connections at once.</summary>
    public int MaxConnections { get; }

    /// <summary>Gets further settings of the mail system.</summary>
    public IReadOnlyDictionary<string, string> Options { get; }

    /// <summary>Gets the configuration file it is from.</summary>
    public string ConfigurationPath { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
