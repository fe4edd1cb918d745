using System.IO.Enumeration;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Files;

/// <summary>A message in a file of its own.</summary>
/// <param name="Id">The message's stable id.</param>
/// <param name="Path">The file.</param>
/// <param name="Length">Its size when it was listed.</param>
/// <param name="ModifiedOn">When it was written last.</param>
internal sealed record MessageFile(string Id, string Path, long Length, DateTimeOffset ModifiedOn)
{
    /// <summary>The longest header that is read when only the header is asked for.</summary>
    private const int LongestHeader = 1 << 20;

    /// <summary>
    /// Lists the files of a folder. Left out are sub-folders, links (they could lead anywhere), hidden files, and empty files: a message is not empty, and
    /// what has no size may be a pipe that would be waited for forever.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="idOf">Makes the id of a file from its name, size and time; null for files that are no messages.</param>
    /// <returns>The files in no order.</returns>
    public static IEnumerable<MessageFile> List(string folder, Func<string, long, DateTimeOffset, string?> idOf) => new FileSystemEnumerable<MessageFile?>(
        folder,
        (ref FileSystemEntry entry) =>
        {
            long length = entry.Length;
            if (length == 0)
                return null;
            string name = entry.FileName.ToString();
            DateTimeOffset modified = entry.LastWriteTimeUtc;
            return idOf(name, length, modified) is { } id ? new MessageFile(id, System.IO.Path.Combine(folder, name), length, modified) : null;
        },
        new EnumerationOptions { AttributesToSkip = FileAttributes.Directory | FileAttributes.ReparsePoint | FileAttributes.Hidden, IgnoreInaccessible = false })
        .OfType<MessageFile>();

    /// <summary>Opens the file for reading.</summary>
    /// <param name="share">What others may do with it meanwhile.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="FileNotFoundException">There is no such file, or it is none that can hold a message.</exception>
    public FileStream Open(FileShare share)
    {
        // Between listing and opening somebody may have put a link or a pipe in its place.
        var info = new FileInfo(Path);
        if (!info.Exists || info.LinkTarget is not null || info.Length == 0)
            throw new FileNotFoundException("It is no longer a file with a message.", Path);
        return new FileStream(
            Path,
            new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = share, BufferSize = 0, Options = FileOptions.Asynchronous | FileOptions.SequentialScan });
    }

    /// <summary>Says whether the file is still the one that was listed.</summary>
    /// <returns>False when it is gone, or has another size or time.</returns>
    public bool IsUnchanged()
    {
        var info = new FileInfo(Path);
        return info.Exists && info.Length == Length && info.LinkTarget is null && info.LastWriteTimeUtc == ModifiedOn.UtcDateTime;
    }

    /// <summary>Reads the message.</summary>
    /// <param name="options">Spooling and limits.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The bytes; the caller disposes them.</returns>
    /// <exception cref="MessageTooLargeException">It is over the limit; a file that is known to be is not read at all.</exception>
    public async ValueTask<MessageBuffer> ReadAsync(MessageBufferOptions options, CancellationToken cancellationToken)
    {
        FileStream stream = Open(FileShare.ReadWrite | FileShare.Delete);
        await using (stream.ConfigureAwait(false))
        {
            if (stream.Length > options.MaximumSize)
                throw new MessageTooLargeException(options.MaximumSize);
            return await MessageBuffer.ReadAsync(stream, options, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Reads the header of the message.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The header's bytes.</returns>
    public async ValueTask<MessageBuffer> ReadHeaderAsync(CancellationToken cancellationToken)
    {
        FileStream stream = Open(FileShare.ReadWrite | FileShare.Delete);
        await using (stream.ConfigureAwait(false))
        {
            byte[] bytes = new byte[8192];
            int length = 0;
            while (true)
            {
                int read = await stream.ReadAsync(bytes.AsMemory(length), cancellationToken).ConfigureAwait(false);
                length += read;
                if (read == 0 || length >= LongestHeader || HeaderBytes.Find(bytes.AsSpan(0, length)) >= 0)
                    return HeaderBytes.Cut(bytes.AsSpan(0, length));
                if (length == bytes.Length)
                    Array.Resize(ref bytes, length * 2);
            }
        }
    }
}
