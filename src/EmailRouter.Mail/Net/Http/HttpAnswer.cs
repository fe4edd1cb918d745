using System.Net;
using System.Text;
using EmailRouter.Shared.Http;

namespace EmailRouter.Mail.Net.Http;

/// <summary>The answer to an <see cref="HttpCall"/>: its head, and its body as it comes. The caller disposes it.</summary>
internal sealed class HttpAnswer : IDisposable
{
    private readonly HttpResponseMessage response;
    private readonly Stream body;

    /// <summary>Makes an answer.</summary>
    /// <param name="response">The head.</param>
    /// <param name="body">The body, with a deadline for each read.</param>
    /// <param name="requestId">The server's id of the request; empty when it gives none.</param>
    /// <param name="retryAfter">How long the server asks to wait.</param>
    /// <param name="beginning">The first bytes of the body.</param>
    public HttpAnswer(HttpResponseMessage response, Stream body, string requestId, TimeSpan? retryAfter, ReadOnlyMemory<byte> beginning)
    {
        this.response = response;
        this.body = body;
        RequestId = requestId;
        RetryAfter = retryAfter;
        Beginning = beginning;
    }

    /// <summary>Gets the status.</summary>
    public HttpStatusCode Status => response.StatusCode;

    /// <summary>Gets a value indicating whether the status is 2xx.</summary>
    public bool IsSuccess => response.IsSuccessStatusCode;

    /// <summary>Gets the headers of the answer.</summary>
    public System.Net.Http.Headers.HttpResponseHeaders Headers => response.Headers;

    /// <summary>Gets the body's media type without parameters; null when there is none.</summary>
    public string? MediaType => response.Content.Headers.ContentType?.MediaType;

    /// <summary>Gets the length the server states.</summary>
    public long? Length => response.Content.Headers.ContentLength;

    /// <summary>Gets where the answer sends to; null when it does not.</summary>
    public Uri? Location => response.Headers.Location;

    /// <summary>Gets the server's id of the request, to be found in its logs; empty when it gives none.</summary>
    public string RequestId { get; }

    /// <summary>Gets how long the server asks to wait; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>Gets the first bytes of the body, which <see cref="Body"/> yields again.</summary>
    public ReadOnlyMemory<byte> Beginning { get; }

    /// <summary>Gets a value indicating whether the body is a page for people.</summary>
    public bool IsWebPage => WebPage.Is(MediaType, Beginning.Span);

    /// <summary>Gets the body. Reading it throws a <see cref="MailConnectionException"/> when it stalls or breaks off.</summary>
    public Stream Body => body;

    /// <summary>Reads the body as text.</summary>
    /// <param name="limit">The greatest number of bytes.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The text; cut at the limit.</returns>
    public async ValueTask<string> ReadTextAsync(int limit, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[Math.Min(limit, 16 * 1024)];
        using var text = new MemoryStream();
        int read;
        while (text.Length < limit && (read = await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, limit - text.Length)), cancellationToken).ConfigureAwait(false)) > 0)
            text.Write(buffer, 0, read);
        return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        body.Dispose();
        response.Dispose();
    }
}
