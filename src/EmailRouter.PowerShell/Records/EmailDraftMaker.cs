using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;

namespace EmailRouter.PowerShell.Records;

/// <summary>Puts a draft together from what a user of PowerShell gives.</summary>
internal static class EmailDraftMaker
{
    private const string DefaultMimeType = "application/octet-stream";

    // Only what the receiving programs decide by; everything else is sent as what it is to the router, bytes.
    private static readonly Dictionary<string, string> MimeTypes = new(StringComparer.OrdinalIgnoreCase)
    {
        [".csv"] = "text/csv",
        [".docx"] = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        [".eml"] = "message/rfc822",
        [".gif"] = "image/gif",
        [".htm"] = "text/html",
        [".html"] = "text/html",
        [".ics"] = "text/calendar",
        [".jpeg"] = "image/jpeg",
        [".jpg"] = "image/jpeg",
        [".json"] = "application/json",
        [".pdf"] = "application/pdf",
        [".png"] = "image/png",
        [".pptx"] = "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        [".txt"] = "text/plain",
        [".xlsx"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        [".xml"] = "application/xml",
        [".zip"] = "application/zip",
    };

    /// <summary>Finds the user or queue that an address or a name means.</summary>
    /// <param name="crm">The CRM.</param>
    /// <param name="sender">The address or name.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The user or queue; null when there is none.</returns>
    public static async Task<RecordReference?> FindSenderAsync(EmbeddedCrm crm, string sender, CancellationToken cancellationToken)
    {
        await foreach (CrmMailbox mailbox in crm.GetMailboxesAsync(cancellationToken).ConfigureAwait(false))
        {
            if (Same(mailbox.Address, sender) || Same(mailbox.Owner.Name, sender))
            {
                return mailbox.Owner;
            }
        }

        return null;
    }

    /// <summary>Understands recipients: records, references, addresses, several addresses in one text.</summary>
    /// <param name="given">What was given.</param>
    /// <returns>The recipients.</returns>
    public static IReadOnlyList<DraftRecipient> Recipients(IEnumerable<object?>? given) => [.. (given ?? []).SelectMany(one => Recipients(one))];

    /// <summary>Makes an attachment of a file. It is opened when it is stored.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The attachment.</returns>
    public static EmailAttachment Attachment(string path) => new(
        Path.GetFileName(path),
        MimeTypes.GetValueOrDefault(Path.GetExtension(path), DefaultMimeType),
        new FileInfo(path).Length,
        _ => ValueTask.FromResult<Stream>(File.OpenRead(path)));

    private static IEnumerable<DraftRecipient> Recipients(object? one) => one switch
    {
        null => [],
        PSObject wrapped => Recipients(wrapped.BaseObject),
        CrmRecord record => [DraftRecipient.FromRecord(record.ToReference())],
        RecordReference reference => [DraftRecipient.FromRecord(reference)],
        _ => (one.ToString() ?? string.Empty)
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(DraftRecipient.FromAddress),
    };

    private static bool Same(string? one, string? other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
}
