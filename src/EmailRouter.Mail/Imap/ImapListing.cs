using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Imap;

/// <summary>Lists the messages behind a cursor: UIDs by search, then what is to be known of each in batches.</summary>
/// <param name="client">The connection.</param>
/// <param name="watch">Learns what was seen of each folder; null for nobody.</param>
internal sealed class ImapListing(ImapClient client, ImapWatch? watch)
{
    private const int BatchSize = 500;

    /// <summary>How many UIDs an answer without ranges (RFC 3501) may have to name at once; its line has a limit.</summary>
    private const uint SearchWindow = 50_000;

    private readonly Dictionary<string, ImapLocation> unnumbered = new(StringComparer.Ordinal);

    /// <summary>Finds out where a message lies.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The location; null when it is no message of this session.</returns>
    public ImapLocation? Locate(MessageRef message) =>
        unnumbered.TryGetValue(message.Id, out ImapLocation location) ? location : ImapLocation.Parse(message.Id);

    /// <summary>Lists.</summary>
    /// <param name="folders">The mailboxes.</param>
    /// <param name="since">The cursor.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The messages, oldest first within each mailbox.</returns>
    public async IAsyncEnumerable<MessageRef> ReadAsync(
        IReadOnlyList<string> folders, MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ImapCursor positions = ImapCursor.Parse(since);
        foreach (string name in folders)
        {
            ImapFolderCursor? position = positions.Find(name);
            ImapFolder folder = client.Selected is { } selected && selected.Name == name
                ? selected
                : await client.SelectAsync(name, position, cancellationToken).ConfigureAwait(false);
            bool isKnown = position is not null && folder.UidValidity != 0 && position.UidValidity == folder.UidValidity;
            uint after = isKnown ? position!.LastUid : 0;
            long? modSeq = folder.HighestModSeq;
            if (!folder.IsFresh)
            {
                // Servers look for new mail when they are idle or asked by NOOP; a search alone sees what was there before.
                ImapResponse noop = await client.ExecuteAsync(MailStep.List, "NOOP", null, cancellationToken).ConfigureAwait(false);
                if (!noop.IsOk)
                    throw ImapErrors.Refused(client.Stream, noop, MailStep.List, "to tell news");
            }

            bool nothingNew = folder.IsFresh && (folder.Exists == 0 || (isKnown && IsUnchanged(folder, position!)));
            folder.IsFresh = false;
            folder.ForgetNews();
            if (nothingNew)
            {
                Know(folder, after);
                continue;
            }

            List<uint> uids = await SearchAsync(folder, after, cancellationToken).ConfigureAwait(false);
            Know(folder, uids.Count > 0 ? uids[^1] : after);
            foreach ((string set, IReadOnlyList<uint> batch) in ImapUidSet.Split(uids, BatchSize))
            {
                foreach (MessageRef message in await DescribeAsync(folder, set, batch, cancellationToken).ConfigureAwait(false))
                {
                    if (folder.UidValidity == 0)
                    {
                        yield return message;
                        continue;
                    }

                    positions.Set(name, new ImapFolderCursor(folder.UidValidity, unchecked((uint)message.SessionNumber), modSeq));
                    yield return message with { Cursor = positions.ToCursor() };
                }
            }
        }
    }

    /// <summary>
    /// What SELECT said of the next UID is enough to know that nothing came. The modification sequence is not: a position may lie before messages that were
    /// listed under the same sequence and are still to be done.
    /// </summary>
    private static bool IsUnchanged(ImapFolder folder, ImapFolderCursor position) => folder.UidNext is { } next && next <= (ulong)position.LastUid + 1;

    private void Know(ImapFolder folder, uint last)
    {
        uint behind = last == uint.MaxValue ? last : last + 1;
        if (folder.UidNext is { } next)
            watch?.Know(folder.Name, Math.Max(next, behind));
    }

