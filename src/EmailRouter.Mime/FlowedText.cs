using System.Text;

namespace EmailRouter.Mime;

/// <summary>Text whose lines were broken for transport only (<c>format=flowed</c>, RFC 3676).</summary>
public static class FlowedText
{
    /// <summary>Tells whether a part says that its text is flowed.</summary>
    /// <param name="type">The part's content type.</param>
    /// <returns>Whether it is <c>text/plain; format=flowed</c>.</returns>
    public static bool IsFlowed(ContentType type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return type.Is("text", "plain") && string.Equals(type.Parameters["format"]?.Trim(), "flowed", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Reads a part's text with its paragraphs in one line each where they are flowed; other text as <see cref="MimePart.GetText"/> gives it.</summary>
    /// <param name="part">The part.</param>
    /// <param name="maxChars">How many characters to return at most; see <see cref="MimePart.GetText"/>.</param>
    /// <returns>The text.</returns>
    public static string GetText(MimePart part, int? maxChars = null)
    {
        ArgumentNullException.ThrowIfNull(part);
        string text = part.GetText(maxChars);
        ContentType type = part.ContentType;
        return IsFlowed(type) ? Unwrap(text, string.Equals(type.Parameters["delsp"]?.Trim(), "yes", StringComparison.OrdinalIgnoreCase)) : text;
    }

    /// <summary>
    /// Joins flowed lines: a line that ends with a space goes on in the next one of the same quote depth. Quote marks stay, stuffed spaces go, the signature
    /// line (<c>-- </c>) is left alone.
    /// </summary>
    /// <param name="text">The text; line ends of any kind.</param>
    /// <param name="deleteSpace">Whether the space that marks a flowed line is no content (<c>delsp=yes</c>).</param>
    /// <returns>The text with CRLF; never longer than <paramref name="text"/> with CRLF.</returns>
    public static string Unwrap(string text, bool deleteSpace = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var output = new StringBuilder(text.Length);
        int openDepth = -1;     // of the paragraph that goes on; -1 when none does
        int position = 0;
        while (position < text.Length)
        {
            int end = text.IndexOf('\n', position);
            bool isLast = end < 0;
            ReadOnlySpan<char> line = text.AsSpan(position, (isLast ? text.Length : end) - position).TrimEnd('\r');
            position = isLast ? text.Length : end + 1;

            int depth = 0;
            while (depth < line.Length && line[depth] == '>')
                depth++;
            ReadOnlySpan<char> content = line[depth..];
            if (content is [' ', ..])
                content = content[1..];
            bool isSignature = content is "-- ";
            bool goesOn = content is [.., ' '] && !isSignature;
            if (openDepth >= 0 && (openDepth != depth || isSignature))
            {
                output.Append("\r\n");
                openDepth = -1;
            }

            if (openDepth < 0 && depth > 0)
                output.Append('>', depth).Append(content.IsEmpty ? string.Empty : " ");
            output.Append(goesOn && deleteSpace ? content[..^1] : content);
            openDepth = goesOn ? depth : -1;
            if (!goesOn && !isLast)
                output.Append("\r\n");
        }

        return output.ToString();
    }
}
