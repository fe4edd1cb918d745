using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace EmailRouter.Crm.Tests.Dataverse;

/// <summary>Answers like an organization with a user, a queue, a contact and a custom table; tests change what it says.</summary>
internal sealed partial class ScriptedOrganization
{
    private const string Anna = "aaaaaaaa-0000-0000-0000-000000000001";
    private const string Support = "bbbbbbbb-0000-0000-0000-000000000002";
    private const string Carl = "cccccccc-0000-0000-0000-000000000003";
    private const string Activity = "eeeeeeee-0000-0000-0000-000000000005";
    private const string LookupName = "@Microsoft.Dynamics.CRM.lookuplogicalname";

    private readonly object gate = new();
    private readonly HashSet<string> claimed = [];
    private readonly HashSet<string> sent = [];

    public ScriptedOrganization() => Http.Answer = Answer;

    public ScriptedServer Http { get; } = new();

    public bool Metadata { get; set; } = true;

    /// <summary>Gets or sets the rows of emails asked for by id.</summary>
    public string[] Emails { get; set; } = [];

    /// <summary>Gets or sets the rows of incoming emails with the same Message-ID.</summary>
    public string[] SameMessageId { get; set; } = [];

    /// <summary>Gets or sets what answers a creation; null for success.</summary>
    public Func<string?> Create { get; set; } = () => null;

    public string Check { get; set; } = """{"ShouldDeliver":true,"ReasonCode":2}""";

    public Guid Delivered { get; set; } = Guid.Parse(Activity);

    public int Pending { get; set; }

    /// <summary>Gets or sets the user's id in Entra; null for an organization that has no column for it.</summary>
    public string? ObjectId { get; set; }

    public string? PendingToken { get; set; } = "CRM:0010001";

    public bool MakesTokens { get; set; } = true;

    public int LostClaims { get; set; }

    public int TakenByOthers { get; private set; }

    public int LoseAnswers { get; set; }

    public int Sent => sent.Count;

    private HttpResponseMessage Answer(Asked asked)
    {
        lock (gate)
        {
            if (asked.Path.EndsWith("/$batch", StringComparison.Ordinal))
            {
                HttpResponseMessage answer = ScriptedServer.Batch([.. Parts(asked).Select(PartOf)]);
                return LoseAnswers-- > 0 ? throw new HttpRequestException(HttpRequestError.ResponseEnded, "gone", new IOException("gone")) : answer;
            }

            if (asked.Path.EndsWith("UploadBlock", StringComparison.Ordinal))
                return new HttpResponseMessage(HttpStatusCode.NoContent);
            (int status, string json) = One(asked.Method, asked.Path["/api/data/v9.2/".Length..] + asked.Query);
            return json.Length == 0 ? new HttpResponseMessage((HttpStatusCode)status) : ScriptedServer.Json(json, (HttpStatusCode)status);
        }
    }

    /// <summary>Splits a batch into its requests; those of a change set stay together.</summary>
    private static IEnumerable<(string Line, string Text, bool IsChangeSet)> Parts(Asked asked)
    {
        string boundary = Regex.Match(asked.Headers["Content-Type"], "boundary=(\\S+)").Groups[1].Value;
        foreach (string part in asked.Text.Split("--" + boundary + "\r\n").Skip(1))
        {
            bool isChangeSet = part.StartsWith("Content-Type: multipart/mixed", StringComparison.Ordinal);
            string line = part.Split("\r\n").First(l => l.EndsWith(" HTTP/1.1", StringComparison.Ordinal));
            yield return (Uri.UnescapeDataString(line[..^9]), part, isChangeSet);
        }
    }

    private string PartOf((string Line, string Text, bool IsChangeSet) part)
    {
        if (part.IsChangeSet)
            return Create() is { } refused ? refused : ScriptedServer.ChangeSet(ScriptedServer.Part(204));
        string[] words = part.Line.Split(' ', 2);
        string path = words[1]["/api/data/v9.2/".Length..];
        if (words[0] == "PATCH")
            return Patch(Id(path), part.Text);
        (int status, string json) = One(words[0], path);
        return ScriptedServer.Part(status, json);
    }

