using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Outbox;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Claims pending emails: one request lists them, one claims and reads them. More only where many senders wait, tokens are missing, or others claim too.</summary>
/// <remarks>Whose turn it is, and which stuck emails were given back, is remembered in this process; the emails themselves tell everything else.</remarks>
/// <param name="connection">The connection.</param>
internal sealed class PendingReader(WebApiConnection connection) : IDisposable
{
    private const string What = "the pending emails";
    private const int PageSize = 250;
    private const int MaxPages = 6;
    private const int MaxRounds = 5;
    private const int MaxNamed = 50;

    private static readonly string[] dueColumns = ["delayedemailsendtime", "postponeemailprocessinguntil"];

    private static readonly string[] emailColumns =
    [
        "activityid", "subject", "statuscode", "trackingtoken", "messageid", "prioritycode", "createdon", "deliveryattempts", "mimetype", "submittedby", "inreplyto", "conversationindex",
        "deliveryreceiptrequested", "readreceiptrequested",
    ];

    private readonly Dictionary<Guid, (long Deficit, long Turn)> shares = [];
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
    public async ValueTask<IReadOnlyList<PendingEmail>> ClaimAsync(ClaimRequest request, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken)
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
                ClaimRequest rest = request with { MaxCount = request.MaxCount - claimed.Count, ExceptActivityIds = [.. request.ExceptActivityIds, .. claimed.Select(c => c.ActivityId)] };
                List<Candidate> chosen = await ChooseAsync(rest, directory, tables, cancellationToken).ConfigureAwait(false);
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
    private async ValueTask<List<Candidate>> ChooseAsync(ClaimRequest request, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken)
    {
        var except = request.ExceptActivityIds.ToHashSet();
        var found = new Dictionary<Guid, List<Candidate>>();
        var satisfied = new HashSet<Guid>();
        string conditions = Conditions(request, tables);
        for (int page = 0; page < MaxPages; page++)
        {
            // A sender with more than its part must not hide the others, so the next page leaves out whoever has enough or may not send.
            string others = satisfied.Count == 0 ? string.Empty : $"%20and%20not%20({FromAnyOf(satisfied.Take(MaxNamed * 2))})";
            WebApiAnswer answer = await connection.SendAsync(
                WebApiRequest.Get(
                    $"emails?$select={Columns(tables)}&$expand={EmailRows.Parties},{EmailRows.Attachments}&$filter={conditions}{others}" +
                    $"&$orderby=prioritycode%20desc,createdon&$top={PageSize.ToString(CultureInfo.InvariantCulture)}",
                    What),
                cancellationToken).ConfigureAwait(false);
            List<JsonElement> rows = [.. answer.Rows(What)];
            int before = satisfied.Count;
            foreach (JsonElement row in rows)
            {
                if (Candidate.Read(row) is not { } candidate)
                    continue;
                if (!found.TryGetValue(candidate.Sender.Id, out List<Candidate>? own))
                    found[candidate.Sender.Id] = own = [];
                bool isWanted = (request.Senders?.Contains(candidate.Sender.Id) ?? true) && MaySend(candidate.Sender, directory);
                if (isWanted && own.Count < request.MaxPerSender && !except.Contains(candidate.Id) && (request.ActivityIds?.Contains(candidate.Id) ?? true) &&
                    own.TrueForAll(c => c.Id != candidate.Id))
                {
                    own.Add(candidate);
                }

                if (!isWanted || own.Count >= request.MaxPerSender)
                    satisfied.Add(candidate.Sender.Id);
            }

            if (rows.Count < PageSize || satisfied.Count == before)
                break;
        }

        var waiting = found.Where(f => f.Value.Count > 0).Select(f =>
        {
            (long deficit, long lastTurn) = shares.GetValueOrDefault(f.Key);
            return new SenderShare<Candidate>(f.Key, f.Value) { Deficit = deficit, Turn = lastTurn };
        }).ToList();
        List<Candidate> chosen = DeficitRoundRobin.Take(waiting, request.MaxCount);
        if (!request.PeekOnly)
        {
            foreach (SenderShare<Candidate> share in waiting.Where(s => s.IsVisited))
                shares[share.SenderId] = (share.Deficit, share.Turn);
        }

        return chosen;
    }

