using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using EmailRouter.Shared.Http;

namespace EmailRouter.Crm.Server;

/// <summary>The answer to one HTTP request, alone or within a batch.</summary>
internal sealed class CrmAnswer
{
    private JsonElement? json;

    /// <summary>Gets the HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>Gets the body.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Gets the media type; null when none is named.</summary>
    public string? MediaType { get; init; }

    /// <summary>Gets the row's version; null when the answer has none.</summary>
    public string? ETag { get; init; }

    /// <summary>Gets how long to wait; null when the server does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Gets the server's time; null when it does not say.</summary>
    public DateTimeOffset? Date { get; init; }

    /// <summary>Gets the log-ins the server asks for.</summary>
    public IReadOnlyList<string> Challenges { get; init; } = [];

    /// <summary>Gets where the server sends on to; null for nowhere.</summary>
    public Uri? Location { get; init; }

    /// <summary>Gets a value indicating whether it succeeded.</summary>
    public bool IsSuccess => Status is >= 200 and < 300;

    /// <summary>Gets a value indicating whether it is a page for people.</summary>
    public bool IsWebPage => Body.Length > 0 && WebPage.Is(MediaType, Body.Span[..Math.Min(Body.Length, 4096)]);

    /// <summary>Gets the error's code as the server writes it, e.g. <c>0x80040217</c>, and its message; both empty when the body tells none.</summary>
    public (string Code, string Message) Error => ReadError();

    /// <summary>Reads the body as JSON.</summary>
    /// <param name="what">What it is for, in words.</param>
    /// <returns>The JSON.</returns>
    /// <exception cref="CrmException"><c>CrmWebPage</c>, <c>CrmAnswerUnreadable</c>.</exception>
    public JsonElement Json(string what) => json ??= Parse(what);

    /// <summary>Reads what stands in the head of an HTTP answer.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="body">Its body.</param>
    /// <param name="clock">The clock dates are held against.</param>
    /// <returns>The answer.</returns>
    public static CrmAnswer From(HttpResponseMessage response, ReadOnlyMemory<byte> body, TimeProvider clock) => new()
    {
        Status = (int)response.StatusCode,
        Body = body,
        MediaType = response.Content.Headers.ContentType?.MediaType,
        ETag = response.Headers.ETag?.ToString(),
        RetryAfter = Shared.Http.RetryAfter.Read(response.Headers, clock),
        Date = response.Headers.Date,
        Challenges = response.Headers.NonValidated.TryGetValues("WWW-Authenticate", out HeaderStringValues challenges) ? [.. challenges] : [],
        Location = response.Headers.Location,
    };

    private JsonElement Parse(string what)
    {
        if (IsWebPage)
            throw AnswerErrors.Page(this, what);
        try
        {
            using JsonDocument document = JsonDocument.Parse(Body);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw AnswerErrors.Unreadable(what, "it is no JSON object");
        }
        catch (JsonException e)
        {
            throw AnswerErrors.Unreadable(what, e.Message, e);
        }
    }

    private (string Code, string Message) ReadError()
    {
        if (Body.Length == 0 || IsWebPage)
            return (string.Empty, string.Empty);
        try
        {
            using JsonDocument document = JsonDocument.Parse(Body);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object &&
                (root.TryGetProperty("error", out JsonElement error) || root.TryGetProperty("odata.error", out error)))
            {
                if (error.ValueKind == JsonValueKind.Object)
                    return (error.Text("code") ?? string.Empty, Message(error) ?? string.Empty);
            }

            // A request that never reached the service gets the platform's own form.
            return (string.Empty, root.ValueKind == JsonValueKind.Object ? root.Text("Message") ?? root.Text("message") ?? string.Empty : string.Empty);
        }
        catch (JsonException)
        {
            string text = Encoding.UTF8.GetString(Body.Span[..Math.Min(Body.Length, 300)]).Trim();
            return (string.Empty, text.StartsWith('<') ? string.Empty : text);
        }
    }

    private static string? Message(JsonElement error) =>
        error.TryGetProperty("message", out JsonElement message) && message.ValueKind == JsonValueKind.Object ? message.Text("value") : error.Text("message");
}
