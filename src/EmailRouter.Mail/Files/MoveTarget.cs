using System.Buffers;

namespace EmailRouter.Mail.Files;

/// <summary>Prepares the folder to which a message is moved.</summary>
internal static class MoveTarget
{
    private static readonly SearchValues<char> NotInNames = SearchValues.Create("/\\:*?\"<>|");

    /// <summary>Makes a folder below another, and every folder between, unless they exist. Links are not followed: they could lead out of the mailbox.</summary>
    /// <param name="root">The mailbox's folder.</param>
    /// <param name="segments">The names below it; each valid as the name of one folder.</param>
    /// <param name="name">The target as the profile names it, for the error.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="MailCommandException">A folder on the way is a link.</exception>
    public static string Make(string root, IEnumerable<string> segments, string name)
    {
        string folder = root;
        foreach (string segment in segments)
        {
            folder = Path.Combine(folder, segment);
            if (new DirectoryInfo(folder).LinkTarget is not null)
                throw FileErrors.Outside(name, root, $"{folder} is a link");
            if (Directory.Exists(folder))
                continue;
            Directory.CreateDirectory(folder);

            // Whoever may work on the mailbox may work on its sub-folder. It belongs to the router's account all the same.
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(folder, File.GetUnixFileMode(root));
        }

        return folder;
    }

    /// <summary>Whether a text can be the name of one folder.</summary>
    /// <param name="segment">The text.</param>
    /// <returns>False for what is empty, leads elsewhere, or no file system takes.</returns>
    public static bool IsName(string segment) =>
        segment.Length is > 0 and <= 200 && segment is not ("." or "..") && segment.AsSpan().Trim().Length == segment.Length &&
        !segment.AsSpan().ContainsAny(NotInNames) && !segment.Any(char.IsControl);

    /// <summary>Moves a file without ever replacing another.</summary>
    /// <param name="source">The file.</param>
    /// <param name="nameOf">Makes the target's full path for each attempt, from 1.</param>
    public static void Move(string source, Func<int, string> nameOf)
    {
        for (int attempt = 1; ; attempt++)
        {
            string target = nameOf(attempt);
            if (attempt < 100 && File.Exists(target))
                continue;
            try
            {
                File.Move(source, target, overwrite: false);
                return;
            }
            catch (IOException) when (attempt < 100 && File.Exists(target) && File.Exists(source))
            {
                // Somebody was quicker with this name.
            }
        }
    }
}
