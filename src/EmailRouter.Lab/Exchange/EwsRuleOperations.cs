using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Exchange;

/// <summary>GetInboxRules and UpdateInboxRules.</summary>
internal static class EwsRuleOperations
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    public static XElement Get(EwsCall call) => call.AnswerBare(() =>
    {
        LabMailbox mailbox = MailboxOf(call);
        return new[]
        {
            new XElement(M + "OutlookRuleBlobExists", EwsNames.Bool(mailbox.HasOutlookRuleBlob)),
            mailbox.Rules.Count == 0 ? null : new XElement(M + "InboxRules", mailbox.Rules.Select(r => EwsRuleXml.Write(mailbox, r))),
        };
    });

    public static XElement Update(EwsCall call) => call.AnswerBare(() =>
    {
        LabMailbox mailbox = MailboxOf(call);
        bool removeBlob = EwsNames.IsTrue(call.Child("RemoveOutlookRuleBlob")?.Value);
        if (mailbox.HasOutlookRuleBlob && !removeBlob)
            throw new EwsException("ErrorOutlookRuleBlobExists", "Rules of Outlook exist; RemoveOutlookRuleBlob must say that they may be lost.");
        IReadOnlyList<XElement> operations = call.Children("Operations");
        mailbox.ChangeRules(present =>
        {
            var rules = present.ToList();
            var errors = new List<XElement>();
            var named = new HashSet<string>(StringComparer.Ordinal);
            for (int index = 0; index < operations.Count; index++)
            {
                var problems = new List<XElement>();
                Apply(call, mailbox, operations[index], rules, named, problems);
                if (problems.Count > 0)
                    errors.Add(new XElement(T + "RuleOperationError", new XElement(T + "OperationIndex", index), new XElement(T + "ValidationErrors", problems)));
            }

            if (errors.Count > 0)
            {
                throw new EwsException("ErrorInboxRulesValidationError", "A validation error occurred.")
                {
                    Payload = [new XElement(M + "RuleOperationErrors", errors)],
                };
            }

            if (rules.Sum(r => EwsRuleXml.Write(mailbox, r).ToString(SaveOptions.DisableFormatting).Length) > call.Server.RulesQuota)
                throw new EwsException("ErrorRulesOverQuota", "The rules of the mailbox are larger than its quota for rules.");
            return rules;
        });
        if (removeBlob)
            mailbox.HasOutlookRuleBlob = false;
        return null;
    });

    private static LabMailbox MailboxOf(EwsCall call) =>
        call.Child("MailboxSmtpAddress")?.Value.Trim() is { Length: > 0 } address ? call.Open(address, "ErrorAccessDenied") : call.Mailbox;

    private static void Apply(EwsCall call, LabMailbox mailbox, XElement operation, List<LabInboxRule> rules, HashSet<string> named, List<XElement> problems)
    {
        XElement? rule = operation.Element(T + "Rule");
        string? id = (rule ?? operation).Element(T + "RuleId")?.Value;
        if (id is not null && !named.Add(id))
            problems.Add(Problem("RuleId", "DuplicatedOperationOnTheSameRule", id));
        switch (operation.Name.LocalName)
        {
            case "CreateRuleOperation" when id is not null:
                problems.Add(Problem("RuleId", "CreateWithRuleId", id));
                break;
            case "SetRuleOperation" or "DeleteRuleOperation" when !rules.Exists(r => r.Id == id):
                problems.Add(Problem("RuleId", "RuleNotFound", id ?? string.Empty));
                break;
            case "CreateRuleOperation" when rule is not null:
                rules.Add(EwsRuleXml.Read(call, mailbox, rule, call.Store.NextId(), problems));
                break;
            case "SetRuleOperation" when rule is not null:
                int at = rules.FindIndex(r => r.Id == id);
                if (rules[at].IsNotSupported)
                    problems.Add(Problem("RuleId", "UnsupportedRule", id!));
                rules[at] = EwsRuleXml.Read(call, mailbox, rule, id!, problems);
                break;
            case "DeleteRuleOperation":
                rules.RemoveAll(r => r.Id == id);
                break;
            default:
                throw EwsException.Schema(operation, $"The element '{operation.Name.LocalName}' is no rule operation.");
        }
    }

    public static XElement Problem(string field, string code, string value) => new(
        T + "Error",
        new XElement(T + "FieldURI", field),
        new XElement(T + "ErrorCode", code),
        new XElement(T + "ErrorMessage", $"{field}: {code}"),
        new XElement(T + "FieldValue", EwsText.Clean(value)));
}

