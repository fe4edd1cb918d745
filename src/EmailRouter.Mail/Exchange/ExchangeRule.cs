using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Mail.Exchange.Soap;

namespace EmailRouter.Mail.Exchange;

/// <summary>One inbox rule as the server lists it.</summary>
internal sealed class ExchangeRule(XElement element)
{
    /// <summary>Gets the server's id.</summary>
    public string Id => element.Child("RuleId")?.Value.Trim() ?? string.Empty;

    /// <summary>Gets the name people see.</summary>
    public string Name => element.Child("DisplayName")?.Value.Trim() ?? string.Empty;

    /// <summary>Gets its place among the rules.</summary>
    public int Priority => int.TryParse(element.Child("Priority")?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int place) ? place : 1;

    /// <summary>Gets a value indicating whether it is switched on.</summary>
    public bool IsEnabled => element.Child("IsEnabled").IsTrue();

    /// <summary>Gets a value indicating whether the server says that it does not work.</summary>
    public bool IsInError => element.Child("IsInError").IsTrue();

    /// <summary>Gets a value indicating whether it holds something that EWS cannot express; such a rule is never written.</summary>
    public bool IsNotSupported => element.Child("IsNotSupported").IsTrue();

    /// <summary>Gets the XML as it came.</summary>
    public XElement Element => element;

    /// <summary>Gets the recipients of an action as the server writes them, with their kind of address.</summary>
    /// <param name="action">The action.</param>
    /// <returns>Address and routing type.</returns>
    public IEnumerable<(string Address, string Routing)> Recipients(string action) => element.Child("Actions").Child(action).Children("Address")
        .Select(a => (a.Child("EmailAddress")?.Value.Trim() ?? string.Empty, a.Child("RoutingType")?.Value.Trim() ?? "SMTP"));

    /// <summary>Gets how it forwards; <see cref="ForwardingKinds.None"/> for an ordinary forward, null when it forwards nothing.</summary>
    public ForwardingKinds? Kind
    {
        get
        {
            ForwardingKinds kind = (Recipients("ForwardAsAttachmentToRecipients").Any() ? ForwardingKinds.Attachment : ForwardingKinds.None)
                | (Recipients("RedirectToRecipients").Any() ? ForwardingKinds.Redirect : ForwardingKinds.None);
            return kind != ForwardingKinds.None || Recipients("ForwardToRecipients").Any() ? kind : null;
        }
    }

    /// <summary>Writes the parts of a rule that are the router's, in the schema's order.</summary>
    /// <param name="writer">The writer.</param>
    /// <param name="rule">The rule.</param>
    public static void Write(EwsRequestWriter writer, ForwardingRule rule)
    {
        string[] headers = [.. ExceptedHeaders(rule)];
        if (headers.Length > 0 || !rule.ForwardAutomaticMail)
        {
            // Exceptions are alternatives: one of them is enough.
            writer.Start("t:Exceptions");
            if (headers.Length > 0)
            {
                writer.Start("t:ContainsHeaderStrings");
                foreach (string header in headers)
                    writer.Element("t:String", header);
                writer.End();
            }

            if (!rule.ForwardAutomaticMail)
                writer.Element("t:IsAutomaticReply", "true");
            writer.End();
        }

        writer.Start("t:Actions").Start("t:" + ActionOf(rule.Kind)).Start("t:Address")
            .Element("t:Name", rule.Target).Element("t:EmailAddress", rule.Target).Element("t:RoutingType", "SMTP").End().End().End();
    }

    /// <summary>Says in what the rule differs from what it should be.</summary>
    /// <param name="rule">What it should be.</param>
    /// <param name="targets">The addresses it forwards to, as SMTP addresses.</param>
    /// <returns>The differences in words; empty when there are none.</returns>
    public IReadOnlyList<string> Differences(ForwardingRule rule, IReadOnlyList<string> targets)
    {
        var differences = new List<string>();
        if (!IsEnabled)
            differences.Add("it is switched off");
        if (IsInError)
            differences.Add("the server says that it does not work");
        string[] actions = [.. element.Child("Actions")?.Elements().Select(a => a.Name.LocalName) ?? []];
        if (actions is not [var only] || only != ActionOf(rule.Kind))
            differences.Add($"it does {(actions.Length == 0 ? "nothing" : string.Join(", ", actions))}");
        else if (targets is not [var target] || !target.Equals(rule.Target, StringComparison.OrdinalIgnoreCase))
            differences.Add($"it forwards to {(targets.Count == 0 ? "nobody" : string.Join(", ", targets))}");
        if (element.Child("Conditions")?.HasElements == true)
            differences.Add("it has conditions");
        if (!Exceptions(element.Child("Exceptions")).SequenceEqual(Wanted(rule)))
            differences.Add("its exceptions are others");
        return differences;
    }

    /// <summary>The action for a way of forwarding.</summary>
    private static string ActionOf(ForwardingKinds kind) => kind == ForwardingKinds.Redirect ? "RedirectToRecipients" : "ForwardAsAttachmentToRecipients";

    private static IEnumerable<string> ExceptedHeaders(ForwardingRule rule)
    {
        if (rule.LoopHeader is { Length: > 0 } loop)
            yield return $"{loop}: {rule.LoopValue}".TrimEnd();
        if (!rule.ForwardAutomaticMail)
            yield return "Auto-Submitted: auto-";
    }

    private static IEnumerable<string> Wanted(ForwardingRule rule)
    {
        IEnumerable<string> wanted = ExceptedHeaders(rule).Select(h => "ContainsHeaderStrings " + h);
        return (rule.ForwardAutomaticMail ? wanted : wanted.Append("IsAutomaticReply true")).Order(StringComparer.Ordinal);
    }

    private static IEnumerable<string> Exceptions(XElement? exceptions) => (exceptions?.Elements() ?? [])
        .SelectMany(e => e.HasElements ? e.Elements().Select(v => $"{e.Name.LocalName} {v.Value.Trim()}") : [$"{e.Name.LocalName} {(e.IsTrue() ? "true" : e.Value.Trim())}"])
        .Where(e => !e.EndsWith(" false", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);
}
