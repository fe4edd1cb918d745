namespace EmailRouter.Mail.Exchange;

/// <summary>
/// The positions in all folders of a session, as text: <c>folder=state</c>, separated by blanks. The folder is as the profile writes it, its special characters escaped; the state is
/// the server's own and may have several thousand characters.
/// </summary>
internal sealed class ExchangeCursor
{
    private readonly SortedDictionary<string, string> states = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a cursor. What cannot be read is no position: its folder is listed from the start.</summary>
    /// <param name="cursor">The cursor.</param>
    /// <returns>The positions.</returns>
    public static ExchangeCursor Parse(MailboxCursor cursor)
    {
        var positions = new ExchangeCursor();
        foreach (string entry in (cursor.Value ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && equals < entry.Length - 1)
                positions.Set(Uri.UnescapeDataString(entry[..equals]), entry[(equals + 1)..]);
        }

        return positions;
    }

    /// <summary>Finds a state.</summary>
    /// <param name="folder">The folder as the profile writes it.</param>
    /// <returns>The state; null for the start.</returns>
    public string? Find(string folder) => states.GetValueOrDefault(folder);

    /// <summary>Sets a state.</summary>
    /// <param name="folder">The folder as the profile writes it.</param>
    /// <param name="state">The state; null for the start.</param>
    public void Set(string folder, string? state)
    {
        if (string.IsNullOrEmpty(state))
            states.Remove(folder);
        else
            states[folder] = state;
    }

    /// <summary>Writes the cursor.</summary>
    /// <returns>The cursor.</returns>
    public MailboxCursor ToCursor() => new(string.Join(' ', states.Select(s => $"{Uri.EscapeDataString(s.Key)}={s.Value}")));
}
