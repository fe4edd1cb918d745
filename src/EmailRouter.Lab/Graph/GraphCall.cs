using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>A request that may be carried out: whose mailbox, who asks, and how the answer shall look.</summary>
internal sealed class GraphCall
{
    private JsonObject? body;

    public GraphCall(LabHttpRequest request, string root, GraphPath path, LabMailbox mailbox, LabAccessToken token)
    {
        Request = request;
        Root = root;
        Path = path;
        Mailbox = mailbox;
        Token = token;
        Preferences = [.. request.Header("Prefer").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        Immutable = Preference("IdType") == "ImmutableId";
        PageSize = int.TryParse(Preference("odata.maxpagesize"), out int size) && size > 0 ? size : null;
        BodyType = Preference("outlook.body-content-type") is "text" or "html" ? Preference("outlook.body-content-type") : null;
        Query = new GraphQuery(request.QueryValues);
    }

    public LabHttpRequest Request { get; }

    /// <summary>Gets scheme, host and version, e.g. <c>http://127.0.0.1:1234/v1.0</c>.</summary>
    public string Root { get; }

    public GraphPath Path { get; }

    public LabMailbox Mailbox { get; }

    public LabAccessToken Token { get; }

    public GraphQuery Query { get; }

    /// <summary>Gets a value indicating whether ids are shown that stay when a message moves.</summary>
    public bool Immutable { get; }

    /// <summary>Gets a value indicating whether only the headers of messages may be shown (Mail.ReadBasic).</summary>
    public bool IsBasic { get; init; }

    /// <summary>Gets the page size asked for by preference; null for none.</summary>
    public int? PageSize { get; }

    /// <summary>Gets text or html when the client wants bodies so; null for as they are.</summary>
    public string? BodyType { get; }

    /// <summary>Gets the JSON body.</summary>
    /// <exception cref="GraphError">There is none.</exception>
    public JsonObject Body => body ??= GraphBody.Read(Request);

    /// <summary>Gets the JSON body of an action that needs none.</summary>
    public JsonObject BodyOrEmpty => Request.Body.IsEmpty ? [] : Body;

    /// <summary>Gets a value indicating whether the body is a message as MIME, in base64.</summary>
    public bool IsMime => Request.MediaType == "text/plain";

    /// <summary>Gets the preferences that were heard, for <c>Preference-Applied</c>.</summary>
    public string PreferencesApplied => string.Join(
        ", ", Preferences.Where(p => (Immutable && p.StartsWith("IdType", StringComparison.OrdinalIgnoreCase)) || (BodyType is not null && p.StartsWith("outlook.body", StringComparison.OrdinalIgnoreCase))));

    private string[] Preferences { get; }

    /// <summary>Gets the address of this request with another query, for links to further pages.</summary>
    public string Link(string query) => $"{Request.BaseUrl}{Request.Path}?{query}";

    /// <summary>Names what an answer is about.</summary>
    public string Context(string what) => $"{Root}/$metadata#users('{Uri.EscapeDataString(Mailbox.Address)}')/{what}";

    private string? Preference(string name) => Preferences.Select(p => p.Split('=', 2, StringSplitOptions.TrimEntries))
        .FirstOrDefault(p => p.Length == 2 && p[0].Equals(name, StringComparison.OrdinalIgnoreCase))?[1].Trim('"');
}
