using System.Buffers;
using System.Text.Json.Nodes;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Graph;

/// <summary>What a message says, between JSON and MIME.</summary>
internal sealed record GraphDraft
{
    private const int MaximumHeaders = 5;

    public required MessageDraft Message { get; init; }

    /// <summary>Gets the recipients of blind copies, who stand in the draft and do not leave with it.</summary>
    public IReadOnlyList<MailAddress> Bcc { get; init; } = [];

    /// <summary>Begins an empty message of a mailbox.</summary>
    public static GraphDraft New(MailAddress from, TimeProvider clock) => new()
    {
        Message = new MessageDraft { From = [from], Date = clock.GetUtcNow(), MessageId = MessageIds.Generate(from.Domain, clock) },
    };

    /// <summary>Takes a message apart.</summary>
    public static GraphDraft Of(MimeMessage message, MailAddress from, TimeProvider clock)
    {
        string[] own =
        [
            "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Received", "Return-Path",
        ];
        return new GraphDraft
        {
            Message = new MessageDraft
            {
                From = message.From.Count > 0 ? message.From : [from],
                Sender = message.Sender,
                ReplyTo = message.ReplyTo,
                To = message.To,
                Cc = message.Cc,
                Subject = message.Subject,
                Date = message.Date ?? clock.GetUtcNow(),
                MessageId = message.MessageId is { } id ? Bracketed(id) : MessageIds.Generate(from.Domain, clock),
                InReplyTo = message.InReplyTo,
                References = message.References,
                TextBody = message.TextBody?.GetText(),
                HtmlBody = message.HtmlBody?.GetText(),
                Attachments = [.. message.Attachments.Select(Copy)],
                ExtraHeaders =
                [
                    .. message.Headers.Where(h => !own.Contains(h.Name, StringComparer.OrdinalIgnoreCase) && !h.Name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
                        .Select(h => KeyValuePair.Create(h.Name, h.Value)),
                ],
            },
            Bcc = message.Bcc,
        };
    }

    /// <summary>Takes over what a request says of the message.</summary>
    /// <exception cref="GraphError">It says something that a message cannot hold.</exception>
    public GraphDraft With(JsonObject json)
    {
        MessageDraft message = Message;
        IReadOnlyList<MailAddress> bcc = Bcc;
        foreach ((string name, JsonNode? value) in json)
        {
            switch (name)
            {
                case "subject":
                    message = message with { Subject = Text(value, name) ?? string.Empty };
                    break;
                case "body":
                    string content = Text(value?["content"], "body/content") ?? string.Empty;
                    message = string.Equals(Text(value?["contentType"], "body/contentType"), "html", StringComparison.OrdinalIgnoreCase)
                        ? message with { HtmlBody = content, TextBody = null }
                        : message with { TextBody = content, HtmlBody = null };
                    break;
                case "toRecipients":
                    message = message with { To = Addresses(value, name) };
                    break;
                case "ccRecipients":
                    message = message with { Cc = Addresses(value, name) };
                    break;
                case "bccRecipients":
                    bcc = Addresses(value, name);
                    break;
                case "replyTo":
                    message = message with { ReplyTo = Addresses(value, name) };
                    break;
                case "from":
                    message = message with { From = [Address(value)] };
                    break;
                case "sender":
                    message = message with { Sender = Address(value) };
                    break;
                case "internetMessageId":
                    message = message with { MessageId = Bracketed(Text(value, name) ?? throw GraphError.Body("internetMessageId is a text.")) };
                    break;
                case "internetMessageHeaders":
                    message = message with { ExtraHeaders = [.. message.ExtraHeaders, .. Headers(value)] };
                    break;
                case "importance":
                    message = message with
                    {
                        ExtraHeaders = [.. message.ExtraHeaders.Where(h => h.Key != "Importance"), new("Importance", Text(value, name) ?? "normal")],
                    };
                    break;
                case "attachments":
                    message = message with { Attachments = [.. message.Attachments, .. (value as JsonArray ?? []).Select(Attachment)] };
                    break;
            }
        }

        return this with { Message = message, Bcc = bcc };
    }

    public GraphDraft WithAttachment(DraftAttachment attachment) => this with { Message = Message with { Attachments = [.. Message.Attachments, attachment] } };

    public GraphDraft WithoutAttachment(int number) => this with { Message = Message with { Attachments = [.. Message.Attachments.Where((_, i) => i != number)] } };

    /// <summary>Reads an attachment (microsoft.graph.fileAttachment or itemAttachment).</summary>
    public static DraftAttachment Attachment(JsonNode? json)
    {
        string? name = Text(json?["name"], "name");
        string? type = Text(json?["@odata.type"], "@odata.type");
        if (type is not null && !type.EndsWith("fileAttachment", StringComparison.OrdinalIgnoreCase))
            throw new GraphError(400, "ErrorInvalidAttachment", $"Attachments of the type '{type}' cannot be made here.");
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(Text(json?["contentBytes"], "contentBytes") ?? throw GraphError.Body("An attachment needs contentBytes."));
        }
        catch (FormatException)
        {
            throw GraphError.Body("Cannot convert the literal of contentBytes to the expected type 'Edm.Binary'.");
        }

        if (name is null)
            throw new GraphError(400, "ErrorRequiredPropertyMissing", "Required property is missing. Property Name: name");
        return Make(name, Text(json?["contentType"], "contentType"), bytes, Text(json?["contentId"], "contentId"), json?["isInline"]?.GetValue<bool>() == true);
    }

