using System.Globalization;
using EmailRouter.Mail.Net;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Imap;

/// <summary>What one FETCH response says about one message (RFC 9051 7.5.2). Items come in any order; unknown ones are skipped.</summary>
internal sealed class ImapFetchData : IDisposable
{
    private MessageBuffer? body;

    private ImapFetchData()
    {
    }

    /// <summary>Gets the UID; null where the server leaves it out.</summary>
    public uint? Uid { get; private set; }

    /// <summary>Gets when the server received the message.</summary>
    public DateTimeOffset? InternalDate { get; private set; }

    /// <summary>Gets the size as the server states it.</summary>
    public long? Size { get; private set; }

    /// <summary>Gets a value indicating whether the message waits for its expunging.</summary>
    public bool IsDeleted { get; private set; }

    /// <summary>Gets a value indicating whether a body was announced, be it NIL.</summary>
    public bool HasBody { get; private set; }

    /// <summary>Gets why the body was not kept; null when it was, or there was none.</summary>
    public Exception? BodyFailure { get; private set; }

    /// <summary>Gets a value indicating whether the response made no sense from some point on.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Reads the response behind the word FETCH.</summary>
    /// <param name="reader">The tokenizer.</param>
    /// <param name="keep">Where bodies are kept; null to drop them.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>What was read.</returns>
    public static async ValueTask<ImapFetchData> ReadAsync(ImapReader reader, MessageBufferOptions? keep, CancellationToken cancellationToken)
    {
        var data = new ImapFetchData();
        try
        {
            data.IsBroken = !await data.ReadItemsAsync(reader, keep, cancellationToken).ConfigureAwait(false);
            return data;
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <summary>Hands the body over.</summary>
    /// <returns>The body; null when there is none.</returns>
    public MessageBuffer? TakeBody()
    {
        MessageBuffer? taken = body;
        body = null;
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose() => body?.Dispose();

    private async ValueTask<bool> ReadItemsAsync(ImapReader reader, MessageBufferOptions? keep, CancellationToken cancellationToken)
    {
        if (reader.Next().Kind != ImapTokenKind.Open)
            return false;
        while (true)
        {
            ImapToken name = reader.NextItem();
            switch (name.Kind)
            {
                case ImapTokenKind.Close:
                    return true;        // more parentheses than opened say nothing more (Domino, MailKit #943)
                case ImapTokenKind.End when await reader.TryGoOnAsync(cancellationToken).ConfigureAwait(false):
                    continue;
                case ImapTokenKind.Atom:
                    break;
                default:
                    return false;
            }

            string item = System.Text.Encoding.ASCII.GetString(reader.Span(name)).ToUpperInvariant();
            ImapToken value = reader.Next();
            while (value.Kind == ImapTokenKind.End)
            {
                if (!await reader.TryGoOnAsync(cancellationToken).ConfigureAwait(false))
                    return false;
                value = reader.Next();
            }

            if (value.Kind == ImapTokenKind.Close)
                return false;
            if (!await ReadItemAsync(item, value, reader, keep, cancellationToken).ConfigureAwait(false))
                return false;
        }
    }

    private async ValueTask<bool> ReadItemAsync(
        string item, ImapToken value, ImapReader reader, MessageBufferOptions? keep, CancellationToken cancellationToken)
    {
        switch (item)
        {
            case "UID" when value.Kind == ImapTokenKind.Atom:
                Uid = ImapNumber.ParseUid(reader.Span(value));
                return true;
            case "RFC822.SIZE" when value.Kind == ImapTokenKind.Atom:
                Size = ImapNumber.Parse(reader.Span(value));
                return true;
            case "INTERNALDATE":
                InternalDate = ImapDate.Parse(await reader.ReadTextAsync(value, cancellationToken).ConfigureAwait(false));
                return true;
            case "FLAGS":
                return await ReadFlagsAsync(value, reader, cancellationToken).ConfigureAwait(false);
            case "RFC822" or "RFC822.HEADER":
            case var _ when item.StartsWith("BODY[", StringComparison.Ordinal) || item.StartsWith("BINARY[", StringComparison.Ordinal):
                return await ReadBodyAsync(value, reader, keep, cancellationToken).ConfigureAwait(false);
            default:
                return await reader.SkipAsync(value, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Flags are a list, and sometimes NIL or a quoted text (MailKit #1042, #771).</summary>
    private async ValueTask<bool> ReadFlagsAsync(ImapToken value, ImapReader reader, CancellationToken cancellationToken)
    {
        if (value.Kind != ImapTokenKind.Open)
        {
            string? text = await reader.ReadTextAsync(value, cancellationToken).ConfigureAwait(false);
            IsDeleted = text?.Contains(@"\Deleted", StringComparison.OrdinalIgnoreCase) == true;
            return true;
        }

        while (true)
        {
            ImapToken flag = reader.Next();
            switch (flag.Kind)
            {
                case ImapTokenKind.Close:
                    return true;
                case ImapTokenKind.End:
                    return false;
                case ImapTokenKind.Atom or ImapTokenKind.Quoted or ImapTokenKind.Literal:
                    string? text = await reader.ReadTextAsync(flag, cancellationToken).ConfigureAwait(false);
                    IsDeleted |= string.Equals(text?.TrimStart('\\'), "Deleted", StringComparison.OrdinalIgnoreCase) && text![0] == '\\';
                    break;
            }
        }
    }

    private async ValueTask<bool> ReadBodyAsync(ImapToken value, ImapReader reader, MessageBufferOptions? keep, CancellationToken cancellationToken)
    {
        if (value.Kind == ImapTokenKind.Open)
            return await reader.SkipAsync(value, cancellationToken).ConfigureAwait(false);
        HasBody = true;
        if (keep is null)
            return await reader.SkipAsync(value, cancellationToken).ConfigureAwait(false);
        switch (value.Kind)
        {
            case ImapTokenKind.Literal:
                using (var writer = new MessageBufferWriter(keep, (int)Math.Min(value.Length + 1, int.MaxValue)))
                {
                    DataResult result = await reader.ReadLiteralAsync(value, writer, cancellationToken).ConfigureAwait(false);
                    Keep(writer, result.Failure);
                }

                return true;
            case ImapTokenKind.Quoted or ImapTokenKind.Atom:
                string? text = await reader.ReadTextAsync(value, cancellationToken).ConfigureAwait(false);
                body?.Dispose();
                body = MessageBuffer.Wrap(System.Text.Encoding.UTF8.GetBytes(text ?? string.Empty));
                return true;
            default:
                return true;
        }
    }

    private void Keep(MessageBufferWriter writer, Exception? failure)
    {
        body?.Dispose();
        body = null;
        BodyFailure = failure;
        if (failure is not null)
            return;
        try
        {
            body = writer.Complete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            BodyFailure = e;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"UID {Uid}, {Size} bytes");
}