    private string Patch(string id, string text)
    {
        if (text.Contains("\"statuscode\":7", StringComparison.Ordinal))
        {
            if (LostClaims-- > 0)
            {
                claimed.Add(id);
                TakenByOthers++;
                return ScriptedServer.Part(412, """{"error":{"code":"0x80060882","message":"The version of the existing record doesn't match."}}""");
            }

            Assert.Contains("If-Match: W/\"1\"", text, StringComparison.Ordinal);
            claimed.Add(id);
            return ScriptedServer.Part(204);
        }

        Assert.Contains("\"statuscode\":3", text, StringComparison.Ordinal);
        return !text.Contains("If-Match: W/\"2\"", StringComparison.Ordinal) || !sent.Add(id)
            ? ScriptedServer.Part(412, """{"error":{"code":"0x80060882","message":"The version of the existing record doesn't match."}}""")
            : ScriptedServer.Part(204);
    }

    private (int Status, string Json) One(string method, string path) => path.Split('?', '(')[0] switch
    {
        "WhoAmI" => (200, $$"""{"UserId":"{{Anna}}","OrganizationId":"{{Activity}}"}"""),
        "organizations" => (200, Rows($$"""
            {"organizationid":"{{Activity}}","name":"Contoso","emailconnectionchannel":0,"trackingprefix":"CRM:;OLD:","trackingtokeniddigits":2,"maximumtrackingnumber":9999,
            "enablesmartmatching":true,"blockedattachments":"exe;js","maxuploadfilesize":1048576,
            "orgdborgsettings":"<OrgSettings><MaximumSubjectLengthOnMailServer>120</MaximumSubjectLengthOnMailServer><AutoCreateContactOnPromote>false</AutoCreateContactOnPromote><SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail>true</SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail></OrgSettings>"}
            """)),
        "systemusers" when path.Contains("RetrieveUserPrivileges", StringComparison.Ordinal) =>
            (200, """{"RolePrivileges":[{"PrivilegeName":"prvReadActivity"},{"PrivilegeId":"10000000-0000-0000-0000-000000000001"}]}"""),
        "privileges" => (200, Rows("""{"privilegeid":"10000000-0000-0000-0000-000000000001","name":"prvWriteActivity"}""")),
        "systemusers" when path.Contains("isdisabled&$filter=systemuserid", StringComparison.Ordinal) => (200, Rows($$"""{"systemuserid":"{{Anna}}","fullname":"Router","isdisabled":false}""")),
        "systemusers" when path.Contains("azureactivedirectoryobjectid", StringComparison.Ordinal) => ObjectId is null
            ? (400, """{"error":{"code":"0x80060888","message":"Could not find a property named 'azureactivedirectoryobjectid' on type 'Microsoft.Dynamics.CRM.systemuser'."}}""")
            : (200, Rows($$"""{"systemuserid":"{{Anna}}","azureactivedirectoryobjectid":"{{ObjectId}}"}""")),
        "systemusers" when path.Contains("ne null", StringComparison.Ordinal) => (200, Rows($$"""
            {"systemuserid":"{{Anna}}","fullname":"Anna","internalemailaddress":"anna@example.test","incomingemaildeliverymethod":2,"outgoingemaildeliverymethod":2,
            "emailrouteraccessapproval":1,"isdisabled":false,"_queueid_value":"{{Support}}"}
            """)),
        "usersettingscollection" => (200, Rows($$"""{"systemuserid":"{{Anna}}","incomingemailfilteringmethod":2,"autocreatecontactonpromote":2,"issendasallowed":true}""")),
        "queues" when path.Contains("ne null", StringComparison.Ordinal) => (200, Rows($$"""
            {"queueid":"{{Support}}","name":"Support","emailaddress":"support@example.test","incomingemaildeliverymethod":2,"outgoingemaildeliverymethod":null,
            "incomingemailfilteringmethod":0,"statecode":0,"_ownerid_value":"{{Anna}}","_ownerid_value{{LookupName}}":"systemuser"}
            """)),
        "mailboxes" => (200, Rows(
            $$"""{"mailboxid":"{{Carl}}","name":"Forward","emailaddress":"forward@example.test","isforwardmailbox":true,"incomingemaildeliverymethod":3,"emailrouteraccessapproval":1,"statecode":0}""",
            $$"""{"mailboxid":"{{Anna}}","isforwardmailbox":false,"_regardingobjectid_value":"{{Support}}","outgoingemaildeliverymethod":2,"emailrouteraccessapproval":1}""")),
        "contacts" when path.Contains("contactid eq", StringComparison.Ordinal) => (200, Rows($$"""{"contactid":"{{Carl}}","emailaddress1":"other@x","donotemail":true}""")),
        "contacts" => (200, Rows($$"""
            {"contactid":"{{Carl}}","fullname":"Carl","emailaddress1":null,"emailaddress2":"carl@customer.test","statecode":0,"_ownerid_value":"{{Anna}}","donotemail":true}
            """)),
        "new_members" => (200, Rows($$"""{"new_memberid":"{{Carl}}","new_name":"Very Important","new_mail":"VIP@customer.test","statecode":0}""")),
        "EntityDefinitions" => Definitions(path),
        "CheckIncomingEmail" => (200, Check),
        "GetTrackingTokenEmail" => MakesTokens ? (200, """{"TrackingToken":"CRM:0010007"}""") : (404, """{"error":{"code":"0x8006088a","message":"Resource not found"}}"""),
        "InitializeAttachmentBlocksUpload" => (200, """{"FileContinuationToken":"token1"}"""),
        "CommitAttachmentBlocksUpload" => (200, $$"""{"ActivityMimeAttachmentId":"{{Carl}}"}"""),
        "activitymimeattachments" => (200, """{"@odata.context":"x","activitymimeattachmentid":"1","body":"aGVs\u0062G8="}"""),
        "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail" => (200, $$"""{"EmailId":"{{Delivered}}"}"""),
        "emails" when method == "DELETE" => (204, string.Empty),
        "emails" => EmailRows(path),
        _ => (200, Rows()),
    };

