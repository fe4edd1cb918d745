using System.Text.RegularExpressions;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>The built-in tables of records. Names, lengths and defaults are those of Dataverse; <c>emailrouter_</c> columns are the router's own.</summary>
internal static partial class TableCatalog
{
    /// <summary>The table whose columns <c>systemuser</c> shows as its own.</summary>
    public const string UserSettings = "usersettings";

    /// <summary>The columns of <see cref="UserSettings"/>.</summary>
    public static readonly IReadOnlySet<string> UserSettingsColumns =
        new HashSet<string>(StringComparer.Ordinal) { "incomingemailfilteringmethod", "autocreatecontactonpromote", "issendasallowed" };

    private static readonly ColumnDefinition ownerId = Id("ownerid", "systemuser");
    private static readonly ColumnDefinition stateCode = Number("statecode", 0);
    private static readonly ColumnDefinition statusCode = Number("statuscode", 1);
    private static readonly ColumnDefinition doNotEmail = Flag("donotemail");

    // Last, since the definitions above go into it.
    public static readonly IReadOnlyList<TableDefinition> BuiltIn = CreateBuiltIn();

    /// <summary>The columns that every table has and only the CRM writes.</summary>
    public static IReadOnlyList<ColumnDefinition> SystemColumns { get; } =
    [
        new("createdon", ColumnType.Time) { IsReadOnly = true },
        new("modifiedon", ColumnType.Time) { IsReadOnly = true },
        new("versionnumber", ColumnType.Integer) { IsReadOnly = true },
    ];

    /// <summary>Gets the condition under which a record counts as active, and the columns that say whose it is and whether it may be mailed.</summary>
    /// <param name="table">The table.</param>
    /// <returns>SQL expressions over the table's columns.</returns>
    public static (string IsActive, string Owner, string DoNotEmail) SearchColumns(TableDefinition table) => (
        table.LogicalName == "systemuser" ? "isdisabled = 0" : table.Find("statecode") is null ? "1" : "statecode = 0",
        table.Find("ownerid") is null ? "NULL" : "ownerid",
        table.Find("donotemail") is null ? "0" : "donotemail");

    /// <summary>Completes and checks the definition of a table to register.</summary>
    /// <param name="table">The caller's definition.</param>
    /// <returns>The definition with the columns every such table has.</returns>
    public static TableDefinition Complete(TableDefinition table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CheckName(table.LogicalName, "table");
        if (!table.LogicalName.Contains('_', StringComparison.Ordinal))
            throw StoreErrors.RecordInvalid($"The table name '{table.LogicalName}' has no prefix.", "Give the table a prefix of your own, like new_vendor.");
        CheckName(table.PrimaryIdColumn, "column");
        CheckName(table.PrimaryNameColumn, "column");
        var columns = new List<ColumnDefinition>();
        Add(columns, Text(table.PrimaryNameColumn, 200));
        foreach (string address in table.AddressColumns)
            Add(columns, Text(address, 100));
        foreach (ColumnDefinition column in (IEnumerable<ColumnDefinition>)[ownerId, stateCode, statusCode, doNotEmail, .. table.Columns])
            Add(columns, column with { IsReadOnly = false, Options = null, Default = column.Type == ColumnType.Integer || column.Type == ColumnType.Flag
                ? column.Default : null });
        if (columns.Any(c => c.Name == table.PrimaryIdColumn || SystemColumns.Any(s => s.Name == c.Name)))
            throw StoreErrors.RecordInvalid($"A column of {table.LogicalName} has the name of its primary key or of a system column.", "Rename the column.");
        return table with { Columns = columns, IsCustom = true };
    }

    private static void Add(List<ColumnDefinition> columns, ColumnDefinition column)
    {
        CheckName(column.Name, "column");
        if (columns.TrueForAll(c => c.Name != column.Name))
            columns.Add(column);
    }

