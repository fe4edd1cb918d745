using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>Who a token is for: a profile or a deployment, one of its applications, and what is asked for.</summary>
public sealed record TokenSubject
{
    private TokenSubject(string kind, string name, OAuthConfiguration oauth, IReadOnlyList<string> scopes)
    {
        Kind = kind;
        Name = name;
        OAuth = oauth;
        Scopes = scopes;
    }

    /// <summary>Gets how tokens are got.</summary>
    public OAuthConfiguration OAuth { get; }

    /// <summary>Gets the scopes that are asked for.</summary>
    public IReadOnlyList<string> Scopes { get; }

    /// <summary>Gets the name of the profile or deployment.</summary>
    public string Name { get; }

    /// <summary>Gets a value indicating whether a person signs in once.</summary>
    public bool NeedsSignIn => OAuth.Flow is OAuthFlow.DeviceCode or OAuthFlow.Interactive;

    /// <summary>Gets a value indicating whether it is a deployment, whose errors are the CRM side's.</summary>
    internal bool IsDeployment => Kind == "deployment";

    /// <summary>Gets the service that the tokens are for: the first scope without its right.</summary>
    internal string Resource => Scopes[0].LastIndexOf('/') is > 8 and int slash ? Scopes[0][..slash] : Scopes[0];

    /// <summary>Gets what tells it from every other subject.</summary>
    internal string Key => string.Join(
        '\n',
        [Kind, Name.ToUpperInvariant(), $"{OAuth.Flow}", OAuth.ClientId, OAuth.TenantId, $"{OAuth.Authority}", OAuth.ClientSecret, OAuth.Certificate, Server,
            OAuth.Command, .. OAuth.Arguments, string.Empty, .. OAuth.Script]);

    /// <summary>Gets the name of the server that the tokens are shown to; null where a service is found otherwise.</summary>
    internal string? Server { get; private init; }

    /// <summary>Gets the name of the file with its cached tokens.</summary>
    internal string CacheFile => CacheFileOf(Kind, Name, OAuth.ClientId);

    private string Kind { get; }

    /// <summary>Makes the subject of a profile.</summary>
    /// <param name="profile">A profile whose credential source is <see cref="CredentialSource.OAuth"/>.</param>
    /// <param name="system">Its mail system; null when it is not known, then the rights are those at Exchange Online.</param>
    /// <returns>The subject.</returns>
    public static TokenSubject Of(ProfileConfiguration profile, IMailSystem? system)
    {
        ArgumentNullException.ThrowIfNull(profile);
        OAuthConfiguration oauth = profile.OAuth ?? throw new ArgumentException($"The profile {profile.Name} has no OAuth settings.", nameof(profile));
        string scope = system?.TokenScope(profile.ToEndpoint()) ?? "https://outlook.office365.com/.default";
        return new TokenSubject("profile", profile.Name, oauth, TokenScopes.For(oauth, scope, profile.System)) { Server = profile.Host ?? profile.Url?.Host };
    }

    /// <summary>Makes the subject of a deployment.</summary>
    /// <param name="deployment">A deployment with a web address.</param>
    /// <param name="application">One of its applications; null for the first.</param>
    /// <returns>The subject.</returns>
    /// <exception cref="RouterException"><c>RouterDeploymentIncomplete</c>: it has no address or no OAuth settings.</exception>
    public static TokenSubject Of(DeploymentConfiguration deployment, OAuthConfiguration? application = null)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        OAuthConfiguration oauth = application ?? deployment.OAuth ?? throw ConfigurationErrors.DeploymentIncomplete(
            deployment.Name, "does not say how to get tokens", "Set how it logs in with Set-RouterDeployment, e.g. -ClientId, -TenantId and -ClientSecret.");
        Uri url = deployment.Url ?? throw ConfigurationErrors.DeploymentIncomplete(deployment.Name, "has no address", "Set its address with Set-RouterDeployment -Url.");
        return new TokenSubject("deployment", deployment.Name, oauth, TokenScopes.For(oauth, $"{url.GetLeftPart(UriPartial.Authority)}/.default", deployment.System)) { Server = url.Host };
    }

    /// <summary>Makes the name of the file with cached tokens. A name may hold anything; the file's name is made of what every file system takes.</summary>
    /// <param name="kind"><c>profile</c> or <c>deployment</c>.</param>
    /// <param name="name">Its name.</param>
    /// <param name="clientId">The application.</param>
    /// <returns>The name, without a folder.</returns>
    internal static string CacheFileOf(string kind, string name, string clientId)
    {
        string plain = new([.. name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-')]);
        byte[] mark = SHA256.HashData(Encoding.UTF8.GetBytes($"{kind}\n{name.ToUpperInvariant()}\n{clientId.ToUpperInvariant()}"));
        return $"tokens.{plain}.{Convert.ToHexString(mark, 0, 4)}.dat";
    }

    /// <inheritdoc/>
    public override string ToString() => $"the {Kind} {Name}";
}
