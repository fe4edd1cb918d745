using System.Globalization;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Samples;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Store;
using EmailRouter.Routing;

namespace EmailRouter.Lab.Demo;

/// <summary>Holds decisions and activities against what was expected.</summary>
/// <param name="crm">The CRM, to see what the decisions made.</param>
public sealed class OutcomeJudge(EmbeddedCrm crm)
{
    /// <summary>Judges a sample message.</summary>
    /// <param name="sample">The sample.</param>
    /// <param name="decisions">The decisions about its copies.</param>
    /// <param name="cancellationToken">Stops the judging.</param>
    /// <returns>The outcome.</returns>
    public async ValueTask<DemoOutcome> JudgeAsync(SampleMessage sample, IReadOnlyList<Decision> decisions, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(decisions);
        var differences = new Differences();
        differences.Compare("actions", Words(sample.Actions), Words(decisions.GroupBy(d => d.Action.ToString()).ToDictionary(g => g.Key, g => g.Count())));

        // Beside a promoted copy, duplicates say nothing but that; a duplicate alone is what the sample is about.
        bool onlyDuplicates = decisions.All(d => d.Action == DecisionAction.Duplicate);
        foreach (Decision decision in decisions.Where(d => onlyDuplicates || d.Action != DecisionAction.Duplicate))
        {
            if (!sample.Reasons.Contains(decision.Reason))
            {
                string actual = decision.Error is null ? decision.Reason : $"{decision.Reason} ({decision.Error.Message})";
                differences.Add("reason", string.Join(" or ", sample.Reasons), actual);
            }
        }

        if (decisions.Select(d => d.ActivityId).OfType<Guid>().Distinct().Count() > 1)
            differences.Add("activities", "one", "several");
        if (decisions.FirstOrDefault(d => d.Action == DecisionAction.Promoted)?.ActivityId is { } id)
            await JudgeActivityAsync(sample, id, differences, cancellationToken);
        return new DemoOutcome
        {
            Name = sample.File,
            Direction = MailDirection.Incoming,
            Phase = sample.Phase,
            Expected = sample.Actions.Count == 0 ? "not looked at" : $"{Words(sample.Actions)} ({string.Join(" or ", sample.Reasons)})",
            Why = sample.Why,
            Decisions = decisions,
            Differences = differences.Found,
        };
    }

    /// <summary>Judges a seeded email that was to be sent.</summary>
    /// <param name="email">The seeded email.</param>
    /// <param name="decisions">The decisions about it.</param>
    /// <param name="sent">What the mail server accepted.</param>
    /// <param name="cancellationToken">Stops the judging.</param>
    /// <returns>The outcome.</returns>
    public async ValueTask<DemoOutcome> JudgeAsync(
        SeedEmail email, IReadOnlyList<Decision> decisions, IReadOnlyList<LabSentMessage> sent, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(decisions);
        ArgumentNullException.ThrowIfNull(sent);
        var differences = new Differences();
        string expected = email.Action is null ? "not claimed" : $"{email.Action} ({email.Reason})";
        differences.Compare("decision", expected, decisions.Count == 0 ? "not claimed" : string.Join(", ", decisions.Select(d => $"{d.Action} ({d.Reason})")));
        differences.Compare("copies on the mail server", email.Action == DecisionAction.Sent ? "1" : "0", sent.Count.ToString(CultureInfo.InvariantCulture));
        EmailActivity? activity = await crm.GetEmailAsync(LabSeed.IdOf("email", email.Key), cancellationToken);
        EmailStatus status = email.Action switch
        {
            DecisionAction.Sent => email.ComesBack ? EmailStatus.Failed : EmailStatus.Sent,
            DecisionAction.Failed => EmailStatus.Failed,
            _ => EmailStatus.PendingSend,
        };
        differences.Compare("status", status.ToString(), activity?.Status.ToString());
        return new DemoOutcome
        {
            Name = email.Key,
            Direction = MailDirection.Outgoing,
            Phase = 0,
            Expected = expected,
            Why = email.Why,
            Decisions = decisions,
            Differences = differences.Found,
        };
    }

