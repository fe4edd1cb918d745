using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Lists the profiles: the mail servers this router talks to and how it reaches them.</summary>
/// <example>
/// <summary>List all profiles</summary>
/// <code>Get-RouterProfile</code>
/// <para>Lists the profiles of this machine's configuration.</para>
/// </example>
/// <example>
/// <summary>Find profiles that would send a password without TLS</summary>
/// <code>Get-RouterProfile -Direction Incoming | Where-Object Tls -eq None</code>
/// <para>Lists the incoming profiles whose connection is not secured.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "RouterProfile")]
[OutputType(typeof(RouterProfileInfo))]
public sealed class GetRouterProfileCommand : RouterConfigurationCmdlet
{
    /// <summary>The names of the profiles; wildcards are allowed. All when left out.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string[] Name { get; set; } = ["*"];

    /// <summary>Only profiles of this direction.</summary>
    [Parameter]
    public MailDirection? Direction { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        RouterConfiguration configuration = (await store.LoadAsync(cancellationToken).ConfigureAwait(false)).Configuration;
        foreach (ProfileConfiguration profile in
            await MatchAsync(configuration.Profiles, profile => profile.Name, Name, RouterErrors.ProfileNotFound).ConfigureAwait(false))
        {
            if (Direction is null || profile.Direction == Direction)
            {
                await EmitAsync(new RouterProfileInfo(profile, store.Path)).ConfigureAwait(false);
            }
        }
    }
}
