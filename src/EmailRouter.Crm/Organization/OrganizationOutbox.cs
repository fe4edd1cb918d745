using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Outbox;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// Claims pending emails and writes back what became of them. These servers know no versions of rows, so the router chooses whose turn it is by a query, and
/// the server claims: BackgroundSendEmail hands out each email once.
/// </summary>
/// <param name="connection">The connection.</param>
internal sealed class OrganizationOutbox(OrganizationConnection connection) : IDisposable
{
    private const string What = "the pending emails";
    private const string NotSent = "Not sent";
    private const string CameBack = "Came back";
    private const int MaxNamed = 100;
    private const int MaxRounds = 5;

    private static readonly string[] emailColumns =
    [
        "activityid", "subject", "statuscode", "trackingtoken", "messageid", "prioritycode", "createdon",
        "deliveryattempts", "mimetype", "submittedby", "inreplyto", "conversationindex",
        "deliveryreceiptrequested", "readreceiptrequested", "versionnumber", "from", "to", "cc", "bcc",
    ];

    private static readonly string[] dueColumns = ["delayedemailsendtime", "postponeemailprocessinguntil"];

    private readonly ClaimTurns turns = new();
    private readonly HashSet<Guid> takenBack = [];
    private readonly SemaphoreSlim turn = new(1, 1);
    private TimeSpan stuckAfter = new ClaimRequest().StuckAfter;

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
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            stuckAfter = request.StuckAfter;
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
                List<PendingEmail> won = await ClaimAsync(chosen, request, directory, tables, cancellationToken).ConfigureAwait(false);
                claimed.AddRange(won);
                if (request.PeekOnly || won.Count >= chosen.Count)
                    break;
            }

            return claimed;
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Writes back what became of an email.</summary>
    /// <param name="email">The email.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="tables">The tables, for which columns can be written.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the server has confirmed.</returns>
    /// <exception cref="CrmException"><c>CrmClaimLost</c>, or the server cannot be reached, or refuses.</exception>
    public async ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, TableDirectory tables, CancellationToken cancellationToken)
    {
        var stamp = ClaimStamp.Parse(email.ClaimVersion);
        JsonElement row = await StateAsync(email.ActivityId, cancellationToken).ConfigureAwait(false) ?? throw OutcomeState.Missing(email.ActivityId);
        var status = (EmailStatus)(row.Number("statuscode") ?? 0);
        if (OutcomeState.IsWritten(outcome, status, row.Text("messageid")))
            return;
        if (status is not (EmailStatus.Sending or EmailStatus.PendingSend) || connection.Clock.GetUtcNow() - stamp.ClaimedOn >= stuckAfter)
            throw OutcomeState.Lost(email.ActivityId, $"{status} now");
        SoapEntity columns = Columns(email, outcome, tables);
        if (columns.Attributes.Count > 0)
            await connection.SendAsync(Update(columns), cancellationToken).ConfigureAwait(false);
        (EmailState State, EmailStatus Status)? next = outcome switch
        {
            SendOutcome.Sent => (EmailState.Completed, EmailStatus.Sent),
            SendOutcome.Failed => (EmailState.Open, EmailStatus.Failed),
            SendOutcome.Retry or SendOutcome.Released => (EmailState.Completed, EmailStatus.PendingSend),
            _ => null,
        };
        if (next is { } wanted && wanted.Status != status)
            await connection.SendAsync(EmailCreation.SetState(email.ActivityId, wanted.State, wanted.Status), cancellationToken).ConfigureAwait(false);

        // A server may count the attempts of an email anew when it becomes pending.
        if (outcome is SendOutcome.Retry)
        {
            var attempts = new SoapEntity("email", email.ActivityId) { Attributes = { ["deliveryattempts"] = email.DeliveryAttempts + 1 } };
            await connection.SendAsync(Update(attempts), cancellationToken).ConfigureAwait(false);
        }

        if (outcome is SendOutcome.Failed failed)
            await NoteAsync(email.ActivityId, NotSent, failed.Reason, cancellationToken).ConfigureAwait(false);
        if (outcome is SendOutcome.Uncertain uncertain)
            await NoteAsync(email.ActivityId, "Perhaps sent", uncertain.Reason, cancellationToken).ConfigureAwait(false);
        if (outcome is SendOutcome.Released && email.WasStuck)
        {
            lock (takenBack)
                takenBack.Add(email.ActivityId);
        }
    }

    /// <summary>Marks a sent email that came back as failed.</summary>
    /// <param name="report">What the mail server reports.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was found and done.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken)
    {
        const string what = "the email that came back";
        var conditions = new List<(string Column, string Value)>();
        if (report.MessageId is { Length: > 0 } messageId)
            conditions.Add(("messageid", messageId));
        if (report.ActivityId is { } activityId)
            conditions.Add(("activityid", activityId.ToString("D")));
        conditions.AddRange(report.TrackingTokens.Select(t => ("trackingtoken", t)));
        var rows = new List<JsonElement>();
        if (conditions.Count > 0)
        {
            OrganizationRequest[] queries = [.. conditions.Select(c => OrganizationConnection.Fetch(
                new FetchQuery("email", "activityid", "messageid", "trackingtoken", "statuscode", "senton", "from", "to", "cc", "bcc")
                    .Where(c.Column, "eq", c.Value).Where("directioncode", "eq", "1").By("createdon", isDescending: true).Top(1),
                what))];
            foreach (OrganizationAnswer answer in await connection.SendAsync(queries, what, cancellationToken).ConfigureAwait(false))
            {
                if (answer.Fault is { } fault)
                    throw FaultTable.Explain(fault, what, connection.Server);
                rows.AddRange(OrganizationConnection.Rows(answer, what).Take(1));
            }
        }

        Dictionary<Guid, string> reasons = await ReasonsAsync(rows, cancellationToken).ConfigureAwait(false);
        (BounceResult result, BouncedEmail? email, string? reason) = BouncedRows.Judge(report, rows, id => reasons.GetValueOrDefault(id));
        if (report.PeekOnly || !result.Changed)
            return result;
        if (email!.Status != EmailStatus.Failed)
            await connection.SendAsync(EmailCreation.SetState(email.Id, EmailState.Open, EmailStatus.Failed), cancellationToken).ConfigureAwait(false);

        // What earlier notes say is not said again.
        string news = email.Reason is { } earlier && reason!.StartsWith(earlier + '\n', StringComparison.Ordinal) ? reason[(earlier.Length + 1)..] : reason!;
        await NoteAsync(email.Id, CameBack, news, cancellationToken).ConfigureAwait(false);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => turn.Dispose();

    private async ValueTask<List<PendingCandidate>> ChooseAsync(
        ClaimRequest request, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken) =>
        await turns.TakeAsync(request, directory, async satisfied =>
        {
            FetchQuery query = Pending(request, tables);
            if (satisfied.Count > 0)
                query.Join("activityparty", "activityid", "activityid", null, [], ("participationtypemask", "in", ["1"]),
                    ("partyid", "not-in", [.. satisfied.Take(MaxNamed).Select(s => s.ToString("D"))]));
            OrganizationAnswer answer = await connection.SendAsync(OrganizationConnection.Fetch(query.Top(ClaimTurns.PageSize), What), cancellationToken)
                .ConfigureAwait(false);
            List<JsonObject> rows = [.. (OrganizationConnection.Entities(answer, What).Child("Entities")?.Elements() ?? []).Select(e => EntityRow.Read(e))];
            await EmailLists.AddAttachmentsAsync(connection, rows, null, cancellationToken).ConfigureAwait(false);
            return [.. rows.Select(r => r.ToElement())];
        }).ConfigureAwait(false);

    private FetchQuery Pending(ClaimRequest request, TableDirectory tables)
    {
        DateTimeOffset now = connection.Clock.GetUtcNow();
        FetchQuery query = new FetchQuery("email", Columns(tables))
            .Where("directioncode", "eq", "1")
            .WhereEither([("statuscode", "eq", "6")], [("statuscode", "eq", "7"), ("modifiedon", "le", ColumnText.Time(now - request.StuckAfter))])
            .By("prioritycode", isDescending: true).By("createdon");
        foreach (string column in dueColumns.Where(c => tables.Email.Has(c, unlessKnown: false)))
            query.WhereEither([(column, "null", null)], [(column, "le", ColumnText.Time(now))]);
        if (request.ActivityIds is { Count: <= MaxNamed } ids)
            query.WhereAny(["activityid"], ids.Select(i => i.ToString("D")));
        if (request.Senders is { Count: <= MaxNamed } senders)
            query.Join("activityparty", "activityid", "activityid", null, [], ("participationtypemask", "in", ["1"]),
                ("partyid", "in", [.. senders.Select(s => s.ToString("D"))]));
        return query;
    }

    private static string[] Columns(TableDirectory tables) =>
        [.. emailColumns.Where(c =>
            tables.Email.Has(c, unlessKnown: c is not ("inreplyto" or "conversationindex" or "deliveryreceiptrequested" or "readreceiptrequested")))];

    private async ValueTask<List<PendingEmail>> ClaimAsync(
        List<PendingCandidate> chosen, ClaimRequest request, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken)
    {
        DateTimeOffset claimedOn = connection.Clock.GetUtcNow();
        var stuck = new HashSet<Guid>();
        Dictionary<Guid, string> descriptions;
        if (request.PeekOnly)
        {
            FetchQuery query = new FetchQuery("email", "activityid", "description")
                .WhereAny(["activityid"], chosen.Select(c => c.Id.ToString("D"))).By("activityid");
            descriptions = Descriptions(
                (await connection.RowsAsync(query, What, cancellationToken).ConfigureAwait(false)).Select(e => EntityRow.Read(e).ToElement()));
        }
        else
        {
            // An email stuck in Sending is made pending, so that the server hands it out again; that it was stuck, this process remembers.
            foreach (PendingCandidate candidate in chosen.Where(c => c.Status == EmailStatus.Sending))
            {
                await connection.SendAsync(EmailCreation.SetState(candidate.Id, EmailState.Completed, EmailStatus.PendingSend), cancellationToken)
                    .ConfigureAwait(false);
                stuck.Add(candidate.Id);
            }

            descriptions = await HandOutAsync(chosen, cancellationToken).ConfigureAwait(false);
        }

        List<PendingCandidate> won = [.. chosen.Where(c => descriptions.ContainsKey(c.Id))];
        Dictionary<RecordReference, JsonElement> records;
        try
        {
            if (!request.PeekOnly && directory.Settings.UseTrackingToken)
                await GiveTokensAsync(won, directory, cancellationToken).ConfigureAwait(false);
            records = await RecipientsAsync(won, tables, cancellationToken).ConfigureAwait(false);
        }
        catch (CrmException) when (!request.PeekOnly)
        {
            // What was handed out and cannot be prepared goes back, so that it does not wait until it counts as stuck. Where that fails too, it does.
            foreach (PendingCandidate candidate in won)
                await connection.TryAsync(EmailCreation.SetState(candidate.Id, EmailState.Completed, EmailStatus.PendingSend), cancellationToken)
                    .ConfigureAwait(false);
            throw;
        }

        var claimed = new List<PendingEmail>();
        foreach (PendingCandidate candidate in won)
        {
            bool wasStuck;
            lock (takenBack)
                wasStuck = takenBack.Remove(candidate.Id) || stuck.Contains(candidate.Id);
            PendingEmail email = candidate.ToPending(
                descriptions[candidate.Id], new ClaimStamp(claimedOn, candidate.ETag), directory, tables, records, OpenAttachment);
            claimed.Add(email with { WasStuck = email.WasStuck || wasStuck });
        }

        return claimed;
    }

    /// <summary>Has the server hand out the chosen emails; those that another claimer got do not come.</summary>
    private async ValueTask<Dictionary<Guid, string>> HandOutAsync(List<PendingCandidate> chosen, CancellationToken cancellationToken)
    {
        OrganizationAnswer answer = await connection.SendAsync(
            new OrganizationRequest("BackgroundSendEmail", What)
                .With("Query", new EmailsById(["activityid", "description", "statuscode"], [.. chosen.Select(c => c.Id)])),
                cancellationToken).ConfigureAwait(false);
        Dictionary<Guid, string> handed = Descriptions(OrganizationConnection.Rows(answer, What));

        // A server that looks only at the senders hands out more than was asked for: these are given back.
        foreach (Guid other in handed.Keys.Where(id => chosen.TrueForAll(c => c.Id != id)).ToArray())
        {
            handed.Remove(other);
            await connection.SendAsync(EmailCreation.SetState(other, EmailState.Completed, EmailStatus.PendingSend), cancellationToken).ConfigureAwait(false);
        }

        return handed;
    }

    private static Dictionary<Guid, string> Descriptions(IEnumerable<JsonElement> rows) =>
        rows.Where(r => r.Id("activityid") is not null).GroupBy(r => r.Id("activityid")!.Value)
            .ToDictionary(g => g.Key, g => g.First().Text("description") ?? string.Empty);

    private async ValueTask GiveTokensAsync(List<PendingCandidate> won, OrganizationDirectory directory, CancellationToken cancellationToken)
    {
        foreach (PendingCandidate candidate in won.Where(c => c.Token is null))
        {
            Guid? caller = directory.Find(candidate.Sender.Id) is { } mailbox && !directory.Teams.Contains(mailbox.OwnerUserId) &&
                mailbox.OwnerUserId != Guid.Empty ? mailbox.OwnerUserId : null;
            OrganizationAnswer answer = await connection.TryAsync(
                new OrganizationRequest("GetTrackingTokenEmail", "a tracking token") { Caller = caller }.With("Subject", candidate.Subject),
                cancellationToken).ConfigureAwait(false);
            if (answer.Result("TrackingToken")?.Value is { Length: > 0 } token)
                candidate.Give(token, directory.Settings);
            else
                candidate.GiveOwn(directory.Settings);
            if (candidate.HasNewToken)
            {
                await connection.SendAsync(
                    Update(new SoapEntity("email", candidate.Id) { Attributes = { ["subject"] = candidate.Subject, ["trackingtoken"] = candidate.Token } }),
                    cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A recipient's record may have got an address, or have opted out, since the email was written.</summary>
    private async ValueTask<Dictionary<RecordReference, JsonElement>> RecipientsAsync(
        List<PendingCandidate> won, TableDirectory tables, CancellationToken cancellationToken)
    {
        var found = new Dictionary<RecordReference, JsonElement>();
        var asked = new List<(TableInfo Table, OrganizationRequest Request)>();
        IEnumerable<RecordReference> records = won.SelectMany(c => c.Parties).Where(p => p.Role != ParticipationType.Sender)
            .Select(p => p.Party).OfType<RecordReference>().Distinct();
        foreach (IGrouping<string, RecordReference> group in records.GroupBy(r => r.LogicalName))
        {
            if (tables.Find(group.Key) is not { AddressColumns.Count: > 0 } table)
                continue;
            string[] columns = [table.IdColumn, .. table.AddressColumns];
            if (group.Key is "contact" or "account" or "lead")
                columns = [.. columns, "donotemail"];
            asked.AddRange(group.Chunk(MaxNamed).Select(some =>
                (table, OrganizationConnection.Fetch(new FetchQuery(group.Key, columns).WhereAny([table.IdColumn], some.Select(r => r.Id.ToString("D"))),
                    "the recipients"))));
        }

        if (asked.Count == 0)
            return found;
        IReadOnlyList<OrganizationAnswer> answers = await connection.SendAsync([.. asked.Select(a => a.Request)], "the recipients", cancellationToken)
            .ConfigureAwait(false);
        for (int i = 0; i < asked.Count; i++)
        {
            // Without the right to read a table the email goes as its parties say.
            if (answers[i].Fault is not null)
                continue;
            foreach (JsonElement row in OrganizationConnection.Rows(answers[i], "the recipients"))
            {
                if (row.Id(asked[i].Table.IdColumn) is { } id)
                    found[new RecordReference(asked[i].Table.LogicalName, id)] = row;
            }
        }

        return found;
    }

    private async ValueTask<Stream> OpenAttachment(Guid attachmentId, string fileName, CancellationToken cancellationToken)
    {
        string what = $"the attachment {fileName}";
        OrganizationAnswer answer = await connection.SendAsync(
            new OrganizationRequest("Retrieve", what) { IsRepeatable = true }.With("ColumnSet", new ColumnSet("body"))
                .With("Target", new RecordReference("activitymimeattachment", attachmentId)),
            cancellationToken).ConfigureAwait(false);
        JsonElement row = EntityRow.Read(answer.Result("Entity") ?? throw AnswerErrors.Unreadable(what, "it has no row")).ToElement();
        try
        {
            return new MemoryStream(Convert.FromBase64String(row.Text("body") ?? string.Empty), writable: false);
        }
        catch (FormatException e)
        {
            throw AnswerErrors.Unreadable(what, "its content is no base64", e);
        }
    }

    private async ValueTask<JsonElement?> StateAsync(Guid activityId, CancellationToken cancellationToken)
    {
        FetchQuery query = new FetchQuery("email", "activityid", "statuscode", "messageid").Where("activityid", "eq", activityId.ToString("D"));
        OrganizationAnswer answer = await connection.SendAsync(OrganizationConnection.Fetch(query, What), cancellationToken).ConfigureAwait(false);
        return OrganizationConnection.Rows(answer, What).Select(r => (JsonElement?)r).FirstOrDefault();
    }

    /// <summary>Reads why emails failed that are Failed already. Without the right to read notes the judgement goes by the report alone.</summary>
    private async ValueTask<Dictionary<Guid, string>> ReasonsAsync(List<JsonElement> rows, CancellationToken cancellationToken)
    {
        const string what = "the notes";
        var reasons = new Dictionary<Guid, string>();
        string[] failed =
        [
            .. rows.Where(r => r.Number("statuscode") == (int)EmailStatus.Failed).Select(r => r.Id("activityid")?.ToString("D")).OfType<string>().Distinct(),
        ];
        if (failed.Length == 0)
            return reasons;
        FetchQuery query = new FetchQuery("annotation", "annotationid", "notetext", "objectid")
            .WhereAny(["objectid"], failed).WhereAny(["subject"], [NotSent, CameBack]).By("createdon").Top(MaxNamed);
        OrganizationAnswer answer = await connection.TryAsync(OrganizationConnection.Fetch(query, what), cancellationToken).ConfigureAwait(false);
        if (answer.Fault is not null)
            return reasons;
        foreach (JsonElement note in OrganizationConnection.Rows(answer, what))
        {
            if (note.Id("_objectid_value") is { } id && note.Text("notetext") is { } text)
                reasons[id] = reasons.TryGetValue(id, out string? earlier) ? $"{earlier}\n{text}" : text;
        }

        return reasons;
    }

    private static SoapEntity Columns(PendingEmail email, SendOutcome outcome, TableDirectory tables)
    {
        var row = new SoapEntity("email", email.ActivityId);
        if (outcome is SendOutcome.Sent or SendOutcome.Failed or SendOutcome.Retry)
            row.Attributes["deliveryattempts"] = email.DeliveryAttempts + 1;
        switch (outcome)
        {
            case SendOutcome.Sent sent:
                row.Attributes["messageid"] = sent.MessageId;
                if (tables.Email.UpdateColumns?.Contains("senton") == true)
                    row.Attributes["senton"] = sent.SentOn;
                break;
            case SendOutcome.Retry retry:
                row.Attributes["messageid"] = retry.MessageId;
                if (tables.Email.UpdateColumns?.Contains("delayedemailsendtime") == true)
                    row.Attributes["delayedemailsendtime"] = retry.NotBefore;
                break;
            case SendOutcome.Uncertain uncertain:
                row.Attributes["messageid"] = uncertain.MessageId;
                break;
        }

        return row;
    }

    private static OrganizationRequest Update(SoapEntity entity) =>
        new OrganizationRequest("Update", string.Create(CultureInfo.InvariantCulture, $"the {entity.LogicalName} {entity.Id:D}")) { IsRepeatable = true }
            .With("Target", entity);

    /// <summary>
    /// Emails have no column for why they failed; a note on the email tells its author. Without the right to write one, the state alone tells.
    /// </summary>
    private async ValueTask NoteAsync(Guid activityId, string subject, string text, CancellationToken cancellationToken)
    {
        var note = new SoapEntity("annotation")
        {
            Attributes =
            {
                ["subject"] = subject,
                ["notetext"] = text,
                ["objectid"] = new RecordReference("email", activityId),
                ["objecttypecode"] = "email",
            },
        };
        OrganizationAnswer answer = await connection.TryAsync(new OrganizationRequest("Create", "the note").With("Target", note), cancellationToken)
            .ConfigureAwait(false);
        if (answer.Fault is { } fault && FaultTable.Explain(fault, "the note", connection.Server) is { IsTransient: true } passing)
            throw passing;
    }
}
