using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Notes on emails: what Dataverse has no column for, and an email's author should know.</summary>
internal static class NoteWriter
{
    // The columns' own limits.
    private const int MaxSubject = 500;
    private const int MaxText = 100_000;

    /// <summary>The subject of notes about emails that came back.</summary>
    public const string Undeliverable = "Undeliverable";

    /// <summary>Writes a note on an email.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="subject">The note's subject.</param>
    /// <param name="text">Its text.</param>
    /// <returns>The request.</returns>
    public static WebApiRequest Create(Guid activityId, string subject, string text) => WebApiRequest.Post(
        "annotations",
        new JsonObject
        {
            ["subject"] = ColumnText.Cut(subject, MaxSubject),
            ["notetext"] = ColumnText.Cut(text, MaxText),
            ["objectid_email@odata.bind"] = $"/emails({activityId:D})",
        },
        "the note");

    /// <summary>Asks for the notes about an email that came back, the oldest first.</summary>
    /// <param name="activityId">The email.</param>
    /// <returns>The request.</returns>
    public static WebApiRequest Undelivered(Guid activityId) => WebApiRequest.Get(
        $"annotations?$select=notetext&$filter=_objectid_value%20eq%20{activityId:D}%20and%20subject%20eq%20{ODataText.Quote(Undeliverable)}" +
        "&$orderby=createdon&$top=50",
        "the notes");
}
