namespace EmailRouter.Mail.Imap;

/// <summary>
/// Finds the names that folders have on this server: its separator, its namespace (RFC 2342), its special folders (RFC 6154). Asks only when a name
/// other than INBOX is wanted.
/// </summary>
internal sealed class ImapFolderNames(ImapClient client)
{
    private const int MostFolders = 100_000;

    /// <summary>Names under which people mean the special folder where there is none of that name.</summary>
    private static readonly string[] SpecialNames = ["Sent", "Trash", "Junk", "Archive", "Drafts", "All", "Flagged"];

    private (string Prefix, char Separator)? place;
    private IReadOnlyList<ImapListed>? all;

    /// <summary>Finds the folders that a profile names, each once, in the order of the profile.</summary>
    /// <param name="wishes">
    /// The names, with <c>/</c> or the server's own separator; <c>\Sent</c> and the like for special folders; <c>/*</c> behind a name for it and all below.
    /// </param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>The names on the server.</returns>
    /// <exception cref="MailCommandException">One of them is not there.</exception>
    public async ValueTask<IReadOnlyList<string>> ResolveAsync(IReadOnlyList<string> wishes, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        foreach (string wish in wishes)
        {
            foreach (string name in await ResolveAsync(wish, cancellationToken).ConfigureAwait(false))
            {
                if (!names.Contains(name))
                    names.Add(name);
            }
        }

        return names.Count > 0 ? names : throw NotFound(string.Join(';', wishes));
    }

    /// <summary>Finds the name that a folder has on the server, whether it is there or not.</summary>
    /// <param name="path">The folder, with <c>/</c> or the server's own separator.</param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>The name.</returns>
    public async ValueTask<string> ToServerAsync(string path, CancellationToken cancellationToken)
    {
        if (IsInbox(path))
            return ImapOptions.Inbox;
        (string prefix, char separator) = place ??= await FindPlaceAsync(cancellationToken).ConfigureAwait(false);
        string name = separator == '/' ? path : path.Replace('/', separator);
        return prefix.Length == 0 || name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? name : prefix + name;
    }

    private static bool IsInbox(string name) => string.Equals(name, ImapOptions.Inbox, StringComparison.OrdinalIgnoreCase);

    private async ValueTask<IReadOnlyList<string>> ResolveAsync(string wish, CancellationToken cancellationToken)
    {
        if (IsInbox(wish))
            return [ImapOptions.Inbox];
        if (wish.StartsWith('\\'))
            return [await FindSpecialAsync(wish, cancellationToken).ConfigureAwait(false) ?? throw NotFound(wish)];

        all ??= await ListAsync("LIST \"\" \"*\"", cancellationToken).ConfigureAwait(false)
            ?? throw new MailCommandException(
                "MailServerRefused", MailStep.OpenMailbox, $"{client.Stream.Where}: the server does not list its folders.", "Read only INBOX on this server.");
        if (wish == "*")
            return [.. all.Where(f => f.IsSelectable).Select(f => f.Name)];
        bool below = wish.EndsWith("/*", StringComparison.Ordinal);
        string name = await ToServerAsync(below ? wish[..^2] : wish, cancellationToken).ConfigureAwait(false);
        char separator = place?.Separator ?? all.FirstOrDefault(f => f.Separator is not null)?.Separator ?? '/';
        string[] found = [.. all.Where(f => f.IsSelectable && (f.Name == name || (below && f.Name.StartsWith(name + separator, StringComparison.Ordinal)))).Select(f => f.Name)];
        if (found.Length > 0)
            return found;
        if (SpecialNames.Contains(wish, StringComparer.OrdinalIgnoreCase) && await FindSpecialAsync(@"\" + wish, cancellationToken).ConfigureAwait(false) is { } special)
            return [special];
        throw NotFound(wish);
    }

    private async ValueTask<string?> FindSpecialAsync(string use, CancellationToken cancellationToken)
    {
        IReadOnlyList<ImapListed>? special = client.Capabilities.Has(ImapFeatures.SpecialUse)
            ? await ListAsync("LIST (SPECIAL-USE) \"\" \"*\"", cancellationToken).ConfigureAwait(false)
            : null;

        // Bridges that announce SPECIAL-USE and do not know it (MailKit #674) show the attributes in a plain LIST.
        special ??= all ??= await ListAsync("LIST \"\" \"*\"", cancellationToken).ConfigureAwait(false);
        return special?.FirstOrDefault(f => f.Attributes.Contains(use))?.Name;
    }

    /// <summary>Lists; null when the server refuses.</summary>
    private async ValueTask<IReadOnlyList<ImapListed>?> ListAsync(string command, CancellationToken cancellationToken)
    {
        var found = new List<ImapListed>();
        ImapResponse response = await client.ExecuteAsync(MailStep.OpenMailbox, command, Take, cancellationToken).ConfigureAwait(false);
        return response.IsOk ? found : null;

        void Take(ImapEvent next)
        {
            if (next is { Kind: ImapEventKind.List, Listed: { } listed } && found.Count < MostFolders)
                found.Add(IsInbox(listed.Name) ? listed with { Name = ImapOptions.Inbox } : listed);
        }
    }

    /// <summary>Exchange 2003 answers NAMESPACE with BAD (MailKit #1135): then the separator is asked for by itself.</summary>
    private async ValueTask<(string Prefix, char Separator)> FindPlaceAsync(CancellationToken cancellationToken)
    {
        (string Prefix, char? Separator)? personal = null;
        if (client.Capabilities.Has(ImapFeatures.Namespace))
        {
            await client.ExecuteAsync(
                MailStep.OpenMailbox, "NAMESPACE", next => personal = next.Kind == ImapEventKind.Namespace ? next.Personal : personal, cancellationToken)
                .ConfigureAwait(false);
        }

        if (personal is { } known)
            return (known.Prefix, known.Separator ?? '/');
        IReadOnlyList<ImapListed>? root = await ListAsync("LIST \"\" \"\"", cancellationToken).ConfigureAwait(false);
        return (string.Empty, (root is [{ Separator: { } separator }, ..] ? separator : '/'));
    }

    private MailCommandException NotFound(string wish) => new(
        "MailFolderNotFound",
        MailStep.OpenMailbox,
        $"{client.Stream.Where}: there is no folder {wish}.",
        "Check the option folders of the profile: names as the server shows them, \\Sent and the like for special folders, separated by semicolons.")
    {
        Conversation = client.Stream.Log.Lines,
    };
}
