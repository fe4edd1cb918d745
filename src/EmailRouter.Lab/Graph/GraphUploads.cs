using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>Upload sessions for large attachments. Their addresses carry their own authorization and want no other.</summary>
internal sealed partial class GraphUploads(TimeProvider clock, long maximumSize)
{
    /// <summary>The beginning of the sessions' paths.</summary>
    public const string Path = "/api/v2.0/AttachmentSessions/";

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, Session> sessions = new(StringComparer.Ordinal);

    public LabHttpAnswer Create(GraphCall call, LabMessage draft)
    {
        JsonObject item = (call.Body["AttachmentItem"] ?? call.Body["attachmentItem"]) as JsonObject ?? throw GraphError.Invalid("The parameter 'AttachmentItem' is required.");
        string name = GraphDraft.Text(item["name"], "name") ?? throw GraphError.Invalid("The property 'name' is required.");
        string? type = GraphDraft.Text(item["attachmentType"], "attachmentType");
        if (!string.Equals(type, "file", StringComparison.OrdinalIgnoreCase))
            throw GraphError.Invalid($"The attachment type '{type}' is not supported by upload sessions here.");
        if (item["size"] is not JsonValue stated || !stated.TryGetValue(out long size) || size < 1)
            throw GraphError.Invalid("The property 'size' is required.");
        if (size > maximumSize)
            throw new GraphError(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.");
        string key = LabJwt.Encode(RandomNumberGenerator.GetBytes(24));
        var session = new Session(
            call.Mailbox,
            draft.Id,
            name,
            GraphDraft.Text(item["contentType"], "contentType"),
            GraphDraft.Text(item["contentId"], "contentId"),
            item["isInline"]?.GetValue<bool>() == true,
            size,
            clock.GetUtcNow() + Lifetime);
        sessions[key] = session;
        return LabHttpAnswer.OfJson(201, new JsonObject
        {
            ["@odata.context"] = $"{call.Root}/$metadata#microsoft.graph.uploadSession",
            ["uploadUrl"] = $"{call.Request.BaseUrl}{Path}{Uri.EscapeDataString(draft.Id)}?authtoken={key}",
            ["expirationDateTime"] = GraphItem.Date(session.ExpiresOn),
            ["nextExpectedRanges"] = new JsonArray("0-"),
        });
    }

    public async ValueTask<LabHttpAnswer> HandleAsync(LabHttpRequest request, CancellationToken cancellationToken)
    {
        if (request.Header("Authorization").Length > 0)
            throw new GraphError(401, "InvalidAudience", "The address of an upload session takes no Authorization header.");
        string key = request.QueryValues.GetValueOrDefault("authtoken", string.Empty);
        if (!sessions.TryGetValue(key, out Session? session) || session.ExpiresOn <= clock.GetUtcNow())
            throw new GraphError(404, "ErrorItemNotFound", "The upload session was not found or has expired.");
        switch (request.Method)
        {
            case "GET":
                return Status(session);
            case "DELETE":
                sessions.TryRemove(key, out _);
                return new LabHttpAnswer(204);
            case "PUT":
                return await PutAsync(key, session, request, cancellationToken);
            default:
                throw new GraphError(405, "MethodNotAllowed", "Upload sessions take PUT, GET and DELETE.");
        }
    }

    private async ValueTask<LabHttpAnswer> PutAsync(string key, Session session, LabHttpRequest request, CancellationToken cancellationToken)
    {
        Match range = ContentRange().Match(request.Header("Content-Range"));
        if (!range.Success)
            throw GraphError.Invalid("The header Content-Range is required.");
        long from = long.Parse(range.Groups[1].Value, CultureInfo.InvariantCulture);
        long to = long.Parse(range.Groups[2].Value, CultureInfo.InvariantCulture);
        long size = long.Parse(range.Groups[3].Value, CultureInfo.InvariantCulture);
        await session.Gate.WaitAsync(cancellationToken);
        try
        {
            if (from != session.Content.Length || to - from + 1 != request.Body.Length || size != session.Size || to >= size)
                throw new GraphError(416, "ErrorInvalidRange", $"The range does not continue what was uploaded; {session.Content.Length} of {session.Size} bytes are there.");
            session.Content.Write(request.Body.Span);
            if (session.Content.Length < session.Size)
                return Status(session);
            sessions.TryRemove(key, out _);
            LabMessage draft = session.Mailbox.FindMessage(session.MessageId) is { IsDraft: true } found ? found : throw GraphError.NotFound();
            LabMessage changed = await GraphMessages.AttachAsync(
                session.Mailbox,
                draft,
                GraphDraft.Make(session.Name, session.MediaType, session.Content.ToArray(), session.ContentId, session.IsInline),
                clock,
                cancellationToken);
            return new LabHttpAnswer(201).With(
                "Location", $"{request.BaseUrl}/api/v2.0/Users('{Uri.EscapeDataString(session.Mailbox.Address)}')/Messages('{GraphIds.OfImmutable(changed.Id)}')/Attachments('{GraphAttachment.Of(changed)[^1].Id}')");
        }
        finally
        {
            session.Gate.Release();
        }
    }

    private static LabHttpAnswer Status(Session session) => LabHttpAnswer.OfJson(200, new JsonObject
    {
        ["expirationDateTime"] = GraphItem.Date(session.ExpiresOn),
        ["nextExpectedRanges"] = new JsonArray(session.Content.Length.ToString(CultureInfo.InvariantCulture)),
    });

    [GeneratedRegex(@"^bytes (\d{1,15})-(\d{1,15})/(\d{1,15})$", RegexOptions.IgnoreCase, 250)]
    private static partial Regex ContentRange();

    private sealed record Session(
        LabMailbox Mailbox, string MessageId, string Name, string? MediaType, string? ContentId, bool IsInline, long Size, DateTimeOffset ExpiresOn)
    {
        public MemoryStream Content { get; } = new();

        public SemaphoreSlim Gate { get; } = new(1);
    }
}
