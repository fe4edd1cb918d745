using System.Buffers;
using System.Globalization;
using System.Text;
using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Writing;

namespace EmailRouter.Mime;

/// <summary>
/// Writes messages: CRLF line ends, lines of at most 998 bytes and mostly 78, headers in ASCII unless an address needs SMTPUTF8, boundaries that occur
/// nowhere else. Attachments pass through in pieces.
/// </summary>
public static class MimeWriter
{
    private const int Piece = Base64LineEncoder.LineBytes * 1024;

    /// <summary>Writes a message to a stream.</summary>
    /// <param name="draft">What it says.</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="options">How to write; defaults when omitted.</param>
    /// <param name="cancellationToken">Stops the writing; what was written so far is no message.</param>
    /// <returns>A task that ends with the last byte.</returns>
    /// <exception cref="ArgumentException">An address, an id or an extra header of the draft is not valid; nothing was written.</exception>
    public static async ValueTask WriteAsync(MessageDraft draft, Stream destination, MimeWriterOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(draft);
        ArgumentNullException.ThrowIfNull(destination);
        using var window = new StreamBufferWriter(destination);
        await WriteAsync(draft, window, window.FlushAsync, options ?? MimeWriterOptions.Default, cancellationToken).ConfigureAwait(false);
        await window.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes a message to a buffer.</summary>
    /// <param name="draft">What it says.</param>
    /// <param name="destination">Where it goes, e.g. a <see cref="MessageBufferWriter"/>.</param>
    /// <param name="options">How to write; defaults when omitted.</param>
    /// <param name="cancellationToken">Stops the writing; what was written so far is no message.</param>
    /// <returns>A task that ends with the last byte.</returns>
    /// <exception cref="ArgumentException">An address, an id or an extra header of the draft is not valid; nothing was written.</exception>
    public static ValueTask WriteAsync(MessageDraft draft, IBufferWriter<byte> destination, MimeWriterOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(draft);
        ArgumentNullException.ThrowIfNull(destination);
        return WriteAsync(draft, destination, static _ => ValueTask.CompletedTask, options ?? MimeWriterOptions.Default, cancellationToken);
    }

    /// <summary>Writes a message to a buffer of its own, as <c>OutgoingMessage.Content</c> wants it.</summary>
    /// <param name="draft">What it says.</param>
    /// <param name="options">How to write; defaults when omitted. Its <see cref="MimeWriterOptions.Spool"/> is that of the buffer.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>The buffer; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">An address, an id or an extra header of the draft is not valid.</exception>
    /// <exception cref="MessageTooLargeException">The message exceeds <see cref="MessageBufferOptions.MaximumSize"/>.</exception>
    public static async ValueTask<MessageBuffer> ToBufferAsync(MessageDraft draft, MimeWriterOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        using var writer = new MessageBufferWriter((options ?? MimeWriterOptions.Default).Spool);
        await WriteAsync(draft, writer, options, cancellationToken).ConfigureAwait(false);
        return writer.Complete();
    }

    /// <summary>Tells whether an address of a draft can only be sent through a server with SMTPUTF8 (RFC 6531).</summary>
    /// <param name="draft">The draft.</param>
    /// <returns>Whether one has a local part outside of ASCII.</returns>
    public static bool RequiresSmtpUtf8(MessageDraft draft)
    {
        ArgumentNullException.ThrowIfNull(draft);
        foreach (IReadOnlyList<MailAddress> list in (ReadOnlySpan<IReadOnlyList<MailAddress>>)[draft.From, draft.ReplyTo, draft.To, draft.Cc])
        {
            foreach (MailAddress address in list)
            {
                if (address.RequiresSmtpUtf8)
                    return true;
            }
        }

        return draft.Sender is { RequiresSmtpUtf8: true };
    }

    private static async ValueTask WriteAsync(
        MessageDraft draft, IBufferWriter<byte> output, Func<CancellationToken, ValueTask> flush, MimeWriterOptions options,
            CancellationToken cancellationToken)
    {
        // Collected first, so that a draft that is refused leaves nothing behind.
        var headers = new ArrayBufferWriter<byte>(1024);
        WriteHeaders(draft, headers);
        var attached = new Dictionary<DraftAttachment, AttachedMessage>(ReferenceEqualityComparer.Instance);
        try
        {
            foreach (DraftAttachment attachment in draft.Attachments.Concat(draft.InlineResources))
            {
                if (!attached.ContainsKey(attachment) && ContentType.Parse(attachment.MediaType).Is("message", "rfc822"))
                {
                    Stream stream = await attachment.Open(cancellationToken).ConfigureAwait(false);
                    await using (stream.ConfigureAwait(false))
                    {
                        MessageBuffer buffer = await MessageBuffer.ReadAsync(stream, options.Spool, cancellationToken).ConfigureAwait(false);
                        attached.Add(attachment, new AttachedMessage(buffer));
                    }
                }
            }

            DraftNode root = new DraftStructure(draft, options, attached).Build();
            output.Write(headers.WrittenSpan);
            await WriteNodeAsync(root, output, flush, cancellationToken).ConfigureAwait(false);
            // A message ends with a line end; transport would add it.
            if (root is DraftNode.Text { Content: { Encoding: not MimeTransferEncoding.Base64, Bytes: [.., not (byte)'\n'] } })
            {
                output.Write("\r\n"u8);
                await flush(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (AttachedMessage message in attached.Values)
                message.Dispose();
        }
    }

    private static void WriteHeaders(MessageDraft draft, IBufferWriter<byte> output)
    {
        if (draft.From is not { Count: > 0 })
            throw new ArgumentException("A message needs an author: From is empty.", nameof(draft));
        if (!MessageIds.IsWritable(draft.MessageId))
            throw new ArgumentException($"\"{HeaderText.Clean(draft.MessageId ?? string.Empty)}\" is no Message-ID.", nameof(draft));

        HeaderWriter.WriteWords(output, "Date", [MailDate.Format(draft.Date)]);
        HeaderWriter.WriteAddresses(output, "From", draft.From);
        MailAddress? sender = draft.Sender ?? (draft.From.Count > 1 ? draft.From[0] : null);
        if (sender is not null)
            HeaderWriter.WriteAddresses(output, "Sender", [sender]);
        HeaderWriter.WriteAddresses(output, "Reply-To", draft.ReplyTo);
        HeaderWriter.WriteAddresses(output, "To", draft.To);
        HeaderWriter.WriteAddresses(output, "Cc", draft.Cc);
        if (draft.To.Count == 0 && draft.Cc.Count == 0)
            HeaderWriter.WriteWords(output, "To", ["undisclosed-recipients:;"]);
        HeaderWriter.WriteText(output, "Subject", HeaderText.Clean(draft.Subject ?? string.Empty));
        HeaderWriter.WriteWords(output, "Message-ID", [draft.MessageId]);
        WriteIds(output, "In-Reply-To", draft.InReplyTo);
        WriteIds(output, "References", draft.References);
        foreach ((string name, string value) in draft.ExtraHeaders)
            HeaderSection.Write(output, name, value, isExtra: true);
        output.Write("MIME-Version: 1.0\r\n"u8);
    }

    private static void WriteIds(IBufferWriter<byte> output, string name, IReadOnlyList<string> ids)
    {
        List<string> writable = [];
        foreach (string id in ids)
        {
            if (MessageIds.IsWritable(id))
                writable.Add(id);
        }

        if (writable.Count > 0)
            HeaderWriter.WriteWords(output, name, writable);
    }

    private static async ValueTask WriteNodeAsync(DraftNode node, IBufferWriter<byte> output, Func<CancellationToken, ValueTask> flush,
        CancellationToken cancellationToken)
    {
        switch (node)
        {
            case DraftNode.Multipart multipart:
                HeaderWriter.WriteMedia(output, "Content-Type", "multipart/" + multipart.Subtype, KeyValuePair.Create("boundary", multipart.Boundary));
                output.Write("\r\n"u8);
                byte[] boundary = Encoding.ASCII.GetBytes("--" + multipart.Boundary);
                foreach (DraftNode part in multipart.Parts)
                {
                    output.Write(boundary);
                    output.Write("\r\n"u8);
                    await WriteNodeAsync(part, output, flush, cancellationToken).ConfigureAwait(false);
                    output.Write("\r\n"u8);
                }

                output.Write(boundary);
                output.Write("--\r\n"u8);
                break;
            case DraftNode.Text text:
                HeaderWriter.WriteMedia(output, "Content-Type", "text/" + text.Subtype, KeyValuePair.Create("charset", "utf-8"));
                HeaderWriter.WriteWords(output, "Content-Transfer-Encoding", [text.Content.EncodingName]);
                output.Write("\r\n"u8);
                text.Content.WriteTo(output);
                break;
            case DraftNode.Message message:
                WriteAttachmentHeaders(output, message.Attachment, "message/rfc822", message.Content.EncodingName, message.IsInline);
                await WriteMessageAsync(message.Content, output, flush, cancellationToken).ConfigureAwait(false);
                break;
            case DraftNode.File file:
                string type = ContentType.Parse(file.Attachment.MediaType).MediaType;
                // Neither may be encoded, and this is.
                if (type.StartsWith("multipart/", StringComparison.Ordinal) || type.StartsWith("message/", StringComparison.Ordinal))
                    type = "application/octet-stream";
                WriteAttachmentHeaders(output, file.Attachment, type, "base64", file.IsInline);
                await WriteFileAsync(file.Attachment, output, flush, cancellationToken).ConfigureAwait(false);
                break;
        }

        await flush(cancellationToken).ConfigureAwait(false);
    }

    private static void WriteAttachmentHeaders(IBufferWriter<byte> output, DraftAttachment attachment, string type, string encoding, bool inline)
    {
        List<KeyValuePair<string, string>> typeParameters = [];
        List<KeyValuePair<string, string>> parameters = [];
        if (ContentType.Parse(attachment.MediaType).Charset is { Length: < 40 } charset && type.StartsWith("text/", StringComparison.Ordinal))
            typeParameters.Add(KeyValuePair.Create("charset", charset));
        string name = HeaderWriter.CleanName(attachment.FileName);
        if (name.Length > 0)
        {
            typeParameters.Add(KeyValuePair.Create("name", name));
            parameters.Add(KeyValuePair.Create("filename", name));
        }

        if (attachment.Length is { } length and >= 0 && type != "message/rfc822")
            parameters.Add(KeyValuePair.Create("size", length.ToString(CultureInfo.InvariantCulture)));
        HeaderWriter.WriteMedia(output, "Content-Type", type, [.. typeParameters]);
        HeaderWriter.WriteWords(output, "Content-Transfer-Encoding", [encoding]);
        HeaderWriter.WriteMedia(output, "Content-Disposition", inline ? "inline" : "attachment", [.. parameters]);
        if (attachment.ContentId is { Length: > 0 } id)
            HeaderWriter.WriteWords(output, "Content-ID", [$"<{MessageIds.TrimBrackets(id)}>"]);
        output.Write("\r\n"u8);
    }

    private static async ValueTask WriteMessageAsync(AttachedMessage message, IBufferWriter<byte> output, Func<CancellationToken, ValueTask> flush,
        CancellationToken cancellationToken)
    {
        bool afterReturn = false;
        for (int position = 0; position < message.Memory.Length; position += Piece)
        {
            AttachedMessage.Write(message.Bytes.Slice(position, Math.Min(Piece, message.Memory.Length - position)), ref afterReturn, output);
            await flush(cancellationToken).ConfigureAwait(false);
        }
    }

    private static async ValueTask WriteFileAsync(DraftAttachment attachment, IBufferWriter<byte> output, Func<CancellationToken, ValueTask> flush,
        CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            Stream stream = await attachment.Open(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                while (true)
                {
                    int read = await stream.ReadAtLeastAsync(buffer.AsMemory(0, Piece), Piece, throwOnEndOfStream: false,
                        cancellationToken).ConfigureAwait(false);
                    Base64LineEncoder.Encode(buffer.AsSpan(0, read), output);
                    await flush(cancellationToken).ConfigureAwait(false);
                    if (read < Piece)
                        return;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
