using System.Globalization;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>
/// The tables of emails and what belongs to them, and of settings, as a client of the CRM's API sees them. The router itself uses their own classes
/// (<see cref="EmailTable"/>, <see cref="OutboxTable"/>); names, lengths and what clients may write are those of Dataverse.
/// </summary>
internal static class ActivityCatalog
{
    private const string PartyPrefix = "00000000-0000-4000-8000-";

    private static readonly string[] parties = ["systemuser", "contact", "account", "lead", "queue", "equipment", "team", "businessunit"];
    private static readonly string[] regarding = ["account", "contact", "lead", "incident"];

    // Last, since the definitions above go into it.
    private static readonly TableSource[] all = Create();

    /// <summary>Gets the sources of all of them.</summary>
    public static IReadOnlyList<TableSource> All => all;

    /// <summary>Finds a table.</summary>
    /// <param name="logicalName">Its name.</param>
    /// <returns>Its source, or null.</returns>
    public static TableSource? Find(string logicalName) => Array.Find(all, s => s.Table.LogicalName == logicalName);

    /// <summary>Makes the key that clients see of a party.</summary>
    /// <param name="number">The party's number in the file.</param>
    /// <returns>The key.</returns>
    public static Guid PartyId(long number) => new(string.Create(CultureInfo.InvariantCulture, $"{PartyPrefix}{number:x12}"));

