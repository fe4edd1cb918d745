using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Recognises email that a program wrote: answers of absent people, lists, newsletters. It is tracked like other email, but nobody is created for it.</summary>
internal static class AutomaticMail
{
    /// <returns>Why the email is automatic, in words; null when nothing says so.</returns>
    public static string? Recognise(IncomingEmail email)
    {
        if (email.MessageClass.StartsWith("IPM.Note.Rules.", StringComparison.OrdinalIgnoreCase))
            return $"its class is {email.MessageClass}";
        if (email.MessageClass.StartsWith("REPORT.", StringComparison.OrdinalIgnoreCase))
            return $"it is a report ({email.MessageClass})";

        string local = email.From is { } from ? from.Address.Trim().Split('@')[0] : string.Empty;
        if (local.Equals("mailer-daemon", StringComparison.OrdinalIgnoreCase) || local.Equals("postmaster", StringComparison.OrdinalIgnoreCase))
            return $"its sender is {local}";

        foreach ((string name, string value) in Headers(email.InternetMessageHeaders))
        {
            if (IsSign(name, value))
                return $"its header says {name}: {(value.Length <= 60 ? value : string.Concat(value.AsSpan(0, 60), "..."))}";
        }

        return null;
    }

    // Auto-Submitted: RFC 3834; List-Id: RFC 2919; the others are in use without a standard.
    private static bool IsSign(string name, string value) => name.ToUpperInvariant() switch
    {
        "AUTO-SUBMITTED" => value.Length > 0 && !value.StartsWith("no", StringComparison.OrdinalIgnoreCase),
        "PRECEDENCE" => value.ToUpperInvariant() is "BULK" or "LIST" or "JUNK" or "AUTO_REPLY",
        "LIST-ID" or "LIST-UNSUBSCRIBE" or "X-AUTOREPLY" or "X-AUTORESPOND" or "X-AUTO-REPLY-FROM" or "FEEDBACK-ID" => true,
        _ => false,
    };

    private static IEnumerable<(string Name, string Value)> Headers(string? section)
    {
        string? name = null;
        string value = string.Empty;
        foreach (string raw in (section ?? string.Empty).Split('\n'))
        {
            string line = raw.TrimEnd('\r');
            if (line.Length > 0 && line[0] is ' ' or '\t')
            {
                value = $"{value} {line.Trim()}".Trim();
                continue;
            }

            if (name is not null)
                yield return (name, value);
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            name = colon > 0 ? line[..colon].Trim() : null;
            value = colon > 0 ? line[(colon + 1)..].Trim() : string.Empty;
        }

        if (name is not null)
            yield return (name, value);
    }
}
