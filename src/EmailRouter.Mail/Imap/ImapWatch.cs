namespace EmailRouter.Mail.Imap;

/// <summary>What is known of several folders while one waits for mail: the next UID of each. Where it moves on, mail came.</summary>
/// <param name="folders">The folders; the first is the one that is selected while waiting.</param>
internal sealed class ImapWatch(IReadOnlyList<string> folders)
{
    private readonly HashSet<string> watched = [.. folders];
    private readonly HashSet<string> news = [];
    private readonly Dictionary<string, uint> next = new(StringComparer.Ordinal);

    /// <summary>Gets the folders that are not selected while waiting.</summary>
    public IReadOnlyList<string> Others { get; } = [.. folders.Skip(1)];

    /// <summary>Gets or sets whether the server tells about the others by itself (RFC 5465); null when it was not asked yet.</summary>
    public bool? IsTold { get; set; }

    /// <summary>Gets a value indicating whether mail came since <see cref="ForgetNews"/> that was not listed yet.</summary>
    public bool HasNews => news.Count > 0;

    /// <summary>Waits for news from here on.</summary>
    public void ForgetNews() => news.Clear();

    /// <summary>Takes what a listing saw: whatever lies before that is no news.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="uid">The next UID.</param>
    public void Know(string folder, uint uid)
    {
        if (!watched.Contains(folder))
            return;
        next[folder] = uid;
        news.Remove(folder);
    }

    /// <summary>Takes what the server says.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="uid">Its next UID; null when it does not say.</param>
    public void Take(string folder, uint? uid)
    {
        if (uid is not { } now || !watched.Contains(folder))
            return;

        // A smaller one is news as well: the UIDs have changed their meaning.
        if (next.TryGetValue(folder, out uint before) && before != now)
            news.Add(folder);
        next[folder] = now;
    }
}
