using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>One request to the Web API, alone or within a batch.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path below the Web API's root with its query, encoded, e.g. <c>emails?$top=1</c>; or a whole address the server gave
/// (nextLink).</param>
/// <param name="What">What it is for, in words for messages, e.g. <c>the mailboxes</c>.</param>
internal sealed record WebApiRequest(HttpMethod Method, string Path, string What)
{
    /// <summary>The annotations that tell the table and the name of a lookup.</summary>
    public const string LookupAnnotations = "odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname,OData.Community.Display.V1.FormattedValue\"";

    /// <summary>Gets what it carries; null for nothing.</summary>
    public WebApiBody? Body { get; init; }

    /// <summary>Gets the version a row must have (<c>If-Match</c>); null for any.</summary>
    public string? IfMatch { get; init; }

    /// <summary>Gets <c>If-None-Match</c>: <c>*</c> creates and never updates; null for none.</summary>
    public string? IfNoneMatch { get; init; }

    /// <summary>Gets <c>Prefer</c>; null for none.</summary>
    public string? Prefer { get; init; }

    /// <summary>Gets the user in whose name it is done; null for the one who logs in.</summary>
    public WebApiCaller? Caller { get; init; }

    /// <summary>Gets a value indicating whether it may be sent again when nobody knows whether it was done. Defaults to true for reading.</summary>
    public bool IsRepeatable { get; init; } = Method == HttpMethod.Get;

    /// <summary>Asks for rows with the tables and names of their lookups.</summary>
    /// <param name="path">The path.</param>
    /// <param name="what">What it is for.</param>
    /// <returns>The request.</returns>
    public static WebApiRequest Get(string path, string what) => new(HttpMethod.Get, path, what) { Prefer = LookupAnnotations };

    /// <summary>Creates a row or calls an action.</summary>
    /// <param name="path">The path.</param>
    /// <param name="json">What it carries.</param>
    /// <param name="what">What it is for.</param>
    /// <returns>The request.</returns>
    public static WebApiRequest Post(string path, JsonObject json, string what) => new(HttpMethod.Post, path, what) { Body = WebApiBody.Of(json) };

    /// <summary>Changes a row that exists.</summary>
    /// <param name="path">The path.</param>
    /// <param name="json">The columns to change.</param>
    /// <param name="etag">The version it must have; null for any.</param>
    /// <param name="what">What it is for.</param>
    /// <returns>The request.</returns>
    public static WebApiRequest Patch(string path, JsonObject json, string? etag, string what) => new(HttpMethod.Patch, path, what)
    {
        Body = WebApiBody.Of(json),
        IfMatch = etag ?? "*",
        IsRepeatable = etag is not null,
    };

    /// <summary>Gets the headers that stand with the request, alone and within a batch.</summary>
    /// <returns>Names and values.</returns>
    public IEnumerable<(string Name, string Value)> Headers()
    {
        yield return ("Accept", "application/json");
        yield return ("OData-MaxVersion", "4.0");
        yield return ("OData-Version", "4.0");
        if (IfMatch is { } match)
            yield return ("If-Match", match);
        if (IfNoneMatch is { } noneMatch)
            yield return ("If-None-Match", noneMatch);
        if (Prefer is { } prefer)
            yield return ("Prefer", prefer);
        if (Caller is { } caller)
            yield return caller.ObjectId is { } id ? ("CallerObjectId", id.ToString("D")) : ("MSCRMCallerID", caller.UserId.ToString("D"));
    }
}

/// <summary>A user in whose name a request is done ("Impersonate another user using the Web API"). It needs <c>prvActOnBehalfOfAnotherUser</c>, and the user's
/// own rights count as well.</summary>
/// <param name="UserId">The user.</param>
/// <param name="ObjectId">The user's object id in Entra, by which a user is named online; null where there is none, as on premises.</param>
internal sealed record WebApiCaller(Guid UserId, Guid? ObjectId);

/// <summary>Writes values into OData queries.</summary>
internal static class ODataText
{
    /// <summary>Writes a text.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The literal with its quotes, encoded for an address.</returns>
    public static string Quote(string text) => $"'{Uri.EscapeDataString(text.Replace("'", "''", StringComparison.Ordinal))}'";

    /// <summary>Writes a point in time.</summary>
    /// <param name="time">The time.</param>
    /// <returns>The literal, encoded for an address.</returns>
    public static string Time(DateTimeOffset time) => Uri.EscapeDataString(ColumnText.Time(time));

    /// <summary>Writes that one of some columns has one of some values.</summary>
    /// <param name="columns">The columns.</param>
    /// <param name="literals">The values, written and encoded.</param>
    /// <returns>The condition in parentheses, encoded for an address.</returns>
    public static string AnyOf(IEnumerable<string> columns, IEnumerable<string> literals)
    {
        var text = new StringBuilder("(");
        foreach (string literal in literals)
        {
            foreach (string column in columns)
                text.Append(text.Length > 1 ? "%20or%20" : string.Empty).Append(column).Append("%20eq%20").Append(literal);
        }

        return text.Append(')').ToString();
    }
}
