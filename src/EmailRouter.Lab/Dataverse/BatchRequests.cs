using System.Globalization;
using System.Net;
using System.Text;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Dataverse;

/// <summary>Carries out the requests of a batch (OData 4.0 Part 1, 11.7): one after the other, change sets all or nothing.</summary>
/// <param name="batch">The batch.</param>
/// <param name="single">Carries out a request by itself.</param>
/// <param name="together">Carries out requests in one transaction. They are made when their turn comes, since they may refer to rows made before them.</param>
/// <param name="identify">Finds whom a part is done for by its headers; refuses with an <see cref="ODataException"/>.</param>
internal sealed class BatchRequests(
    ODataRequest batch,
    Func<ODataRequest, Caller, ValueTask<LabHttpAnswer>> single,
    Func<IReadOnlyList<(Func<ODataRequest> Request, Caller Caller)>, ValueTask<(IReadOnlyList<LabHttpAnswer> Answers, LabHttpAnswer? Error)>> together,
    Func<IReadOnlyDictionary<string, string>, ValueTask<Caller>> identify)
{
    private const int MaxRequests = 1000;

    /// <summary>Carries the batch out.</summary>
    /// <returns>The answer: multipart, one part for each request or change set.</returns>
    public async ValueTask<LabHttpAnswer> HandleAsync()
    {
        if (batch.Method != "POST")
            throw ODataException.Method(batch.Method);
        string boundary = BoundaryOf(batch.Header("Content-Type")) ?? throw new ODataException(HttpStatusCode.BadRequest, "0x80060888",
            "The content type of a batch must be multipart/mixed with a boundary.");
        List<Part> parts = ReadParts(Encoding.UTF8.GetString(batch.Body.Span), boundary);
        int total = parts.Sum(p => p.Set?.Count ?? 1);
        if (total > MaxRequests)
            throw new ODataException(HttpStatusCode.BadRequest, "0x80060888", $"The number of requests in the batch ({total}) exceeds the limit of {MaxRequests}.");
        string answerBoundary = "batchresponse_" + Guid.NewGuid();
        var body = new StringBuilder();

        // The first failure ends the batch, and its status is that of the whole; unless the client wants to go on.
        int status = 200;
        foreach (Part part in parts)
        {
            body.Append(CultureInfo.InvariantCulture, $"--{answerBoundary}\r\n");
            if (part.Set is null)
            {
                LabHttpAnswer answer = await CarryOutAsync(part);
                Write(body, answer, part.Headers.GetValueOrDefault("Content-ID"));
                status = answer.Status;
            }
            else
            {
                status = await HandleSetAsync(part.Set, body);
            }

            if (status >= 400 && !batch.Preferences.ContinueOnError)
                break;
            status = 200;
        }

        body.Append(CultureInfo.InvariantCulture, $"--{answerBoundary}--\r\n");
        return LabHttpAnswer.OfText(status, body.ToString(), $"multipart/mixed; boundary={answerBoundary}");
    }

    private async ValueTask<LabHttpAnswer> CarryOutAsync(Part part)
    {
        ODataRequest request = ToRequest(part, []);
        try
        {
            return await single(request, await identify(request.Headers));
        }
        catch (ODataException e)
        {
            return ODataAnswer.Error(e, batch.Preferences);
        }
    }

    private async ValueTask<(IReadOnlyList<LabHttpAnswer> Answers, LabHttpAnswer? Error)> CarryOutAsync(List<Part> set)
    {
        var contentIds = new Dictionary<string, string>(StringComparer.Ordinal);
        var requests = new List<(Func<ODataRequest> Request, Caller Caller)>();
        try
        {
            foreach (Part part in set)
                requests.Add((() => ToRequest(part, contentIds), await identify(part.RequestHeaders)));
        }
        catch (ODataException e)
        {
            return ([], ODataAnswer.Error(e, batch.Preferences));
        }

        return requests.Count == 0 ? ([], null) : await together(requests);
    }

    private async ValueTask<int> HandleSetAsync(List<Part> set, StringBuilder body)
    {
        if (set.FirstOrDefault(p => p.RequestLine.StartsWith("GET ", StringComparison.OrdinalIgnoreCase)) is not null)
        {
            Write(body, ODataAnswer.Error(ODataException.Syntax("A change set holds no GET requests."), batch.Preferences), null);
            return 400;
        }

        (IReadOnlyList<LabHttpAnswer> answers, LabHttpAnswer? error) = await CarryOutAsync(set);
        if (error is not null)
        {
            Write(body, error, null);
            return error.Status;
        }

        string boundary = "changesetresponse_" + Guid.NewGuid();
        body.Append(CultureInfo.InvariantCulture, $"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n");
        for (int i = 0; i < answers.Count; i++)
        {
            body.Append(CultureInfo.InvariantCulture, $"--{boundary}\r\n");
            Write(body, answers[i], set[i].Headers.GetValueOrDefault("Content-ID"));
        }

        body.Append(CultureInfo.InvariantCulture, $"--{boundary}--\r\n");
        return 200;
    }

    private static void Write(StringBuilder body, LabHttpAnswer answer, string? contentId)
    {
        body.Append("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
        if (contentId is not null)
            body.Append(CultureInfo.InvariantCulture, $"Content-ID: {contentId}\r\n");
        body.Append(CultureInfo.InvariantCulture, $"\r\nHTTP/1.1 {answer.Status} {(HttpStatusCode)answer.Status}\r\n");
        foreach ((string name, string value) in answer.Headers)
            body.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        body.Append("OData-Version: 4.0\r\n\r\n");
        body.Append(Encoding.UTF8.GetString(answer.Body.Span)).Append("\r\n");
    }

    private ODataRequest ToRequest(Part part, Dictionary<string, string> contentIds)
    {
        string[] line = part.RequestLine.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (line.Length is not (2 or 3))
            throw ODataException.Syntax($"'{part.RequestLine}' is no request line.");
        string target = line[1];
        string rootPath = new Uri(batch.Root).AbsolutePath;
        if (Uri.TryCreate(target, UriKind.Absolute, out Uri? absolute) && absolute.Scheme is "http" or "https")
            target = target[(target.IndexOf(absolute!.Authority, StringComparison.OrdinalIgnoreCase) + absolute.Authority.Length)..];
        if (target.StartsWith(rootPath, StringComparison.OrdinalIgnoreCase))
            target = target[rootPath.Length..];
        else if (target.StartsWith('/') && target.Contains("/api/data/v", StringComparison.Ordinal))
            target = string.Join('/', target[(target.IndexOf("/api/data/v", StringComparison.Ordinal) + 1)..].Split('/').Skip(3));
        target = target.TrimStart('/');
        if (target.StartsWith('$') && target[1..].Split('/', '?') is [var id, ..] && contentIds.TryGetValue(id, out string? made))
            target = made + target[(1 + id.Length)..];
        int mark = target.IndexOf('?', StringComparison.Ordinal);

        var headers = new Dictionary<string, string>(part.Headers, StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string value) in part.RequestHeaders)
            headers[name] = value;
        return new ODataRequest
        {
            Method = line[0].ToUpperInvariant(),
            Path = mark < 0 ? target : target[..mark],
            Query = mark < 0 ? string.Empty : target[(mark + 1)..],
            Root = batch.Root,
            Headers = headers,
            Body = Encoding.UTF8.GetBytes(part.Body),
            ContentIds = contentIds,
        };
    }

    private static List<Part> ReadParts(string text, string boundary)
    {
        string[] sections = ("\n" + text.Replace("\r\n", "\n", StringComparison.Ordinal)).Split("\n--" + boundary);
        if (sections.Length < 2)
            throw ODataException.Syntax("The batch has no parts.");
        if (!sections[^1].StartsWith("--", StringComparison.Ordinal))
            throw ODataException.Syntax("The batch has no end.");
        var parts = new List<Part>();
        foreach (string section in sections[1..^1])
        {
            (Dictionary<string, string> headers, string content) = ReadHeaders(section.TrimStart('\n', ' ', '\t'));
            if (BoundaryOf(headers.GetValueOrDefault("Content-Type")) is { } inner)
            {
                List<Part> set = ReadParts(content, inner);
                if (set.Exists(p => p.Set is not null))
                    throw ODataException.Syntax("A change set holds no change sets.");
                parts.Add(new Part(headers, string.Empty, [], string.Empty, set));
                continue;
            }

            content = content.TrimStart('\n');
            int end = content.IndexOf('\n', StringComparison.Ordinal);
            string line = (end < 0 ? content : content[..end]).Trim();
            (Dictionary<string, string> own, string body) = ReadHeaders(end < 0 ? string.Empty : content[(end + 1)..]);
            parts.Add(new Part(headers, line, own, body.TrimEnd('\n'), null));
        }

        return parts;
    }

    private static (Dictionary<string, string> Headers, string Text) ReadHeaders(string text)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        int position = 0;
        while (position < text.Length)
        {
            int end = text.IndexOf('\n', position);
            string line = (end < 0 ? text[position..] : text[position..end]).Trim();
            position = end < 0 ? text.Length : end + 1;
            if (line.Length == 0)
                break;
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
                throw ODataException.Syntax($"'{line}' in the batch is no header.");
            headers[line[..colon].Trim()] = line[(colon + 1)..].Trim();
        }

        return (headers, text[position..]);
    }

    private static string? BoundaryOf(string? contentType)
    {
        if (contentType is null || !contentType.StartsWith("multipart/mixed", StringComparison.OrdinalIgnoreCase))
            return null;
        string? parameter = contentType.Split(';', StringSplitOptions.TrimEntries).FirstOrDefault(p => p.StartsWith("boundary=", StringComparison.OrdinalIgnoreCase));
        return parameter?["boundary=".Length..].Trim('"');
    }

    private sealed record Part(Dictionary<string, string> Headers, string RequestLine, Dictionary<string, string> RequestHeaders, string Body, List<Part>? Set);
}
