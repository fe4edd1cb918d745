using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Claims pending emails: one request lists them, one claims and reads them. More only where many senders wait, tokens are missing, or others claim
/// too.</summary>
/// <remarks>Whose turn it is, and which stuck emails were given back, is remembered in this process; the emails themselves tell everything else.</remarks>
/// <param name="connection">The connection.</param>
internal sealed class PendingReader(WebApiConnection connection) : IDisposable
{
    private const string What = "the pending emails";
    private const int MaxRounds = 5;
    private const int MaxNamed = 50;

    private static readonly string[] dueColumns = ["delayedemailsendtime", "postponeemailprocessinguntil"];

    private static readonly string[] emailColumns =
    [
        "activityid", "subject", "statuscode", "trackingtoken", "messageid", "prioritycode", "createdon", "deliveryattempts", "mimetype", "submittedby",
        "inreplyto", "conversationindex", "deliveryreceiptrequested", "readreceiptrequested",
    ];

    private readonly ClaimTurns turns = new();
    private readonly HashSet<Guid> releasedStuck = [];

    // Claims of one process go one after the other, so that they do not take each other's emails.
    private readonly SemaphoreSlim turn = new(1, 1);

    /// <summary>Gets the time after which an email in Sending is taken back, as the last claim said.</summary>
    public TimeSpan StuckAfter { get; private set; } = new ClaimRequest().StuckAfter;

    /// <summary>Notes that an email that had been stuck is given back unsent: it stays in Sending, and this process may claim it at once.</summary>
    /// <param name="activityId">The email.</param>
    public void ReleaseStuck(Guid activityId)
    {
        lock (releasedStuck)
            releasedStuck.Add(activityId);
    }

