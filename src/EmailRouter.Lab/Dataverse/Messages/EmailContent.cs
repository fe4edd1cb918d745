using System.Text.Json;
using EmailRouter.Crm;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Messages;

/// <summary>Reads what the messages that deliver email carry: addresses, importance, attachments.</summary>
internal static class EmailContent
{
    /// <summary>Gets the parameters that hold addresses, with their roles.</summary>
    public static IReadOnlyList<(string Parameter, ParticipationType Role)> Roles { get; } =
        [("From", ParticipationType.Sender), ("To", ParticipationType.To), ("Cc", ParticipationType.Cc), ("Bcc", ParticipationType.Bcc)];

    /// <summary>Reads a list of addresses.</summary>
    /// <param name="text">Addresses separated by semicolons or commas, perhaps with names before addresses in angle brackets.</param>
    /// <returns>The addresses.</returns>
    public static IEnumerable<string> AddressesOf(string? text) => (text ?? string.Empty).Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(a => a.EndsWith('>') && a.Contains('<', StringComparison.Ordinal) ? a[(a.LastIndexOf('<') + 1)..^1] : a);

    /// <summary>Reads the importance; the promoting messages say it in digits.</summary>
    public static EmailPriority PriorityOf(string? importance) => importance?.ToLowerInvariant() switch
    {
        "low" or "0" => EmailPriority.Low,
        "high" or "2" => EmailPriority.High,
        _ => EmailPriority.Normal,
    };

    /// <summary>Reads attachments.</summary>
    /// <param name="list">The parameter; nothing when it is missing.</param>
    /// <returns>The attachments with their contents.</returns>
    public static List<(EmailAttachment Attachment, byte[] Content)> AttachmentsOf(JsonElement list)
    {
        var attachments = new List<(EmailAttachment, byte[])>();
        if (list.ValueKind != JsonValueKind.Array)
            return attachments;
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object)
                throw ODataException.Payload("Attachments", "An attachment is a row of activitymimeattachment.");
            string? Text(string name) => item.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            byte[] content = [];
            if (item.TryGetProperty("body", out JsonElement body) && (body.ValueKind != JsonValueKind.String || !body.TryGetBytesFromBase64(out content!)))
                throw ODataException.Payload("Attachments", "The body of an attachment must be base64.");
            attachments.Add((
                new EmailAttachment(Text("filename") ?? "attachment", Text("mimetype") ?? "application/octet-stream", content.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(content)))
                {
                    ContentId = Text("attachmentcontentid"),
                },
                content));
        }

        return attachments;
    }
}
