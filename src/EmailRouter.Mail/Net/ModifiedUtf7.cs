using System.Buffers.Binary;
using System.Text;

namespace EmailRouter.Mail.Net;

/// <summary>Names of mailboxes in modified UTF-7 (RFC 3501 5.1.3): on the wire of IMAP, and on the disk of Maildir++.</summary>
internal static class ModifiedUtf7
{
    /// <summary>Encodes a name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>ASCII text.</returns>
    public static string Encode(string name)
    {
        var text = new StringBuilder(name.Length);
        for (int i = 0; i < name.Length;)
        {
            char c = name[i];
            if (c is >= ' ' and <= '~')
            {
                text.Append(c == '&' ? "&-" : c.ToString());
                i++;
                continue;
            }

            int end = i;
            while (end < name.Length && name[end] is not (>= ' ' and <= '~'))
                end++;
            byte[] bytes = Encoding.BigEndianUnicode.GetBytes(name[i..end]);
            text.Append('&').Append(Convert.ToBase64String(bytes).TrimEnd('=').Replace('/', ',')).Append('-');
            i = end;
        }

        return text.ToString();
    }

    /// <summary>Decodes a name; what is no modified UTF-7 stays as it is, since some servers send UTF-8.</summary>
    /// <param name="name">The name as the server writes it.</param>
    /// <returns>The name.</returns>
    public static string Decode(string name)
    {
        if (!name.Contains('&', StringComparison.Ordinal))
            return name;
        var text = new StringBuilder(name.Length);
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] != '&')
            {
                text.Append(name[i]);
                continue;
            }

            int end = name.IndexOf('-', i);
            if (end == i + 1)
                text.Append('&');
            else if (end < 0 || !TryDecode(name.AsSpan(i + 1, end - i - 1), text))
                return name;
            i = end;
        }

        return text.ToString();
    }

    private static bool TryDecode(ReadOnlySpan<char> shifted, StringBuilder text)
    {
        Span<char> base64 = stackalloc char[(shifted.Length + 3) / 4 * 4 is var n and <= 1024 ? n : 0];
        if (base64.Length < shifted.Length)
            return false;
        shifted.Replace(base64, ',', '/');
        base64[shifted.Length..].Fill('=');
        Span<byte> bytes = stackalloc byte[base64.Length];
        if (!Convert.TryFromBase64Chars(base64, bytes, out int length) || length % 2 != 0)
            return false;
        for (int i = 0; i < length; i += 2)
            text.Append((char)BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]));
        return true;
    }
}