    private async ValueTask JudgeActivityAsync(SampleMessage sample, Guid id, Differences differences, CancellationToken cancellationToken)
    {
        if (await crm.GetEmailAsync(id, cancellationToken) is not { } activity)
        {
            differences.Add("activity", "in the CRM", "missing");
            return;
        }

        differences.Compare("status", nameof(EmailStatus.Received), activity.Status.ToString());
        differences.Compare("correlation", sample.Correlation ?? nameof(CorrelationMethod.None), activity.CorrelationMethod.ToString());
        if (sample.Answers is not null)
            differences.Compare("correlated email", LabSeed.IdOf("email", sample.Answers).ToString(), activity.CorrelatedActivityId?.ToString());
        if (sample.Regarding is not null || sample.Correlation is null)
            differences.Compare("regarding", sample.Regarding ?? "nothing", await DescribeAsync(activity.Regarding, cancellationToken) ?? "nothing");
        if (sample.Sender is not null)
        {
            string actual = await DescribeAsync(activity.EmailSender, cancellationToken) ?? "unresolved";
            differences.Compare("sender", sample.Sender.Length == 0 ? "unresolved" : sample.Sender, actual);
        }

        if (sample.SenderCreated && activity.EmailSender is { } sender && LabSeed.IdOf(sender.LogicalName, sender.Name ?? string.Empty) == sender.Id)
            differences.Add("sender's record", "created", "there before");
        differences.Compare(
            "queues",
            string.Join(", ", (sample.Queues ?? []).Order(StringComparer.Ordinal)),
            string.Join(", ", activity.QueueItems.Select(q => NameOfQueue(q.Queue)).Order(StringComparer.Ordinal)));
        if (sample.Subject is not null)
            differences.Compare("subject", sample.Subject, activity.Subject);
        if (sample.Body is not null && !activity.Description.ReplaceLineEndings(" ").Contains(sample.Body, StringComparison.Ordinal))
            differences.Add("body", sample.Body, activity.Description);
        if (sample.Attachments is not null)
            differences.Compare("attachments", string.Join(", ", sample.Attachments), string.Join(", ", activity.Attachments.Select(a => a.FileName)));
        differences.Compare("notification", sample.Notification ?? nameof(EmailNotification.None), activity.Notification.ToString());
    }

    private async ValueTask<string?> DescribeAsync(RecordReference? record, CancellationToken cancellationToken)
    {
        if (record is null)
            return null;
        string? name = record.Name ?? (await crm.GetRecordAsync(record.LogicalName, record.Id, cancellationToken))?.Name;
        return $"{record.LogicalName} {name}";
    }

    private static string NameOfQueue(RecordReference queue) =>
        SeedOrganization.Queues.FirstOrDefault(q => LabSeed.IdOf("queue", q.Name) == queue.Id)?.Name ?? queue.ToString();

    private static string Words(IReadOnlyDictionary<string, int> actions) =>
        actions.Count == 0
            ? "none"
            : string.Join(", ", actions.OrderByDescending(a => a.Key, StringComparer.Ordinal).Select(a => a.Value == 1 ? a.Key : $"{a.Value} {a.Key}"));

    private sealed class Differences
    {
        private readonly List<string> found = [];

        public IReadOnlyList<string> Found => found;

        public void Compare(string what, string expected, string? actual)
        {
            if (!string.Equals(expected, actual, StringComparison.Ordinal))
                Add(what, expected, actual);
        }

        public void Add(string what, string expected, string? actual) => found.Add($"{what}: expected {Show(expected)}, is {Show(actual)}");

        private static string Show(string? text) => string.IsNullOrEmpty(text) ? "nothing" : text.Length > 120 ? text[..120] + "..." : text;
    }
}
