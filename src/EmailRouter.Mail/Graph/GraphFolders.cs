using System.Text.Json;

namespace EmailRouter.Mail.Graph;

/// <summary>A folder of the mailbox.</summary>
/// <param name="Key">What stands for it in addresses: a well-known name, or its id, which stays when it is renamed.</param>
/// <param name="Name">The name the administrator wrote.</param>
internal sealed record GraphFolder(string Key, string Name);

/// <summary>Finds folders by well-known name or path, and makes those that are missing.</summary>
/// <remarks>
/// A path has <c>/</c> between its folders and begins below the mailbox's top, or with a well-known name (<c>inbox</c>, <c>Sent Items</c>, …), which is the
/// same in all languages.
/// </remarks>
internal sealed class GraphFolders(GraphClient client)
{
    /// <summary>The inbox's well-known name.</summary>
    public const string Inbox = "inbox";

    private const string Top = "msgfolderroot";

    private static readonly HashSet<string> WellKnown = new(StringComparer.Ordinal)
    {
        "inbox", "drafts", "sentitems", "deleteditems", "junkemail", "outbox", "archive", "msgfolderroot", "recoverableitemsdeletions", "conversationhistory", "clutter", "scheduled",
    };

    private readonly Dictionary<string, GraphFolder> found = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Finds a folder.</summary>
    /// <param name="name">Its well-known name or path.</param>
    /// <param name="create">Whether to make what is missing of a path.</param>
    /// <param name="step">The step it is needed for.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The folder. That a well-known one is there is not looked after.</returns>
    /// <exception cref="MailCommandException"><c>MailFolderNotFound</c>, or the service refuses to make it.</exception>
    public async ValueTask<GraphFolder> FindAsync(string name, bool create, MailStep step, CancellationToken cancellationToken)
    {
        if (found.TryGetValue(name, out GraphFolder? known))
            return known;
        string[] path = name.Split('/', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (path.Length == 0)
            throw Missing(name, name, step);
        string? start = AsWellKnown(path[0]);
        string at = start ?? Top;
        foreach (string child in path.Skip(start is null ? 0 : 1))
        {
            string? next = await FindChildAsync(at, child, step, cancellationToken).ConfigureAwait(false);
            if (next is null && create)
                next = await CreateAsync(at, child, step, cancellationToken).ConfigureAwait(false);
            at = next ?? throw Missing(name, child, step);
        }

        return found[name] = new GraphFolder(at, name);
    }

    /// <summary>Forgets a folder that turned out to be gone.</summary>
    /// <param name="name">Its well-known name or path.</param>
    public void Forget(string name) => found.Remove(name);

    /// <summary>Makes the beginning of addresses within a folder.</summary>
    /// <param name="key">The folder.</param>
    /// <returns>The path.</returns>
    public string PathOf(string key) => $"{client.User}/mailFolders/{Uri.EscapeDataString(key)}";

    private static string? AsWellKnown(string name)
    {
        string compact = string.Concat(name.Where(char.IsLetter)).ToLowerInvariant();
        return WellKnown.Contains(compact) ? compact : null;
    }

    private async ValueTask<string?> FindChildAsync(string parent, string name, MailStep step, CancellationToken cancellationToken)
    {
        string filter = Uri.EscapeDataString($"displayName eq '{name.Replace("'", "''", StringComparison.Ordinal)}'");
        var request = new GraphRequest
        {
            Step = step,
            What = "find folder",
            Path = $"{PathOf(parent)}/childFolders?$filter={filter}&$select=id,displayName&$top=10",
        };
        return await client.GetAsync(request, Choose, cancellationToken).ConfigureAwait(false);

        string? Choose(JsonElement body) => GraphJson.Objects(body, "value")
            .Where(f => string.Equals(GraphJson.Text(f, "displayName"), name, StringComparison.OrdinalIgnoreCase))
            .Select(f => GraphJson.Text(f, "id"))
            .FirstOrDefault(id => !string.IsNullOrEmpty(id));
    }

    private async ValueTask<string?> CreateAsync(string parent, string name, MailStep step, CancellationToken cancellationToken)
    {
        var request = new GraphRequest
        {
            Step = step,
            What = "create folder",
            Method = HttpMethod.Post,
            Path = $"{PathOf(parent)}/childFolders",
            Content = GraphClient.Json(json =>
            {
                json.WriteStartObject();
                json.WriteString("displayName", name);
                json.WriteEndObject();
            }),
        };
        try
        {
            return await client.GetAsync(request, body => GraphJson.Text(body, "id"), cancellationToken).ConfigureAwait(false) ?? throw client.Malformed(request, "the new folder has no id");
        }
        catch (GraphRefusedException e) when (e.Fault == GraphFault.FolderExists)
        {
            return await FindChildAsync(parent, name, step, cancellationToken).ConfigureAwait(false);
        }
    }

    private MailCommandException Missing(string name, string part, MailStep step) => new(
        "MailFolderNotFound",
        step,
        $"{client.Where("find folder")}: there is no folder \"{part}\"{(part == name ? string.Empty : $" of the path \"{name}\"")}.",
        GraphErrorCodes.Describe(GraphFault.FolderMissing, step).Remedy)
    {
        Conversation = client.Conversation,
    };
}
