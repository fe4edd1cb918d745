using EmailRouter.Crm;

namespace EmailRouter.Routing.Incoming;

/// <summary>Decides which parts of a message become attachments of the activity, by the organization's blocked extensions and size limit.</summary>
internal static class AttachmentPolicy
{
    private const string Rule = "AttachmentPolicy";
    private const int MaxFileNameLength = 255;      // activitymimeattachment.filename

    /// <summary>Applies the policy.</summary>
    /// <param name="contents">What the message shows; the attachments stay slices of the message.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <param name="evidence">Receives a line for each attachment that is left out.</param>
    /// <returns>The attachments to keep, in order.</returns>
    public static IReadOnlyList<EmailAttachment> Apply(MessageContents contents, OrganizationSettings settings, ICollection<Evidence> evidence)
    {
        ArgumentNullException.ThrowIfNull(contents);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(evidence);
        var kept = new List<EmailAttachment>();
        foreach (MessageFile file in contents.Files)
        {
            string name = NameOf(file, kept.Count + 1);
            string extension = Path.GetExtension(name).TrimStart('.').TrimEnd();
            if (settings.BlockedAttachments.Contains(extension))
            {
                evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"\"{name}\" is not saved: files of type .{extension} are blocked in the organization"));
                continue;
            }

            long size = file.GetSize();
            if (size > settings.MaxUploadFileSize)
            {
                evidence.Add(new Evidence(
                    Rule, EvidenceVerdict.Note, $"\"{name}\" is not saved: {size:N0} bytes are more than the organization's {settings.MaxUploadFileSize:N0} bytes"));
                continue;
            }

            kept.Add(new EmailAttachment(name, file.MediaType, size, _ => ValueTask.FromResult(file.Open())) { ContentId = file.ContentId });
        }

        return kept;
    }

    /// <summary>
    /// A name without a path and without characters that mislead about its end (mail-protocols: path traversal, bidi overrides), so that the extension
    /// that is judged is the extension that a person sees.
    /// </summary>
    private static string NameOf(MessageFile file, int number)
    {
        string? given = file.FileName;
        bool isNamedBySubject = given is null && file.Subject is not null;
        if (isNamedBySubject)
            given = (file.Subject!.Length == 0 ? "message" : file.Subject) + ".eml";
        string name = string.Concat((given ?? string.Empty).Select(c => char.IsControl(c) || c is '\u202A' or '\u202B' or '\u202C' or '\u202D' or '\u202E' or '\u2066' or '\u2067' or '\u2068' or '\u2069' or '\u200E' or '\u200F' ? ' ' : c));
        if (!isNamedBySubject)
            name = name[(name.LastIndexOfAny(['/', '\\', ':']) + 1)..];
        else
            name = name.Replace('/', '-').Replace('\\', '-').Replace(':', '-');
        name = name.Trim().TrimEnd('.', ' ');
        if (name.Length == 0)
            name = $"attachment-{number}{DefaultExtension(file)}";
        if (name.Length <= MaxFileNameLength)
            return name;
        string extension = Path.GetExtension(name);
        if (extension.Length > 20)
            extension = string.Empty;
        int cut = MaxFileNameLength - extension.Length;
        if (char.IsHighSurrogate(name[cut - 1]))
            cut--;
        return name[..cut] + extension;
    }

    private static string DefaultExtension(MessageFile file) => file.MediaType.ToLowerInvariant() switch
    {
        "message/rfc822" or "message/global" => ".eml",
        "text/plain" => ".txt",
        "text/html" => ".htm",
        "text/calendar" => ".ics",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "application/pdf" => ".pdf",
        _ => ".dat",
    };
}
