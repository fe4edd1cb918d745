using System.Buffers;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Graph;

/// <summary>Reading and changing messages.</summary>
internal sealed class GraphMessages(GraphCall call, LabMailStore store)
{
    private static readonly string[] OfDraftsOnly = ["subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender", "internetMessageId", "internetMessageHeaders"];

    private readonly LabMailbox mailbox = call.Mailbox;

    private MailAddress Owner => new(mailbox.DisplayName, mailbox.Address);

    public LabHttpAnswer List(string? folderId)
    {
        IEnumerable<LabMessage> messages = folderId is null
            ? mailbox.Folders.SelectMany(f => mailbox.MessagesIn(f.Id))
            : mailbox.MessagesIn(GraphIds.FolderOf(mailbox, folderId).Id);
        string context = folderId is null ? "messages" : $"mailFolders('{Uri.EscapeDataString(folderId)}')/messages";
        return Ok(call.Query.Apply(
            messages.OrderByDescending(m => m.ReceivedOn).ThenByDescending(m => m.Place).Select(m => new GraphItem(mailbox, m, call)),
            static (item, path) => item.Resolve(path),
            item => item.Show(call.Query.Select),
            call,
            context));
    }

    public LabHttpAnswer Count(string? folderId)
    {
        IEnumerable<LabMessage> messages = folderId is null ? mailbox.Folders.SelectMany(f => mailbox.MessagesIn(f.Id)) : mailbox.MessagesIn(GraphIds.FolderOf(mailbox, folderId).Id);
        int count = messages.Count(m => call.Query.Filter is not { } filter || filter.Holds(new GraphItem(mailbox, m, call).Resolve));
        return LabHttpAnswer.OfText(200, count.ToString(System.Globalization.CultureInfo.InvariantCulture), "text/plain");
    }

    public LabHttpAnswer Get(string id)
    {
        LabMessage message = Find(id);
        return Show(200, message).With("ETag", GraphItem.Etag(message));
    }

    public LabHttpAnswer GetMime(string id) => LabHttpAnswer.OfBytes(200, Find(id).Content, "text/plain");

    public async ValueTask<LabHttpAnswer> CreateAsync(string? folderId, CancellationToken cancellationToken)
    {
        string folder = GraphIds.FolderOf(mailbox, folderId ?? LabFolderNames.Drafts).Id;
        if (call.IsMime)
            return Show(201, mailbox.Add(folder, Complete(MimeOf(call)), new LabNewMessage { IsRead = true, IsDraft = true }));
        JsonObject json = call.Body;
        byte[] content = await GraphDraft.New(Owner, store.Clock).With(json).WriteAsync(cancellationToken);
        LabMessage draft = mailbox.Add(folder, content, new LabNewMessage
        {
            IsRead = true,
            IsDraft = true,
            Categories = Categories(json),
            Importance = GraphDraft.Text(json["importance"], "importance"),
            Properties = GraphExtendedProperties.Merge(LabMessage.NoProperties, json["singleValueExtendedProperties"]),
        });
        return Show(201, draft);
    }

    public async ValueTask<LabHttpAnswer> UpdateAsync(string id, CancellationToken cancellationToken)
    {
        LabMessage message = Find(id);
        JsonObject json = call.Body;
        ReadOnlyMemory<byte> content = message.Content;
        if (json.Select(p => p.Key).FirstOrDefault(OfDraftsOnly.Contains) is { } ofDrafts)
        {
            if (!message.IsDraft)
                throw GraphError.InvalidProperty($"The property '{ofDrafts}' can be changed while the message is a draft only.");
            content = await GraphDraft.Of(message.Mime, Owner, store.Clock).With(json).WriteAsync(cancellationToken);
        }

        string? etag = call.Request.Header("If-Match") is { Length: > 0 } given && given != "*" ? GraphItem.ChangeKeyOf(given) : null;
        return Show(200, mailbox.Update(
            message.Id,
            m => m with
            {
                Content = content,
                IsRead = Flag(json["isRead"], "isRead") ?? m.IsRead,
                Categories = json.ContainsKey("categories") ? Categories(json) : m.Categories,
                Importance = GraphDraft.Text(json["importance"], "importance") ?? m.Importance,
                Flag = GraphDraft.Text(json["flag"]?["flagStatus"], "flag/flagStatus") ?? m.Flag,
                Properties = GraphExtendedProperties.Merge(m.Properties, json["singleValueExtendedProperties"]),
            },
            etag));
    }

