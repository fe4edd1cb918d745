using System.Text;
using EmailRouter.Mime.Codecs;
using EmailRouter.Mime.Headers;

namespace EmailRouter.Mime.Reports;

/// <summary>
/// Reads what the machine-readable part of a report holds: groups of header-like fields between blank lines (RFC 3464 2.1, RFC 8098 3.1, RFC 5965 3).
/// </summary>
internal static class FieldGroups
{
    private const int MaximumBytes = 1 << 20;
    private const int MaximumGroups = 1000;
    private const int MaximumFields = 200;
    private const int MaximumNameLength = 70;

    /// <summary>Reads the groups of a part. Groups without any field do not count, however many blank lines there are.</summary>
    public static List<ReportFields> Read(MimePart part)
    {
        var groups = new List<ReportFields>();
        byte[] body = part.DecodeStart(MaximumBytes);
        // A server took the first group for the headers of an entity whose content, the other groups, it then encoded.
        for (int depth = 0; depth < 2 && ReadPlain(body, groups, out MimeTransferEncoding encoding, out int rest); depth++)
        {
            var inner = new BodyDecoder(body.AsMemory(rest), encoding);
            body = Collect(ref inner);
        }

        return groups;
    }

    // Returns whether it stopped at a group that says how the rest is encoded.
    private static bool ReadPlain(ReadOnlySpan<byte> body, List<ReportFields> groups, out MimeTransferEncoding encoding, out int rest)
    {
        ReportFields? group = null;
        encoding = MimeTransferEncoding.SevenBit;
        rest = 0;
        while (rest < body.Length)
        {
            int end = FieldEnd(body, rest);
            ReadOnlySpan<byte> field = body[rest..end];
            rest = end;
            if (field.Trim(" \t\r\n"u8).IsEmpty)
            {
                if (group is not null && EncodingOf(group) is { } found)
                {
                    encoding = found;
                    return true;
                }

                group = null;
                continue;
            }

            int colon = field.IndexOf((byte)':');
            if (colon <= 0)
                continue;
            ReadOnlySpan<byte> name = field[..colon].Trim(" \t"u8);
            if (name.Length is 0 or > MaximumNameLength || name.IndexOfAnyExceptInRange((byte)33, (byte)126) >= 0)
                continue;
            if (group is null)
            {
                if (groups.Count == MaximumGroups)
                    return false;
                groups.Add(group = new ReportFields());
            }

            if (group.Count < MaximumFields)
                group.Add(Encoding.ASCII.GetString(name), HeaderText.Decode(field[(colon + 1)..], null).Trim());
        }

        return false;
    }

    // A field with its continuation lines; a line of blanks only is no continuation but the blank line some writers mean by it.
    private static int FieldEnd(ReadOnlySpan<byte> body, int start)
    {
        int end = LineEnd(body, start);
        if (body[start..end].Trim(" \t\r\n"u8).IsEmpty)
            return end;
        while (end < body.Length && body[end] is (byte)' ' or (byte)'\t')
        {
            int next = LineEnd(body, end);
            if (body[end..next].Trim(" \t\r\n"u8).IsEmpty)
                break;
            end = next;
        }

        return end;
    }

    private static int LineEnd(ReadOnlySpan<byte> body, int start)
    {
        int length = body[start..].IndexOf((byte)'\n');
        return length < 0 ? body.Length : start + length + 1;
    }

    private static MimeTransferEncoding? EncodingOf(ReportFields group) => group["Content-Transfer-Encoding"]?.ToLowerInvariant() switch
    {
        "base64" => MimeTransferEncoding.Base64,
        "quoted-printable" => MimeTransferEncoding.QuotedPrintable,
        _ => null,
    };

    private static byte[] Collect(ref BodyDecoder decoder)
    {
        using var output = new MemoryStream();
        byte[] buffer = new byte[4096];
        for (int read; output.Length < MaximumBytes && (read = decoder.Read(buffer)) > 0;)
            output.Write(buffer, 0, read);
        return output.ToArray();
    }
}
