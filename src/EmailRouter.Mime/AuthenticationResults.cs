using System.Text;

namespace EmailRouter.Mime;

/// <summary>
/// One <c>Authentication-Results</c> header (RFC 8601), read leniently. Anybody can write such a header: only those whose <see cref="ServiceId"/> is one's own
/// border server may be believed, and only where that server removes forged ones.
/// </summary>
/// <param name="ServiceId">Who checked (authserv-id); null where it was left out, as Exchange Online does.</param>
/// <param name="Results">The results in order.</param>
public sealed record AuthenticationResults(string? ServiceId, IReadOnlyList<AuthenticationResult> Results)
{
    private const int MaximumResults = 100;
    private const int MaximumProperties = 50;

    /// <summary>Reads all such headers of a message, topmost first.</summary>
    /// <param name="message">The message.</param>
    /// <returns>What they say; at most 50 headers.</returns>
    public static IReadOnlyList<AuthenticationResults> Read(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return [.. message.Headers.GetAll("Authentication-Results").Take(50).Select(Parse)];
    }

    /// <summary>Reads a header's value. Never throws on account of what it is.</summary>
    /// <param name="value">The value.</param>
    /// <returns>What it says.</returns>
    public static AuthenticationResults Parse(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        string? service = null;
        var results = new List<AuthenticationResult>();
        bool isFirst = true;
        foreach (string piece in Pieces(value))
        {
            List<(string Name, string? Value)> tokens = Tokens(piece, out string? comment);
            if (tokens.Count == 0)
            {
                isFirst = false;
                continue;
            }

            // The first piece is the server and perhaps a version; where it is a result already, the server was left out.
            if (isFirst && tokens[0].Value is null)
                service = tokens[0].Name;
            else if (tokens[0].Value is { } result && results.Count < MaximumResults)
                results.Add(Result(tokens, result, comment));
            isFirst = false;
        }

        return new AuthenticationResults(service, results);
    }

    /// <summary>Finds the result of a method.</summary>
    /// <param name="method">The method, e.g. <c>dmarc</c>; case does not matter.</param>
    /// <returns>The first result of this method; null when there is none.</returns>
    public AuthenticationResult? Find(string method) => Results.FirstOrDefault(result => result.Method.Equals(method, StringComparison.OrdinalIgnoreCase));

    private static AuthenticationResult Result(List<(string Name, string? Value)> tokens, string result, string? comment)
    {
        string method = tokens[0].Name;
        int version = method.IndexOf('/', StringComparison.Ordinal);
        string? reason = null;
        var properties = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string? text) in tokens.Skip(1))
        {
            if (text is null || properties.Count >= MaximumProperties)
                continue;
            if (name.Equals("reason", StringComparison.OrdinalIgnoreCase))
                reason ??= text;
            else
                properties.TryAdd(name, text);
        }

        return new AuthenticationResult((version < 0 ? method : method[..version]).Trim().ToLowerInvariant(), result.ToLowerInvariant(), reason, comment, properties);
    }

    // Splits at semicolons outside of quotes and comments.
    private static IEnumerable<string> Pieces(string value)
    {
        int start = 0, depth = 0;
        bool quoted = false;
        for (int i = 0; i < value.Length; i++)
        {
            switch (value[i])
            {
                case '\\' when quoted || depth > 0:
                    i++;
                    break;
                case '"' when depth == 0:
                    quoted = !quoted;
                    break;
                case '(' when !quoted:
                    depth++;
                    break;
                case ')' when !quoted && depth > 0:
                    depth--;
                    break;
                case ';' when !quoted && depth == 0:
                    yield return value[start..i];
                    start = i + 1;
                    break;
            }
        }

        yield return value[start..];
    }

    // name=value pairs and lone words; the first comment is kept, white space around "=" does not count.
    private static List<(string Name, string? Value)> Tokens(string piece, out string? comment)
    {
        var tokens = new List<(string Name, string? Value)>();
        comment = null;
        int position = 0;
        bool afterEquals = false;
        while (position < piece.Length)
        {
            char current = piece[position];
            if (current is ' ' or '\t')
            {
                position++;
            }
            else if (current == '(')
            {
                string text = Comment(piece, ref position);
                comment ??= text;
            }
            else if (current == '=' && tokens.Count > 0 && tokens[^1].Value is null && !afterEquals)
            {
                afterEquals = true;
                position++;
            }
            else
            {
                string word = current == '"' ? Quoted(piece, ref position) : Word(piece, ref position, stopAtEquals: !afterEquals);
                if (afterEquals)
                    tokens[^1] = (tokens[^1].Name, word);
                else
                    tokens.Add((word, null));
                afterEquals = false;
            }
        }

        return tokens;
    }

    private static string Word(string text, ref int position, bool stopAtEquals)
    {
        int start = position++;
        while (position < text.Length && text[position] is not (' ' or '\t' or '(' or '"') && !(stopAtEquals && text[position] == '='))
            position++;
        return text[start..position];
    }

    private static string Quoted(string text, ref int position)
    {
        var word = new StringBuilder();
        for (position++; position < text.Length && text[position] != '"'; position++)
        {
            if (text[position] == '\\' && position + 1 < text.Length)
                position++;
            word.Append(text[position]);
        }

        position++;
        return word.ToString();
    }

    private static string Comment(string text, ref int position)
    {
        int start = position + 1, depth = 0;
        for (; position < text.Length; position++)
        {
            if (text[position] == '\\')
                position++;
            else if (text[position] == '(')
                depth++;
            else if (text[position] == ')' && --depth == 0)
                break;
        }

        string comment = text[start..Math.Min(position, text.Length)];
        position++;
        return comment;
    }
}

/// <summary>What one method found.</summary>
/// <param name="Method">The method in lower case: <c>spf</c>, <c>dkim</c>, <c>dmarc</c>, <c>arc</c>, <c>compauth</c> or another word.</param>
/// <param name="Result">The result in lower case: <c>pass</c>, <c>fail</c>, <c>softfail</c>, <c>none</c>, <c>temperror</c> or another word.</param>
/// <param name="Reason">The reason that was given, or null.</param>
/// <param name="Comment">The first comment, or null.</param>
/// <param name="Properties">What was checked, e.g. <c>header.from</c>; names without regard to case.</param>
public sealed record AuthenticationResult(string Method, string Result, string? Reason, string? Comment, IReadOnlyDictionary<string, string> Properties);