/// <summary>Rules as EWS writes them. Conditions and actions stand in the order of the schema.</summary>
internal static class EwsRuleXml
{
    private static readonly XNamespace T = EwsNames.T;

    public static XElement Write(LabMailbox mailbox, LabInboxRule rule) => new(
        T + "Rule",
        new XElement(T + "RuleId", rule.Id),
        new XElement(T + "DisplayName", EwsText.Clean(rule.Name)),
        new XElement(T + "Priority", rule.Sequence),
        new XElement(T + "IsEnabled", EwsNames.Bool(rule.IsEnabled)),
        rule.IsNotSupported ? new XElement(T + "IsNotSupported", "true") : null,
        rule.HasError ? new XElement(T + "IsInError", "true") : null,
        NotEmpty("Conditions", Predicates(rule.Conditions)),
        NotEmpty("Exceptions", Predicates(rule.Exceptions)),
        NotEmpty("Actions", Actions(mailbox, rule.Actions)));

    public static LabInboxRule Read(EwsCall call, LabMailbox mailbox, XElement rule, string id, List<XElement> problems)
    {
        string name = rule.Element(T + "DisplayName")?.Value ?? string.Empty;
        if (name.Length == 0)
            problems.Add(EwsRuleOperations.Problem("DisplayName", "EmptyValueFound", name));
        if (!int.TryParse(rule.Element(T + "Priority")?.Value, CultureInfo.InvariantCulture, out int priority) || priority < 1)
            problems.Add(EwsRuleOperations.Problem("Priority", "InvalidValue", rule.Element(T + "Priority")?.Value ?? string.Empty));
        XElement? actions = rule.Element(T + "Actions");
        if (actions is null || !actions.HasElements)
            problems.Add(EwsRuleOperations.Problem("Actions", "MissingAction", string.Empty));
        return new LabInboxRule
        {
            Id = id,
            Name = name,
            Sequence = priority,
            IsEnabled = EwsNames.IsTrue(rule.Element(T + "IsEnabled")?.Value),
            Conditions = ReadPredicates(rule.Element(T + "Conditions"), "Condition", problems),
            Exceptions = ReadPredicates(rule.Element(T + "Exceptions"), "Exception", problems),
            Actions = ReadActions(call, mailbox, actions, problems),
        };
    }

    private static XElement? NotEmpty(string name, IEnumerable<XElement?> content)
    {
        XElement[] there = [.. content.OfType<XElement>()];
        return there.Length == 0 ? null : new XElement(T + name, there);
    }

