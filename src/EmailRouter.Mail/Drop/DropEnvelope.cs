using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using EmailRouter.Mail.Files;

namespace EmailRouter.Mail.Drop;

/// <summary>Where the envelope of a dropped message is written.</summary>
[Flags]
internal enum DropEnvelopeForms
{
    /// <summary>Lines on top of the message.</summary>
    Headers = 1,

    /// <summary>A side-car file.</summary>
    Json = 2,
}

/// <summary>Writes the envelope of a message for the program that takes it from the folder.</summary>
internal static class DropEnvelope
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads the profile's option.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>Where to write it.</returns>
    /// <exception cref="MailCommandException"><c>MailOptionInvalid</c>.</exception>
    public static DropEnvelopeForms FormsOf(MailEndpoint endpoint)
    {
        string text = FileOptionValues.Text(endpoint, DropFolderSystem.EnvelopeOption) ?? "headers";
        return text.ToUpperInvariant() switch
        {
            "HEADERS" => DropEnvelopeForms.Headers,
            "JSON" => DropEnvelopeForms.Json,
            "BOTH" => DropEnvelopeForms.Headers | DropEnvelopeForms.Json,
            _ => throw FileOptionValues.Invalid(DropFolderSystem.EnvelopeOption, text, "Use headers, json or both."),
        };
    }

    /// <summary>Refuses addresses that would end their line: they could add headers and recipients of their own.</summary>
    /// <param name="message">The message.</param>
    /// <exception cref="MailCommandException"><see cref="MailException.InvalidAddress"/>.</exception>
    public static void RequireAddresses(OutgoingMessage message)
    {
        foreach (string address in message.Recipients.Append(message.EnvelopeFrom))
        {
            if (address.Any(c => char.IsControl(c) || c is '<' or '>' or '\u2028' or '\u2029'))
            {
                throw new MailCommandException(
                    MailException.InvalidAddress,
                    MailStep.Send,
                    $"The address \"{Smtp.SmtpAddress.Printable(address)}\" cannot stand in an envelope.",
                    "Correct the address of the record in the CRM.");
            }
        }
    }

    /// <summary>Makes the lines on top of the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The lines, UTF-8.</returns>
    public static byte[] ToHeaders(OutgoingMessage message)
    {
        var lines = new StringBuilder().Append("X-Sender: ").Append(message.EnvelopeFrom.Length == 0 ? "<>" : message.EnvelopeFrom).Append("\r\n");
        foreach (string recipient in message.Recipients)
            lines.Append("X-Receiver: ").Append(recipient).Append("\r\n");
        return Encoding.UTF8.GetBytes(lines.ToString());
    }

    /// <summary>Makes the side-car file.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The file's content.</returns>
    public static byte[] ToJson(OutgoingMessage message) => JsonSerializer.SerializeToUtf8Bytes(
        new
        {
            Sender = message.EnvelopeFrom,
            message.Recipients,
            message.MessageId,
            message.EnvelopeId,
            Notify = message.Notify == DeliveryNotifications.Default ? null : message.Notify.ToString(),
        },
        Indented);
}
