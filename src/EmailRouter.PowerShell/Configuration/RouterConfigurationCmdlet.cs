using System.Management.Automation;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>The base of the cmdlets that need the configuration.</summary>
public abstract class RouterConfigurationCmdlet : RouterCmdlet
{
    private readonly Dictionary<string, ConfigurationStore> stores = new(StringComparer.Ordinal);

    /// <summary>
    /// The configuration file. Without it the file of this machine is used. Objects of this module carry the path they came from, so that it needs to be given
    /// only once in a pipeline.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? ConfigurationPath { get; set; }

    /// <summary>Finds the configuration of the current input object.</summary>
    /// <returns>The store of the file.</returns>
    private protected async Task<ConfigurationStore> OpenConfigurationAsync()
    {
        string path = ConfigurationPath is { } given ? await ResolvePathAsync(given).ConfigureAwait(false) : ConfigurationLocation.Find();
        if (!stores.TryGetValue(path, out ConfigurationStore? store))
        {
            store = new ConfigurationStore(path, Clock, RouterHostOptions.BuiltInSystems());
            stores.Add(path, store);
        }

        return store;
    }

    /// <summary>Tells whether a parameter was given.</summary>
    /// <param name="name">The parameter.</param>
    /// <returns>True when it was, even as null.</returns>
    private protected bool IsGiven(string name) => MyInvocation.BoundParameters.ContainsKey(name);

    /// <summary>Encrypts a credential for the configuration.</summary>
    /// <param name="credential">The credential.</param>
    /// <param name="store">The configuration.</param>
    /// <returns>The credential as it lies in the file; null for none.</returns>
    private protected static StoredCredential? Protect(PSCredential? credential, ConfigurationStore store) =>
        credential is null || credential == PSCredential.Empty
            ? null
            : new StoredCredential(credential.UserName, SecretProtector.For(store.Path).Protect(credential.GetNetworkCredential().Password));

    /// <summary>Changes the configuration, or reports why it cannot be changed so.</summary>
    /// <param name="store">The configuration.</param>
    /// <param name="change">The change.</param>
    /// <param name="target">What the change is about, for the error.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The changed configuration; null when the change was refused.</returns>
    private protected async Task<RouterConfiguration?> ChangeAsync(
        ConfigurationStore store, Func<RouterConfiguration, RouterConfiguration> change, object target, CancellationToken cancellationToken)
    {
        try
        {
            return await store.UpdateAsync(change, cancellationToken).ConfigureAwait(false);
        }
        catch (RouterException e)
        {
            await EmitErrorAsync(RouterErrors.From(e, "Configuration", target)).ConfigureAwait(false);
            return null;
        }
    }

    /// <summary>Understands an empty text as the wish to have none.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The text, or null.</returns>
    private protected static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <summary>Finds what matches patterns, and reports the names that match nothing.</summary>
    /// <typeparam name="T">What is looked for.</typeparam>
    /// <param name="items">Where to look.</param>
    /// <param name="nameOf">The name of one.</param>
    /// <param name="patterns">Names, possibly with wildcards.</param>
    /// <param name="notFound">Makes the error of a name without wildcards that matches nothing.</param>
    /// <returns>What matches, each once.</returns>
    private protected async Task<IReadOnlyList<T>> MatchAsync<T>(
        IReadOnlyList<T> items, Func<T, string> nameOf, IEnumerable<string> patterns, Func<string, ErrorRecord> notFound)
        where T : class
    {
        List<T> found = [];
        foreach (string pattern in patterns)
        {
            WildcardPattern wildcard = WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase);
            List<T> matches = [.. items.Where(item => wildcard.IsMatch(nameOf(item))
                || string.Equals(nameOf(item), pattern, StringComparison.OrdinalIgnoreCase))];
            if (matches.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(pattern))
            {
                await EmitErrorAsync(notFound(pattern)).ConfigureAwait(false);
            }

            found.AddRange(matches.Except(found));
        }

        return found;
    }
}
