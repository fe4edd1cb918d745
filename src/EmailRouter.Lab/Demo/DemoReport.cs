using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using EmailRouter.Crm;
using EmailRouter.Routing;

namespace EmailRouter.Lab.Demo;

/// <summary>Writes the demo's result for people and for programs.</summary>
public static class DemoReport
{
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>Writes a table of the mailboxes, each decision in one line with its reason, and in what anything differs from what was expected.</summary>
    /// <param name="result">The result.</param>
    /// <param name="output">Where to.</param>
    public static void Write(DemoResult result, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(output);
        WriteMailboxes(result, output);
        WriteDecisions("Mail that arrived", result.Outcomes.Where(o => o.Phase == 1), output);
        WriteDecisions("Email of the CRM that was sent", result.Outcomes.Where(o => o.Direction == MailDirection.Outgoing), output);
        WriteDecisions("The customers' answers", result.Outcomes.Where(o => o.Phase == 2), output);
        WriteDifferences(result, output);
    }

    /// <summary>Writes everything as JSON, evidence included.</summary>
    /// <param name="result">The result.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>A task that ends when it is written.</returns>
    public static Task WriteJsonAsync(DemoResult result, Stream output, CancellationToken cancellationToken) =>
        JsonSerializer.SerializeAsync(output, result, json, cancellationToken);

    private static void WriteMailboxes(DemoResult result, TextWriter output)
    {
        string[] heads = ["Mailbox", "Filter", "Delivered", "Promoted", "Duplicate", "Not tracked", "Trouble", "Sent", "Not sent"];
        List<string[]> rows = [heads];
        foreach (DemoMailbox mailbox in result.Mailboxes)
        {
            int[] numbers = [mailbox.Delivered, mailbox.Promoted, mailbox.Duplicate, mailbox.NotTracked, mailbox.Troubled, mailbox.Sent, mailbox.Failed];
            rows.Add([mailbox.Address, mailbox.Filter, .. numbers.Select(n => n == 0 ? "-" : n.ToString(CultureInfo.InvariantCulture))]);
        }

        int[] widths = [.. heads.Select((_, column) => rows.Max(r => r[column].Length))];
        rows.Insert(1, [.. widths.Select(w => new string('-', w))]);
        foreach (string[] row in rows)
        {
            IEnumerable<string> cells = row.Select((cell, column) => column < 2 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            output.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }

    private static void WriteDecisions(string title, IEnumerable<DemoOutcome> outcomes, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine(title);
        foreach (DemoOutcome outcome in outcomes)
        {
            string mark = outcome.Differences.Count == 0 ? "  " : "! ";
            if (outcome.Decisions.Count == 0)
                WriteLine("-", "-", "not looked at", outcome.Why);
            foreach (Decision decision in outcome.Decisions)
                WriteLine(decision.Mailbox.Split('@')[0], decision.Action.ToString(), decision.Reason, Because(decision));

            void WriteLine(string mailbox, string action, string reason, string because) =>
                output.WriteLine($"{mark}{Cut(outcome.Name, 34),-34}  {Cut(mailbox, 14),-14}  {action,-11}  {reason,-22}  {Cut(OneLine(because), 140)}");
        }
    }

    /// <summary>The most telling sentence: what it responds to, else how the check ended, else the decision's own words.</summary>
    private static string Because(Decision decision)
    {
        Evidence? correlated = decision.Evidence.FirstOrDefault(
            e => e.Verdict == EvidenceVerdict.Match && e.Rule.StartsWith("Correlation.", StringComparison.Ordinal));
        if (decision.Action == DecisionAction.Promoted && correlated is not null)
            return correlated.Text;
        return decision.Explanation;
    }

    private static void WriteDifferences(DemoResult result, TextWriter output)
    {
        output.WriteLine();
        DemoOutcome[] different = [.. result.Outcomes.Where(o => o.Differences.Count > 0)];
        foreach (DemoOutcome outcome in different)
        {
            output.WriteLine($"{outcome.Name} differs from what was expected ({outcome.Expected}: {outcome.Why})");
            foreach (string difference in outcome.Differences)
                output.WriteLine($"    {OneLine(difference)}");
        }

        foreach (string error in result.Errors)
            output.WriteLine($"Error: {error}");
        int expected = result.Outcomes.Count - different.Length;
        int decisions = result.Outcomes.Sum(o => o.Decisions.Count);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{expected} of {result.Outcomes.Count} messages as expected, {decisions} decisions, {result.Elapsed.TotalSeconds:0.0} s."));
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "…";
}
