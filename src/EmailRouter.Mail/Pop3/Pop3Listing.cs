using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mail.Net;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Pop3;

/// <summary>
/// Finds the messages of a mailbox with ids that last. UIDL is the way; where a server answers it badly or not at all (MailKit #560, #872), each missing
/// message is asked for by itself, and where even that fails a hash of its header stands in.
/// </summary>
internal sealed class Pop3Listing(Pop3Client client, MailContext context)
{
    private const int LongestUid = 1024;

    /// <summary>Header fields that servers of old mailbox formats change when a message is read.</summary>
    private static readonly string[] Changing = ["status:", "x-status:", "x-uid:", "x-keywords:"];

    private ProtocolStream Stream => client.Stream;

    /// <summary>Reads the list.</summary>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The messages in the server's order, each id once.</returns>
    public async ValueTask<IReadOnlyList<MessageRef>> ReadAsync(CancellationToken cancellationToken)
    {
        var uids = new SortedDictionary<int, string>();
        var sizes = new Dictionary<int, long>();
        bool together = client.Capabilities.Has(Pop3Features.Pipelining);
        Stream.Enter(MailStep.List, "the answer to UIDL");
        Stream.Write("UIDL");
        if (together)
            Stream.Write("LIST");
        await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        Pop3Response uidl = await client.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (uidl.IsOk)
            await client.ReadListAsync(line => AddUid(line, uids), cancellationToken).ConfigureAwait(false);

        Stream.Enter(MailStep.List, "the answer to LIST");
        if (!together)
        {
            Stream.Write("LIST");
            await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        Pop3Response list = await client.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (list.IsOk)
            await client.ReadListAsync(line => AddSize(line, sizes), cancellationToken).ConfigureAwait(false);
        else if (!uidl.IsOk)
            throw Pop3Errors.Refused(Stream, list, MailStep.List, "to list the messages", client.Capabilities);

        // A server that announces UIDL, or says that it cannot do it now or that something is broken, has it: other ids would make every message a new one.
        bool has = client.Capabilities.Has(Pop3Features.Uidl) || uidl.Code is "SYS/TEMP" or "SYS/PERM" or "IN-USE" or "LOGIN-DELAY";
        if (!uidl.IsOk && has)
            throw Pop3Errors.Refused(Stream, uidl, MailStep.List, "to list the messages' ids", client.Capabilities);

        foreach (int number in sizes.Keys.Where(n => !uids.ContainsKey(n)).Order().ToArray())
        {
            string? id = null;
            if (uidl.IsOk)
            {
                Pop3Response one = await client.CommandAsync(MailStep.List, $"UIDL {number}", cancellationToken).ConfigureAwait(false);
                if (!one.IsOk)
                    continue;       // gone, or shown again next time
                id = ReadUid(one, number);
            }

            id ??= await HashHeaderAsync(number, sizes[number], cancellationToken).ConfigureAwait(false);
            if (id is not null)
                uids.Add(number, id);
        }

        return Build(uids, sizes);
    }

    private static void AddUid(ReadOnlySpan<byte> line, SortedDictionary<int, string> uids)
    {
        if (!TryNumber(ref line, out int number) || line.IsEmpty || line.Length > LongestUid)
            return;
        uids.TryAdd(number, Encoding.UTF8.GetString(line));
    }

    private static void AddSize(ReadOnlySpan<byte> line, Dictionary<int, long> sizes)
    {
        if (!TryNumber(ref line, out int number))
            return;

        // Some servers add words; some overflow 32 bits and show a negative size, which says nothing.
        sizes.TryAdd(number, Utf8Parser.TryParse(line, out long size, out _) && size >= 0 ? size : -1);
    }

    private static bool TryNumber(ref ReadOnlySpan<byte> line, out int number)
    {
        line = line.Trim((byte)' ').Trim((byte)'\t');
        if (!Utf8Parser.TryParse(line, out number, out int used) || number < 1 || (used < line.Length && line[used] is not ((byte)' ' or (byte)'\t')))
            return false;
        line = line[used..].Trim((byte)' ').Trim((byte)'\t');
        return true;
    }

    /// <summary>Two identical messages may share a UIDL (seen in practice, though RFC 1939 7 forbids it); both must be told apart.</summary>
    private static List<MessageRef> Build(SortedDictionary<int, string> uids, Dictionary<int, long> sizes)
    {
        var seen = new Dictionary<string, int>(uids.Count, StringComparer.Ordinal);
        var messages = new List<MessageRef>(uids.Count);
        foreach ((int number, string uid) in uids)
        {
            string id = uid;
            if (!seen.TryAdd(uid, 1))
                id = string.Create(CultureInfo.InvariantCulture, $"{uid}#{++seen[uid]}");
            messages.Add(new MessageRef(id) { SessionNumber = number, Size = sizes.TryGetValue(number, out long size) && size >= 0 ? size : null });
        }

        return messages;
    }

    private static string? ReadUid(Pop3Response response, int number)
    {
        var one = new SortedDictionary<int, string>();
        AddUid(Encoding.UTF8.GetBytes(response.Text), one);
        return one.GetValueOrDefault(number);
    }

    /// <summary>Makes an id from the header and the size; null when the message is gone.</summary>
    private async ValueTask<string?> HashHeaderAsync(int number, long size, CancellationToken cancellationToken)
    {
        Pop3Response response = await client.CommandAsync(MailStep.List, $"TOP {number} 0", cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
        {
            // Servers that announce TOP refuse it only for messages that are gone.
            if (client.Capabilities.Has(Pop3Features.Top))
                return null;
            throw new MailCommandException(
                "MailNoStableIds",
                MailStep.List,
                $"{Stream.Where}: the server knows neither UIDL nor TOP, so messages cannot be recognised again: {response}",
                "Use IMAP with this server, or a server that has UIDL (RFC 1939 7).")
            {
                Reply = response.ToString(),
                Conversation = Stream.Log.Lines,
            };
        }

        using var writer = new MessageBufferWriter(context.Buffers);
        DataResult result = await client.ReadDataAsync(writer, cancellationToken).ConfigureAwait(false);
        if (result.Failure is not null)
            throw MessageErrors.NotKept(Stream, new MessageRef(number.ToString(CultureInfo.InvariantCulture)), result.Failure);
        using MessageBuffer header = writer.Complete();
        return Hash(header.Memory.Span, size);
    }

    private static string Hash(ReadOnlySpan<byte> header, long size)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (!header.IsEmpty)
        {
            int end = header.IndexOf((byte)'\n') + 1;
            ReadOnlySpan<byte> line = end == 0 ? header : header[..end];
            header = header[line.Length..];
            if (!IsChanging(line))
                hash.AppendData(line);
        }

        hash.AppendData(BitConverter.GetBytes(size));
        return "sha256:" + Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant();
    }

    private static bool IsChanging(ReadOnlySpan<byte> line)
    {
        foreach (string field in Changing)
        {
            if (line.Length >= field.Length && Ascii.EqualsIgnoreCase(line[..field.Length], field))
                return true;
        }

        return false;
    }
}
