using System.Net;
using System.Text.Json;

namespace EmailRouter.Mail.Graph;

/// <summary>A negative answer, of a request or of one part of a batch.</summary>
/// <param name="Status">The status.</param>
/// <param name="Codes">The codes, the outermost first; empty when the body was no error of Graph's.</param>
/// <param name="Message">The service's words; empty when there are none.</param>
internal sealed record GraphError(HttpStatusCode Status, IReadOnlyList<string> Codes, string Message)
{
    private const int DeepestNesting = 8;
    private const int LongestText = 400;

    /// <summary>Gets what it means.</summary>
    public GraphFault Fault { get; } = GraphErrorCodes.Find(Status, Codes);

    /// <summary>Gets how long the service asks to wait; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Gets the service's id of the request; empty when it gives none.</summary>
    public string RequestId { get; init; } = string.Empty;

    /// <summary>Reads an error from a body; anything else than Graph's JSON gives an error without codes.</summary>
    /// <param name="status">The status.</param>
    /// <param name="body">The body.</param>
    /// <returns>The error.</returns>
    public static GraphError Parse(HttpStatusCode status, ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(body);
            return Read(status, json.RootElement);
        }
        catch (JsonException)
        {
            return new GraphError(status, [], string.Empty);
        }
    }

    /// <summary>Reads an error from a body that is JSON.</summary>
    /// <param name="status">The status.</param>
    /// <param name="body">The body.</param>
    /// <returns>The error.</returns>
    public static GraphError Read(HttpStatusCode status, JsonElement body)
    {
        var codes = new List<string>();
        string message = string.Empty;
        string requestId = string.Empty;
        JsonElement? at = GraphJson.Object(body, "error");
        for (int depth = 0; at is { } error && depth < DeepestNesting; depth++)
        {
            if (GraphJson.Text(error, "code") is { Length: > 0 } code)
                codes.Add(Cut(code));
            if (message.Length == 0)
                message = Cut(GraphJson.Text(error, "message") ?? string.Empty);
            if (requestId.Length == 0)
                requestId = Cut(GraphJson.Text(error, "request-id") ?? string.Empty);
            at = GraphJson.Object(error, "innerError") ?? GraphJson.Object(error, "innererror");
        }

        return new GraphError(status, codes, message) { RequestId = requestId };
    }

    /// <summary>Shows the error as the service gave it.</summary>
    /// <returns>Status, code and words.</returns>
    public override string ToString()
    {
        string code = Codes.Count > 0 ? " " + Codes[0] : string.Empty;
        string request = RequestId.Length > 0 ? $" (request-id {RequestId})" : string.Empty;
        return $"{(int)Status}{code}{(Message.Length > 0 ? ": " + Message : string.Empty)}{request}";
    }

    private static string Cut(string text)
    {
        string clean = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        return clean.Length > LongestText ? clean[..LongestText] + "…" : clean;
    }
}

/// <summary>Graph said no. Says what it means, for whoever can do something else about it.</summary>
internal sealed class GraphRefusedException : MailCommandException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="error">The answer.</param>
    /// <param name="step">The step.</param>
    /// <param name="where">Host, what was asked for, and the mailbox.</param>
    /// <param name="retryAfter">How long to wait; null for what the answer says.</param>
    /// <param name="conversation">The last lines of the conversation.</param>
    public GraphRefusedException(GraphError error, MailStep step, string where, TimeSpan? retryAfter, IReadOnlyList<string> conversation)
        : base(GraphErrorCodes.Describe(error.Fault, step).ErrorId, step, $"{where}: the service says {error}", GraphErrorCodes.Describe(error.Fault, step).Remedy)
    {
        Error = error;
        IsTransient = GraphErrorCodes.Describe(error.Fault, step).IsTransient;
        RetryAfter = retryAfter ?? error.RetryAfter;
        Reply = error.ToString();
        Conversation = conversation;
    }

    /// <summary>Gets the answer.</summary>
    public GraphError Error { get; }

    /// <summary>Gets what it means.</summary>
    public GraphFault Fault => Error.Fault;
}
