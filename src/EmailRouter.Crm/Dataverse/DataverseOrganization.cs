using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// An organization of Dataverse, Dynamics 365 or Dynamics CRM 2016 and later whose server decides what is promoted, as for the original product:
/// CheckIncomingEmail is asked about each email, DeliverIncomingEmail promotes it. Pending email is claimed as by <see cref="DataverseStore"/>.
/// </summary>
/// <remarks>Safe for use by many polls at once. Owns the store: disposing this disposes it.</remarks>
/// <param name="store">The store of the same organization.</param>
public sealed class DataverseOrganization(DataverseStore store) : ServerOrganization<DataverseStore>(store), IEmailActivities
{
    // Within a batch an address may have 64 KB, encoded.
    private const int MaxAddressLength = 60_000;

    // Until the server refuses them.
    private volatile bool takesExtras = true;

    /// <inheritdoc/>
    public ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken) => Store.GetEmailAsync(activityId, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, CancellationToken cancellationToken) =>
        Store.FindEmailsAsync(filter, cancellationToken);

    private protected override async ValueTask<ServerCheck> AskAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> ancestors = takesExtras ? AnsweredEmails.NearestFirst(email) : [];
        string? answered = ancestors.Count > 0 ? ancestors[0] : null;
        (ServerCheck check, HashSet<string> stored) =
            await AskAsync(email, answered, ancestors.Count > 1 ? ancestors : [], cancellationToken).ConfigureAwait(false);

        // The server takes the id of one email that this one answers. Where it does not have the nearest, an older one of the same thread says as much.
        if (takesExtras && ancestors.FirstOrDefault(stored.Contains) is { } nearest && nearest != answered)
            (check, _) = await AskAsync(email, answered = nearest, [], cancellationToken).ConfigureAwait(false);
        return check with { Answered = takesExtras ? answered : null };
    }

    private protected override async ValueTask<ServerPromotion> PromoteAsync(IncomingEmail email, string? answered, CancellationToken cancellationToken)
    {
        JsonObject? extras = takesExtras ? EmailExtras.Of(email, answered) : null;
        (ServerPromotion done, int status) = await DeliverAsync(email, extras, cancellationToken).ConfigureAwait(false);
        if (extras is null || status != 400 || done.Existing is not null)
            return done;
        (done, _) = await DeliverAsync(email, null, cancellationToken).ConfigureAwait(false);
        if (done.Refused is null)
            takesExtras = false;
        return done;
    }

    private protected override async ValueTask<Guid?> FindAsync(string messageId, bool onlyReceived, CancellationToken cancellationToken) =>
        Read(await Store.Connection.SendAsync(Existing(messageId, onlyReceived), cancellationToken).ConfigureAwait(false));

    private async ValueTask<(ServerCheck Check, HashSet<string> Stored)> AskAsync(
        IncomingEmail email, string? answered, IReadOnlyList<string> ancestors, CancellationToken cancellationToken)
    {
        const string what = "the check of the email";
        JsonObject? extras = takesExtras ? EmailExtras.Of(email, answered) : null;
        var batch = new WebApiBatch(what);
        batch.Add(WebApiRequest.Get(CheckPath(email, extras, out bool isCut), what));
        batch.Add(Existing(email.MessageId, onlyReceived: false));
        if (ancestors.Count > 0)
        {
            string these = ODataText.AnyOf(["messageid"], ancestors.Select(ODataText.Quote));
            batch.Add(WebApiRequest.Get($"emails?$select=messageid&$filter={these}", "emails it answers"));
        }

        IReadOnlyList<CrmAnswer> answers = [.. (await Store.Connection.SendAsync(batch, cancellationToken).ConfigureAwait(false)).SelectMany(a => a)];
        if (extras is not null && answers[0].Status is 400 or 404 or 501)
        {
            // Whether it is the extras that the server does not like shows without them.
            var plain = new WebApiBatch(what);
            plain.Add(WebApiRequest.Get(CheckPath(email, null, out isCut), what));
            CrmAnswer again = (await Store.Connection.SendAsync(plain, cancellationToken).ConfigureAwait(false))[0][0];
            takesExtras = !again.IsSuccess;
            answers = [again, .. answers.Skip(1)];
        }

        if (answers.FirstOrDefault(a => !a.IsSuccess) is { } refused)
            throw AnswerErrors.Explain(refused, what, Store.Connection.Server);
        JsonElement answer = answers[0].Json(what);
        int code = answer.Number("ReasonCode") ?? throw AnswerErrors.Unreadable(what, "it has no ReasonCode");
        bool delivers = answer.Flag("ShouldDeliver") ?? throw AnswerErrors.Unreadable(what, "it has no ShouldDeliver");
        HashSet<string> stored = [.. answers.Skip(2).SelectMany(a => a.Rows("emails it answers")).Select(r => r.Text("messageid")).OfType<string>()];
        return (new ServerCheck(delivers, code, Read(answers[1]), isCut), stored);
    }

    private async ValueTask<(ServerPromotion Done, int Status)> DeliverAsync(IncomingEmail email, JsonObject? extras, CancellationToken cancellationToken)
    {
        const string what = "the delivery of the email";
        var batch = new WebApiBatch(what);
        batch.Add(Existing(email.MessageId, onlyReceived: true));
        batch.Add(new WebApiRequest(HttpMethod.Post, "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", what) { Body = Body(email, extras) });
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await Store.Connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        CrmAnswer delivery = answers[1][0];
        if (!answers[0][0].IsSuccess)
            throw AnswerErrors.Explain(answers[0][0], "emails by Message-ID", Store.Connection.Server);
        Guid? existing = Read(answers[0][0]);
        return delivery.IsSuccess
            ? (new ServerPromotion(delivery.Status == 204 ? null : delivery.Json(what).Id("EmailId"), existing, null), delivery.Status)
            : (new ServerPromotion(null, existing, AnswerErrors.Explain(delivery, what, Store.Connection.Server)), delivery.Status);
    }

    private static string CheckPath(IncomingEmail email, JsonObject? extras, out bool isCut)
    {
        string start = $"CheckIncomingEmail(MessageId=@m,Subject=@s,From=@f,To=@t,Cc=@c,Bcc=@b{(extras is null ? string.Empty : ",ExtraProperties=@e")})?" +
            $"@m={ODataText.Quote(email.MessageId)}&@s={ODataText.Quote(email.Subject)}&@f={ODataText.Quote(email.From!.Address)}";
        string end = extras is null ? string.Empty : $"&@e={Uri.EscapeDataString(extras.ToJsonString())}";
        int room = MaxAddressLength - start.Length - end.Length;
        isCut = false;

        // The polled mailbox is among the blind recipients, and the last to be left out.
        string bcc = Addresses(email.Bcc, ref room, ref isCut);
        string to = Addresses(email.To, ref room, ref isCut);
        string cc = Addresses(email.Cc, ref room, ref isCut);
        return $"{start}&@t={ODataText.Quote(to)}&@c={ODataText.Quote(cc)}&@b={ODataText.Quote(bcc)}{end}";
    }

    private static string Addresses(IReadOnlyList<EmailAddress> addresses, ref int room, ref bool isCut)
    {
        var taken = new List<string>();
        foreach (EmailAddress address in addresses)
        {
            room -= ODataText.Quote(address.Address).Length + 3;
            if (room < 0)
            {
                isCut = true;
                break;
            }

            taken.Add(address.Address);
        }

        return string.Join(';', taken);
    }

    private static WebApiBody Body(IncomingEmail email, JsonObject? extras)
    {
        var json = new JsonObject
        {
            ["MessageId"] = email.MessageId,
            ["Subject"] = email.Subject,
            ["From"] = email.From!.Address,
            ["To"] = Joined(email.To),
            ["Cc"] = Joined(email.Cc),
            ["Bcc"] = Joined(email.Bcc),
            ["ReceivedOn"] = ColumnText.Time(email.ReceivedOn),
            ["SubmittedBy"] = (email.Sender ?? email.From).Address,
            ["Importance"] = ImportanceOf(email),
            ["Body"] = email.Body,
            ["ValidateBeforeCreate"] = true,
        };
        if (extras is not null)
            json["ExtraProperties"] = extras;
        return WebApiBody.WithFiles(
            json,
            "Attachments",
            email.Attachments.Select(a => (
                new JsonObject { ["@odata.type"] = "Microsoft.Dynamics.CRM.activitymimeattachment", ["filename"] = a.FileName, ["mimetype"] = a.MimeType }, a)),
            "body");
    }

    private static WebApiRequest Existing(string messageId, bool onlyReceived) => WebApiRequest.Get(
        $"emails?$select=activityid,directioncode&$filter=messageid%20eq%20{ODataText.Quote(messageId)}" +
        $"{(onlyReceived ? "%20and%20directioncode%20eq%20false" : string.Empty)}&$orderby=directioncode,createdon&$top=1",
        "emails by Message-ID");

    private static Guid? Read(CrmAnswer answer) => answer.Rows("emails by Message-ID").Select(r => r.Id("activityid")).FirstOrDefault();
}