    public LabHttpAnswer Move(string id) => Show(201, mailbox.Move(Find(id).Id, Destination()));

    public LabHttpAnswer Copy(string id) => Show(201, mailbox.Copy(Find(id).Id, Destination()));

    public LabHttpAnswer Delete(string id)
    {
        LabMessage message = Find(id);
        bool isInBin = message.FolderId == mailbox.FolderOf(LabFolderNames.DeletedItems).Id || message.FolderId == mailbox.FolderOf(LabFolderNames.RecoverableItemsDeletions).Id;
        mailbox.Delete(message.Id, isInBin ? LabDeletion.Soft : LabDeletion.MoveToDeletedItems);
        return new LabHttpAnswer(204);
    }

    public LabHttpAnswer DeleteForGood(string id)
    {
        mailbox.Delete(Find(id).Id, LabDeletion.Hard);
        return new LabHttpAnswer(204);
    }

    /// <summary>Makes a draft that answers or forwards a message, and shows or sends it.</summary>
    /// <param name="id">The message.</param>
    /// <param name="action">reply, replyAll, forward, or the same with create before it.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    public async ValueTask<LabHttpAnswer> RespondAsync(string id, string action, CancellationToken cancellationToken)
    {
        LabMessage original = Find(id);
        bool isDraft = action.StartsWith("create", StringComparison.OrdinalIgnoreCase);
        string kind = (isDraft ? action["create".Length..] : action).ToLowerInvariant();
        byte[] content = call.IsMime
            ? Complete(MimeOf(call))
            : await Response(original.Mime, kind, call.BodyOrEmpty).WriteAsync(cancellationToken);
        if (isDraft)
            return Show(201, mailbox.Add(mailbox.FolderOf(LabFolderNames.Drafts).Id, content, new LabNewMessage { IsRead = true, IsDraft = true }));
        Submit(content, mailbox.FolderOf(LabFolderNames.SentItems).Id);
        return new LabHttpAnswer(202);
    }

    /// <summary>Sends a message that is no draft (sendMail).</summary>
    public async ValueTask<LabHttpAnswer> SendMailAsync(CancellationToken cancellationToken)
    {
        byte[] content;
        bool save = true;
        if (call.IsMime)
        {
            content = MimeOf(call);
        }
        else
        {
            JsonObject json = call.Body["message"] as JsonObject ?? call.Body["Message"] as JsonObject
                ?? throw new GraphError(400, "ErrorInvalidRequest", "The parameter 'Message' is required.");
            save = Flag(call.Body["saveToSentItems"] ?? call.Body["SaveToSentItems"], "saveToSentItems") ?? true;
            content = await GraphDraft.New(Owner, store.Clock).With(json).WriteAsync(cancellationToken);
        }

        Submit(content, save ? mailbox.FolderOf(LabFolderNames.SentItems).Id : null);
        return new LabHttpAnswer(202);
    }

    /// <summary>Sends a draft; it goes to Sent Items with the same immutable id.</summary>
    public LabHttpAnswer Send(string id)
    {
        LabMessage draft = Find(id);
        if (!draft.IsDraft)
            throw GraphError.Invalid("The item is not a draft and cannot be sent.");
        Submit(draft.Content, null);
        mailbox.Update(draft.Id, m => m with { IsDraft = false, IsRead = true });
        mailbox.Move(draft.Id, mailbox.FolderOf(LabFolderNames.SentItems).Id);
        return new LabHttpAnswer(202);
    }

