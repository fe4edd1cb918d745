using System.Buffers;
using System.Buffers.Text;
using System.Text;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Imap;

/// <summary>
/// The tokenizer (RFC 9051 9): one response at a time, as lines with literals between them. Lenient where servers err: whatever makes no sense is
/// skipped up to the end of its response, and never taken for the beginning of another one.
/// </summary>
internal sealed class ImapReader(ProtocolStream stream, MailContext context)
{
    /// <summary>SEARCH and FLAGS lines may be long; a megabyte is 90,000 UIDs.</summary>
    private const int LongestLine = 1 << 20;

    /// <summary>Literals that are names or flags; messages have their own limit.</summary>
    private const int LongestText = 64 << 10;

    private ReadOnlyMemory<byte> line;
    private int position;
    private bool isAgain;

    /// <summary>Gets the whole line.</summary>
    public ReadOnlySpan<byte> Line => line.Span;

    /// <summary>Gets what is left of the line.</summary>
    public ReadOnlySpan<byte> Rest => line.Span[Math.Min(position, line.Length)..];

    /// <summary>Reads the first line of the next response.</summary>
    /// <param name="limit">The deadline.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    public async ValueTask NextResponseAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        if (!isAgain)
            line = await stream.ReadLineAsync(LongestLine, limit, cancellationToken).ConfigureAwait(false);
        isAgain = false;
        position = 0;
    }

    /// <summary>Moves on within the line.</summary>
    /// <param name="count">How many bytes.</param>
    public void Advance(int count) => position += count;

    /// <summary>Takes the next token.</summary>
    /// <returns>The token; <see cref="ImapTokenKind.End"/> at the end of the line.</returns>
    public ImapToken Next()
    {
        ReadOnlySpan<byte> span = line.Span;
        while (position < span.Length && span[position] is (byte)' ' or (byte)'\t')
            position++;
        if (position >= span.Length)
            return new ImapToken(ImapTokenKind.End, position, 0);
        int start = position;
        switch (span[start])
        {
            case (byte)'(':
                position++;
                return new ImapToken(ImapTokenKind.Open, start, 1);
            case (byte)')':
                position++;
                return new ImapToken(ImapTokenKind.Close, start, 1);
            case (byte)'"':
                return TakeQuoted(span, start);
            case (byte)'{' or (byte)'~' when TryLiteral(span[start..], out long length):
                position = span.Length;
                return new ImapToken(ImapTokenKind.Literal, start, length);
        }

        int end = span[start..].IndexOfAny(" \t()"u8);
        position = end < 0 ? span.Length : start + end;
        bool nil = Ascii.EqualsIgnoreCase(span[start..position], "NIL"u8);
        return new ImapToken(nil ? ImapTokenKind.Nil : ImapTokenKind.Atom, start, position - start);
    }

    /// <summary>Takes the name of a FETCH item; brackets may hold blanks and parentheses.</summary>
    /// <returns>The token.</returns>
    public ImapToken NextItem()
    {
        ImapToken token = Next();
        if (token.Kind != ImapTokenKind.Atom)
            return token;
        ReadOnlySpan<byte> span = line.Span;
        int open = span.Slice(token.Start, (int)token.Length).IndexOf((byte)'[');
        if (open < 0)
            return token;
        int close = span[(token.Start + open)..].IndexOf((byte)']');
        if (close < 0)
            return token;
        position = token.Start + open + close + 1;
        int more = span[position..].IndexOfAny(" \t()"u8);      // the <origin> of a partial fetch
        position = more < 0 ? span.Length : position + more;
        return token with { Length = position - token.Start };
    }

    /// <summary>The bytes of an atom, or of a quoted string without undoing its escapes.</summary>
    /// <param name="token">The token.</param>
    /// <returns>The bytes; valid until the next line is read.</returns>
    public ReadOnlySpan<byte> Span(ImapToken token) => token.Kind == ImapTokenKind.Literal ? default : line.Span.Slice(token.Start, (int)token.Length);

    /// <summary>Reads the text of a token, also of a literal.</summary>
    /// <param name="token">The token.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The text; null for NIL and for what is no string.</returns>
    public async ValueTask<string?> ReadTextAsync(ImapToken token, CancellationToken cancellationToken)
    {
        switch (token.Kind)
        {
            case ImapTokenKind.Atom:
                return Encoding.UTF8.GetString(Span(token));
            case ImapTokenKind.Quoted:
                return Unescape(Span(token));
            case ImapTokenKind.Literal when token.Length > LongestText:
                throw stream.Protocol("MailLiteralTooLong", $"a literal of {token.Length} bytes stands where a name should be");
            case ImapTokenKind.Literal:
                var text = new ArrayBufferWriter<byte>((int)Math.Max(token.Length, 1));
                await ReadLiteralAsync(token, text, cancellationToken).ConfigureAwait(false);
                return Encoding.UTF8.GetString(text.WrittenSpan);
            default:
                return null;
        }
    }

    /// <summary>Reads the bytes of a literal, and the line behind them.</summary>
    /// <param name="token">The literal.</param>
    /// <param name="target">Takes the bytes.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>How it ended.</returns>
    public async ValueTask<DataResult> ReadLiteralAsync(ImapToken token, IBufferWriter<byte> target, CancellationToken cancellationToken)
    {
        DataResult result = await stream.ReadLiteralAsync(target, token.Length, context.Buffers.MaximumSize, cancellationToken).ConfigureAwait(false);
        line = await stream.ReadLineAsync(LongestLine, context.Deadlines.DataIdle, cancellationToken).ConfigureAwait(false);
        position = 0;
        return result;
    }

    /// <summary>Skips one value: a string, a number, a list with everything in it.</summary>
    /// <param name="token">Its first token.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>False when the line ended within the value.</returns>
    public async ValueTask<bool> SkipAsync(ImapToken token, CancellationToken cancellationToken)
    {
        for (int depth = 0; ; token = Next())
        {
            switch (token.Kind)
            {
                case ImapTokenKind.End:
                    return false;
                case ImapTokenKind.Open:
                    depth++;
                    break;
                case ImapTokenKind.Close:
                    depth--;
                    break;
                case ImapTokenKind.Literal:
                    await ReadLiteralAsync(token, NullWriter.Instance, cancellationToken).ConfigureAwait(false);
                    break;
            }

            if (depth <= 0)
                return true;
        }
    }

    /// <summary>Skips the rest of the response with the literals it announces.</summary>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    public async ValueTask SkipResponseAsync(CancellationToken cancellationToken)
    {
        while (TryLiteralAtEnd(Rest, out long length))
            await ReadLiteralAsync(new ImapToken(ImapTokenKind.Literal, 0, length), NullWriter.Instance, cancellationToken).ConfigureAwait(false);
        position = line.Length;
    }

    /// <summary>
    /// Goes on with the next line where a response has a stray line end in it (QQ Mail, MailKit #225). A line that begins a response is left for later.
    /// </summary>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>True when the line belongs to this response.</returns>
    public async ValueTask<bool> TryGoOnAsync(CancellationToken cancellationToken)
    {
        line = await stream.ReadLineAsync(LongestLine, context.Deadlines.DataIdle, cancellationToken).ConfigureAwait(false);
        position = 0;
        isAgain = BeginsResponse(line.Span);
        if (isAgain)
            position = line.Length;
        return !isAgain;
    }

    private static bool BeginsResponse(ReadOnlySpan<byte> span) => span.StartsWith("* "u8) || span.StartsWith("+ "u8) || ImapClient.IsTag(span);

    private static bool TryLiteral(ReadOnlySpan<byte> text, out long length)
    {
        length = 0;
        if (text[0] == (byte)'~')
            text = text[1..];       // RFC 3516 binary
        if (text.Length < 3 || text[0] != (byte)'{' || text[^1] != (byte)'}')
            return false;
        text = text[1..^1];
        if (text[^1] is (byte)'+' or (byte)'-')
            text = text[..^1];
        return Utf8Parser.TryParse(text, out length, out int used) && used == text.Length && length >= 0;
    }

    private static bool TryLiteralAtEnd(ReadOnlySpan<byte> text, out long length)
    {
        int open = text.LastIndexOf((byte)'{');
        length = 0;
        return open >= 0 && TryLiteral(text[open..], out length);
    }

    private static string Unescape(ReadOnlySpan<byte> text)
    {
        if (text.IndexOf((byte)'\\') < 0)
            return Encoding.UTF8.GetString(text);
        byte[] plain = new byte[text.Length];
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == (byte)'\\' && i + 1 < text.Length)
                i++;
            plain[count++] = text[i];
        }

        return Encoding.UTF8.GetString(plain.AsSpan(0, count));
    }

    private ImapToken TakeQuoted(ReadOnlySpan<byte> span, int start)
    {
        int i = start + 1;
        while (i < span.Length && span[i] != (byte)'"')
            i += span[i] == (byte)'\\' ? 2 : 1;
        int end = Math.Min(i, span.Length);
        position = Math.Min(end + 1, span.Length);
        return new ImapToken(ImapTokenKind.Quoted, start + 1, end - start - 1);
    }
}