    private static IEnumerable<XElement?> Predicates(LabRulePredicates p) =>
    [
        Strings("Categories", p.Categories),
        Strings("ContainsBodyStrings", p.BodyContains),
        Strings("ContainsHeaderStrings", p.HeaderContains),
        Strings("ContainsRecipientStrings", p.RecipientContains),
        Strings("ContainsSenderStrings", p.SenderContains),
        Strings("ContainsSubjectOrBodyStrings", p.SubjectOrBodyContains),
        Strings("ContainsSubjectStrings", p.SubjectContains),
        p.FlaggedForAction is { } flag ? new XElement(T + "FlaggedForAction", flag) : null,
        People("FromAddresses", p.FromAddresses),
        Flag("HasAttachments", p.HasAttachments),
        p.Importance is { } importance ? new XElement(T + "Importance", Capital(importance)) : null,
        Flag("IsApprovalRequest", p.IsApprovalRequest),
        Flag("IsAutomaticForward", p.IsAutomaticForward),
        Flag("IsAutomaticReply", p.IsAutomaticReply),
        Flag("IsEncrypted", p.IsEncrypted),
        Flag("IsMeetingRequest", p.IsMeetingRequest),
        Flag("IsMeetingResponse", p.IsMeetingResponse),
        Flag("IsNDR", p.IsNonDeliveryReport),
        Flag("IsPermissionControlled", p.IsPermissionControlled),
        Flag("IsReadReceipt", p.IsReadReceipt),
        Flag("IsSigned", p.IsSigned),
        Flag("IsVoicemail", p.IsVoicemail),
        Strings("ItemClasses", p.ItemClasses),
        Flag("NotSentToMe", p.NotSentToMe),
        Flag("SentCcMe", p.SentCcMe),
        Flag("SentOnlyToMe", p.SentOnlyToMe),
        People("SentToAddresses", p.SentToAddresses),
        Flag("SentToMe", p.SentToMe),
        Flag("SentToOrCcMe", p.SentToOrCcMe),
        p.Sensitivity is { } sensitivity ? new XElement(T + "Sensitivity", Capital(sensitivity)) : null,
        p.ReceivedAfter is null && p.ReceivedBefore is null ? null : new XElement(
            T + "WithinDateRange",
            p.ReceivedAfter is { } after ? new XElement(T + "StartDateTime", EwsNames.Date(after)) : null,
            p.ReceivedBefore is { } before ? new XElement(T + "EndDateTime", EwsNames.Date(before)) : null),
        p.MinimumSize is null && p.MaximumSize is null ? null : new XElement(
            T + "WithinSizeRange",
            p.MinimumSize is { } minimum ? new XElement(T + "MinimumSize", minimum) : null,
            p.MaximumSize is { } maximum ? new XElement(T + "MaximumSize", maximum) : null),
    ];

    private static IEnumerable<XElement?> Actions(LabMailbox mailbox, LabRuleActions a) =>
    [
        Strings("AssignCategories", a.AssignCategories),
        Folder("CopyToFolder", mailbox, a.CopyToFolder),
        a.Delete ? new XElement(T + "Delete", "true") : null,
        People("ForwardAsAttachmentToRecipients", a.ForwardAsAttachmentTo),
        People("ForwardToRecipients", a.ForwardTo),
        a.MarkImportance is { } importance ? new XElement(T + "MarkImportance", Capital(importance)) : null,
        a.MarkAsRead ? new XElement(T + "MarkAsRead", "true") : null,
        Folder("MoveToFolder", mailbox, a.MoveToFolder),
        a.PermanentDelete ? new XElement(T + "PermanentDelete", "true") : null,
        People("RedirectToRecipients", a.RedirectTo),
        a.StopProcessingRules ? new XElement(T + "StopProcessingRules", "true") : null,
    ];

