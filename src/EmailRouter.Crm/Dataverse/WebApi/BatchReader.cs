using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>Reads the answer to a batch: <c>multipart/mixed</c> of HTTP answers, change sets in it as <c>multipart/mixed</c> of their own.</summary>
internal static class BatchReader
{
    private const int MaxHeaderLength = 64 * 1024;

    /// <summary>Reads an answer.</summary>
    /// <param name="body">The body.</param>
    /// <param name="contentType">The value of its Content-Type, which names the boundary.</param>
    /// <param name="what">What the batch is for, in words.</param>
    /// <returns>
    /// The answers in the order of the requests, those of a change set in a list of their own. A change set that failed has one answer.
    /// </returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>: it is none, or it ends in the middle.</exception>
    public static List<IReadOnlyList<CrmAnswer>> Read(ReadOnlyMemory<byte> body, string? contentType, string what)
    {
        string boundary = Boundary(contentType) ??
            throw AnswerErrors.Unreadable(what, $"a batch's answer is expected and it is {contentType ?? "of no known type"}");
        var answers = new List<IReadOnlyList<CrmAnswer>>();
        foreach (ReadOnlyMemory<byte> part in Split(body, boundary, what))
        {
            (Dictionary<string, string> headers, ReadOnlyMemory<byte> content) = ReadHeaders(part, what);
            string? partType = headers.GetValueOrDefault("Content-Type");
            answers.Add(Boundary(partType) is { } inner
                ? [.. Split(content, inner, what).Select(p => ReadAnswer(ReadHeaders(p, what).Content, what))]
                : [ReadAnswer(content, what)]);
        }

        return answers;
    }

    private static string? Boundary(string? contentType)
    {
        if (contentType is null || !MediaTypeHeaderValue.TryParse(contentType, out MediaTypeHeaderValue? type))
            return null;
        if (type.MediaType?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) != true)
            return null;
        return type.Parameters.FirstOrDefault(p => p.Name.Equals("boundary", StringComparison.OrdinalIgnoreCase))?.Value?.Trim('"');
    }

    private static List<ReadOnlyMemory<byte>> Split(ReadOnlyMemory<byte> body, string boundary, string what)
    {
        byte[] delimiter = Encoding.ASCII.GetBytes("--" + boundary);
        var parts = new List<ReadOnlyMemory<byte>>();
        int start = -1;
        for (int at = 0; at < body.Length;)
        {
            int found = body.Span[at..].IndexOf(delimiter);
            if (found < 0)
                break;
            int begin = at + found;
            int after = begin + delimiter.Length;
            bool isLast = body.Span[after..].StartsWith("--"u8);
            bool isLineStart = begin == 0 || body.Span[begin - 1] == (byte)'\n';
            ReadOnlySpan<byte> rest = body.Span[after..];
            bool isLineEnd = isLast || rest.Length == 0 || rest[0] is (byte)'\r' or (byte)'\n' or (byte)' ' or (byte)'\t';
            if (!isLineStart || !isLineEnd)
            {
                at = after;
                continue;
            }

            if (start >= 0)
                parts.Add(body[start..TrimLineEnd(body.Span, start, begin)]);
            if (isLast)
                return parts;
            int lineEnd = rest.IndexOf((byte)'\n');
            if (lineEnd < 0)
                break;
            start = after + lineEnd + 1;
            at = start;
        }

        throw AnswerErrors.Unreadable(what, "it ends in the middle");
    }

    private static int TrimLineEnd(ReadOnlySpan<byte> body, int start, int end)
    {
        if (end > start && body[end - 1] == (byte)'\n')
            end--;
        if (end > start && body[end - 1] == (byte)'\r')
            end--;
        return end;
    }

    private static CrmAnswer ReadAnswer(ReadOnlyMemory<byte> http, string what)
    {
        int lineEnd = http.Span.IndexOf((byte)'\n');
        string line = Encoding.ASCII.GetString(http.Span[..(lineEnd < 0 ? http.Length : lineEnd)]).Trim();
        string[] words = line.Split(' ', 3);
        if (words.Length < 2 || !words[0].StartsWith("HTTP/", StringComparison.OrdinalIgnoreCase) ||
            !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int status))
        {
            throw AnswerErrors.Unreadable(what, "an answer within it has no status");
        }

        (Dictionary<string, string> headers, ReadOnlyMemory<byte> content) = ReadHeaders(lineEnd < 0 ? default : http[(lineEnd + 1)..], what);
        return new CrmAnswer
        {
            Status = status,
            Body = content,
            MediaType = headers.GetValueOrDefault("Content-Type")?.Split(';')[0].Trim(),
            ETag = headers.GetValueOrDefault("ETag"),
            RetryAfter = int.TryParse(headers.GetValueOrDefault("Retry-After"), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
                ? Shared.Http.RetryAfter.Limit(TimeSpan.FromSeconds(seconds)) : null,
        };
    }

    private static (Dictionary<string, string> Headers, ReadOnlyMemory<byte> Content) ReadHeaders(ReadOnlyMemory<byte> part, string what)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        int at = 0;
        while (at < part.Length)
        {
            int length = part.Span[at..].IndexOf((byte)'\n');
            int end = length < 0 ? part.Length : at + length;
            if (end > MaxHeaderLength)
                throw AnswerErrors.Unreadable(what, "its headers do not end");
            string line = Encoding.UTF8.GetString(part.Span[at..end]).TrimEnd('\r');
            at = Math.Min(end + 1, part.Length);
            if (line.Length == 0)
                return (headers, part[at..]);
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
                headers[line[..colon].Trim()] = line[(colon + 1)..].Trim();
        }

        return (headers, default);
    }
}