    public LabHttpAnswer Attachments(string id)
    {
        LabMessage message = Find(id);
        return Ok(call.Query.Apply(
            GraphAttachment.Of(message).Select(a => a.Show(withContent: call.Query.Select is null || call.Query.Select.Contains("contentBytes"))),
            GraphValue.Find,
            a => Pick(a),
            call,
            $"messages('{Uri.EscapeDataString(id)}')/attachments"));
    }

    public LabHttpAnswer Attachment(string id, string attachment) =>
        Ok(GraphAttachment.Find(Find(id), attachment).Show(withContent: true, call.Context($"messages('{Uri.EscapeDataString(id)}')/attachments/$entity")));

    public LabHttpAnswer AttachmentContent(string id, string attachment)
    {
        GraphAttachment found = GraphAttachment.Find(Find(id), attachment);
        return LabHttpAnswer.OfBytes(200, found.Content, found.IsItem ? "text/plain" : "application/octet-stream");
    }

    public async ValueTask<LabHttpAnswer> AttachAsync(string id, CancellationToken cancellationToken)
    {
        LabMessage changed = await AttachAsync(mailbox, FindDraft(id), GraphDraft.Attachment(call.Body), store.Clock, cancellationToken);
        return LabHttpAnswer.OfJson(201, GraphAttachment.Of(changed)[^1].Show(withContent: true, call.Context($"messages('{Uri.EscapeDataString(id)}')/attachments/$entity")));
    }

    public async ValueTask<LabHttpAnswer> DetachAsync(string id, string attachment, CancellationToken cancellationToken)
    {
        LabMessage draft = FindDraft(id);
        int number = GraphAttachment.Find(draft, attachment).Number;
        byte[] content = await GraphDraft.Of(draft.Mime, Owner, store.Clock).WithoutAttachment(number).WriteAsync(cancellationToken);
        mailbox.Update(draft.Id, m => m with { Content = content });
        return new LabHttpAnswer(204);
    }

    /// <summary>Adds an attachment to a draft.</summary>
    public static async ValueTask<LabMessage> AttachAsync(LabMailbox mailbox, LabMessage draft, DraftAttachment attachment, TimeProvider clock, CancellationToken cancellationToken)
    {
        var owner = new MailAddress(mailbox.DisplayName, mailbox.Address);
        byte[] content = await GraphDraft.Of(draft.Mime, owner, clock).WithAttachment(attachment).WriteAsync(cancellationToken);
        return mailbox.Update(draft.Id, m => m with { Content = content });
    }

    public LabMessage FindDraft(string id) => Find(id) is { IsDraft: true } draft
        ? draft
        : throw GraphError.InvalidProperty("Attachments can be changed while the message is a draft only.");

    private LabMessage Find(string id) => GraphIds.Message(mailbox, id);

    private LabHttpAnswer Show(int status, LabMessage message)
    {
        LabHttpAnswer answer = LabHttpAnswer.OfJson(status, new GraphItem(mailbox, message, call).Show(call.Query.Select, withContext: true));
        return status == 201 ? answer.With("Location", $"{call.Root}/users('{Uri.EscapeDataString(mailbox.Address)}')/messages('{GraphIds.OfMessage(message, call.Immutable)}')") : answer;
    }

    private static LabHttpAnswer Ok(JsonNode json) => LabHttpAnswer.OfJson(200, json);

    private JsonObject Pick(JsonObject json)
    {
        if (call.Query.Select is not { } select)
            return json;
        foreach (string name in json.Select(p => p.Key).Where(n => !n.StartsWith('@') && n != "id" && !select.Contains(n, StringComparer.OrdinalIgnoreCase)).ToList())
            json.Remove(name);
        return json;
    }

