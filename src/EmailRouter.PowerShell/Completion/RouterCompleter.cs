using System.Collections;
using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Language;
using EmailRouter.Routing.Configuration;
using PS = System.Management.Automation.PowerShell;

namespace EmailRouter.PowerShell.Completion;

/// <summary>The base of the completers of names.</summary>
/// <remarks>
/// Completing is a courtesy while somebody types: it ends after two seconds, never asks for anything, and whatever goes wrong shows as no suggestion. What was
/// found is kept for a few seconds, because a shell asks once for every press of the key.
/// </remarks>
public abstract class RouterCompleter : IArgumentCompleter
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(5);
    private static readonly ConcurrentDictionary<(Type Completer, string Key), (long On, IReadOnlyList<Suggestion> Found)> Kept = new();

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        ArgumentNullException.ThrowIfNull(wordToComplete);
        IDictionary bound = fakeBoundParameters ?? new Hashtable();
        string word = wordToComplete.Trim('\'', '"');
        try
        {
            return [.. Find(bound)
                .Where(suggestion => suggestion.Text.StartsWith(word, StringComparison.OrdinalIgnoreCase))
                .OrderBy(suggestion => suggestion.Text, StringComparer.OrdinalIgnoreCase)
                .Select(suggestion => new CompletionResult(Quote(suggestion.Text), suggestion.Text, CompletionResultType.ParameterValue, suggestion.Hint))];
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A broken configuration shows when the command is run; here it would only disturb the typing.
            return [];
        }
    }

    /// <summary>Looks for what can be suggested.</summary>
    /// <param name="configurationPath">The configuration that is meant.</param>
    /// <param name="bound">The parameters typed so far.</param>
    /// <param name="cancellationToken">Cancelled when the time is up.</param>
    /// <returns>The suggestions.</returns>
    private protected abstract Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken);

    /// <summary>Tells which configuration is meant by what was typed so far.</summary>
    /// <param name="bound">The parameters typed so far.</param>
    /// <returns>The path of the configuration.</returns>
    private static string ConfigurationPathOf(IDictionary bound)
    {
        if (Text(bound, "ConfigurationPath") is not { } path)
        {
            return ConfigurationLocation.Find();
        }

        if (Path.IsPathFullyQualified(path))
        {
            return path;
        }

        // A completer is no cmdlet: only a command can tell what a path means at the current location.
        using PS shell = PS.Create(RunspaceMode.CurrentRunspace);
        return shell.AddScript("$ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($args[0])").AddArgument(path).Invoke<string>()[0];
    }

    /// <summary>Reads the configuration that is meant.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancelled when the time is up.</param>
    /// <returns>The configuration.</returns>
    private protected static async Task<RouterConfiguration> LoadConfigurationAsync(string path, CancellationToken cancellationToken) =>
        (await new ConfigurationStore(path).LoadAsync(cancellationToken).ConfigureAwait(false)).Configuration;

    /// <summary>Reads a parameter typed so far.</summary>
    /// <param name="bound">The parameters.</param>
    /// <param name="name">Its name.</param>
    /// <returns>Its text; null when it was not typed.</returns>
    private protected static string? Text(IDictionary bound, string name) => bound[name]?.ToString() is { Length: > 0 } text ? text : null;

    /// <summary>What tells one question from another, beside the completer; the answer to an equal one is kept for a few seconds.</summary>
    /// <param name="configurationPath">The configuration that is meant.</param>
    /// <param name="bound">The parameters typed so far.</param>
    /// <returns>The key.</returns>
    private protected virtual string KeyOf(string configurationPath, IDictionary bound) => configurationPath;

    private static string Quote(string text) =>
        text.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or '@') && !text.StartsWith('-') && !text.StartsWith('@')
            ? text
            : "'" + CodeGeneration.EscapeSingleQuotedStringContent(text) + "'";

    private IReadOnlyList<Suggestion> Find(IDictionary bound)
    {
        // Paths relative to the current location are understood on this thread only.
        string path = ConfigurationPathOf(bound);
        (Type, string) key = (GetType(), KeyOf(path, bound));
        TimeProvider clock = TimeProvider.System;
        if (Kept.TryGetValue(key, out (long On, IReadOnlyList<Suggestion> Found) kept) && clock.GetElapsedTime(kept.On) < Freshness)
        {
            return kept.Found;
        }

        using CancellationTokenSource limit = new(Limit);
        Task<IReadOnlyList<Suggestion>> search = Task.Run(() => FindAsync(path, bound, limit.Token), limit.Token);
        if (!search.Wait(Limit))
        {
            return [];
        }

        IReadOnlyList<Suggestion> found = search.GetAwaiter().GetResult();
        Kept[key] = (clock.GetTimestamp(), found);
        return found;
    }
}

/// <summary>Something that can be typed.</summary>
/// <param name="Text">The text.</param>
/// <param name="Hint">What it is.</param>
internal sealed record Suggestion(string Text, string Hint);