    /// <summary>Claims.</summary>
    /// <param name="request">How many, whose, and the time limits.</param>
    /// <param name="directory">Settings and mailboxes.</param>
    /// <param name="tables">The tables.</param>
    /// <param name="cancellationToken">Stops the claim.</param>
    /// <returns>The claimed emails.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<IReadOnlyList<PendingEmail>> ClaimAsync(
        ClaimRequest request, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken)
    {
        if (request.MaxCount <= 0 || request.Senders is { Count: 0 } || request.ActivityIds is { Count: 0 })
            return [];
        StuckAfter = request.StuckAfter;
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var claimed = new List<PendingEmail>();
            for (int round = 0; round < MaxRounds && claimed.Count < request.MaxCount; round++)
            {
                ClaimRequest rest = request with
                {
                    MaxCount = request.MaxCount - claimed.Count,
                    ExceptActivityIds = [.. request.ExceptActivityIds, .. claimed.Select(c => c.ActivityId)],
                };
                List<PendingCandidate> chosen = await ChooseAsync(rest, directory, tables, cancellationToken).ConfigureAwait(false);
                if (chosen.Count == 0)
                    break;
                List<PendingEmail> won = await ClaimAsync(chosen, request.PeekOnly, directory, tables, cancellationToken).ConfigureAwait(false);
                claimed.AddRange(won);
                if (request.PeekOnly || won.Count == chosen.Count)
                    break;
            }

            return claimed;
        }
        finally
        {
            turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => turn.Dispose();

    /// <summary>Lists what may be sent and takes some of it, the senders in turn.</summary>
    private async ValueTask<List<PendingCandidate>> ChooseAsync(
        ClaimRequest request, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken)
    {
        string conditions = Conditions(request, tables);
        return await turns.TakeAsync(
            request,
            directory,
            async satisfied =>
            {
                // A sender with more than its part must not hide the others, so the next page leaves out whoever has enough or may not send.
                string others = satisfied.Count == 0 ? string.Empty : $"%20and%20not%20({FromAnyOf(satisfied.Take(MaxNamed * 2))})";
                CrmAnswer answer = await connection.SendAsync(
                    WebApiRequest.Get(
                        $"emails?$select={Columns(tables)}&$expand={EmailColumns.Parties},{EmailColumns.Attachments}&$filter={conditions}{others}" +
                        $"&$orderby=prioritycode%20desc,createdon&$top={ClaimTurns.PageSize.ToString(CultureInfo.InvariantCulture)}",
                        What),
                    cancellationToken).ConfigureAwait(false);
                IReadOnlyList<JsonElement?> rows =
                    await ExpandedLists.CompleteAsync(connection, [.. answer.Rows(What)], What, cancellationToken).ConfigureAwait(false);
                return [.. rows.OfType<JsonElement>()];
            }).ConfigureAwait(false);
    }

    private string Conditions(ClaimRequest request, TableDirectory tables)
    {
        DateTimeOffset now = connection.Clock.GetUtcNow();
        string stuck = $"modifiedon%20le%20{ODataText.Time(now - request.StuckAfter)}";
        lock (releasedStuck)
        {
            if (releasedStuck.Count > 0)
                stuck = $"({stuck}%20or%20{ODataText.AnyOf(["activityid"], releasedStuck.Take(MaxNamed).Select(i => i.ToString("D")))})";
        }

        var text = new System.Text.StringBuilder($"directioncode%20eq%20true%20and%20(statuscode%20eq%206%20or%20(statuscode%20eq%207%20and%20{stuck}))");
        foreach (string column in dueColumns.Where(c => tables.Email.Has(c)))
            text.Append(CultureInfo.InvariantCulture, $"%20and%20({column}%20eq%20null%20or%20{column}%20le%20{ODataText.Time(now)})");
        if (request.ActivityIds is { Count: <= MaxNamed } ids)
            text.Append("%20and%20").Append(ODataText.AnyOf(["activityid"], ids.Select(i => i.ToString("D"))));
        if (request.Senders is { Count: <= MaxNamed } senders)
            text.Append("%20and%20").Append(FromAnyOf(senders));
        return text.ToString();
    }

    private static string FromAnyOf(IEnumerable<Guid> senders) =>
        $"email_activity_parties/any(p:p/participationtypemask%20eq%201%20and%20{ODataText.AnyOf(["p/_partyid_value"], senders.Select(s => s.ToString("D")))})";

    private static string Columns(TableDirectory tables) => string.Join(',', emailColumns.Where(c => tables.Email.Has(c)));

    /// <summary>Claims the chosen and reads what else is needed of them, in one batch.</summary>
    private async ValueTask<List<PendingEmail>> ClaimAsync(
        List<PendingCandidate> chosen, bool peekOnly, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken)
    {
        DateTimeOffset claimedOn = connection.Clock.GetUtcNow();
        if (!peekOnly && directory.Settings.UseTrackingToken)
            await GiveTokensAsync(chosen, directory, cancellationToken).ConfigureAwait(false);
        var batch = new WebApiBatch(What);
        var places = new List<(int Claim, int Read)>();
        foreach (PendingCandidate candidate in chosen)
        {
            int claim = peekOnly ? -1 : batch.Add(WebApiRequest.Patch($"emails({candidate.Id:D})", candidate.Claim(), candidate.ETag, What));
            places.Add((claim, batch.Add(WebApiRequest.Get($"emails({candidate.Id:D})?$select=activityid,description", What))));
        }

        List<(RecordReference Party, int Place)> recipients = AskForRecipients(batch, chosen, tables);
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        Dictionary<RecordReference, JsonElement> records = ReadRecipients(answers, recipients, tables);
        var won = new List<PendingEmail>();
        for (int i = 0; i < chosen.Count; i++)
        {
            (int claim, int read) = places[i];
            if (claim >= 0 && !answers[claim][0].IsSuccess)
            {
                // 412: somebody else was faster; 404: it is gone.
                if (answers[claim][0].Status is 412 or 404)
                    continue;
                throw AnswerErrors.Explain(answers[claim][0], $"the claim of the email {chosen[i].Id}", connection.Server);
            }

            if (!answers[read][0].IsSuccess)
                throw AnswerErrors.Explain(answers[read][0], $"the email {chosen[i].Id}", connection.Server);
            JsonElement row = answers[read][0].Json(What);
            string etag = row.ETag() ?? answers[read][0].ETag ?? throw AnswerErrors.Unreadable(What, "it has no version");
            won.Add(chosen[i].ToPending(row.Text("description") ?? string.Empty, new ClaimStamp(claimedOn, etag), directory, tables, records, OpenAttachment));
            lock (releasedStuck)
                releasedStuck.Remove(chosen[i].Id);
        }

        return won;
    }

    /// <summary>Emails get their tokens when they are made pending; where one has none, the CRM is asked for one, or the router makes one of the email's own
    /// id.</summary>
    private async ValueTask GiveTokensAsync(List<PendingCandidate> chosen, OrganizationDirectory directory, CancellationToken cancellationToken)
    {
        PendingCandidate[] without = [.. chosen.Where(c => c.Token is null)];
        if (without.Length == 0)
            return;
        var batch = new WebApiBatch("tracking tokens");
        foreach (PendingCandidate candidate in without)
        {
            // The counter is the user's; a team has none.
            Guid? owner = directory.Find(candidate.Sender.Id)?.OwnerUserId is { } id && id != Guid.Empty && !directory.Teams.Contains(id) ? id : null;
            batch.Add(WebApiRequest.Post("GetTrackingTokenEmail", new JsonObject { ["Subject"] = candidate.Subject }, "a tracking token") with
            {
                Caller = owner is { } user ? new WebApiCaller(user, directory.ObjectIds.TryGetValue(user, out Guid objectId) ? objectId : null) : null,
            });
        }

        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < without.Length; i++)
        {
            CrmAnswer answer = answers[i][0];
            if (!answer.IsSuccess && answer.Status is not (400 or 403 or 404 or 405 or 501))
                throw AnswerErrors.Explain(answer, "a tracking token", connection.Server);
            string? token = answer.IsSuccess ? answer.Json("a tracking token").Text("TrackingToken") : null;
            if (string.IsNullOrEmpty(token))
                without[i].GiveOwn(directory.Settings);
            else
                without[i].Give(token, directory.Settings);
        }
    }

    /// <summary>A recipient's record may have got an address, or have opted out, since the email was written.</summary>
    private static List<(RecordReference Party, int Place)> AskForRecipients(WebApiBatch batch, List<PendingCandidate> chosen, TableDirectory tables)
    {
        var asked = new List<(RecordReference Party, int Place)>();
        IEnumerable<RecordReference> records = chosen
            .SelectMany(c => c.Parties).Where(p => p.Role != ParticipationType.Sender).Select(p => p.Party).OfType<RecordReference>().Distinct();
        foreach (IGrouping<string, RecordReference> group in records.GroupBy(r => r.LogicalName))
        {
            if (tables.Find(group.Key) is not { AddressColumns.Count: > 0 } table)
                continue;
            string columns = string.Join(',', table.AddressColumns.Prepend(table.IdColumn)) + (table.HasDoNotEmail ? ",donotemail" : string.Empty);
            foreach (RecordReference[] some in group.Chunk(100))
            {
                string these = ODataText.AnyOf([table.IdColumn], some.Select(r => r.Id.ToString("D")));
                int place = batch.Add(WebApiRequest.Get($"{table.SetName}?$select={columns}&$filter={these}", "the recipients"));
                asked.AddRange(some.Select(r => (r, place)));
            }
        }

        return asked;
    }

    private static Dictionary<RecordReference, JsonElement> ReadRecipients(
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers, List<(RecordReference Party, int Place)> asked, TableDirectory tables)
    {
        var found = new Dictionary<RecordReference, JsonElement>();
        foreach (IGrouping<int, (RecordReference Party, int Place)> group in asked.GroupBy(a => a.Place))
        {
            // Without the right to read a table the email goes as its parties say.
            if (!answers[group.Key][0].IsSuccess)
                continue;
            string table = group.First().Party.LogicalName;
            foreach (JsonElement row in answers[group.Key][0].Rows("the recipients"))
            {
                if (row.Id(tables.Find(table)!.IdColumn) is { } id)
                    found[new RecordReference(table, id)] = row;
            }
        }

        return found;
    }

    private async ValueTask<Stream> OpenAttachment(Guid attachmentId, string fileName, CancellationToken cancellationToken)
    {
        string what = $"the attachment {fileName}";
        Stream json = await connection.OpenAsync(
            new WebApiRequest(HttpMethod.Get, $"activitymimeattachments({attachmentId:D})?$select=body", what), cancellationToken).ConfigureAwait(false);
        return new Base64JsonStream(json, "body", what);
    }
}
