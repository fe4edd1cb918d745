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
            Deployments = [.. configuration.Deployments.Select(d => d with { Credential = Strip(d.Credential) })],
            Profiles =
            [
                .. configuration.Profiles.Select(p => p with
                {
                    Credential = Strip(p.Credential),
                    OAuth = p.OAuth is { ClientSecret: not null } oauth ? oauth with { ClientSecret = string.Empty } : p.OAuth,
                    SentCopy = p.SentCopy is null ? null : p.SentCopy with { Credential = Strip(p.SentCopy.Credential) },

                    // A plug-in's own settings: what sounds like a secret does not leave either.
                    Options = p.Options.Where(o => !SoundsSecret(o.Key)).ToDictionary(o => o.Key, o => o.Value),
                }),
            ],
            Mailboxes = [.. configuration.Mailboxes.Select(m => m with { Credential = Strip(m.Credential) })],
        };
    }

    private static StoredCredential? Strip(StoredCredential? credential) => credential is null ? null : credential with { Secret = string.Empty };

    private static bool SoundsSecret(string name) => SecretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase));
}