    private static LabRulePredicates ReadPredicates(XElement? from, string where, List<XElement> problems)
    {
        var read = new LabRulePredicates();
        foreach (XElement e in from?.Elements() ?? [])
        {
            string field = $"{where}:{e.Name.LocalName}";
            read = e.Name.LocalName switch
            {
                "Categories" => read with { Categories = Texts(e, field, problems) },
                "ContainsBodyStrings" => read with { BodyContains = Texts(e, field, problems) },
                "ContainsHeaderStrings" => read with { HeaderContains = Texts(e, field, problems) },
                "ContainsRecipientStrings" => read with { RecipientContains = Texts(e, field, problems) },
                "ContainsSenderStrings" => read with { SenderContains = Texts(e, field, problems) },
                "ContainsSubjectOrBodyStrings" => read with { SubjectOrBodyContains = Texts(e, field, problems) },
                "ContainsSubjectStrings" => read with { SubjectContains = Texts(e, field, problems) },
                "FlaggedForAction" => read with { FlaggedForAction = e.Value },
                "FromAddresses" => read with { FromAddresses = Addresses(e, field, problems, null) },
                "HasAttachments" => read with { HasAttachments = EwsNames.IsTrue(e.Value) },
                "Importance" => read with { Importance = e.Value.ToLowerInvariant() },
                "IsApprovalRequest" => read with { IsApprovalRequest = EwsNames.IsTrue(e.Value) },
                "IsAutomaticForward" => read with { IsAutomaticForward = EwsNames.IsTrue(e.Value) },
                "IsAutomaticReply" => read with { IsAutomaticReply = EwsNames.IsTrue(e.Value) },
                "IsEncrypted" => read with { IsEncrypted = EwsNames.IsTrue(e.Value) },
                "IsMeetingRequest" => read with { IsMeetingRequest = EwsNames.IsTrue(e.Value) },
                "IsMeetingResponse" => read with { IsMeetingResponse = EwsNames.IsTrue(e.Value) },
                "IsNDR" => read with { IsNonDeliveryReport = EwsNames.IsTrue(e.Value) },
                "IsPermissionControlled" => read with { IsPermissionControlled = EwsNames.IsTrue(e.Value) },
                "IsReadReceipt" => read with { IsReadReceipt = EwsNames.IsTrue(e.Value) },
                "IsSigned" => read with { IsSigned = EwsNames.IsTrue(e.Value) },
                "IsVoicemail" => read with { IsVoicemail = EwsNames.IsTrue(e.Value) },
                "ItemClasses" => read with { ItemClasses = Texts(e, field, problems) },
                "NotSentToMe" => read with { NotSentToMe = EwsNames.IsTrue(e.Value) },
                "SentCcMe" => read with { SentCcMe = EwsNames.IsTrue(e.Value) },
                "SentOnlyToMe" => read with { SentOnlyToMe = EwsNames.IsTrue(e.Value) },
                "SentToAddresses" => read with { SentToAddresses = Addresses(e, field, problems, null) },
                "SentToMe" => read with { SentToMe = EwsNames.IsTrue(e.Value) },
                "SentToOrCcMe" => read with { SentToOrCcMe = EwsNames.IsTrue(e.Value) },
                "Sensitivity" => read with { Sensitivity = e.Value.ToLowerInvariant() },
                "WithinDateRange" => read with { ReceivedAfter = Date(e.Element(T + "StartDateTime")), ReceivedBefore = Date(e.Element(T + "EndDateTime")) },
                "WithinSizeRange" => Sizes(read, e, field, problems),
                _ => Refused(read, field, problems),
            };
        }

        return read;
    }

    private static LabRuleActions ReadActions(EwsCall call, LabMailbox mailbox, XElement? from, List<XElement> problems)
    {
        var read = new LabRuleActions();
        foreach (XElement e in from?.Elements() ?? [])
        {
            string field = $"Action:{e.Name.LocalName}";
            read = e.Name.LocalName switch
            {
                "AssignCategories" => read with { AssignCategories = Texts(e, field, problems) },
                "CopyToFolder" => read with { CopyToFolder = ReadFolder(call, mailbox, e, field, problems) },
                "Delete" => read with { Delete = EwsNames.IsTrue(e.Value) },
                "ForwardAsAttachmentToRecipients" => read with { ForwardAsAttachmentTo = Addresses(e, field, problems, call) },
                "ForwardToRecipients" => read with { ForwardTo = Addresses(e, field, problems, call) },
                "MarkImportance" => read with { MarkImportance = e.Value.ToLowerInvariant() },
                "MarkAsRead" => read with { MarkAsRead = EwsNames.IsTrue(e.Value) },
                "MoveToFolder" => read with { MoveToFolder = ReadFolder(call, mailbox, e, field, problems) },
                "PermanentDelete" => read with { PermanentDelete = EwsNames.IsTrue(e.Value) },
                "RedirectToRecipients" => read with { RedirectTo = Addresses(e, field, problems, call) },
                "StopProcessingRules" => read with { StopProcessingRules = EwsNames.IsTrue(e.Value) },
                _ => Refused(read, field, problems),
            };
        }

        return read;
    }

    private static TRead Refused<TRead>(TRead read, string field, List<XElement> problems)
    {
        problems.Add(EwsRuleOperations.Problem(field, "UnsupportedRule", string.Empty));
        return read;
    }

