using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace EmailRouter.Lab.Http;

/// <summary>A request as an endpoint sees it: whole, and within the size limit.</summary>
public sealed class LabHttpRequest
{
    private readonly Lazy<IReadOnlyDictionary<string, string>> query;

    internal LabHttpRequest(string method, string target, IReadOnlyDictionary<string, string> headers, bool isSecure, string authority, ConcurrentDictionary<string, object> connection)
    {
        Method = method;
        int mark = target.IndexOf('?', StringComparison.Ordinal);
        Path = mark < 0 ? target : target[..mark];
        Query = mark < 0 ? string.Empty : target[(mark + 1)..];
        Headers = headers;
        IsSecure = isSecure;
        Authority = headers.GetValueOrDefault("Host") is { Length: > 0 } host ? host : authority;
        Connection = connection;
        query = new Lazy<IReadOnlyDictionary<string, string>>(() => LabHttpForm.Parse(Query));
    }

    /// <summary>Gets the method in capitals.</summary>
    public string Method { get; }

    /// <summary>Gets the path as it was sent, still percent-encoded, beginning with a slash.</summary>
    public string Path { get; }

    /// <summary>Gets the query as it was sent, without the question mark; empty for none.</summary>
    public string Query { get; }

    /// <summary>Gets the query's values, decoded, by name without regard to case.</summary>
    public IReadOnlyDictionary<string, string> QueryValues => query.Value;

    /// <summary>Gets the headers by name without regard to case; repeated ones are joined with commas.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Gets the body; empty for none.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Gets the body as text (UTF-8).</summary>
    public string Text => Encoding.UTF8.GetString(Body.Span);

    /// <summary>Gets a value indicating whether it came over TLS.</summary>
    public bool IsSecure { get; }

    /// <summary>Gets host and port as the client named them.</summary>
    public string Authority { get; }

    /// <summary>Gets scheme, host and port as the client named them, without a slash at the end.</summary>
    public string BaseUrl => (IsSecure ? "https://" : "http://") + Authority;

    /// <summary>Gets what an endpoint keeps with the connection, e.g. the state of an NTLM log-in.</summary>
    public ConcurrentDictionary<string, object> Connection { get; }

    /// <summary>Gets the media type of the body in lower case, without parameters; empty for none.</summary>
    public string MediaType => Header("Content-Type").Split(';', 2)[0].Trim().ToLowerInvariant();

    /// <summary>Gets the token of <c>Authorization: Bearer</c>; null when there is none.</summary>
    public string? BearerToken
    {
        get
        {
            string value = Header("Authorization");
            return value.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? value[7..].Trim() : null;
        }
    }

    /// <summary>Gets user name and password of <c>Authorization: Basic</c> (RFC 7617); null when there is none.</summary>
    public (string UserName, string Password)? BasicLogin
    {
        get
        {
            string value = Header("Authorization");
            byte[] bytes = new byte[value.Length];
            if (!value.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase) || !Convert.TryFromBase64String(value[6..].Trim(), bytes, out int length))
                return null;
            string text = Encoding.UTF8.GetString(bytes, 0, length);
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            return colon < 0 ? null : (text[..colon], text[(colon + 1)..]);
        }
    }

    /// <summary>Gets a header.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The value; empty when the request has none.</returns>
    public string Header(string name) => Headers.GetValueOrDefault(name, string.Empty);

    /// <summary>Makes a request that comes within this one.</summary>
    internal LabHttpRequest Part(string method, string target, IReadOnlyDictionary<string, string> headers, ReadOnlyMemory<byte> body) =>
        new(method, target, headers, IsSecure, Authority, Connection) { Body = body };

    /// <summary>Shows method and path; the query and headers may hold secrets.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Method} {Path}";
}

/// <summary>The encoding of forms and queries (<c>application/x-www-form-urlencoded</c>).</summary>
internal static class LabHttpForm
{
    /// <summary>Reads it. The first of several values of a name counts.</summary>
    public static IReadOnlyDictionary<string, string> Parse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string pair in text.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int at = pair.IndexOf('=', StringComparison.Ordinal);
            values.TryAdd(WebUtility.UrlDecode(at < 0 ? pair : pair[..at]), at < 0 ? string.Empty : WebUtility.UrlDecode(pair[(at + 1)..]));
        }

        return values;
    }
}
