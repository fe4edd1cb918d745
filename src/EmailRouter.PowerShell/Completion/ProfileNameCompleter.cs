using System.Collections;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the names of profiles; only those of the right direction where the direction is clear.</summary>
public sealed class ProfileNameCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override async Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken)
    {
        RouterConfiguration configuration = await LoadConfigurationAsync(configurationPath, cancellationToken).ConfigureAwait(false);
        return [.. configuration.Profiles
            .Where(profile => !Enum.TryParse(Text(bound, "Direction"), ignoreCase: true, out MailDirection direction) || profile.Direction == direction)
            .Select(profile => new Suggestion(profile.Name, $"{profile.Direction} {profile.System} {profile.Host ?? profile.Path ?? profile.Url?.ToString()}"))];
    }

    /// <inheritdoc/>
    private protected override string KeyOf(string configurationPath, IDictionary bound) => $"{configurationPath}|{Text(bound, "Direction")}";
}
