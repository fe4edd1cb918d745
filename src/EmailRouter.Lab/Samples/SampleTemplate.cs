using System.Globalization;
using System.Text;

namespace EmailRouter.Lab.Samples;

/// <summary>Fills the placeholders of sample messages: <c>{{name}}</c> and <c>{{name:argument}}</c>.</summary>
public static class SampleTemplate
{
    /// <summary>Fills a template.</summary>
    /// <param name="template">The bytes; everything outside placeholders stays as it is.</param>
    /// <param name="resolve">
    /// Gives the text of a placeholder by name and argument (empty where there is none), or null when it knows none. <c>base64</c> is not asked: its
    /// argument is a number of octets, and it becomes so many octets of repeatable noise in base64 lines.
    /// </param>
    /// <returns>The message.</returns>
    /// <exception cref="FormatException">A placeholder is unknown.</exception>
    public static byte[] Fill(ReadOnlySpan<byte> template, Func<string, string, string?> resolve)
    {
        ArgumentNullException.ThrowIfNull(resolve);
        using var filled = new MemoryStream(template.Length);
        while (true)
        {
            int open = template.IndexOf("{{"u8);
            int close = open < 0 ? -1 : template[open..].IndexOf("}}"u8);
            if (close < 0)
                break;
            filled.Write(template[..open]);
            string[] parts = Encoding.UTF8.GetString(template.Slice(open + 2, close - 2)).Split(':', 2);
            string argument = parts.Length > 1 ? parts[1] : string.Empty;
            if (parts[0] == "base64")
                WriteBase64(filled, int.Parse(argument, NumberStyles.None, CultureInfo.InvariantCulture));
            else if (resolve(parts[0], argument) is { } text)
                filled.Write(Encoding.UTF8.GetBytes(text));
            else
                throw new FormatException($"Nothing fills {{{{{string.Join(':', parts)}}}}}.");
            template = template[(open + close + 2)..];
        }

        filled.Write(template);
        return filled.ToArray();
    }

    /// <summary>Lists the placeholders of a template.</summary>
    /// <param name="template">The bytes.</param>
    /// <returns>Names with their arguments, e.g. <c>messageid:quote-17</c>.</returns>
    public static IReadOnlyList<string> PlaceholdersOf(ReadOnlySpan<byte> template)
    {
        var found = new List<string>();
        while (template.IndexOf("{{"u8) is >= 0 and int open && template[open..].IndexOf("}}"u8) is > 0 and int close)
        {
            found.Add(Encoding.UTF8.GetString(template.Slice(open + 2, close - 2)));
            template = template[(open + close + 2)..];
        }

        return found;
    }

    /// <summary>Lines of 76 characters (RFC 2045 6.8), the last one without its line end.</summary>
    private static void WriteBase64(Stream target, int octets)
    {
        byte[] noise = new byte[57];
        Span<byte> line = stackalloc byte[78];
        uint seed = 0x2F6E2B1;
        for (int done = 0; done < octets; done += noise.Length)
        {
            int length = Math.Min(noise.Length, octets - done);
            for (int i = 0; i < length; i++)
            {
                seed = (seed * 1664525) + 1013904223;
                noise[i] = (byte)(seed >> 24);
            }

            if (done > 0)
                target.Write("\r\n"u8);
            System.Buffers.Text.Base64.EncodeToUtf8(noise.AsSpan(0, length), line, out _, out int written);
            target.Write(line[..written]);
        }
    }
}
