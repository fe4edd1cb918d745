using System.Net;
using System.Net.Http.Headers;

namespace EmailRouter.Crm.Server;

/// <summary>A request's content that is made while it is written to the wire, never held.</summary>
internal sealed class WrittenContent : HttpContent
{
    private readonly Func<Stream, CancellationToken, Task> write;

    /// <summary>Initializes a content.</summary>
    /// <param name="write">Writes it.</param>
    /// <param name="contentType">The media type with its parameters.</param>
    public WrittenContent(Func<Stream, CancellationToken, Task> write, string contentType)
    {
        this.write = write;
        Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
    }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream, CancellationToken.None);

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        write(stream, cancellationToken);

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
