using System.Buffers.Binary;
using System.Text;
using EmailRouter.Mail.Files;

namespace EmailRouter.Mail.Maildir;

/// <summary>A sub-folder as Maildir++ has them: a Maildir of its own beside <c>cur</c>, its name with dots for the levels and one in front.</summary>
/// <param name="Path">Its path.</param>
internal sealed record MaildirFolder(string Path)
{
    /// <summary>Finds a folder, and makes it when it is missing.</summary>
    /// <param name="root">The Maildir.</param>
    /// <param name="name">The folder's name with <c>/</c> or <c>.</c> between its levels.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="MailCommandException">The name is none, or leads out of the Maildir.</exception>
    public static MaildirFolder Make(string root, string name)
    {
        string[] levels = name.Split(['/', '.']);
        if (levels[0].Equals("INBOX", StringComparison.OrdinalIgnoreCase))
            levels = levels[1..];
        if (levels.Length == 0 || !Array.TrueForAll(levels, MoveTarget.IsName))
            throw FileErrors.Outside(name, root, "that is no name of a sub-folder");
        string folder = string.Concat(levels.Select(level => "." + Encode(level)));
        string path = MoveTarget.Make(root, [folder], name);
        foreach (string part in (string[])["tmp", "new", "cur"])
            MoveTarget.Make(root, [folder, part], name);

        // Tells delivery programs that this is no Maildir of an account (Maildir++).
        string mark = System.IO.Path.Combine(path, "maildirfolder");
        if (!File.Exists(mark))
            File.Create(mark).Dispose();
        return new MaildirFolder(path);
    }

    /// <summary>Names of folders are in modified UTF-7 on the disk as in IMAP (RFC 3501 5.1.3).</summary>
    private static string Encode(string level)
    {
        var encoded = new StringBuilder();
        for (int i = 0; i < level.Length; i++)
        {
            if (level[i] is >= ' ' and <= '~')
            {
                encoded.Append(level[i] == '&' ? "&-" : level[i].ToString());
                continue;
            }

            int end = i;
            while (end < level.Length && level[end] is not (>= ' ' and <= '~'))
                end++;
            byte[] utf16 = new byte[(end - i) * 2];
            for (int c = i; c < end; c++)
                BinaryPrimitives.WriteUInt16BigEndian(utf16.AsSpan((c - i) * 2), level[c]);
            encoded.Append('&').Append(Convert.ToBase64String(utf16).TrimEnd('=').Replace('/', ',')).Append('-');
            i = end - 1;
        }

        return encoded.ToString();
    }
}
