using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace EmailRouter.Mail.Imap;

/// <summary>Sets of UIDs as text (RFC 9051 9, sequence-set).</summary>
internal static class ImapUidSet
{
    /// <summary>Old servers limit a command to 1000 bytes (RFC 7162 4 asks for 8192); what surrounds the set needs some of them.</summary>
    private const int LongestSet = 800;

    /// <summary>Writes UIDs as sets that fit into a command, with ranges, always ascending: hMailServer refuses others (MailKit #1150).</summary>
    /// <param name="uids">The UIDs, ascending.</param>
    /// <param name="most">The most UIDs in one set.</param>
    /// <returns>The sets, each with its UIDs.</returns>
    public static IEnumerable<(string Set, IReadOnlyList<uint> Uids)> Split(IReadOnlyList<uint> uids, int most)
    {
        var text = new StringBuilder();
        int begin = 0;
        for (int i = 0; i < uids.Count;)
        {
            int last = i;
            while (last + 1 < uids.Count && uids[last + 1] == uids[last] + 1 && last + 1 - begin < most)
                last++;
            if (text.Length > 0)
                text.Append(',');
            text.Append(CultureInfo.InvariantCulture, $"{uids[i]}");
            if (last > i)
                text.Append(CultureInfo.InvariantCulture, $":{uids[last]}");
            i = last + 1;
            if (i < uids.Count && i - begin < most && text.Length < LongestSet)
                continue;
            yield return (text.ToString(), [.. uids.Skip(begin).Take(i - begin)]);
            text.Clear();
            begin = i;
        }
    }

    /// <summary>Reads a set.</summary>
    /// <param name="text">The text.</param>
    /// <param name="uids">Takes the UIDs.</param>
    /// <param name="most">The most UIDs; a server can write four thousand million of them in twelve bytes.</param>
    /// <returns>False when there are more than that.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, List<uint> uids, int most)
    {
        while (!text.IsEmpty)
        {
            int comma = text.IndexOf((byte)',');
            ReadOnlySpan<byte> range = comma < 0 ? text : text[..comma];
            text = comma < 0 ? default : text[(comma + 1)..];
            if (!Utf8Parser.TryParse(range, out uint first, out int used))
                continue;
            uint last = first;
            if (used < range.Length && range[used] == (byte)':' && Utf8Parser.TryParse(range[(used + 1)..], out uint end, out _))
                last = end;
            (first, last) = (Math.Min(first, last), Math.Max(first, last));
            if ((long)uids.Count + last - first >= most)
                return false;
            for (ulong uid = first; uid <= last; uid++)
                uids.Add((uint)uid);
        }

        return true;
    }
}
