using EmailRouter.Mime;

namespace EmailRouter.Lab.Store;

/// <summary>What the rules of a mailbox want to be done with a message that arrives.</summary>
internal sealed record LabRuleOutcome
{
    /// <summary>The folder it goes to; null when it is not kept.</summary>
    public string? FolderId { get; init; }

    public IReadOnlyList<string> CopyTo { get; init; } = [];

    public bool IsRead { get; init; }

    public string? Importance { get; init; }

    public IReadOnlyList<string> Categories { get; init; } = [];

    public IReadOnlyList<MailAddress> ForwardAsAttachment { get; init; } = [];

    public IReadOnlyList<MailAddress> Forward { get; init; } = [];

    public IReadOnlyList<MailAddress> Redirect { get; init; } = [];
}

/// <summary>Applies the inbox rules of a mailbox to a message that arrives.</summary>
internal sealed class LabRuleEngine(LabMailbox mailbox, MimeMessage message, DateTimeOffset now)
{
    private readonly string itemClass = LabItemClass.Of(message);
    private readonly Lazy<string> body = new(() => (message.TextBody ?? message.HtmlBody)?.GetText() ?? string.Empty);
    private readonly Lazy<string> headers = new(() => string.Join("\r\n", message.Headers.Select(h => h.ToString())));

    public LabRuleOutcome Apply()
    {
        var outcome = new LabRuleOutcome { FolderId = mailbox.FolderOf(LabFolderNames.Inbox).Id };
        foreach (LabInboxRule rule in mailbox.Rules)
        {
            if (!rule.IsEnabled || rule.HasError || rule.IsNotSupported || !Tests(rule.Conditions).All(t => t) || Tests(rule.Exceptions).Any(t => t))
                continue;
            LabRuleActions actions = rule.Actions;
            outcome = outcome with
            {
                FolderId = actions.PermanentDelete ? null
                    : actions.Delete ? mailbox.FolderOf(LabFolderNames.DeletedItems).Id
                    : actions.MoveToFolder is { } to && mailbox.FindFolder(to) is not null ? to
                    : outcome.FolderId,
                CopyTo = actions.CopyToFolder is { } copy && mailbox.FindFolder(copy) is not null ? [.. outcome.CopyTo, copy] : outcome.CopyTo,
                IsRead = outcome.IsRead || actions.MarkAsRead,
                Importance = actions.MarkImportance ?? outcome.Importance,
                Categories = [.. outcome.Categories.Union(actions.AssignCategories, StringComparer.OrdinalIgnoreCase)],
                ForwardAsAttachment = [.. outcome.ForwardAsAttachment, .. actions.ForwardAsAttachmentTo],
                Forward = [.. outcome.Forward, .. actions.ForwardTo],
                Redirect = [.. outcome.Redirect, .. actions.RedirectTo],
            };
            if (actions.StopProcessingRules)
                break;
        }

        return outcome;
    }

