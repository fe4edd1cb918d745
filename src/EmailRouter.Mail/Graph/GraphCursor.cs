namespace EmailRouter.Mail.Graph;

/// <summary>
/// The positions in all folders of a session, as text: <c>folder=link</c>, separated by blanks. The link is the service's own next or delta link without the
/// service's address, so that it is a position only at the service that gave it.
/// </summary>
internal sealed class GraphCursor
{
    private readonly SortedDictionary<string, string> links = new(StringComparer.Ordinal);
    private readonly string service;

    private GraphCursor(Uri service) => this.service = service.AbsoluteUri;

    /// <summary>Reads a cursor. What cannot be read is no position: its folder is listed from the start.</summary>
    /// <param name="cursor">The cursor.</param>
    /// <param name="service">The address all requests start with.</param>
    /// <returns>The positions.</returns>
    public static GraphCursor Parse(MailboxCursor cursor, Uri service)
    {
        var positions = new GraphCursor(service);
        foreach (string entry in (cursor.Value ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && equals < entry.Length - 1)
                positions.links[Uri.UnescapeDataString(entry[..equals])] = entry[(equals + 1)..];
        }

        return positions;
    }

    /// <summary>Finds a position.</summary>
    /// <param name="folder">The folder's key.</param>
    /// <returns>The link, as a path of a request; null for the start.</returns>
    public string? Find(string folder) => links.GetValueOrDefault(folder);

    /// <summary>Sets a position.</summary>
    /// <param name="folder">The folder's key.</param>
    /// <param name="link">The link as the service gave it; null for the start.</param>
    public void Set(string folder, string? link)
    {
        if (link is null)
            links.Remove(folder);
        else
            links[folder] = (link.StartsWith(service, StringComparison.OrdinalIgnoreCase) ? link[service.Length..] : link).Replace(" ", "%20", StringComparison.Ordinal);
    }

    /// <summary>Leaves out the folders that are no longer read.</summary>
    /// <param name="folders">The keys of those that are.</param>
    public void Keep(IEnumerable<string> folders)
    {
        foreach (string gone in links.Keys.Except(folders, StringComparer.Ordinal).ToList())
            links.Remove(gone);
    }

    /// <summary>Writes the cursor.</summary>
    /// <returns>The cursor.</returns>
    public MailboxCursor ToCursor() => new(string.Join(' ', links.Select(entry => Uri.EscapeDataString(entry.Key) + "=" + entry.Value)));
}
