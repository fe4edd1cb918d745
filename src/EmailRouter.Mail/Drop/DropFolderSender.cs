using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mail.Files;

namespace EmailRouter.Mail.Drop;

/// <summary>
/// Writes messages into a folder. Each is written and made durable in the sub-folder <c>tmp</c> before the router journals that it commits, and then gets its
/// name in one step. So after a crash the place of the file tells what became of it.
/// </summary>
internal sealed class DropFolderSender(string folder, DropEnvelopeForms forms) : IMailSender, ISentLookup
{
    private string TemporaryFolder => Path.Combine(folder, "tmp");

    /// <inheritdoc/>
    public async ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        DropEnvelope.RequireAddresses(message);
        string name = NameOf(message.MessageId);
        string temporary = Path.Combine(TemporaryFolder, name + ".eml");
        string final = Path.Combine(folder, name + ".eml");
        bool committing = false;
        try
        {
            if (!Directory.Exists(folder))
                throw new DirectoryNotFoundException("It does not exist any more.");
            MoveTarget.Make(folder, ["tmp"], "tmp");
            await WriteAsync(temporary, forms.HasFlag(DropEnvelopeForms.Headers) ? DropEnvelope.ToHeaders(message) : default, message.Content.Memory, cancellationToken)
                .ConfigureAwait(false);
            if (forms.HasFlag(DropEnvelopeForms.Json))
                await WriteSidecarAsync(name, message, cancellationToken).ConfigureAwait(false);
            if (message.BeforeCommit is { } commit)
                await commit(message.Recipients, cancellationToken).ConfigureAwait(false);

            // From here on the temporary file stays where it is when the move fails: it proves that nothing was handed over.
            committing = true;
            File.Move(temporary, final, overwrite: true);
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            if (!committing)
                Forget(temporary);
            throw FileErrors.Folder(e, MailStep.Send, folder, "written to");
        }
        catch when (!committing)
        {
            Forget(temporary);
            throw;
        }

        string reply = $"written as {name}.eml to {folder}";
        return new SendReceipt
        {
            Status = SendStatus.Accepted,
            Reply = reply,
            Recipients = [.. message.Recipients.Select(r => new RecipientResult(r, SendStatus.Accepted, reply))],
        };
    }

    /// <inheritdoc/>
    /// <remarks>A message that is in neither place was taken, or removed by somebody: nobody can know.</remarks>
    public ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messageId);
        string file = NameOf(messageId) + ".eml";
        if (!Directory.Exists(folder))
            throw FileErrors.Missing(MailStep.Send, folder, "it does not exist, or may not be looked into");
        return ValueTask.FromResult<bool?>(File.Exists(Path.Combine(folder, file)) ? true : File.Exists(Path.Combine(TemporaryFolder, file)) ? false : null);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>A message always has the same name: what is readable of its Message-ID, and a hash that tells it from all others.</summary>
    private static string NameOf(string messageId)
    {
        string readable = string.Concat(messageId.Trim('<', '>', ' ').TakeWhile(c => c != '@').Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_').Take(40));
        string hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(messageId)).AsSpan(0, 8)).ToLowerInvariant();
        return readable.Length == 0 ? hash : $"{readable}-{hash}";
    }

    private static async ValueTask WriteAsync(string path, ReadOnlyMemory<byte> envelope, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        // What an earlier attempt left is removed and not written over: others may write to this folder, and it could be a link to another file by now.
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0, Options = FileOptions.Asynchronous };

        // The program that takes it may share a group with the router; nobody else reads customers' mail.
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        var stream = new FileStream(path, options);
        await using (stream.ConfigureAwait(false))
        {
            if (!envelope.IsEmpty)
                await stream.WriteAsync(envelope, cancellationToken).ConfigureAwait(false);
            await stream.WriteAsync(content, cancellationToken).ConfigureAwait(false);
            stream.Flush(flushToDisk: true);
        }
    }

    private static void Forget(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            // The next attempt writes over it; what failed before is what has to be told.
        }
    }

    /// <summary>The side-car has its name before the message has: whoever sees the message finds its envelope.</summary>
    private async ValueTask WriteSidecarAsync(string name, OutgoingMessage message, CancellationToken cancellationToken)
    {
        string temporary = Path.Combine(TemporaryFolder, name + ".json");
        await WriteAsync(temporary, default, DropEnvelope.ToJson(message), cancellationToken).ConfigureAwait(false);
        File.Move(temporary, Path.Combine(folder, name + ".json"), overwrite: true);
    }
}
