using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>The organization's settings: columns of <c>organization</c>, and the switches that Dataverse keeps as XML in <c>orgdborgsettings</c>.</summary>
internal static class OrganizationTable
{
    private const string SwitchColumn = "orgdborgsettings";
    private const char ListSeparator = ';';

    private static readonly OrganizationSettings defaults = new() { OrganizationId = Guid.Empty };

    private static readonly Setting[] settings =
    [
        Text("name", "Organization", 160),
        Number("emailconnectionchannel", 1, 0, 1),
        Text("trackingprefix", string.Join(ListSeparator, defaults.TrackingPrefixes), 256),
        Number("trackingtokenidbase", defaults.TrackingTokenIdBase, 0, int.MaxValue),
        Number("trackingtokeniddigits", defaults.TrackingTokenIdDigits, 1, 10),
        Number("maximumtrackingnumber", defaults.MaximumTrackingNumber, 1, 999_999_999),
        Flag("emailcorrelationenabled", defaults.EmailCorrelationEnabled),
        Flag("enablesmartmatching", defaults.EnableSmartMatching),
        Text("hashfilterkeywords", defaults.HashFilterKeywords, 4000),
        Number("hashmaxcount", defaults.HashMaxCount, 1, 1000),
        Number("hashminaddresscount", defaults.HashMinAddressCount, 0, 1000),
        Number("hashdeltasubjectcount", defaults.HashDeltaSubjectCount, 0, 1000),
        Flag("ignoreinternalemail", defaults.IgnoreInternalEmail),
        Flag("requireapprovalforuseremail", defaults.RequireApprovalForUsers),
        Flag("requireapprovalforqueueemail", defaults.RequireApprovalForQueues),
        Flag("unresolveemailaddressifmultiplematch", defaults.UnresolveRecipientsIfMultipleMatch),
        Flag("allowunresolvedpartiesonemailsend", defaults.AllowUnresolvedPartiesOnSend),
        Text("blockedattachments", string.Join(ListSeparator, defaults.BlockedAttachments), 0),
        Number("maxuploadfilesize", (int)defaults.MaxUploadFileSize, 1024, 134_217_728),
        Flag("emailrouter_usetrackingtoken", defaults.UseTrackingToken),
        Text("emailrouter_correlationorder", string.Join(ListSeparator, defaults.CorrelationOrder), 0),
        Number("emailrouter_smartmatchingmaxagedays", (int)defaults.SmartMatchingMaxAge.TotalDays, 1, 36_500),
        Number("emailrouter_smartmatchingminwords", defaults.SmartMatchingMinWords, 1, 1000),
        Number("emailrouter_maxbodylength", defaults.MaxBodyLength, 1, 1_073_741_823),
        Text("emailrouter_acceptedmessageclasses", string.Join(ListSeparator, defaults.AcceptedMessageClasses), 0),
        Number("MaximumSubjectLengthOnMailServer", defaults.MaximumSubjectLength, 20, 800) with { IsSwitch = true },
        Flag("IgnoreConversationIndexAndInReplyToForCorrelation", defaults.IgnoreConversationIndexAndInReplyTo) with { IsSwitch = true },
        Flag("DoNotCorrelateForwardedEmailsAsReplies", defaults.DoNotCorrelateForwards) with { IsSwitch = true },
        Flag("DoNotIgnoreInternalEmailToQueues", defaults.DoNotIgnoreInternalEmailToQueues) with { IsSwitch = true },
        Flag("UseFilteringMethodOfSyncingMailboxOnlyForCorrelation", defaults.UseOnlyPolledMailboxFilter) with { IsSwitch = true },
        Flag("UnresolveSenderInCaseOfMultipleMatch", defaults.UnresolveSenderIfMultipleMatch) with { IsSwitch = true },
        Flag("ResolveForInactiveEntities", defaults.ResolveInactiveRecords) with { IsSwitch = true },
        Flag("AutoCreateContactOnPromote", defaults.AutoCreateOnPromote) with { IsSwitch = true },
        Flag("CreateQueueItemsForAcceptingQueueRecipients", defaults.CreateQueueItemsForQueueRecipients) with { IsSwitch = true },
        Flag("CreateQueueItemForSynchronizingMailbox", defaults.CreateQueueItemForPolledMailbox) with { IsSwitch = true },
        Flag("SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail", defaults.AddQueueItemsForTrackedEmail) with { IsSwitch = true },
    ];

