using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>Profiles and credentials as the mail side takes them.</summary>
public static class ProfileConfigurationExtensions
{
    /// <summary>The option of a profile that names SASL mechanisms, best first, separated by commas or spaces.</summary>
    public const string MechanismsOption = "mechanisms";

    /// <summary>The option of an incoming profile that names the folder for messages of a forward mailbox that are left for a person.</summary>
    public const string UndeliverableOption = "undeliverable";

    /// <summary>Gets the folder for messages of a forward mailbox that are left for a person.</summary>
    /// <param name="profile">The profile.</param>
    /// <returns>The folder; null when they stay where they are.</returns>
    public static string? UndeliverableFolder(this ProfileConfiguration profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        string? folder = profile.Options.FirstOrDefault(o => string.Equals(o.Key, UndeliverableOption, StringComparison.OrdinalIgnoreCase)).Value?.Trim();
        return string.IsNullOrEmpty(folder) ? null : folder;
    }

    /// <summary>Makes the mail side's endpoint of a profile.</summary>
    /// <param name="profile">A profile without faults.</param>
    /// <returns>The endpoint.</returns>
    public static MailEndpoint ToEndpoint(this ProfileConfiguration profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        string? mechanisms = profile.Options.FirstOrDefault(o => string.Equals(o.Key, MechanismsOption, StringComparison.OrdinalIgnoreCase)).Value;
        return new MailEndpoint
        {
            Host = profile.Host?.Trim() ?? profile.Url?.Host ?? string.Empty,
            Port = profile.Port,
            Url = profile.Url,
            Path = profile.Path?.Trim(),
            Tls = profile.Tls,
            CertificatePins = [.. profile.CertificatePins.Select(pin => pin.ToLowerInvariant())],
            CheckRevocation = profile.CheckRevocation,
            AllowPlainTextPassword = profile.AllowPlainTextPassword,
            Mechanisms = mechanisms?.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries) ?? [],
            Options = profile.Options,
        };
    }
}
