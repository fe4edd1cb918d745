using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Graph;

/// <summary>Adds attachments to a draft: small ones in one request, large ones piece by piece ("Attach large files to Outlook messages or events").</summary>
internal sealed class GraphUpload(GraphClient client, string draftPath)
{
    private const string What = "upload attachment";

    /// <summary>Pieces are below 4 MB each, and a multiple of 320 KiB as all upload sessions of Graph want them.</summary>
    private const int PieceSize = 10 * 320 * 1024;

    private const int MaximumSetbacks = 5;

    /// <summary>Adds an attachment.</summary>
    /// <param name="part">The attachment in its message.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the service has it.</returns>
    public async ValueTask AddAsync(MimePart part, CancellationToken cancellationToken)
    {
        using var writer = new MessageBufferWriter(client.Context.Buffers, part.RawBody.Length);
        part.DecodeTo(writer);
        using MessageBuffer content = writer.Complete();
        if (content.Length <= GraphMail.LargestAttachmentRequest)
            await AddSmallAsync(part, content.Memory, cancellationToken).ConfigureAwait(false);
        else
            await AddLargeAsync(part, content.Memory, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask AddSmallAsync(MimePart part, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var request = new GraphRequest
        {
            Step = MailStep.Send,
            What = "add attachment",
            Method = HttpMethod.Post,
            Path = draftPath + "/attachments",
            IsRepeatable = false,
            Content = GraphClient.Json(json =>
            {
                json.WriteStartObject();
                json.WriteString("@odata.type", "#microsoft.graph.fileAttachment");
                Describe(json, part);
                json.WriteBase64String("contentBytes", content.Span);
                json.WriteEndObject();
            }),
        };
        return client.SendAsync(request, cancellationToken);
    }

    private async ValueTask AddLargeAsync(MimePart part, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        string url = await OpenAsync(part, content.Length, cancellationToken).ConfigureAwait(false);
        int at = 0;
        for (int setbacks = 0; at < content.Length;)
        {
            try
            {
                at = await PutAsync(url, content, at, cancellationToken).ConfigureAwait(false);
            }
            catch (MailException e) when (++setbacks <= MaximumSetbacks && IsResumable(e))
            {
                // What of the piece arrived, only the service knows.
                at = await AskAsync(url, content.Length, at, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static bool IsResumable(MailException e) => e is MailConnectionException { IsTransient: true }
        or GraphRefusedException { Fault: GraphFault.Unavailable or GraphFault.ServerFault } or GraphRefusedException { Error.Status: System.Net.HttpStatusCode.RequestedRangeNotSatisfiable };

    private static void Describe(Utf8JsonWriter json, MimePart part)
    {
        json.WriteString("name", GraphMail.NameOf(part));
        json.WriteString("contentType", part.ContentType.MediaType);
        if (!part.IsInline)
            return;
        json.WriteBoolean("isInline", true);
        if (part.ContentId is { } id)
            json.WriteString("contentId", id);
    }

    private async ValueTask<string> OpenAsync(MimePart part, int length, CancellationToken cancellationToken)
    {
        var request = new GraphRequest
        {
            Step = MailStep.Send,
            What = "begin upload",
            Method = HttpMethod.Post,
            Path = draftPath + "/attachments/createUploadSession",
            Content = GraphClient.Json(json =>
            {
                json.WriteStartObject();
                json.WriteStartObject("AttachmentItem");
                json.WriteString("attachmentType", "file");
                json.WriteNumber("size", length);
                Describe(json, part);
                json.WriteEndObject();
                json.WriteEndObject();
            }),
        };
        string? url = await client.GetAsync(request, body => GraphJson.Text(body, "uploadUrl"), cancellationToken).ConfigureAwait(false);
        return Uri.TryCreate(url, UriKind.Absolute, out _) ? url : throw client.Malformed(request, "the service gave no address for the upload");
    }

    /// <summary>Sends a piece; no token goes with it.</summary>
    /// <returns>Where the next piece begins.</returns>
    private async ValueTask<int> PutAsync(string url, ReadOnlyMemory<byte> content, int at, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> piece = content.Slice(at, Math.Min(PieceSize, content.Length - at));
        int end = at + piece.Length;
        var request = new GraphRequest
        {
            Step = MailStep.Send,
            What = What,
            Method = HttpMethod.Put,
            Path = url,
            IsUpload = true,
            IsRepeatable = false,
            ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {at}-{end - 1}/{content.Length}"),
            Content = () => new ReadOnlyMemoryContent(piece) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } },
        };
        int next = await client.GetAsync(request, body => ReadNext(request, body, end, content.Length), cancellationToken).ConfigureAwait(false);
        return next > at ? next : throw client.Malformed(request, "the upload does not advance");
    }

    private ValueTask<int> AskAsync(string url, int length, int at, CancellationToken cancellationToken)
    {
        var request = new GraphRequest { Step = MailStep.Send, What = "ask for upload", Path = url, IsUpload = true };
        return client.GetAsync(request, body => ReadNext(request, body, at, length), cancellationToken);
    }

    /// <summary>Reads which bytes the service waits for. An answer that names none leaves it at what was sent.</summary>
    private int ReadNext(GraphRequest request, JsonElement body, int otherwise, int length)
    {
        IReadOnlyList<string> ranges = GraphJson.Texts(body, "nextExpectedRanges");
        if (ranges.Count == 0 || otherwise == length)
            return otherwise;
        string first = ranges[0].Split('-')[0];
        return int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out int next) && next <= length
            ? next
            : throw client.Malformed(request, $"the service waits for bytes that there are not ({ranges[0]})");
    }
}