    /// <summary>The predicates that are asked, each with whether it holds.</summary>
    private IEnumerable<bool> Tests(LabRulePredicates asked)
    {
        IEnumerable<MailAddress> recipients = message.To.Concat(message.Cc);
        if (asked.SubjectContains.Count > 0)
            yield return ContainsAny(message.Subject, asked.SubjectContains);
        if (asked.BodyContains.Count > 0)
            yield return ContainsAny(body.Value, asked.BodyContains);
        if (asked.SubjectOrBodyContains.Count > 0)
            yield return ContainsAny(message.Subject, asked.SubjectOrBodyContains) || ContainsAny(body.Value, asked.SubjectOrBodyContains);
        if (asked.HeaderContains.Count > 0)
            yield return ContainsAny(headers.Value, asked.HeaderContains);
        if (asked.SenderContains.Count > 0)
            yield return message.From.Any(a => ContainsAny($"{a.DisplayName} {a.Address}", asked.SenderContains));
        if (asked.RecipientContains.Count > 0)
            yield return recipients.Any(a => ContainsAny($"{a.DisplayName} {a.Address}", asked.RecipientContains));
        if (asked.FromAddresses.Count > 0)
            yield return message.From.Any(a => asked.FromAddresses.Any(a.IsSameMailbox));
        if (asked.SentToAddresses.Count > 0)
            yield return recipients.Any(a => asked.SentToAddresses.Any(a.IsSameMailbox));
        if (asked.Categories.Count > 0)
        {
            string[] keywords = (message.Headers["Keywords"] ?? string.Empty).Split(',', StringSplitOptions.TrimEntries);
            yield return keywords.Intersect(asked.Categories, StringComparer.OrdinalIgnoreCase).Any();
        }

        if (asked.ItemClasses.Count > 0)
            yield return asked.ItemClasses.Contains(itemClass, StringComparer.OrdinalIgnoreCase);
        if (asked.HasAttachments is { } withAttachments)
            yield return message.Attachments.Any(p => !p.IsInline) == withAttachments;
        if (asked.Importance is { } importance)
            yield return string.Equals(LabMessageFacts.Importance(message), importance, StringComparison.OrdinalIgnoreCase);
        if (asked.Sensitivity is { } sensitivity)
            yield return string.Equals(LabMessageFacts.Sensitivity(message), sensitivity, StringComparison.OrdinalIgnoreCase);
        if (asked.FlaggedForAction is not null)
            yield return false;
        if (asked.IsAutomaticForward is { } forwarded)
            yield return IsAutomaticForward() == forwarded;
        if (asked.IsAutomaticReply is { } replied)
            yield return IsAutomaticReply() == replied;
        if (asked.IsEncrypted is { } encrypted)
            yield return IsClass("IPM.Note.SMIME") == encrypted;
        if (asked.IsMeetingRequest is { } request)
            yield return IsClass("IPM.Schedule.Meeting.Request") == request;
        if (asked.IsMeetingResponse is { } response)
            yield return itemClass.StartsWith("IPM.Schedule.Meeting.Resp.", StringComparison.Ordinal) == response;
        if (asked.IsNonDeliveryReport is { } report)
            yield return IsClass("REPORT.IPM.Note.NDR") == report;
        if (asked.IsApprovalRequest is { } approval)
            yield return !approval;
        if (asked.IsPermissionControlled is { } controlled)
            yield return message.Headers["Content-Class"]?.StartsWith("rpmsg", StringComparison.OrdinalIgnoreCase) == true == controlled;
        if (asked.IsReadReceipt is { } receipt)
            yield return IsClass("REPORT.IPM.Note.IPNRN") == receipt;
        if (asked.IsSigned is { } signed)
            yield return IsClass("IPM.Note.SMIME.MultipartSigned") == signed;
        if (asked.IsVoicemail is { } voice)
            yield return !voice;
        if (asked.NotSentToMe is { } notToMe)
            yield return recipients.Any(IsMe) != notToMe;
        if (asked.SentCcMe is { } copyToMe)
            yield return message.Cc.Any(IsMe) == copyToMe;
        if (asked.SentOnlyToMe is { } onlyToMe)
            yield return (recipients.Count() == 1 && message.To.Any(IsMe)) == onlyToMe;
        if (asked.SentToMe is { } toMe)
            yield return message.To.Any(IsMe) == toMe;
        if (asked.SentToOrCcMe is { } toOrCopyToMe)
            yield return recipients.Any(IsMe) == toOrCopyToMe;
        if (asked.MinimumSize is { } minimum)
            yield return message.Source.Length >= minimum * 1024L;
        if (asked.MaximumSize is { } maximum)
            yield return message.Source.Length <= maximum * 1024L;
        if (asked.ReceivedAfter is { } after)
            yield return now >= after;
        if (asked.ReceivedBefore is { } before)
            yield return now <= before;
    }

    private static bool ContainsAny(string text, IReadOnlyList<string> wanted) => wanted.Any(w => text.Contains(w, StringComparison.OrdinalIgnoreCase));

    private bool IsClass(string name) => itemClass.Equals(name, StringComparison.OrdinalIgnoreCase);

    private bool IsMe(MailAddress address) => string.Equals(address.Address, mailbox.Address, StringComparison.OrdinalIgnoreCase);

    private bool IsAutomaticForward() =>
        message.Headers.Contains(LabRuleForwarding.LoopHeader) ||
        message.Headers["Auto-Submitted"]?.StartsWith("auto-forwarded", StringComparison.OrdinalIgnoreCase) == true;

    private bool IsAutomaticReply() =>
        itemClass.StartsWith("IPM.Note.Rules.", StringComparison.OrdinalIgnoreCase) ||
        message.Headers["Auto-Submitted"]?.StartsWith("auto-replied", StringComparison.OrdinalIgnoreCase) == true;
}
