using System.Globalization;
using System.Text.Json;
using System.Xml;
using System.Xml.Linq;

namespace EmailRouter.Crm.Server;

/// <summary>Reads the organization's email settings out of its row and the switches in <c>orgdborgsettings</c>.</summary>
internal static class SettingsRow
{
    /// <summary>Reads the settings.</summary>
    /// <param name="row">The organization's row.</param>
    /// <returns>The settings; what the row does not tell is at its default.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>.</exception>
    public static OrganizationSettings Read(JsonElement row)
    {
        Guid organizationId = row.Id("organizationid") ?? throw AnswerErrors.Unreadable("the organization's settings", "it has no organizationid");
        var usual = new OrganizationSettings { OrganizationId = organizationId };
        Dictionary<string, string> switches = Switches(row.Text("orgdborgsettings"));
        bool Switch(string name, bool value) => switches.TryGetValue(name, out string? text)
            ? text.Trim() is "1" || text.Trim().Equals("true", StringComparison.OrdinalIgnoreCase)
            : value;
        int Count(string name, int value) => switches.TryGetValue(name, out string? text) &&
            int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number : value;
        bool Flag(string column, bool value) => row.Flag(column) ?? value;
        string[] List(string? text) => (text ?? string.Empty).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string[] prefixes = List(row.Text("trackingprefix"));
        string[] blocked = [.. List(row.Text("blockedattachments")).Select(e => e.TrimStart('.'))];
        return usual with
        {
            Name = row.Text("name") ?? string.Empty,

            // An organization that uses no tokens has no prefix for them.
            UseTrackingToken = prefixes.Length > 0 || !row.TryGetProperty("trackingprefix", out _),
            TrackingPrefixes = prefixes.Length > 0 ? prefixes : usual.TrackingPrefixes,
            TrackingTokenIdBase = row.Number("trackingtokenidbase") ?? usual.TrackingTokenIdBase,
            TrackingTokenIdDigits = row.Number("trackingtokeniddigits") ?? usual.TrackingTokenIdDigits,
            MaximumTrackingNumber = row.Number("maximumtrackingnumber") is > 0 and var maximum ? maximum : usual.MaximumTrackingNumber,
            MaximumSubjectLength = Count("MaximumSubjectLengthOnMailServer", usual.MaximumSubjectLength),
            EmailCorrelationEnabled = Flag("emailcorrelationenabled", usual.EmailCorrelationEnabled),
            IgnoreConversationIndexAndInReplyTo = Switch("IgnoreConversationIndexAndInReplyToForCorrelation", usual.IgnoreConversationIndexAndInReplyTo),
            DoNotCorrelateForwards = Switch("DoNotCorrelateForwardedEmailsAsReplies", usual.DoNotCorrelateForwards),
            EnableSmartMatching = Flag("enablesmartmatching", usual.EnableSmartMatching),
            HashFilterKeywords = row.Text("hashfilterkeywords") ?? usual.HashFilterKeywords,
            HashMaxCount = row.Number("hashmaxcount") is > 0 and var most ? most : usual.HashMaxCount,
            HashMinAddressCount = row.Number("hashminaddresscount") ?? usual.HashMinAddressCount,
            HashDeltaSubjectCount = row.Number("hashdeltasubjectcount") ?? usual.HashDeltaSubjectCount,
            IgnoreInternalEmail = Flag("ignoreinternalemail", usual.IgnoreInternalEmail),
            DoNotIgnoreInternalEmailToQueues = Switch("DoNotIgnoreInternalEmailToQueues", usual.DoNotIgnoreInternalEmailToQueues),
            UseOnlyPolledMailboxFilter = Switch("UseFilteringMethodOfSyncingMailboxOnlyForCorrelation", usual.UseOnlyPolledMailboxFilter),
            RequireApprovalForUsers = Flag("requireapprovalforuseremail", usual.RequireApprovalForUsers),
            RequireApprovalForQueues = Flag("requireapprovalforqueueemail", usual.RequireApprovalForQueues),
            UnresolveRecipientsIfMultipleMatch = Flag("unresolveemailaddressifmultiplematch", usual.UnresolveRecipientsIfMultipleMatch),
            UnresolveSenderIfMultipleMatch = Switch("UnresolveSenderInCaseOfMultipleMatch", usual.UnresolveSenderIfMultipleMatch),
            ResolveInactiveRecords = Switch("ResolveForInactiveEntities", usual.ResolveInactiveRecords),
            AutoCreateOnPromote = Switch("AutoCreateContactOnPromote", usual.AutoCreateOnPromote),
            CreateQueueItemsForQueueRecipients = Switch("CreateQueueItemsForAcceptingQueueRecipients", usual.CreateQueueItemsForQueueRecipients),
            CreateQueueItemForPolledMailbox = Switch("CreateQueueItemForSynchronizingMailbox", usual.CreateQueueItemForPolledMailbox),
            AddQueueItemsForTrackedEmail = Switch("SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail", usual.AddQueueItemsForTrackedEmail),
            AllowUnresolvedPartiesOnSend = Flag("allowunresolvedpartiesonemailsend", usual.AllowUnresolvedPartiesOnSend),
            BlockedAttachments = row.TryGetProperty("blockedattachments", out _)
                ? new HashSet<string>(blocked, StringComparer.OrdinalIgnoreCase)
                : usual.BlockedAttachments,
            MaxUploadFileSize = row.Long("maxuploadfilesize") ?? usual.MaxUploadFileSize,
        };
    }

    private static Dictionary<string, string> Switches(string? xml)
    {
        var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        if (string.IsNullOrWhiteSpace(xml))
            return found;
        try
        {
            using var reader = XmlReader.Create(new StringReader(xml), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit });
            foreach (XElement element in XElement.Load(reader).Elements())
                found[element.Name.LocalName] = element.Value;
            return found;
        }
        catch (XmlException e)
        {
            throw AnswerErrors.Unreadable("the organization's settings", $"orgdborgsettings is no XML ({e.Message})", e);
        }
    }
}