    /// <summary>Finds the number of a party in its key.</summary>
    /// <param name="id">The key.</param>
    /// <returns>The number; -1, which no party has, when it is not the key of a party.</returns>
    public static long PartyNumber(Guid id)
    {
        string text = id.ToString("D");
        return text.StartsWith(PartyPrefix, StringComparison.Ordinal) ? long.Parse(text.AsSpan(PartyPrefix.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : -1;
    }

    private static TableSource[] Create() =>
    [
        new TableSource(
            new TableDefinition
            {
                LogicalName = "email",
                PrimaryIdColumn = "activityid",
                PrimaryNameColumn = "subject",
                Columns =
                [
                    Text("subject", 800), Text("description", 0), Text("mimetype", 256), Flag("directioncode", true),
                    Option<EmailState>("statecode", EmailState.Open), Option<EmailStatus>("statuscode", EmailStatus.Draft), Text("messageid", 320),
                    Text("inreplyto", 320).ReadOnly(), Text("conversationindex", 2048).ReadOnly(), Text("internetmessageheaders", 0), Text("trackingtoken", 50),
                    Option<CorrelationMethod>("correlationmethod", CorrelationMethod.None).ReadOnly(), Id("correlatedactivityid", "email"),
                    Id("parentactivityid", "email"), Flag("correlatedsubjectchanged"), Lookup("acceptingentityid", "queue", "systemuser"),
                    Lookup("receivingmailboxid", "mailbox", "queue", "systemuser"), Lookup("emailsender", parties).ReadOnly(), Flag("isduplicatesenderunresolved"),
                    Text("sender", 250), Text("submittedby", 250), Text("torecipients", 500), Lookup("regardingobjectid", regarding), Id("ownerid", "systemuser"),
                    Option<EmailPriority>("prioritycode", EmailPriority.Normal), Time("senton").ReadOnly(), Time("delayedemailsendtime"),
                    Time("postponeemailprocessinguntil"), Number("deliveryattempts"), Option<EmailNotification>("notifications", EmailNotification.None),
                    Number("attachmentcount").ReadOnly(), Flag("deliveryreceiptrequested"), Flag("readreceiptrequested"),
                ],
            },
            "email r",
            "r.activityid",
            new Dictionary<string, string[]>
            {
                ["acceptingentityid"] = ["r.acceptingentityid", "r.acceptingentitytypecode", "r.acceptingentityidname"],
                ["receivingmailboxid"] = ["r.receivingmailboxid", "r.receivingmailboxtypecode", "r.receivingmailboxidname"],
                ["emailsender"] = ["r.emailsender", "r.emailsenderobjecttypecode", "r.emailsendername"],
                ["regardingobjectid"] = ["r.regardingobjectid", "r.regardingobjecttypecode", "r.regardingobjectidname"],
            }),

        // The file numbers parties; the number makes the last digits of the key that clients see. A party changes with its email alone.
        new TableSource(
            new TableDefinition
            {
                LogicalName = "activityparty",
                PrimaryNameColumn = "partyidname",
                Columns =
                [
                    Id("activityid", "email"), Number("participationtypemask"), Text("addressused", 320), Lookup("partyid", parties), Text("partyidname", 0).ReadOnly(),
                    Text("unresolvedpartyname", 200), Flag("donotemail").ReadOnly(),
                ],
            },
            "activityparty r JOIN email e ON e.emailkey = r.emailkey",
            $"printf('{PartyPrefix}%012x', r.activitypartyid)",
            new Dictionary<string, string[]>
            {
                ["activityid"] = ["e.activityid"],
                ["partyid"] = ["r.partyid", "r.partyobjecttypecode", "r.partyidname"],
                ["createdon"] = [],
                ["modifiedon"] = [],
                ["versionnumber"] = ["e.versionnumber"],
            })
        {
            MadeOf = ("r.activitypartyid", static id => PartyNumber(id)),
        },
        new TableSource(
            new TableDefinition
            {
                LogicalName = "activitymimeattachment",
                PrimaryNameColumn = "filename",
                Columns =
                [
                    Lookup("objectid", "email"), Text("objecttypecode", 64), Text("filename", 255), Text("mimetype", 256), Text("subject", 2000),
                    Text("attachmentcontentid", 250), Number("attachmentnumber"), Number("filesize").ReadOnly(), Id("attachmentid").ReadOnly(),
                ],
            },
            "activitymimeattachment r JOIN email e ON e.emailkey = r.emailkey JOIN attachment c ON c.attachmentkey = r.attachmentkey",
            "r.activitymimeattachmentid",
            new Dictionary<string, string[]>
            {
                ["objectid"] = ["e.activityid", "r.objecttypecode", "e.subject"],
                ["attachmentid"] = ["c.attachmentid"],
                ["createdon"] = [],
                ["modifiedon"] = [],
            }),
        new TableSource(
            new TableDefinition
            {
                LogicalName = "queueitem",
                PrimaryNameColumn = "title",
                Columns =
                [
                    Id("queueid", "queue"), Lookup("objectid", "email", "incident"), Text("objecttypecode", 64).ReadOnly(), Text("title", 300).ReadOnly(),
                    Text("sender", 250), Text("torecipients", 500), Number("priority"), Id("workerid", "systemuser"), Time("enteredon").ReadOnly(),
                    Number("statecode"), Number("statuscode", 1),
                ],
            },
            "queueitem r",
            "r.queueitemid",
            new Dictionary<string, string[]>
            {
                ["objectid"] = ["r.objectid", "r.objecttypecode", "r.title"],
                ["createdon"] = ["r.enteredon"],
                ["modifiedon"] = ["coalesce(r.modifiedon, r.enteredon)"],
            }),
        new TableSource(
            new TableDefinition
            {
                LogicalName = TableCatalog.UserSettings,
                PrimaryIdColumn = "systemuserid",
                PrimaryNameColumn = "fullname",
                Columns =
                [
                    .. TableCatalog.BuiltIn.Single(t => t.LogicalName == "systemuser").Columns.Where(c => TableCatalog.UserSettingsColumns.Contains(c.Name)),
                ],
            },
            $"{TableCatalog.UserSettings} r JOIN systemuser u ON u.systemuserid = r.systemuserid",
            "r.systemuserid",
            new Dictionary<string, string[]> { ["createdon"] = ["u.createdon"], ["modifiedon"] = ["u.modifiedon"], ["versionnumber"] = ["u.versionnumber"] }),
        new TableSource(
            new TableDefinition { LogicalName = "organization", Columns = [.. OrganizationTable.Columns] },
            "organization r",
            "r.organizationid",
            new Dictionary<string, string[]>(OrganizationTable.Columns.ToDictionary(c => c.Name, c => new[] { OrganizationTable.SqlOf(c) }))
            {
                ["modifiedon"] = ["coalesce(r.modifiedon, r.createdon)"],
            }),
    ];

    private static ColumnDefinition ReadOnly(this ColumnDefinition column) => column with { IsReadOnly = true };

    private static ColumnDefinition Text(string name, int maxLength) => new(name, ColumnType.Text) { MaxLength = maxLength };

    private static ColumnDefinition Number(string name, int value = 0) => new(name, ColumnType.Integer) { Default = value };

    private static ColumnDefinition Flag(string name, bool value = false) => new(name, ColumnType.Flag) { Default = value };

    private static ColumnDefinition Time(string name) => new(name, ColumnType.Time);

    private static ColumnDefinition Id(string name, params string[] targets) => new(name, ColumnType.Id) { Targets = targets };

    private static ColumnDefinition Lookup(string name, params string[] targets) => new(name, ColumnType.Lookup) { Targets = targets };

    private static ColumnDefinition Option<TOption>(string name, TOption value)
        where TOption : struct, Enum => new(name, ColumnType.Integer) { Options = typeof(TOption), Default = value };
}
