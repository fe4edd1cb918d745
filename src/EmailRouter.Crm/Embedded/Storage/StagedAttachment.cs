using System.Security.Cryptography;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>
/// The content of an attachment on its way into the store, read completely before the write begins: nobody else's stream is read while the file is locked.
/// Small content waits in memory, large content in a temporary file.
/// </summary>
internal sealed class StagedAttachment : IAsyncDisposable
{
    private const int BufferSize = 64 * 1024;
    private const int MaxInMemory = 1024 * 1024;

    private readonly Stream content;

    private StagedAttachment(EmailAttachment attachment, Stream content, byte[] hash)
    {
        Attachment = attachment;
        this.content = content;
        Hash = hash;
    }

    /// <summary>Gets the attachment as its owner describes it.</summary>
    public EmailAttachment Attachment { get; }

    /// <summary>Gets the content's SHA-256.</summary>
    public byte[] Hash { get; }

    /// <summary>Gets the content's size in bytes.</summary>
    public long Size => content.Length;

    /// <summary>Reads the contents of attachments.</summary>
    /// <param name="attachments">The attachments.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The staged attachments, to be disposed.</returns>
    public static async ValueTask<List<StagedAttachment>> ReadAsync(IReadOnlyList<EmailAttachment> attachments, CancellationToken cancellationToken)
    {
        var staged = new List<StagedAttachment>(attachments.Count);
        try
        {
            foreach (EmailAttachment attachment in attachments)
                staged.Add(await ReadAsync(attachment, cancellationToken).ConfigureAwait(false));
            return staged;
        }
        catch
        {
            await DisposeAsync(staged).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes content that is in memory already.</summary>
    /// <param name="attachment">The attachment.</param>
    /// <param name="content">Its content.</param>
    /// <returns>The staged attachment; it holds nothing but memory.</returns>
    public static StagedAttachment FromMemory(EmailAttachment attachment, byte[] content) =>
        new(attachment, new MemoryStream(content, writable: false), SHA256.HashData(content));

    /// <summary>Releases staged attachments.</summary>
    /// <param name="staged">The attachments.</param>
    /// <returns>A task that ends when their memory and files are released.</returns>
    public static async ValueTask DisposeAsync(IEnumerable<StagedAttachment> staged)
    {
        foreach (StagedAttachment attachment in staged)
            await attachment.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Reads the content from its start, in pieces.</summary>
    /// <param name="pieceSize">The size of all pieces but the last.</param>
    /// <returns>The pieces; a piece is valid until the next one is asked for.</returns>
    public IEnumerable<byte[]> ReadPieces(int pieceSize)
    {
        content.Position = 0;
        byte[] piece = new byte[Math.Min(pieceSize, content.Length)];
        for (long left = content.Length; left > 0; left -= piece.Length)
        {
            if (left < piece.Length)
                piece = new byte[left];
            content.ReadExactly(piece);
            yield return piece;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => content.DisposeAsync();

    private static async ValueTask<StagedAttachment> ReadAsync(EmailAttachment attachment, CancellationToken cancellationToken)
    {
        Stream source = await attachment.Open(cancellationToken).ConfigureAwait(false);
        Stream content = new MemoryStream((int)Math.Clamp(attachment.Size, 0, MaxInMemory));
        try
        {
            await using (source.ConfigureAwait(false))
            {
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                byte[] buffer = new byte[BufferSize];
                int read;
                while ((read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    hash.AppendData(buffer, 0, read);
                    if (content is MemoryStream && content.Length + read > MaxInMemory)
                        content = await MoveToFileAsync(content, cancellationToken).ConfigureAwait(false);
                    await content.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                }

                return new StagedAttachment(attachment, content, hash.GetHashAndReset());
            }
        }
        catch
        {
            await content.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async ValueTask<Stream> MoveToFileAsync(Stream content, CancellationToken cancellationToken)
    {
        var spool = new FileStream(
            Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()),
            FileMode.CreateNew,
            FileAccess.ReadWrite,
            FileShare.None,
            BufferSize,
            FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        content.Position = 0;
        await content.CopyToAsync(spool, cancellationToken).ConfigureAwait(false);
        await content.DisposeAsync().ConfigureAwait(false);
        return spool;
    }
}