    private (int Status, string Json) EmailRows(string path)
    {
        if (path.StartsWith("emails(", StringComparison.Ordinal))
            return (200, $$"""{"@odata.etag":"W/\"2\"","activityid":"{{Id(path)}}","description":"<p>Hello</p>"}""");
        if (path.Contains("statuscode,messageid&$filter=activityid eq", StringComparison.Ordinal))
        {
            string id = Id(path);
            return (200, Rows($$"""{"@odata.etag":"W/\"3\"","activityid":"{{id}}","statuscode":{{(sent.Contains(id) ? 3 : 7)}},"messageid":"<s@example.test>"}"""));
        }

        if (path.Contains("statuscode eq 6", StringComparison.Ordinal))
            return (200, Rows([.. Enumerable.Range(1, Pending).Select(PendingId).Where(i => !claimed.Contains(i)).Take(250).Select(PendingRow)]));
        if (path.Contains("$filter=activityid eq", StringComparison.Ordinal))
            return (200, Rows(Emails));
        if (path.Contains("directioncode eq false", StringComparison.Ordinal) || path.Contains("$orderby=directioncode", StringComparison.Ordinal))
            return (200, Rows(SameMessageId));
        return (200, Rows($$"""
            {"activityid":"{{Activity}}","messageid":"<o'brien@x>","subject":"Offer","directioncode":true,"trackingtoken":"CRM:0001042","createdon":"2026-01-30T08:00:00Z",
            "_regardingobjectid_value":"{{Carl}}","_regardingobjectid_value{{LookupName}}":"account",
            "email_activity_parties":[{"participationtypemask":2,"addressused":"b@x"},{"participationtypemask":1,"addressused":"a@x"}],"Email_QueueItem":[{"_queueid_value":"{{Support}}"}]}
            """));
    }