    private static void CheckName(string name, string kind)
    {
        if (name is null || !LogicalName().IsMatch(name))
            throw StoreErrors.RecordInvalid($"'{name}' cannot be the name of a {kind}.",
                "Use lower-case letters, digits and underscores, a letter first, at most 64 characters.");
    }

    private static TableDefinition[] CreateBuiltIn() =>
    [
        new TableDefinition
        {
            LogicalName = "systemuser",
            PrimaryNameColumn = "fullname",
            AddressColumns = ["internalemailaddress", "personalemailaddress", "mobilealertemail"],
            Columns =
            [
                Text("fullname", 200), Text("firstname", 256), Text("lastname", 256), Text("domainname", 1024), Text("title", 128),
                Text("internalemailaddress", 100), Text("personalemailaddress", 100), Text("mobilealertemail", 100),
                Option<AccessApproval>("emailrouteraccessapproval", AccessApproval.Empty),
                Option<DeliveryMethod>("incomingemaildeliverymethod", DeliveryMethod.Router),
                Option<DeliveryMethod>("outgoingemaildeliverymethod", DeliveryMethod.Router),
                Flag("isdisabled"), Number("accessmode", 0), Id("queueid", "queue"), Id("businessunitid", "businessunit"),
                Option<FilteringMethod>("incomingemailfilteringmethod", FilteringMethod.InResponse),
                Option<AutoCreate>("autocreatecontactonpromote", AutoCreate.None), Flag("issendasallowed"),
                Id("applicationid"), Id("azureactivedirectoryobjectid"), Flag("islicensed", true), Id("defaultmailbox", "mailbox"),
                new ColumnDefinition("emailrouter_usernumber", ColumnType.Integer) { IsReadOnly = true },
                new ColumnDefinition("emailrouter_trackingcounter", ColumnType.Integer) { IsReadOnly = true },
            ],
        },
        new TableDefinition
        {
            LogicalName = "queue",
            AddressColumns = ["emailaddress"],
            Columns =
            [
                Text("name", 200), Text("description", 0), Text("emailaddress", 100), Number("queueviewtype", 0),
                Option<DeliveryMethod>("incomingemaildeliverymethod", DeliveryMethod.Router),
                Option<DeliveryMethod>("outgoingemaildeliverymethod", DeliveryMethod.Router),
                Option<FilteringMethod>("incomingemailfilteringmethod", FilteringMethod.All),
                Option<AccessApproval>("emailrouteraccessapproval", AccessApproval.Empty),
                Id("defaultmailbox", "mailbox"), ownerId, stateCode, statusCode,
            ],
        },
        new TableDefinition
        {
            LogicalName = "mailbox",
            Columns =
            [
                Text("name", 160), Text("emailaddress", 100), Flag("isforwardmailbox"),
                Option<DeliveryMethod>("incomingemaildeliverymethod", DeliveryMethod.Router),
                Option<AccessApproval>("emailrouteraccessapproval", AccessApproval.Approved),
                Option<DeliveryMethod>("outgoingemaildeliverymethod", DeliveryMethod.None),
                Id("emailserverprofile", "emailserverprofile"), Lookup("regardingobjectid", "systemuser", "queue"),
                Flag("enabledforincoming"), Flag("enabledforoutgoing"), Number("incomingemailstatus", 0), Number("outgoingemailstatus", 0),
                Flag("processanddeleteemails"), new ColumnDefinition("processemailreceivedafter", ColumnType.Time), Flag("testemailconfigurationscheduled"),
                new ColumnDefinition("testmailboxaccesscompletedon", ColumnType.Time), ownerId, stateCode, statusCode,
            ],
        },
        new TableDefinition
        {
            LogicalName = "emailserverprofile",
            Columns =
            [
                Text("name", 160), Text("description", 0), Number("servertype", 0), Number("incomingcredentialretrieval", 0), Number("outgoingcredentialretrieval", 0),
                Number("incomingauthenticationprotocol", 0), Number("outgoingauthenticationprotocol", 0), Text("incomingserverlocation", 2048),
                Text("outgoingserverlocation", 2048), Flag("useautodiscover"), Number("incomingportnumber", 110), Number("outgoingportnumber", 25),
                Flag("incomingusessl"), Flag("outgoingusessl"), Flag("incominguseimpersonation"), Flag("outgoinguseimpersonation"),
                Text("incomingusername", 250), Text("outgoingusername", 250), Number("exchangeversion", 5),
                new ColumnDefinition("processemailsreceivedafter", ColumnType.Time), Flag("moveundeliveredemails", true), Number("minpollingintervalinminutes", 0),
                Number("maxconcurrentconnections", 10), Flag("timeoutmailboxconnection", true), Number("timeoutmailboxconnectionafteramount", 20_000),
                Flag("sendemailalert"), Text("encodingcodepage", 50), Flag("usesamesettingsforoutgoingconnections"), Text("exchangeonlinetenantid", 36),
                ownerId, stateCode, statusCode,
            ],
        },
        Person("contact", Text("jobtitle", 100), Lookup("parentcustomerid", "account", "contact")),
        new TableDefinition
        {
            LogicalName = "account",
            AddressColumns = ["emailaddress1", "emailaddress2", "emailaddress3"],
            Columns =
            [
                Text("name", 160), Text("accountnumber", 20), Text("telephone1", 50), Text("emailaddress1", 100), Text("emailaddress2", 100),
                Text("emailaddress3", 100),
                doNotEmail, Flag("donotbulkemail"), Id("primarycontactid", "contact"), ownerId, stateCode, statusCode,
            ],
        },
        Person("lead", Text("subject", 300), Text("companyname", 100)),
        Simple("equipment"), Simple("team"), Simple("businessunit"),
        new TableDefinition
        {
            LogicalName = "incident",
            PrimaryNameColumn = "title",
            Columns = [Text("title", 200), Text("ticketnumber", 100), Text("description", 0), Lookup("customerid", "account", "contact"), ownerId,
                stateCode, statusCode],
        },
        new TableDefinition
        {
            LogicalName = "annotation",
            PrimaryNameColumn = "subject",
            Columns = [Text("subject", 500), Text("notetext", 100_000), Lookup("objectid", "email", "incident", "contact", "account", "lead"), Text("objecttypecode", 64), ownerId],
        },
    ];

