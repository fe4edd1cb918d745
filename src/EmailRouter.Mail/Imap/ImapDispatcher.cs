using System.Text;
using EmailRouter.Mail.Net;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Imap;

/// <summary>
/// Reads one response at a time and keeps what it says about the connection and the selected mailbox. Untagged responses come at any time, so there is
/// one place that understands them, whatever command is running.
/// </summary>
internal sealed class ImapDispatcher(ProtocolStream stream, ImapReader reader)
{
    /// <summary>The most UIDs that one response may name.</summary>
    private const int MostUids = 2_000_000;

    /// <summary>How many lines in a row may make no sense before the connection is given up.</summary>
    private const int MostNonsense = 10_000;

    private int nonsense;

    /// <summary>Gets what the server announced last; null after something that voids it.</summary>
    public ImapCapabilities? Capabilities { get; set; }

    /// <summary>Gets what was enabled (RFC 5161).</summary>
    public HashSet<string> Enabled { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gets a value indicating whether names are UTF-8 instead of modified UTF-7 (RFC 6855 3, RFC 9051 appendix E).</summary>
    public bool UsesUtf8 => Enabled.Contains("UTF8=ACCEPT") || Enabled.Contains("IMAP4rev2")
        || (Capabilities is { } known && known.Has(ImapFeatures.Rev2) && !known.Has(ImapFeatures.Rev1));

    /// <summary>Gets or sets the selected mailbox.</summary>
    public ImapFolder? Selected { get; set; }

    /// <summary>Gets or sets who hears of other folders; null when nobody does.</summary>
    public ImapWatch? Watch { get; set; }

    /// <summary>Gets or sets where bodies are kept; null to drop them.</summary>
    public MessageBufferOptions? KeepBodies { get; set; }

    /// <summary>Gets or sets a value indicating whether the server may say BYE now.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Reads the next response.</summary>
    /// <param name="limit">The deadline for its first line.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The response.</returns>
    /// <exception cref="MailConnectionException">The server said BYE.</exception>
    public async ValueTask<ImapEvent> ReadAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            await reader.NextResponseAsync(limit, cancellationToken).ConfigureAwait(false);
            if (reader.Line.IsEmpty)
                continue;       // stray empty lines (MailKit #954)
            stream.Log.Server(reader.Line);
            if (reader.Line[0] == (byte)'*' && (reader.Line.Length == 1 || reader.Line[1] == (byte)' '))
            {
                nonsense = 0;
                reader.Advance(1);
                return await ReadUntaggedAsync(cancellationToken).ConfigureAwait(false);
            }

            if (reader.Line[0] == (byte)'+' && (reader.Line.Length == 1 || reader.Line[1] == (byte)' '))
                return new ImapEvent(ImapEventKind.Continue) { Text = Encoding.UTF8.GetString(reader.Line[1..]).Trim() };
            if (ImapClient.TryTag(reader.Line, out int tag, out int used) && ImapResponse.TryParse(reader.Line[used..], out ImapResponse response))
            {
                nonsense = 0;
                Take(response, used);
                return new ImapEvent(ImapEventKind.Tagged) { Tag = tag, Response = response };
            }

            // The tail of something whose length the server had got wrong: the next line that makes sense goes on.
            if (++nonsense > MostNonsense)
                throw stream.Protocol("MailProtocolError", $"the server sends {nonsense} lines that are no IMAP");
        }
    }

    private async ValueTask<ImapEvent> ReadUntaggedAsync(CancellationToken cancellationToken)
    {
        ReadOnlySpan<byte> rest = reader.Rest;
        if (ImapResponse.TryParse(rest, out ImapResponse response))
        {
            Take(response, 1);
            if (response.Status == ImapStatus.Bye && !IsLeaving)
                throw ImapErrors.Bye(stream, response);
            return new ImapEvent(ImapEventKind.Status) { Response = response };
        }

        ImapToken first = reader.Next();
        long? number = first.Kind == ImapTokenKind.Atom ? ImapNumber.Parse(reader.Span(first)) : null;
        ImapToken word = number is null ? first : reader.Next();
        if (word.Kind != ImapTokenKind.Atom)
            return await OtherAsync(cancellationToken).ConfigureAwait(false);
        string name = Encoding.ASCII.GetString(reader.Span(word)).ToUpperInvariant();
        switch (name)
        {
            case "CAPABILITY":
                Capabilities = new ImapCapabilities(Encoding.UTF8.GetString(reader.Rest));
                return new ImapEvent(ImapEventKind.Other);
            case "ENABLED":
                Enabled.UnionWith(Encoding.UTF8.GetString(reader.Rest).Split(' ', StringSplitOptions.RemoveEmptyEntries));
                return new ImapEvent(ImapEventKind.Other);
            case "EXISTS" when number is { } count:
                Selected?.TakeExists(count);
                return new ImapEvent(ImapEventKind.Exists);
            case "EXPUNGE" when number is not null:
                Selected?.TakeExpunge();
                return new ImapEvent(ImapEventKind.Expunge);
            case "FETCH" when number is not null:
                return await ReadFetchAsync(cancellationToken).ConfigureAwait(false);
            case "VANISHED":
                return ReadVanished();
            case "SEARCH":
                return ReadSearch();
            case "ESEARCH":
                return await ReadExtendedSearchAsync(cancellationToken).ConfigureAwait(false);
            case "LIST" or "XLIST":
                return await ReadListAsync(cancellationToken).ConfigureAwait(false);
            case "STATUS":
                return await ReadStatusAsync(cancellationToken).ConfigureAwait(false);
            case "NAMESPACE":
                return await ReadNamespaceAsync(cancellationToken).ConfigureAwait(false);
            default:
                return await OtherAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private string Decode(string name) => UsesUtf8 ? name : ModifiedUtf7.Decode(name);

    private void Take(ImapResponse response, int used)
    {
        if (response.Code == "CAPABILITY")
            Capabilities = new ImapCapabilities(response.Arguments);
        else if (response.Code == "ALERT")
            stream.Log.Note("the server's operator says: " + stream.Log.Clean(reader.Line[used..]));
        else if (response.Code == "NOTIFICATIONOVERFLOW" && Watch is { } watch)
            watch.IsTold = false;       // from here on it tells nothing (RFC 5465 5.8)
        Selected?.Take(response);
    }

    private async ValueTask<ImapEvent> OtherAsync(CancellationToken cancellationToken)
    {
        await reader.SkipResponseAsync(cancellationToken).ConfigureAwait(false);
        return new ImapEvent(ImapEventKind.Other);
    }

    private async ValueTask<ImapEvent> ReadFetchAsync(CancellationToken cancellationToken)
    {
        ImapFetchData data = await ImapFetchData.ReadAsync(reader, KeepBodies, cancellationToken).ConfigureAwait(false);
        if (data.IsBroken)
        {
            stream.Log.Note("a FETCH response makes no sense from some point on");
            await reader.SkipResponseAsync(cancellationToken).ConfigureAwait(false);
        }

        return new ImapEvent(ImapEventKind.Fetch) { Fetch = data };
    }

    private ImapEvent ReadVanished()
    {
        ReadOnlySpan<byte> text = reader.Rest.Trim((byte)' ');
        bool earlier = text.StartsWith("("u8);
        if (earlier)
            text = text[(text.IndexOf((byte)')') + 1)..].Trim((byte)' ');
        List<uint> uids = ParseSet(text);
        Selected?.TakeVanished(uids, earlier);
        return new ImapEvent(ImapEventKind.Vanished) { Uids = uids };
    }

    private ImapEvent ReadSearch()
    {
        var uids = new List<uint>();
        while (reader.Next() is { Kind: ImapTokenKind.Atom } token)
        {
            if (ImapNumber.ParseUid(reader.Span(token)) is { } uid)
                uids.Add(uid);
        }

        return new ImapEvent(ImapEventKind.Search) { Uids = uids };
    }

    /// <summary>RFC 4731 3.1. AOL leaves out the word UID (MailKit #191); only UIDs are ever asked for, so it is not looked for.</summary>
    private async ValueTask<ImapEvent> ReadExtendedSearchAsync(CancellationToken cancellationToken)
    {
        var uids = new List<uint>();
        ImapToken token = reader.Next();
        if (token.Kind == ImapTokenKind.Open)
        {
            await reader.SkipAsync(token, cancellationToken).ConfigureAwait(false);
            token = reader.Next();
        }

        for (; token.Kind == ImapTokenKind.Atom; token = reader.Next())
        {
            if (!Ascii.EqualsIgnoreCase(reader.Span(token), "ALL"u8))
                continue;
            token = reader.Next();
            if (token.Kind == ImapTokenKind.Atom)
                uids = ParseSet(reader.Span(token));
        }

        return new ImapEvent(ImapEventKind.Search) { Uids = uids };
    }

    private List<uint> ParseSet(ReadOnlySpan<byte> text)
    {
        var uids = new List<uint>();
        return ImapUidSet.TryParse(text, uids, MostUids)
            ? uids
            : throw stream.Protocol("MailResponseTooLong", $"the server names more than {MostUids} messages at once");
    }

    private async ValueTask<ImapEvent> ReadListAsync(CancellationToken cancellationToken)
    {
        var attributes = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        ImapToken token = reader.Next();
        if (token.Kind == ImapTokenKind.Open)
        {
            while (reader.Next() is { Kind: ImapTokenKind.Atom } attribute)
                attributes.Add(Encoding.UTF8.GetString(reader.Span(attribute)));
        }

        string? separator = await reader.ReadTextAsync(reader.Next(), cancellationToken).ConfigureAwait(false);
        ReadOnlySpan<byte> rest = reader.Rest.Trim((byte)' ');
        ImapToken last = reader.Next();
        string? name;
        if (last.Kind is ImapTokenKind.Quoted or ImapTokenKind.Literal)
            name = await reader.ReadTextAsync(last, cancellationToken).ConfigureAwait(false);
        else if (last.Kind is ImapTokenKind.Nil or ImapTokenKind.End)
            name = null;        // a name of NIL (MailKit #482)
        else
            name = Encoding.UTF8.GetString(rest);       // Exchange leaves the quotes out though there are blanks or tabs (MailKit #945)
        await reader.SkipResponseAsync(cancellationToken).ConfigureAwait(false);
        if (name is null)
            return new ImapEvent(ImapEventKind.Other);
        return new ImapEvent(ImapEventKind.List)
        {
            Listed = new ImapListed(Decode(name), separator is { Length: > 0 } ? separator[0] : null, attributes),
        };
    }

    /// <summary>RFC 9051 7.3.4: the name of a mailbox, and in parentheses names and numbers.</summary>
    private async ValueTask<ImapEvent> ReadStatusAsync(CancellationToken cancellationToken)
    {
        string? name = await reader.ReadTextAsync(reader.Next(), cancellationToken).ConfigureAwait(false);
        uint? next = null;
        if (name is not null && reader.Next().Kind == ImapTokenKind.Open)
        {
            while (reader.Next() is { Kind: ImapTokenKind.Atom } item)
            {
                bool isNext = Ascii.EqualsIgnoreCase(reader.Span(item), "UIDNEXT"u8);
                ImapToken value = reader.Next();
                if (isNext && value.Kind == ImapTokenKind.Atom && ImapNumber.Parse(reader.Span(value)) is > 0 and <= uint.MaxValue and { } number)
                    next = (uint)number;
            }
        }

        await reader.SkipResponseAsync(cancellationToken).ConfigureAwait(false);
        if (name is not null)
            Watch?.Take(Decode(name), next);
        return new ImapEvent(ImapEventKind.Other);
    }

    private async ValueTask<ImapEvent> ReadNamespaceAsync(CancellationToken cancellationToken)
    {
        // (("" "/")) NIL NIL: only the first of the personal ones matters.
        (string, char?)? personal = null;
        if (reader.Next().Kind == ImapTokenKind.Open && reader.Next().Kind == ImapTokenKind.Open)
        {
            string? prefix = await reader.ReadTextAsync(reader.Next(), cancellationToken).ConfigureAwait(false);
            string? separator = await reader.ReadTextAsync(reader.Next(), cancellationToken).ConfigureAwait(false);
            personal = (Decode(prefix ?? string.Empty), separator is { Length: > 0 } ? separator[0] : null);
        }

        await reader.SkipResponseAsync(cancellationToken).ConfigureAwait(false);
        return new ImapEvent(ImapEventKind.Namespace) { Personal = personal };
    }
}