    private static LabRulePredicates Sizes(LabRulePredicates read, XElement e, string field, List<XElement> problems)
    {
        int? minimum = Number(e.Element(T + "MinimumSize"));
        int? maximum = Number(e.Element(T + "MaximumSize"));
        if (minimum is null && maximum is null)
            problems.Add(EwsRuleOperations.Problem(field, "MissingRangeValue", string.Empty));
        else if (minimum < 0 || maximum < 0)
            problems.Add(EwsRuleOperations.Problem(field, "SizeLessThanZero", string.Empty));
        else if (minimum > maximum)
            problems.Add(EwsRuleOperations.Problem(field, "InvalidSizeRange", string.Empty));
        return read with { MinimumSize = minimum, MaximumSize = maximum };
    }

    private static int? Number(XElement? e) => int.TryParse(e?.Value, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static DateTimeOffset? Date(XElement? e) =>
        DateTimeOffset.TryParse(e?.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date) ? date : null;

    private static string[] Texts(XElement e, string field, List<XElement> problems)
    {
        string[] texts = [.. e.Elements(T + "String").Select(s => s.Value)];
        if (texts.Length == 0 || texts.Any(t => t.Length == 0))
            problems.Add(EwsRuleOperations.Problem(field, "EmptyValueFound", string.Empty));
        return texts;
    }

    /// <summary>Reads addresses. Recipients of a local domain must exist, as Exchange resolves them.</summary>
    private static List<MailAddress> Addresses(XElement e, string field, List<XElement> problems, EwsCall? resolve)
    {
        var people = new List<MailAddress>();
        foreach (XElement address in e.Elements(T + "Address"))
        {
            string text = address.Element(T + "EmailAddress")?.Value.Trim() ?? string.Empty;
            var person = new MailAddress(address.Element(T + "Name")?.Value is { Length: > 0 } name ? name : null, text);
            if (!person.IsValid)
                problems.Add(EwsRuleOperations.Problem(field, "InvalidAddress", text));
            else if (resolve is not null && resolve.Store.IsLocalDomain(person.Domain) && resolve.Store.Find(text) is null)
                problems.Add(EwsRuleOperations.Problem(field, "RecipientDoesNotExist", text));
            people.Add(person);
        }

        if (people.Count == 0)
            problems.Add(EwsRuleOperations.Problem(field, "EmptyValueFound", string.Empty));
        return people;
    }

    private static string? ReadFolder(EwsCall call, LabMailbox mailbox, XElement e, string field, List<XElement> problems)
    {
        try
        {
            (LabMailbox owner, LabFolder folder) = call.Folder(e.Elements().FirstOrDefault());
            if (owner == mailbox)
                return folder.Id;
        }
        catch (EwsException refused) when (refused.Code != "ErrorSchemaValidation")
        {
            // Whatever is wrong with the folder's id is told as a problem of the rule.
        }

        problems.Add(EwsRuleOperations.Problem(field, "FolderDoesNotExist", string.Empty));
        return null;
    }

    private static XElement? Strings(string name, IReadOnlyList<string> texts) =>
        texts.Count == 0 ? null : new XElement(T + name, texts.Select(s => new XElement(T + "String", EwsText.Clean(s))));

    private static XElement? People(string name, IReadOnlyList<MailAddress> people) => people.Count == 0 ? null : new XElement(
        T + name,
        people.Select(p => new XElement(
            T + "Address",
            new XElement(T + "Name", EwsText.Clean(p.DisplayName ?? p.Address)),
            new XElement(T + "EmailAddress", EwsText.Clean(p.Address)),
            new XElement(T + "RoutingType", "SMTP"))));

    private static XElement? Flag(string name, bool? value) => value is { } known ? new XElement(T + name, EwsNames.Bool(known)) : null;

    private static XElement? Folder(string name, LabMailbox mailbox, string? id) =>
        id is not null && mailbox.FindFolder(id) is { } folder ? new XElement(T + name, EwsId.FolderElement(mailbox, folder)) : null;

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