    private static bool MaySend(RecordReference sender, OrganizationDirectory directory) =>
        SenderGate.Check(sender, directory.Find(sender.Id), directory.Settings).All(e => e.Verdict != EvidenceVerdict.Reject);

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
        List<Candidate> chosen, bool peekOnly, OrganizationDirectory directory, TableDirectory tables, CancellationToken cancellationToken)
    {
        DateTimeOffset claimedOn = connection.Clock.GetUtcNow();
        if (!peekOnly && directory.Settings.UseTrackingToken)
            await GiveTokensAsync(chosen, directory, cancellationToken).ConfigureAwait(false);
        var batch = new WebApiBatch(What);
        var places = new List<(int Claim, int Read)>();
        foreach (Candidate candidate in chosen)
        {
            int claim = peekOnly ? -1 : batch.Add(WebApiRequest.Patch($"emails({candidate.Id:D})", candidate.Claim(), candidate.ETag, What));
            places.Add((claim, batch.Add(WebApiRequest.Get($"emails({candidate.Id:D})?$select=activityid,description", What))));
        }

        List<(RecordReference Party, int Place)> recipients = AskForRecipients(batch, chosen, tables);
        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
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
                throw WebApiErrors.Explain(answers[claim][0], $"the claim of the email {chosen[i].Id}", connection.Server);
            }

            if (!answers[read][0].IsSuccess)
                throw WebApiErrors.Explain(answers[read][0], $"the email {chosen[i].Id}", connection.Server);
            JsonElement row = answers[read][0].Json(What);
            string etag = row.ETag() ?? answers[read][0].ETag ?? throw WebApiErrors.Unreadable(What, "it has no version");
            won.Add(chosen[i].ToPending(row.Text("description") ?? string.Empty, new ClaimStamp(claimedOn, etag), directory, tables, records, OpenAttachment));
            lock (releasedStuck)
                releasedStuck.Remove(chosen[i].Id);
        }

        return won;
    }

    /// <summary>Emails get their tokens when they are made pending; where one has none, the CRM is asked for one, or the router makes one of the email's own id.</summary>
    private async ValueTask GiveTokensAsync(List<Candidate> chosen, OrganizationDirectory directory, CancellationToken cancellationToken)
    {
        Candidate[] without = [.. chosen.Where(c => c.Token is null)];
        if (without.Length == 0)
            return;
        var batch = new WebApiBatch("tracking tokens");
        foreach (Candidate candidate in without)
        {
            batch.Add(WebApiRequest.Post("GetTrackingTokenEmail", new JsonObject { ["Subject"] = candidate.Subject }, "a tracking token") with
            {
                Caller = directory.Find(candidate.Sender.Id) is { } mailbox && !directory.Teams.Contains(mailbox.OwnerUserId) && mailbox.OwnerUserId != Guid.Empty ? mailbox.OwnerUserId : null,
            });
        }

        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < without.Length; i++)
        {
            WebApiAnswer answer = answers[i][0];
            if (!answer.IsSuccess && answer.Status is not (400 or 403 or 404 or 405 or 501))
                throw WebApiErrors.Explain(answer, "a tracking token", connection.Server);
            string? token = answer.IsSuccess ? answer.Json("a tracking token").Text("TrackingToken") : null;
            without[i].Give(string.IsNullOrEmpty(token) ? OwnToken(without[i], directory.Settings) : token, directory.Settings);
        }
    }

    private static string OwnToken(Candidate candidate, OrganizationSettings settings)
    {
        uint user = BitConverter.ToUInt32(candidate.Sender.Id.ToByteArray(), 0);
        uint counter = BitConverter.ToUInt32(candidate.Id.ToByteArray(), 0);
        int users = (int)Math.Min(999_999_999, Math.Pow(10, settings.TrackingTokenIdDigits) - 1);
        return TrackingToken.Format((int)(user % users) + 1, (int)(counter % settings.MaximumTrackingNumber) + 1, settings);
    }

    /// <summary>A recipient's record may have got an address, or have opted out, since the email was written.</summary>
    private static List<(RecordReference Party, int Place)> AskForRecipients(WebApiBatch batch, List<Candidate> chosen, TableDirectory tables)
    {
        var asked = new List<(RecordReference Party, int Place)>();
        IEnumerable<RecordReference> records = chosen.SelectMany(c => c.Parties).Where(p => p.Role != ParticipationType.Sender).Select(p => p.Party).OfType<RecordReference>().Distinct();
        foreach (IGrouping<string, RecordReference> group in records.GroupBy(r => r.LogicalName))
        {
            if (tables.Find(group.Key) is not { AddressColumns.Count: > 0 } table)
                continue;
            string columns = string.Join(',', table.AddressColumns.Prepend(table.IdColumn).Concat(table.HasDoNotEmail ? ["donotemail"] : Array.Empty<string>()));
            foreach (RecordReference[] some in group.Chunk(100))
            {
                int place = batch.Add(WebApiRequest.Get($"{table.SetName}?$select={columns}&$filter={ODataText.AnyOf([table.IdColumn], some.Select(r => r.Id.ToString("D")))}", "the recipients"));
                asked.AddRange(some.Select(r => (r, place)));
            }
        }

        return asked;
    }

    private static Dictionary<RecordReference, JsonElement> ReadRecipients(
        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers, List<(RecordReference Party, int Place)> asked, TableDirectory tables)
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

    private sealed class Candidate : ISendCost
    {
        private JsonElement row;
        private bool hasNewToken;

        public Guid Id { get; private init; }

        public required RecordReference Sender { get; init; }

        public required string ETag { get; init; }

        public string Subject { get; private set; } = string.Empty;

        public string? Token { get; private set; }

        public IReadOnlyList<ActivityParty> Parties { get; private init; } = [];

        public long Size { get; private init; }

        public EmailPriority Priority { get; private init; }

        public DateTimeOffset CreatedOn { get; private init; }

        private IReadOnlyList<JsonElement> Attachments { get; init; } = [];

        public static Candidate? Read(JsonElement row)
        {
            IReadOnlyList<ActivityParty> parties = EmailRows.ReadParties(row);
            RecordReference? sender = parties.FirstOrDefault(p => p.Role == ParticipationType.Sender)?.Party;
            if (row.Id("activityid") is not { } id || row.ETag() is not { } etag || sender is null)
                return null;
            List<JsonElement> attachments = [.. row.Expanded("email_activity_mime_attachment").OrderBy(a => a.Number("attachmentnumber") ?? 0)];
            return new Candidate
            {
                row = row,
                Id = id,
                Sender = sender,
                ETag = etag,
                Subject = row.Text("subject") ?? string.Empty,
                Token = row.Text("trackingtoken") is { Length: > 0 } token ? token : null,
                Parties = parties,
                Attachments = attachments,
                Size = attachments.Sum(a => a.Long("filesize") ?? 0),
                Priority = (EmailPriority)(row.Number("prioritycode") ?? 1),
                CreatedOn = row.Time("createdon") ?? DateTimeOffset.MinValue,
            };
        }

        public void Give(string token, OrganizationSettings settings)
        {
            string subject = TrackingToken.Insert(Subject, token, settings);
            if (!subject.Contains(token, StringComparison.OrdinalIgnoreCase))
                return;
            (Subject, Token, hasNewToken) = (subject, token, true);
        }

        public JsonObject Claim()
        {
            var json = new JsonObject { ["statecode"] = (int)EmailState.Completed, ["statuscode"] = (int)EmailStatus.Sending };
            if (hasNewToken)
            {
                json["subject"] = Subject;
                json["trackingtoken"] = Token;
            }

            return json;
        }

        public PendingEmail ToPending(
            string description,
            ClaimStamp stamp,
            OrganizationDirectory directory,
            TableDirectory tables,
            Dictionary<RecordReference, JsonElement> records,
            Func<Guid, string, CancellationToken, ValueTask<Stream>> open)
        {
            CrmMailbox mailbox = directory.Find(Sender.Id)!;
            string? submittedBy = row.Text("submittedby");
            return new PendingEmail
            {
                ActivityId = Id,
                ClaimVersion = stamp.ToString(),
                Subject = Subject,
                TrackingToken = Token,
                Description = description,
                MimeType = row.Text("mimetype") is { Length: > 0 } type ? type : description.Contains('<', StringComparison.Ordinal) ? "text/html" : "text/plain",
                Parties = [.. Parties.Select(p => Refresh(p, mailbox, tables, records))],
                FromName = mailbox.Owner.Name,
                From = mailbox.Owner,
                FromAddress = mailbox.Address,
                SubmittedBy = submittedBy is null or "" || string.Equals(submittedBy, mailbox.Address, StringComparison.OrdinalIgnoreCase) ? null : submittedBy,
                Attachments = [.. Attachments.Select(a => Attachment(a, open)).OfType<EmailAttachment>()],
                MessageId = row.Text("messageid") is { Length: > 0 } messageId ? messageId : null,
                InReplyTo = row.Text("inreplyto"),
                ConversationIndex = row.Text("conversationindex"),
                Priority = Priority,
                DeliveryAttempts = row.Number("deliveryattempts") ?? 0,
                CreatedOn = CreatedOn,
                WasStuck = row.Number("statuscode") == (int)EmailStatus.Sending,
                DeliveryReceiptRequested = row.Flag("deliveryreceiptrequested") == true,
                ReadReceiptRequested = row.Flag("readreceiptrequested") == true,
            };
        }

        private static ActivityParty Refresh(ActivityParty party, CrmMailbox sender, TableDirectory tables, Dictionary<RecordReference, JsonElement> records)
        {
            if (party.Role == ParticipationType.Sender)
                return party with { AddressUsed = party.AddressUsed ?? sender.Address };
            if (party.Party is null || !records.TryGetValue(party.Party, out JsonElement record))
                return party;
            return party with
            {
                AddressUsed = party.AddressUsed ?? tables.Find(party.Party.LogicalName)?.AddressColumns.Select(c => record.Text(c)).FirstOrDefault(a => !string.IsNullOrWhiteSpace(a)),
                DoNotEmail = party.DoNotEmail || record.Flag("donotemail") == true,
            };
        }

        private static EmailAttachment? Attachment(JsonElement row, Func<Guid, string, CancellationToken, ValueTask<Stream>> open)
        {
            if (row.Id("activitymimeattachmentid") is not { } id)
                return null;
            string name = row.Text("filename") ?? "attachment";
            return new EmailAttachment(name, row.Text("mimetype") ?? "application/octet-stream", row.Long("filesize") ?? 0, stop => open(id, name, stop))
            {
                ContentId = row.Text("attachmentcontentid") is { Length: > 0 } contentId ? contentId.Trim('<', '>') : null,
            };
        }
    }
}
