namespace EmailRouter.Routing.Configuration;

/// <summary>Configurations that may leave the machine.</summary>
public static class ConfigurationExport
{
    private static readonly string[] SecretWords = ["secret", "password", "passphrase", "token", "key"];

    /// <summary>Takes out all secrets. User names stay, so that the validation of an import names each credential that is to be entered again.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <returns>The same without secrets.</returns>
    public static RouterConfiguration WithoutSecrets(this RouterConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration with
        {
            Deployments =
            [
                .. configuration.Deployments.Select(d => d with
                {
                    Credential = Strip(d.Credential),
                    OAuth = Strip(d.OAuth),
                    FurtherApplications = [.. d.FurtherApplications.Select(application => Strip(application)!)],
                    Options = Strip(d.Options),
                }),
            ],
            Profiles =
            [
                .. configuration.Profiles.Select(p => p with
                {
                    Credential = Strip(p.Credential),
                    OAuth = Strip(p.OAuth),
                    SentCopy = p.SentCopy is null ? null : p.SentCopy with { Credential = Strip(p.SentCopy.Credential) },
                    Options = Strip(p.Options),
                }),
            ],
            Mailboxes = [.. configuration.Mailboxes.Select(m => m with { Credential = Strip(m.Credential) })],
        };
    }

    private static StoredCredential? Strip(StoredCredential? credential) => credential is null ? null : credential with { Secret = string.Empty };

    private static OAuthConfiguration? Strip(OAuthConfiguration? oauth) => oauth is null ? null : oauth with
    {
        ClientSecret = oauth.ClientSecret is null ? null : string.Empty,
        CertificatePassword = oauth.CertificatePassword is null ? null : string.Empty,
    };

    /// <summary>A plug-in's own settings: what sounds like a secret does not leave either.</summary>
    private static Dictionary<string, string> Strip(IReadOnlyDictionary<string, string> options) =>
        options.Where(o => !SoundsSecret(o.Key)).ToDictionary(o => o.Key, o => o.Value);

    private static bool SoundsSecret(string name) => SecretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase));
}
