using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// An organization of Dataverse, Dynamics 365 or Dynamics CRM 2016 and later whose server decides what is promoted, as for the original product: CheckIncomingEmail
/// is asked about each email, DeliverIncomingEmail promotes it. Pending email is claimed as by <see cref="DataverseStore"/>.
/// </summary>
/// <remarks>Safe for use by many polls at once. Owns the store: disposing this disposes it.</remarks>
/// <param name="store">The store of the same organization.</param>
public sealed class DataverseOrganization(DataverseStore store) : ServerOrganization<DataverseStore>(store), IEmailActivities
{
    // Within a batch an address may have 64 KB, encoded.
    private const int MaxAddressLength = 60_000;

    /// <inheritdoc/>
    public ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken) => Store.GetEmailAsync(activityId, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, CancellationToken cancellationToken) => Store.FindEmailsAsync(filter, cancellationToken);

    private protected override async ValueTask<ServerCheck> AskAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        const string what = "the check of the email";
        var batch = new WebApiBatch(what);
        batch.Add(WebApiRequest.Get(CheckPath(email, out bool isCut), what));
        batch.Add(Existing(email.MessageId));
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await Store.Connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        if (answers.SelectMany(a => a).FirstOrDefault(a => !a.IsSuccess) is { } refused)
            throw AnswerErrors.Explain(refused, what, Store.Connection.Server);
        JsonElement answer = answers[0][0].Json(what);
        int code = answer.Number("ReasonCode") ?? throw AnswerErrors.Unreadable(what, "it has no ReasonCode");
        bool delivers = answer.Flag("ShouldDeliver") ?? throw AnswerErrors.Unreadable(what, "it has no ShouldDeliver");
        return new ServerCheck(delivers, code, Read(answers[1][0]), isCut);
    }

    private protected override async ValueTask<(Guid? Id, CrmException? Refused)> PromoteAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        const string what = "the delivery of the email";
        CrmAnswer answer = await Store.Connection.TryAsync(
            new WebApiRequest(HttpMethod.Post, "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", what) { Body = Body(email) }, cancellationToken).ConfigureAwait(false);
        return answer.IsSuccess
            ? (answer.Status == 204 ? null : answer.Json(what).Id("EmailId"), null)
            : (null, AnswerErrors.Explain(answer, what, Store.Connection.Server));
    }

    private protected override async ValueTask<Guid?> FindAsync(string messageId, CancellationToken cancellationToken) =>
        Read(await Store.Connection.SendAsync(Existing(messageId), cancellationToken).ConfigureAwait(false));

    private static string CheckPath(IncomingEmail email, out bool isCut)
    {
        string start = "CheckIncomingEmail(MessageId=@m,Subject=@s,From=@f,To=@t,Cc=@c,Bcc=@b)?" +
            $"@m={ODataText.Quote(email.MessageId)}&@s={ODataText.Quote(email.Subject)}&@f={ODataText.Quote(email.From!.Address)}";
        int room = MaxAddressLength - start.Length;
        isCut = false;
        string to = Addresses(email.To, ref room, ref isCut);
        string cc = Addresses(email.Cc, ref room, ref isCut);
        string bcc = Addresses(email.Bcc, ref room, ref isCut);
        return $"{start}&@t={ODataText.Quote(to)}&@c={ODataText.Quote(cc)}&@b={ODataText.Quote(bcc)}";
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

    private static WebApiBody Body(IncomingEmail email)
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
        return WebApiBody.WithFiles(
            json,
            "Attachments",
            email.Attachments.Select(a => (
                new JsonObject { ["@odata.type"] = "Microsoft.Dynamics.CRM.activitymimeattachment", ["filename"] = a.FileName, ["mimetype"] = a.MimeType }, a)),
            "body");
    }

    private static WebApiRequest Existing(string messageId) => WebApiRequest.Get(
        $"emails?$select=activityid,directioncode&$filter=messageid%20eq%20{ODataText.Quote(messageId)}&$orderby=directioncode,createdon&$top=1", "emails by Message-ID");

    private static Guid? Read(CrmAnswer answer) => answer.Rows("emails by Message-ID").Select(r => r.Id("activityid")).FirstOrDefault();
}
