using EmailRouter.Mail.Files;
using EmailRouter.Mail.Net;

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
        string folder = string.Concat(levels.Select(level => "." + ModifiedUtf7.Encode(level)));
        string path = MoveTarget.Make(root, [folder], name);
        foreach (string part in (string[])["tmp", "new", "cur"])
            MoveTarget.Make(root, [folder, part], name);

        // Tells delivery programs that this is no Maildir of an account (Maildir++).
        string mark = System.IO.Path.Combine(path, "maildirfolder");
        if (!File.Exists(mark))
            File.Create(mark).Dispose();
        return new MaildirFolder(path);
    }
}
