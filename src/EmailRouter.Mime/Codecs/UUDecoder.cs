namespace EmailRouter.Mime.Codecs;

/// <summary>uuencoded bodies (transfer encodings <c>x-uuencode</c>, <c>uuencode</c>, <c>x-uue</c>): lines between <c>begin</c> and <c>end</c>.</summary>
internal static class UUDecoder
{
    /// <summary>Decodes whole lines until the source is used up or the destination has no room for another one (47 bytes).</summary>
    public static int Decode(ReadOnlySpan<byte> source, ref int position, Span<byte> destination)
    {
        int written = 0;
        while (position < source.Length && destination.Length - written >= 64)
        {
            ReadOnlySpan<byte> rest = source[position..];
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (end < 0 ? rest : rest[..end]).TrimEnd("\r"u8);
            position += end < 0 ? rest.Length : end + 1;
            if (line.IsEmpty || line.StartsWith("begin "u8))
                continue;
            if (line.SequenceEqual("end"u8))
            {
                position = source.Length;
                break;
            }

            int count = (line[0] - 32) & 63;
            line = line[1..];
            // Spaces at the end, which mean zeros, get lost on the way; a line that lost more than half of itself never was one.
            if (count > 3 && line.Length * 2 < (count + 2) / 3 * 4)
                count = line.Length * 3 / 4;
            for (int group = 0; group < count; group += 3, line = line.Length > 4 ? line[4..] : default)
            {
                uint bits = (Sextet(line, 0) << 18) | (Sextet(line, 1) << 12) | (Sextet(line, 2) << 6) | Sextet(line, 3);
                destination[written++] = (byte)(bits >> 16);
                if (group + 1 < count)
                    destination[written++] = (byte)(bits >> 8);
                if (group + 2 < count)
                    destination[written++] = (byte)bits;
            }
        }

        return written;
    }

    private static uint Sextet(ReadOnlySpan<byte> line, int index) => index < line.Length ? (uint)(line[index] - 32) & 63 : 0;
}