    /// <summary>Gets the columns of <c>organization</c>; the switches are all in one, as XML.</summary>
    public static IReadOnlyList<ColumnDefinition> Columns { get; } =
    [
        .. settings.Where(s => !s.IsSwitch).Select(s => new ColumnDefinition(s.Name, s.Type) { MaxLength = s.MaxLength, Default = s.Default }),
        new ColumnDefinition(SwitchColumn, ColumnType.Text),
    ];

    /// <summary>Gets the SQL of a column: its value, or the default it was left at.</summary>
    /// <param name="column">The column.</param>
    /// <returns>The expression over <c>organization r</c>.</returns>
    public static string SqlOf(ColumnDefinition column) => StoreValue.ToStore(column.Default) switch
    {
        long number => string.Create(CultureInfo.InvariantCulture, $"coalesce(r.{column.Name}, {number})"),
        string text => $"coalesce(r.{column.Name}, '{text.Replace("'", "''", StringComparison.Ordinal)}')",
        _ => "r." + column.Name,
    };

    /// <summary>Changes settings, and the switches where all of them are given as XML.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="changes">The new values by name; null brings a default back.</param>
    /// <param name="now">The time.</param>
    public static void Update(SqliteSession session, IReadOnlyDictionary<string, object?> changes, DateTimeOffset now)
    {
        if (changes.TryGetValue(SwitchColumn, out object? switches))
        {
            if (switches is string xml && !IsXml(xml))
                throw StoreErrors.RecordInvalid("The value of organization.orgdborgsettings is no XML.", "Give <OrgSettings> with one element for each switch.");
            session.Execute($"UPDATE organization SET {SwitchColumn} = @xml", ("xml", switches));
        }

        Write(session, changes.Where(c => c.Key != SwitchColumn).ToDictionary(c => c.Key, c => c.Value));
        session.Execute("UPDATE organization SET versionnumber = versionnumber + 1, modifiedon = @now", ("now", now));
    }

    /// <summary>Creates the organization when the store has none.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="id">Its id.</param>
    /// <param name="name">Its name.</param>
    /// <param name="now">The time.</param>
    /// <returns>True when this call created it.</returns>
    public static bool Ensure(SqliteSession session, Guid id, string name, DateTimeOffset now) => session.Execute(
        "INSERT INTO organization (organizationid, name, createdon) SELECT @id, @name, @now WHERE NOT EXISTS (SELECT 1 FROM organization)",
        ("id", id),
        ("name", name),
        ("now", now)) > 0;

    /// <summary>Reads all settings by name, those left at their defaults too.</summary>
    /// <param name="session">The connection.</param>
    /// <returns>The values.</returns>
    public static Dictionary<string, object?> ReadAll(SqliteSession session)
    {
        Setting[] columns = [.. settings.Where(s => !s.IsSwitch)];
        var values = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
        string? switches = session.Query(
            $"SELECT organizationid, {SwitchColumn}, {string.Join(", ", columns.Select(c => c.Name))} FROM organization LIMIT 1",
            row =>
            {
                values["organizationid"] = row.Guid(0);
                for (int i = 0; i < columns.Length; i++)
                {
                    values[columns[i].Name] = row.IsDBNull(i + 2) ? columns[i].Default : columns[i].Type switch
                    {
                        ColumnType.Flag => row.Flag(i + 2),
                        ColumnType.Integer => row.GetInt32(i + 2),
                        _ => row.GetString(i + 2),
                    };
                }

                return row.TextOrNull(1);
            }).FirstOrDefault();
        XElement xml = ParseSwitches(switches);
        foreach (Setting setting in settings.Where(s => s.IsSwitch))
        {
            string? text = xml.Elements().FirstOrDefault(e => string.Equals(e.Name.LocalName, setting.Name, StringComparison.OrdinalIgnoreCase))?.Value;
            values[setting.Name] = text is null ? setting.Default : AttributeConverter.Convert(setting.Name, new ColumnDefinition(setting.Name, setting.Type),
                text) ?? setting.Default;
        }

        return values;
    }

    /// <summary>Changes settings.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="changes">The new values by name; null brings a default back.</param>
    public static void Write(SqliteSession session, IReadOnlyDictionary<string, object?> changes)
    {
        Dictionary<string, object?> present = ReadAll(session);
        XElement xml = ParseSwitches(session.Scalar($"SELECT {SwitchColumn} FROM organization LIMIT 1") as string);
        var columns = new List<(string Name, object? Value)>();
        foreach ((string name, object? value) in changes)
        {
            Setting setting = settings.FirstOrDefault(s => string.Equals(s.Name, name, StringComparison.OrdinalIgnoreCase)) ?? throw new CrmException(
                "CrmColumnUnknown", $"The organization has no setting '{name}'.", $"Use {string.Join(", ", settings.Select(s => s.Name))}.")
            { IsAboutRecord = true };
            object? converted = Check(setting, AttributeConverter.Convert("organization." + setting.Name,
                new ColumnDefinition(setting.Name, setting.Type) { MaxLength = setting.MaxLength }, value));
            if (setting.Name == "trackingprefix" && converted is string prefix)
                converted = WithHistory(prefix, (string)present["trackingprefix"]!);
            if (!setting.IsSwitch)
                columns.Add((setting.Name, converted ?? (setting.Name == "name" ? setting.Default : null)));
            else
                SetSwitch(xml, setting.Name, converted);
        }

        columns.Add((SwitchColumn, xml.HasElements ? xml.ToString(SaveOptions.DisableFormatting) : null));
        session.ExecuteOnce($"UPDATE organization SET {string.Join(", ", columns.Select(c => $"{c.Name} = @{c.Name}"))}", columns);
    }

    /// <summary>Reads the settings.</summary>
    /// <param name="session">The connection.</param>
    /// <returns>The settings.</returns>
    public static OrganizationSettings Read(SqliteSession session)
    {
        Dictionary<string, object?> values = ReadAll(session);
        string Text(string name) => values[name] as string ?? string.Empty;
        int Number(string name) => (int)values[name]!;
        bool Flag(string name) => (bool)values[name]!;
        string[] List(string name) => Text(name).Split(ListSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new OrganizationSettings
        {
            OrganizationId = (Guid)values["organizationid"]!,
            Name = Text("name"),
            UseTrackingToken = Flag("emailrouter_usetrackingtoken"),
            TrackingPrefixes = List("trackingprefix"),
            TrackingTokenIdBase = Number("trackingtokenidbase"),
            TrackingTokenIdDigits = Number("trackingtokeniddigits"),
            MaximumTrackingNumber = Number("maximumtrackingnumber"),
            MaximumSubjectLength = Number("MaximumSubjectLengthOnMailServer"),
            CorrelationOrder = [.. List("emailrouter_correlationorder").Select(s => Enum.Parse<CorrelationStep>(s, ignoreCase: true))],
            EmailCorrelationEnabled = Flag("emailcorrelationenabled"),
            IgnoreConversationIndexAndInReplyTo = Flag("IgnoreConversationIndexAndInReplyToForCorrelation"),
            DoNotCorrelateForwards = Flag("DoNotCorrelateForwardedEmailsAsReplies"),
            EnableSmartMatching = Flag("enablesmartmatching"),
            HashFilterKeywords = Text("hashfilterkeywords"),
            HashMaxCount = Number("hashmaxcount"),
            HashMinAddressCount = Number("hashminaddresscount"),
            HashDeltaSubjectCount = Number("hashdeltasubjectcount"),
            SmartMatchingMaxAge = TimeSpan.FromDays(Number("emailrouter_smartmatchingmaxagedays")),
            SmartMatchingMinWords = Number("emailrouter_smartmatchingminwords"),
            IgnoreInternalEmail = Flag("ignoreinternalemail"),
            DoNotIgnoreInternalEmailToQueues = Flag("DoNotIgnoreInternalEmailToQueues"),
            UseOnlyPolledMailboxFilter = Flag("UseFilteringMethodOfSyncingMailboxOnlyForCorrelation"),
            RequireApprovalForUsers = Flag("requireapprovalforuseremail"),
            RequireApprovalForQueues = Flag("requireapprovalforqueueemail"),
            UnresolveRecipientsIfMultipleMatch = Flag("unresolveemailaddressifmultiplematch"),
            UnresolveSenderIfMultipleMatch = Flag("UnresolveSenderInCaseOfMultipleMatch"),
            ResolveInactiveRecords = Flag("ResolveForInactiveEntities"),
            AutoCreateOnPromote = Flag("AutoCreateContactOnPromote"),
            CreateQueueItemsForQueueRecipients = Flag("CreateQueueItemsForAcceptingQueueRecipients"),
            CreateQueueItemForPolledMailbox = Flag("CreateQueueItemForSynchronizingMailbox"),
            AddQueueItemsForTrackedEmail = Flag("SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail"),
            AllowUnresolvedPartiesOnSend = Flag("allowunresolvedpartiesonemailsend"),
            BlockedAttachments = new HashSet<string>(List("blockedattachments").Select(e => e.TrimStart('.').ToLowerInvariant()),
                StringComparer.OrdinalIgnoreCase),
            MaxUploadFileSize = Number("maxuploadfilesize"),
            MaxBodyLength = Number("emailrouter_maxbodylength"),
            AcceptedMessageClasses = List("emailrouter_acceptedmessageclasses"),
        };
    }

    private static object? Check(Setting setting, object? value)
    {
        switch (value)
        {
            case int number when number < setting.Min || number > setting.Max:
                throw StoreErrors.RecordInvalid($"{number} does not fit organization.{setting.Name}.",
                    string.Create(CultureInfo.InvariantCulture, $"Give a number from {setting.Min} to {setting.Max}."));
            case string expression when setting.Name == "hashfilterkeywords":
                try
                {
                    _ = new Regex(expression);
                }
                catch (ArgumentException error)
                {
                    throw new CrmException("CrmRecordInvalid", $"'{expression}' is no regular expression.", error.Message, error) { IsAboutRecord = true };
                }

                break;
            case string steps when setting.Name == "emailrouter_correlationorder":
                string[] unknown = [.. steps.Split(ListSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                    .Where(s => !Enum.TryParse<CorrelationStep>(s, ignoreCase: true, out _))];
                if (unknown.Length > 0)
                    throw StoreErrors.RecordInvalid($"There is no correlation step {string.Join(", ", unknown)}.",
                        $"Use {string.Join(ListSeparator, Enum.GetNames<CorrelationStep>())}.");
                break;
            case string prefixes when setting.Name == "trackingprefix":
                if (prefixes.Split(ListSeparator).Any(p => p.Length is 0 or > 20 || p != p.Trim()))
                    throw StoreErrors.RecordInvalid($"'{prefixes}' cannot be the tracking prefix.",
                        "Give 1 to 20 characters without spaces around them; earlier prefixes follow after semicolons.");
                break;
        }

        return value;
    }

    /// <summary>
    /// A new prefix stands first and keeps the earlier ones behind it, as far as the column's 256 characters go, so that tokens in old threads still resolve.
    /// </summary>
    private static string WithHistory(string prefixes, string present)
    {
        if (prefixes.Contains(ListSeparator, StringComparison.Ordinal))
            return prefixes;
        string history = prefixes;
        foreach (string earlier in present.Split(ListSeparator).Where(p => p != prefixes))
        {
            if (history.Length + 1 + earlier.Length > 256)
                break;
            history += ListSeparator + earlier;
        }

        return history;
    }

    private static XElement ParseSwitches(string? xml)
    {
        try
        {
            return xml is null ? new XElement("OrgSettings") : XElement.Parse(xml);
        }
        catch (XmlException)
        {
            // Somebody wrote the column past this class; its switches then stand at their defaults.
            return new XElement("OrgSettings");
        }
    }

    private static bool IsXml(string text)
    {
        try
        {
            return XElement.Parse(text) is not null;
        }
        catch (XmlException)
        {
            return false;
        }
    }

    private static void SetSwitch(XElement xml, string name, object? value)
    {
        xml.Elements().Where(e => string.Equals(e.Name.LocalName, name, StringComparison.OrdinalIgnoreCase)).Remove();
        if (value is not null)
            xml.Add(new XElement(name, value is bool flag ? (flag ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture)));
    }

    private static Setting Text(string name, string value, int maxLength) => new(name, ColumnType.Text, value) { MaxLength = maxLength };

    private static Setting Number(string name, int value, int min, int max) => new(name, ColumnType.Integer, value) { Min = min, Max = max };

    private static Setting Flag(string name, bool value) => new(name, ColumnType.Flag, value);

    private sealed record Setting(string Name, ColumnType Type, object Default)
    {
        public int MaxLength { get; init; }

        public int Min { get; init; }

        public int Max { get; init; }

        public bool IsSwitch { get; init; }
    }
}
