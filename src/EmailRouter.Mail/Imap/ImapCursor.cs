using System.Globalization;

namespace EmailRouter.Mail.Imap;

/// <summary>A position in one mailbox.</summary>
/// <param name="UidValidity">The UIDVALIDITY under which the UID means something.</param>
/// <param name="LastUid">The last UID that is done.</param>
/// <param name="ModSeq">The highest modification sequence when it was listed; null without CONDSTORE.</param>
internal sealed record ImapFolderCursor(uint UidValidity, uint LastUid, long? ModSeq);

/// <summary>
/// The positions in all mailboxes of a session, as text: <c>uidvalidity:lastuid[:modseq]</c> for the inbox, with <c>/name</c> behind it for others,
/// separated by blanks.
/// </summary>
internal sealed class ImapCursor
{
    private readonly SortedDictionary<string, ImapFolderCursor> folders = new(StringComparer.Ordinal);

    /// <summary>Reads a cursor. What cannot be read is no position: its mailbox is listed from the start.</summary>
    /// <param name="cursor">The cursor.</param>
    /// <returns>The positions.</returns>
    public static ImapCursor Parse(MailboxCursor cursor)
    {
        var positions = new ImapCursor();
        foreach (string entry in (cursor.Value ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int slash = entry.IndexOf('/', StringComparison.Ordinal);
            string folder = slash < 0 ? ImapOptions.Inbox : Uri.UnescapeDataString(entry[(slash + 1)..]);
            string[] numbers = (slash < 0 ? entry : entry[..slash]).Split(':');
            if (numbers.Length >= 2 && TryNumber(numbers[0], out uint validity) && TryNumber(numbers[1], out uint uid))
                positions.Set(folder, new ImapFolderCursor(validity, uid, numbers.Length > 2 && long.TryParse(numbers[2], out long modSeq) ? modSeq : null));
        }

        return positions;
    }

    /// <summary>Finds a position.</summary>
    /// <param name="folder">The mailbox.</param>
    /// <returns>The position; null for the start.</returns>
    public ImapFolderCursor? Find(string folder) => folders.GetValueOrDefault(folder);

    /// <summary>Sets a position.</summary>
    /// <param name="folder">The mailbox.</param>
    /// <param name="position">The position.</param>
    public void Set(string folder, ImapFolderCursor position) => folders[folder] = position;

    /// <summary>Writes the cursor.</summary>
    /// <returns>The cursor.</returns>
    public MailboxCursor ToCursor() => new(string.Join(' ', folders.Select(Write)));

    private static string Write(KeyValuePair<string, ImapFolderCursor> entry)
    {
        string modSeq = entry.Value.ModSeq is { } number ? string.Create(CultureInfo.InvariantCulture, $":{number}") : string.Empty;
        string folder = entry.Key == ImapOptions.Inbox ? string.Empty : "/" + Uri.EscapeDataString(entry.Key);
        return string.Create(CultureInfo.InvariantCulture, $"{entry.Value.UidValidity}:{entry.Value.LastUid}{modSeq}{folder}");
    }

    private static bool TryNumber(string text, out uint number) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
