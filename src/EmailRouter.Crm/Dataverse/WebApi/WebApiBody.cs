using System.Buffers.Text;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>
/// The JSON a request carries. Files stand in it as base64 and are read while they are written to the wire, never held; a body can be written several times.
/// </summary>
internal sealed class WebApiBody
{
    // A multiple of three, so that only the last piece of a file is padded.
    private const int PieceSize = 48 * 1024;

    private static readonly JsonSerializerOptions options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<(byte[] Text, EmailAttachment? File)> segments = [];

    private WebApiBody()
    {
    }

    /// <summary>Gets what went wrong when a file was read for the last writing; null when nothing did. The network's faults are not among it.</summary>
    public ExceptionDispatchInfo? FileFault { get; private set; }

    /// <summary>Gets how long the body is, in bytes, if the files are as long as their descriptions say.</summary>
    public long Size => segments.Sum(s => s.Text.Length + ((s.File?.Size ?? 0) + 2) / 3 * 4);

    /// <summary>Makes a body without files.</summary>
    /// <param name="json">The JSON.</param>
    /// <returns>The body.</returns>
    public static WebApiBody Of(JsonObject json) => new WebApiBody().Text(json.ToJsonString(options));

    /// <summary>Makes a body of an object that has a file.</summary>
    /// <param name="json">The object without the file.</param>
    /// <param name="property">The property the file becomes.</param>
    /// <param name="file">The file.</param>
    /// <returns>The body.</returns>
    public static WebApiBody WithFile(JsonObject json, string property, EmailAttachment file) => new WebApiBody().Object(json, property, file);

    /// <summary>Makes a body of an object with a collection of objects that have a file each.</summary>
    /// <param name="json">The object without the collection.</param>
    /// <param name="collection">The property the collection becomes.</param>
    /// <param name="items">The objects without their files, and the files.</param>
    /// <param name="property">The property a file becomes.</param>
    /// <returns>The body.</returns>
    public static WebApiBody WithFiles(JsonObject json, string collection, IEnumerable<(JsonObject Json, EmailAttachment File)> items, string property)
    {
        var body = new WebApiBody();
        body.Text(Open(json) + $"\"{collection}\":[");
        bool isFirst = true;
        foreach ((JsonObject item, EmailAttachment file) in items)
        {
            if (!isFirst)
                body.Text(",");
            isFirst = false;
            body.Object(item, property, file);
        }

        return body.Text("]}");
    }

    /// <summary>Writes the body.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>A task that ends when everything is written.</returns>
    public async Task WriteAsync(Stream target, CancellationToken cancellationToken)
    {
        FileFault = null;
        foreach ((byte[] text, EmailAttachment? file) in segments)
        {
            if (file is not null)
                await WriteFileAsync(file, target, cancellationToken).ConfigureAwait(false);
            else
                await target.WriteAsync(text, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string Open(JsonObject json)
    {
        string text = json.ToJsonString(options);
        return json.Count == 0 ? "{" : text[..^1] + ",";
    }

    private WebApiBody Object(JsonObject json, string property, EmailAttachment file)
    {
        Text(Open(json) + $"\"{property}\":\"");
        segments.Add(([], file));
        return Text("\"}");
    }

    private WebApiBody Text(string text)
    {
        segments.Add((Encoding.UTF8.GetBytes(text), null));
        return this;
    }

    private async Task WriteFileAsync(EmailAttachment file, Stream target, CancellationToken cancellationToken)
    {
        byte[] piece = new byte[PieceSize];
        byte[] encoded = new byte[Base64.GetMaxEncodedToUtf8Length(PieceSize)];
        Stream content = await ReadAsync(() => file.Open(cancellationToken)).ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
        {
            int read;
            do
            {
                read = await ReadAsync(
                    async () => await content.ReadAtLeastAsync(piece, PieceSize, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false))
                    .ConfigureAwait(false);
                Base64.EncodeToUtf8(piece.AsSpan(0, read), encoded, out _, out int written);
                await target.WriteAsync(encoded.AsMemory(0, written), cancellationToken).ConfigureAwait(false);
            }
            while (read == PieceSize);
        }
    }

    private async ValueTask<T> ReadAsync<T>(Func<ValueTask<T>> read)
    {
        try
        {
            return await read().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            FileFault = ExceptionDispatchInfo.Capture(e);
            throw;
        }
    }
}