    private static TableDefinition Person(string logicalName, params ColumnDefinition[] further) => new()
    {
        LogicalName = logicalName,
        PrimaryNameColumn = "fullname",
        AddressColumns = ["emailaddress1", "emailaddress2", "emailaddress3"],
        Columns =
        [
            Text("fullname", 160), Text("firstname", 50), Text("lastname", 50), Text("telephone1", 50),
            Text("emailaddress1", 100), Text("emailaddress2", 100), Text("emailaddress3", 100),
            doNotEmail, Flag("donotbulkemail"), .. further, ownerId, stateCode, statusCode,
        ],
    };

    private static TableDefinition Simple(string logicalName) => new()
    {
        LogicalName = logicalName,
        AddressColumns = ["emailaddress"],
        Columns = [Text("name", 160), Text("emailaddress", 100)],
    };

    private static ColumnDefinition Text(string name, int maxLength) => new(name, ColumnType.Text) { MaxLength = maxLength };

    private static ColumnDefinition Number(string name, int value) => new(name, ColumnType.Integer) { Default = value };

    private static ColumnDefinition Flag(string name, bool value = false) => new(name, ColumnType.Flag) { Default = value };

    private static ColumnDefinition Id(string name, params string[] targets) => new(name, ColumnType.Id) { Targets = targets };

    private static ColumnDefinition Lookup(string name, params string[] targets) => new(name, ColumnType.Lookup) { Targets = targets };

    private static ColumnDefinition Option<TOption>(string name, TOption value)
        where TOption : struct, Enum => new(name, ColumnType.Integer) { Options = typeof(TOption), Default = value };

    [GeneratedRegex("^[a-z][a-z0-9_]{0,63}$")]
    private static partial Regex LogicalName();
}