    private async ValueTask<List<uint>> SearchAsync(ImapFolder folder, uint after, CancellationToken cancellationToken)
    {
        var uids = new HashSet<uint>();
        bool extended = client.Capabilities.Has(ImapFeatures.ExtendedSearch);
        uint from = after == uint.MaxValue ? after : after + 1;
        bool knowsStar = true;
        while (true)
        {
            bool isWindow = !extended && folder.UidNext is { } next && next > from && next - from > SearchWindow && folder.Exists > SearchWindow;
            string range = isWindow
                ? string.Create(CultureInfo.InvariantCulture, $"{from}:{from + SearchWindow - 1}")
                : knowsStar ? string.Create(CultureInfo.InvariantCulture, $"{from}:*") : string.Create(CultureInfo.InvariantCulture, $"{from}:{uint.MaxValue}");

            // RETURN () ought to mean ALL and does not everywhere (MailKit #1177). No CHARSET: there is nothing but ASCII.
            string command = $"UID SEARCH {(extended ? "RETURN (ALL) " : string.Empty)}UID {range} UNDELETED";
            ImapResponse response = await client.ExecuteAsync(MailStep.List, command, Take, cancellationToken).ConfigureAwait(false);
            if (response.Status == ImapStatus.Bad && extended)
            {
                extended = false;
                continue;
            }

            if (!response.IsOk)
                throw ImapErrors.Refused(client.Stream, response, MailStep.List, "to list the messages");
            if (isWindow)
            {
                from += SearchWindow;
                continue;
            }

            bool isExpected = folder.Exists > 0 && (folder.UidNext is not > 0 || folder.UidNext > from);
            if (uids.Count > 0 || !isExpected || extended || !knowsStar)
                break;

            // n:* always matches the last message, so nothing at all means that all are deleted, or that the server does not know the star here (GNU Mailutils imap4d 3.15).
            knowsStar = false;
        }

        // n:* always matches the last message, even when its UID is below n (RFC 9051 9, seq-range).
        List<uint> sorted = [.. uids.Where(uid => uid > after)];
        sorted.Sort();
        return sorted;

        void Take(ImapEvent found)
        {
            if (found.Kind == ImapEventKind.Search)
                uids.UnionWith(found.Uids!);
        }
    }

    private async ValueTask<List<MessageRef>> DescribeAsync(
        ImapFolder folder, string set, IReadOnlyList<uint> batch, CancellationToken cancellationToken)
    {
        bool isNumbered = folder.UidValidity != 0;
        var wanted = new HashSet<uint>(batch);
        var found = new SortedDictionary<uint, MessageRef>();
        string items = isNumbered ? "UID INTERNALDATE RFC822.SIZE" : "UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]";
        client.KeepBodies(!isNumbered);
        ImapResponse response = await client.ExecuteAsync(MailStep.List, $"UID FETCH {set} ({items})", Take, cancellationToken).ConfigureAwait(false);
        client.KeepBodies(false);
        if (!response.IsOk)
            throw ImapErrors.Refused(client.Stream, response, MailStep.List, "to describe the messages");
        return [.. found.Values];

        void Take(ImapEvent next)
        {
            if (next.Fetch is not { Uid: { } uid, Size: not null } data || data.IsDeleted || !wanted.Contains(uid))
                return;
            var location = new ImapLocation(folder.Name, folder.UidValidity, uid);
            found[uid] = new MessageRef(isNumbered ? location.ToString() : Name(location, data))
            {
                Size = data.Size,
                ReceivedOn = data.InternalDate,
                SessionNumber = unchecked((int)uid),
            };
        }
    }

    /// <summary>Where UIDs do not last (SmarterMail shows UIDVALIDITY 0, MailKit #150), a hash of the header names the message.</summary>
    private string Name(ImapLocation location, ImapFetchData data)
    {
        using MessageBuffer? header = data.TakeBody();
        byte[] date = Encoding.ASCII.GetBytes(data.InternalDate?.ToString("u", CultureInfo.InvariantCulture) ?? string.Empty);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(date);
        if (header is not null)
            hash.AppendData(header.Memory.Span);
        string plain = "sha256:" + Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant();
        string id = plain;
        for (int copy = 2; unnumbered.TryGetValue(id, out ImapLocation other) && other != location; copy++)
            id = string.Create(CultureInfo.InvariantCulture, $"{plain}#{copy}");
        unnumbered[id] = location;
        return id;
    }
}
