using System.Globalization;

namespace EmailRouter.Mail.Imap;

/// <summary>Where a message lies. As text <c>uidvalidity.uid</c> in the inbox, with <c>/name</c> behind it elsewhere.</summary>
/// <param name="Folder">The mailbox.</param>
/// <param name="UidValidity">Its UIDVALIDITY.</param>
/// <param name="Uid">The UID.</param>
internal readonly record struct ImapLocation(string Folder, uint UidValidity, uint Uid)
{
    /// <summary>Reads a location.</summary>
    /// <param name="id">The id of a message.</param>
    /// <returns>The location; null when the id is none.</returns>
    public static ImapLocation? Parse(string id)
    {
        int slash = id.IndexOf('/', StringComparison.Ordinal);
        ReadOnlySpan<char> numbers = slash < 0 ? id : id.AsSpan(0, slash);
        int dot = numbers.IndexOf('.');
        return dot > 0
            && uint.TryParse(numbers[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out uint validity)
            && uint.TryParse(numbers[(dot + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out uint uid)
            ? new ImapLocation(slash < 0 ? ImapOptions.Inbox : id[(slash + 1)..], validity, uid)
            : null;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{UidValidity}.{Uid}{(Folder == ImapOptions.Inbox ? string.Empty : "/" + Folder)}");
}