    private string PendingRow(string id) => $$"""
        {"@odata.etag":"W/\"1\"","activityid":"{{id}}","subject":"Offer","statuscode":6,"trackingtoken":{{(PendingToken is null ? "null" : $"\"{PendingToken}\"")}},"prioritycode":1,
        "createdon":"2026-01-31T07:00:00Z","deliveryattempts":0,
        "email_activity_parties":[{"participationtypemask":2,"addressused":"carl@customer.test","_partyid_value":"{{Carl}}","_partyid_value{{LookupName}}":"contact"},
        {"participationtypemask":1,"addressused":"anna@example.test","_partyid_value":"{{Anna}}","_partyid_value{{LookupName}}":"systemuser"}],
        "email_activity_mime_attachment":[{"activitymimeattachmentid":"{{Carl}}","attachmentnumber":1,"filename":"offer.pdf","mimetype":"application/pdf","filesize":5,"attachmentcontentid":"<logo>"}]}
        """;

    private (int Status, string Json) Definitions(string path)
    {
        if (!Metadata)
            return (403, """{"error":{"code":"0x80040220","message":"missing prvReadEntity privilege"}}""");
        if (path.StartsWith("EntityDefinitions?", StringComparison.Ordinal))
        {
            return (200, Rows([.. "systemuser:systemusers:systemuserid:fullname contact:contacts:contactid:fullname new_member:new_members:new_memberid:new_name email:emails:activityid:subject"
                .Split(' ').Select(t => t.Split(':')).Select(t =>
                    $$"""{"LogicalName":"{{t[0]}}","EntitySetName":"{{t[1]}}","PrimaryIdAttribute":"{{t[2]}}","PrimaryNameAttribute":"{{t[3]}}","IsActivityParty":{{(t[0] == "email" ? "false" : "true")}} }""")]));
        }

        if (path.Contains("ManyToOne", StringComparison.Ordinal))
            return (200, Rows("""{"ReferencingAttribute":"correlatedactivityid","ReferencedEntity":"email","ReferencingEntityNavigationPropertyName":"CorrelatedActivityId_Email"}"""));
        if (path.Contains("IsValidForCreate", StringComparison.Ordinal))
        {
            return (200, Rows([.. "activityid subject statuscode trackingtoken messageid prioritycode createdon deliveryattempts delayedemailsendtime mimetype conversationindex submittedby notifications"
                .Split(' ').Select(c => $$"""{"LogicalName":"{{c}}","IsValidForCreate":true,"IsValidForUpdate":true}"""), """{"LogicalName":"inreplyto","IsValidForCreate":false,"IsValidForUpdate":false}"""]));
        }

        bool isText = path.Contains("StringAttributeMetadata", StringComparison.Ordinal);
        return path.Contains("'new_member'", StringComparison.Ordinal)
            ? (200, isText
                ? Rows("""{"LogicalName":"new_name","Format":"Text"}""", """{"LogicalName":"new_mail","FormatName":{"Value":"Email"}}""")
                : Rows([.. "new_memberid new_name new_mail statecode ownerid".Split(' ').Select(c => $$"""{"LogicalName":"{{c}}"}""")]))
            : path.Contains("'contact'", StringComparison.Ordinal)
                ? (200, isText ? Rows() : Rows([.. "contactid fullname emailaddress1 emailaddress2 emailaddress3 statecode ownerid donotemail".Split(' ').Select(c => $$"""{"LogicalName":"{{c}}"}""")]))
                : (200, isText ? Rows() : Rows([.. "systemuserid fullname internalemailaddress isdisabled".Split(' ').Select(c => $$"""{"LogicalName":"{{c}}"}""")]));
    }

    private static string PendingId(int number) => string.Create(CultureInfo.InvariantCulture, $"00000000-0000-0000-0000-{number:D12}");

    private static string Rows(params string[] rows) => new StringBuilder("{\"value\":[").AppendJoin(',', rows).Append("]}").ToString();

    private static string Id(string path) => GuidPattern().Match(path).Value;

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex GuidPattern();
}
