using System.Text.Json;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>Reads the lists of rows that the Web API answers with.</summary>
internal static class AnswerRows
{
    /// <summary>Reads the rows of the body.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What it is for, in words.</param>
    /// <returns>The rows; none for an empty body.</returns>
    /// <exception cref="CrmException"><c>CrmWebPage</c>, <c>CrmAnswerUnreadable</c>.</exception>
    public static IEnumerable<JsonElement> Rows(this CrmAnswer answer, string what)
    {
        if (answer.Status == 204)
            return [];
        return answer.Json(what).TryGetProperty("value", out JsonElement rows) && rows.ValueKind == JsonValueKind.Array
            ? rows.EnumerateArray()
            : throw AnswerErrors.Unreadable(what, "it has no list of rows");
    }

    /// <summary>Reads the address of the next page.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What it is for, in words.</param>
    /// <returns>The address; null after the last page.</returns>
    public static string? NextLink(this CrmAnswer answer, string what) => answer.Status == 204 ? null : answer.Json(what).Text("@odata.nextLink");
}