    private string Destination() => GraphIds.FolderOf(
        mailbox, GraphDraft.Text(call.Body["destinationId"] ?? call.Body["DestinationId"], "destinationId") ?? throw GraphError.Invalid("The parameter 'DestinationId' is required.")).Id;

    private void Submit(ReadOnlyMemory<byte> content, string? saveTo) =>
        store.Submit(new LabSubmission(mailbox, content) { Account = call.Token.UserName ?? mailbox.Address, SaveTo = saveTo });

    private GraphDraft Response(MimeMessage original, string kind, JsonObject body)
    {
        GraphDraft draft = GraphDraft.New(Owner, store.Clock);
        string comment = GraphDraft.Text(body["comment"] ?? body["Comment"], "comment") ?? string.Empty;
        string prefix = kind == "forward" ? "FW: " : "RE: ";
        IReadOnlyList<MailAddress> toSender = original.ReplyTo.Count > 0 ? original.ReplyTo : original.From;
        draft = draft with
        {
            Message = draft.Message with
            {
                Subject = original.Subject.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? original.Subject : prefix + original.Subject,
                To = kind switch
                {
                    "forward" => GraphDraft.Addresses(body["toRecipients"] ?? body["ToRecipients"], "toRecipients"),
                    "replyall" => [.. toSender, .. original.To.Where(a => !a.IsSameMailbox(Owner))],
                    _ => toSender,
                },
                Cc = kind == "replyall" ? [.. original.Cc.Where(a => !a.IsSameMailbox(Owner))] : [],
                InReplyTo = original.MessageId is { } id ? [id] : [],
                References = MessageIds.ReferencesForReply(original.References, original.InReplyTo, original.MessageId),
                TextBody = $"{comment}\r\n\r\n{string.Join("; ", original.From)}:\r\n{(original.TextBody ?? original.HtmlBody)?.GetText()}",
                Attachments = kind == "forward" ? GraphDraft.Of(original, Owner, store.Clock).Message.Attachments : [],
            },
        };
        return body["message"] is JsonObject message ? draft.With(message) : draft;
    }

    /// <summary>Reads a MIME message; white space within the base64 does not matter.</summary>
    private static byte[] MimeOf(GraphCall call)
    {
        try
        {
            byte[] mime = Convert.FromBase64String(call.Request.Text);
            return mime.Length > 0 ? mime : throw new GraphError(400, "ErrorMimeContentInvalid", "The MIME content is empty.");
        }
        catch (FormatException)
        {
            throw new GraphError(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.");
        }
    }

    /// <summary>Adds the headers that every message must have.</summary>
    private byte[] Complete(byte[] content)
    {
        MimeMessage message = MimeMessage.Parse(content);
        var missing = new List<KeyValuePair<string, string>>();
        if (message.From.Count == 0)
            missing.Add(new("From", Owner.ToString()));
        if (message.Headers["Date"] is null)
            missing.Add(new("Date", MailDate.Format(store.Clock.GetUtcNow())));
        if (message.MessageId is null)
            missing.Add(new("Message-ID", MessageIds.Generate(Owner.Domain, store.Clock)));
        if (missing.Count == 0)
            return content;
        var output = new ArrayBufferWriter<byte>(content.Length + 256);
        HeaderSection.Prepend(content, missing, output);
        return output.WrittenSpan.ToArray();
    }

    private static IReadOnlyList<string> Categories(JsonObject json) =>
        json["categories"] is JsonArray names ? [.. names.Select(n => GraphDraft.Text(n, "categories") ?? string.Empty).Distinct(StringComparer.OrdinalIgnoreCase)] : [];

    private static bool? Flag(JsonNode? json, string name) => json is null ? null
        : json is JsonValue value && value.TryGetValue(out bool flag) ? flag : throw GraphError.Body($"Cannot convert the value of '{name}' to the expected type 'Edm.Boolean'.");
}