    public static DraftAttachment Make(string name, string? mediaType, byte[] bytes, string? contentId, bool isInline) =>
        DraftAttachment.FromBytes(name, mediaType is { Length: > 0 } ? mediaType : "application/octet-stream", bytes, contentId) with { IsInline = isInline };

    /// <summary>Writes it as MIME; blind recipients stand in a header of the draft.</summary>
    public async ValueTask<byte[]> WriteAsync(CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(4096);
        try
        {
            await MimeWriter.WriteAsync(Message with { Attachments = [.. Message.Attachments.Where(a => !IsResource(a))], InlineResources = [.. Message.Attachments.Where(IsResource)] }, output, cancellationToken: cancellationToken);
        }
        catch (ArgumentException e)
        {
            throw new GraphError(400, "ErrorInvalidRecipients", $"At least one recipient or header isn't valid: {e.Message}");
        }

        if (Bcc.Count == 0)
            return output.WrittenSpan.ToArray();
        var whole = new ArrayBufferWriter<byte>(output.WrittenCount + 256);
        HeaderSection.Prepend(output.WrittenSpan, [new("Bcc", string.Join(", ", Bcc))], whole);
        return whole.WrittenSpan.ToArray();

        bool IsResource(DraftAttachment attachment) => Message.HtmlBody is not null && attachment is { IsInline: true, ContentId: not null };
    }

    /// <summary>Reads one address (microsoft.graph.recipient).</summary>
    public static MailAddress Address(JsonNode? json)
    {
        JsonNode? inner = json?["emailAddress"];
        string? address = Text(inner?["address"], "emailAddress/address");
        return MailAddress.IsValidAddrSpec(address)
            ? new MailAddress(Text(inner?["name"], "emailAddress/name"), address)
            : throw new GraphError(400, "ErrorInvalidRecipients", $"At least one recipient isn't valid., Recipient '{address}' isn't resolved. All recipients must be resolved before a message can be submitted.");
    }

    public static IReadOnlyList<MailAddress> Addresses(JsonNode? json, string name) =>
        json is null ? [] : [.. (json as JsonArray ?? throw GraphError.Body($"{name} is a collection.")).Select(Address)];

    public static string? Text(JsonNode? json, string name)
    {
        if (json is null)
            return null;
        return json is JsonValue value && value.TryGetValue(out string? text) ? text : throw GraphError.Body($"Cannot convert the value of '{name}' to the expected type 'Edm.String'.");
    }

    private static IEnumerable<KeyValuePair<string, string>> Headers(JsonNode? json)
    {
        JsonArray headers = json as JsonArray ?? [];
        if (headers.Count > MaximumHeaders)
            throw new GraphError(400, "InvalidInternetMessageHeaderCollection", "Maximum number of headers in one message should be less than or equal to 5.");
        foreach (JsonNode? header in headers)
        {
            string name = Text(header?["name"], "name") ?? string.Empty;
            if (!name.StartsWith("x-", StringComparison.OrdinalIgnoreCase))
                throw new GraphError(400, "InvalidInternetMessageHeader", $"The internet message header name '{name}' should start with 'x-' or 'X-'.");
            yield return new(name, Text(header?["value"], "value") ?? string.Empty);
        }
    }

    private static string Bracketed(string id) => id.StartsWith('<') ? id : $"<{id}>";

    private static DraftAttachment Copy(MimePart part) => new()
    {
        FileName = part.FileName ?? (part.EmbeddedMessage is null ? null : part.EmbeddedMessage.Subject + ".eml"),
        MediaType = part.EmbeddedMessage is null ? part.ContentType.MediaType : "message/rfc822",
        ContentId = part.ContentId,
        IsInline = part.IsInline,
        Open = _ => ValueTask.FromResult<Stream>(part.EmbeddedMessage is { } embedded ? new MemoryStream(embedded.Source.ToArray()) : part.OpenDecoded()),
    };
}
