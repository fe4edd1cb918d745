using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime;

/// <summary>
/// A file that stands uuencoded within a text (<c>begin 644 name</c> ... <c>end</c>), as mail carried files before MIME. The text itself stays as it is.
/// </summary>
/// <param name="FileName">The name after <c>begin</c>. It is data: never use it as a path.</param>
/// <param name="Content">The decoded bytes.</param>
/// <param name="Start">Where <c>begin</c> stands in the text.</param>
/// <param name="End">Where the line after <c>end</c> starts in the text.</param>
public sealed record UUEncodedFile(string FileName, ReadOnlyMemory<byte> Content, int Start, int End)
{
    private const int MaximumFiles = 100;

    /// <summary>Finds the files in a text. What has no <c>end</c>, or other lines in between, is text.</summary>
    /// <param name="text">The text, e.g. of <see cref="MimePart.GetText"/>.</param>
    /// <returns>The files in order, at most 100. Files in yEnc are not looked for.</returns>
    public static IReadOnlyList<UUEncodedFile> Find(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var files = new List<UUEncodedFile>();
        int position = 0;
        while (files.Count < MaximumFiles && NextBegin(text, position) is >= 0 and int start)
        {
            int line = LineEnd(text, start);
            if (Name(text.AsSpan(start, line - start)) is { } name && ReadBody(text, line, out int bodyEnd, out int end))
            {
                files.Add(new UUEncodedFile(name, Decode(text.AsSpan(line, bodyEnd - line)), start, end));
                position = end;
            }
            else
            {
                position = line;
            }
        }

        return files;
    }

    private static int NextBegin(string text, int from)
    {
        while (from < text.Length)
        {
            int found = text.IndexOf("begin ", from, StringComparison.Ordinal);
            if (found <= 0 || text[found - 1] == '\n')
                return found;
            from = found + 6;
        }

        return -1;
    }

    // begin, a mode of three or four octal digits, a name.
    private static string? Name(ReadOnlySpan<char> line)
    {
        line = line[6..].TrimEnd();
        int space = line.IndexOf(' ');
        if (space is < 3 or > 4 || line[..space].IndexOfAnyExceptInRange('0', '7') >= 0)
            return null;
        ReadOnlySpan<char> name = line[(space + 1)..].Trim().Trim('"');
        return name.Length is > 0 and <= 255 ? name.ToString() : null;
    }

    private static bool ReadBody(string text, int position, out int bodyEnd, out int end)
    {
        bodyEnd = end = position;
        while (position < text.Length)
        {
            int next = LineEnd(text, position);
            ReadOnlySpan<char> line = text.AsSpan(position, next - position).TrimEnd("\r\n");
            if (line.TrimEnd() is "end")
            {
                bodyEnd = position;
                end = next;
                return true;
            }

            if (!line.IsEmpty && !IsData(line))
                return false;
            position = next;
        }

        return false;
    }

    // One character for the length, four for every three bytes; some programs add one or two at the end, or lose spaces there.
    private static bool IsData(ReadOnlySpan<char> line)
    {
        if (line.IndexOfAnyExceptInRange(' ', '`') >= 0)
            return false;
        int characters = (((line[0] - 32) & 63) + 2) / 3 * 4;
        return line.Length - 1 <= characters + 2 && line.Length - 1 >= characters / 2;
    }

    private static byte[] Decode(ReadOnlySpan<char> body)
    {
        byte[] source = Encoding.ASCII.GetBytes(body.ToArray());
        byte[] destination = new byte[source.Length + 64];
        int position = 0;
        int written = UUDecoder.Decode(source, ref position, destination);
        return destination[..written];
    }

    private static int LineEnd(string text, int position)
    {
        int end = text.IndexOf('\n', position);
        return end < 0 ? text.Length : end + 1;
    }
}
