using System.Buffers;

namespace EmailRouter.Mail;

/// <summary>
/// The path of a profile whose mail system works on files of this machine. It may hold <c>{address}</c>, <c>{local}</c> and <c>{domain}</c>, which stand for
/// the mailbox's address, what is before its @ and what is behind it, all in lower case: <c>/var/mail/{domain}/{local}/Maildir</c>.
/// </summary>
public static class MailboxPath
{
    private static readonly SearchValues<char> NotInNames = SearchValues.Create("/\\:*?\"<>|");

    /// <summary>Says what is wrong with a path as it stands in a profile. Looks at no disk.</summary>
    /// <param name="path">The path.</param>
    /// <returns>The fault in a sentence; null when there is none.</returns>
    public static string? FindFault(string? path)
    {
        if (string.IsNullOrWhiteSpace(path))
            return "It is missing.";
        if (path.Any(char.IsControl))
            return "It holds control characters.";
        if (!Path.IsPathFullyQualified(path))
            return $"\"{path}\" is no full path.";
        string known = path.Replace("{address}", "a", StringComparison.OrdinalIgnoreCase)
            .Replace("{local}", "a", StringComparison.OrdinalIgnoreCase)
            .Replace("{domain}", "a", StringComparison.OrdinalIgnoreCase);
        int brace = known.IndexOfAny(['{', '}']);
        return brace < 0 ? null : $"\"{path}\" holds a brace that is not part of {{address}}, {{local}} or {{domain}}.";
    }

    /// <summary>Makes the path for one mailbox.</summary>
    /// <param name="path">The path as it stands in the profile.</param>
    /// <param name="mailbox">The mailbox's address.</param>
    /// <returns>The full path.</returns>
    /// <exception cref="MailCommandException">
    /// <c>MailPathInvalid</c>: the path has a fault, or the address cannot be part of a path because it would lead elsewhere.
    /// </exception>
    public static string Expand(string? path, string mailbox)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        if (FindFault(path) is { } fault)
            throw Invalid($"The profile's path cannot be used. {fault}", "Correct the path of the profile.");
        if (!path!.Contains('{', StringComparison.Ordinal))
            return Path.GetFullPath(path);

        string address = mailbox.Trim().ToLowerInvariant();
        int at = address.LastIndexOf('@');
        return Path.GetFullPath(
            Put(Put(Put(path, "{address}", address), "{local}", at < 0 ? address : address[..at]), "{domain}", at < 0 ? string.Empty : address[(at + 1)..]));

        string Put(string text, string placeholder, string value)
        {
            if (!text.Contains(placeholder, StringComparison.OrdinalIgnoreCase))
                return text;

            // The address comes from the CRM: it must not be able to choose another folder.
            if (value.Length == 0 || value[0] == '.' || value[^1] is '.' or ' ' || value.AsSpan().ContainsAny(NotInNames) || value.Any(char.IsControl) || value.Contains('{', StringComparison.Ordinal))
                throw Invalid($"The address \"{mailbox}\" cannot stand for {placeholder} in the path {path}.", "Give this mailbox a profile with a path of its own.");
            return text.Replace(placeholder, value, StringComparison.OrdinalIgnoreCase);
        }
    }

    private static MailCommandException Invalid(string message, string remedy) => new("MailPathInvalid", MailStep.Resolve, message, remedy);
}
