using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Collects, in order, what the rules say, and names records as administrators know them.</summary>
internal sealed class EvidenceLog
{
    /// <summary>The greatest number of entries in which one rule says the same: an email to a thousand users must not fill the log of decisions.</summary>
    public const int MaxSame = 20;

    private readonly List<Evidence> entries = [];
    private readonly Dictionary<(string Rule, EvidenceVerdict Verdict), int> counts = [];

    /// <summary>Gets what was said, in order; where a rule said the same too often, one entry tells how often.</summary>
    public IReadOnlyList<Evidence> Entries
    {
        get
        {
            List<Evidence> all = [.. entries];
            foreach (((string rule, EvidenceVerdict verdict), int count) in counts.Where(c => c.Value > MaxSame))
            {
                int last = all.FindLastIndex(e => e.Rule == rule && e.Verdict == verdict);
                all.Insert(last + 1, new Evidence(rule, verdict, $"The same {count - MaxSame} times more, for others."));
            }

            return all;
        }
    }

    public void Note(string rule, string text) => Add(rule, EvidenceVerdict.Note, text);

    public void Match(string rule, string text) => Add(rule, EvidenceVerdict.Match, text);

    public void NoMatch(string rule, string text) => Add(rule, EvidenceVerdict.NoMatch, text);

    public void Reject(string rule, string text) => Add(rule, EvidenceVerdict.Reject, text);

    public void Skip(string rule, string text) => Add(rule, EvidenceVerdict.Skipped, text);

    public void Skip(IEnumerable<string> rules, string text)
    {
        foreach (string rule in rules)
            Skip(rule, text);
    }

    /// <summary>Names a record: <c>contact "Anna Berg"</c>.</summary>
    public static string Describe(RecordReference record)
    {
        string table = record.LogicalName switch
        {
            "systemuser" => "user",
            "businessunit" => "business unit",
            "mailbox" => "forward mailbox",
            _ => record.LogicalName,
        };
        return string.IsNullOrWhiteSpace(record.Name) ? $"{table} {record.Id}" : $"{table} \"{record.Name}\"";
    }

    /// <summary>Names a mailbox: <c>queue "Support" &lt;support@example.test&gt;</c>.</summary>
    public static string Describe(CrmMailbox mailbox) => $"{Describe(mailbox.Owner)} <{mailbox.Address}>";

    /// <summary>Names a stored email: <c>the sent email "Order 17" of 2026-03-01</c>.</summary>
    public static string Describe(StoredEmail email) =>
        $"the {(email.IsOutgoing ? "outgoing" : "incoming")} email \"{email.Subject}\" of {email.CreatedOn.UtcDateTime:yyyy-MM-dd} ({email.ActivityId})";

    /// <summary>Names some of many: <c>a, b, c and 7 more</c>.</summary>
    public static string List(IEnumerable<string> items, int atMost = 5)
    {
        string[] all = [.. items];
        return all.Length <= atMost ? string.Join(", ", all) : $"{string.Join(", ", all.Take(atMost))} and {all.Length - atMost} more";
    }

    private void Add(string rule, EvidenceVerdict verdict, string text)
    {
        int count = counts.GetValueOrDefault((rule, verdict)) + 1;
        counts[(rule, verdict)] = count;
        if (count <= MaxSame)
            entries.Add(new Evidence(rule, verdict, text));
    }
}
