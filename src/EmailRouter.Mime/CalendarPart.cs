using System.Text;

namespace EmailRouter.Mime;

/// <summary>The little of a <c>text/calendar</c> part (RFC 5545, RFC 5546) that tells what it is: method, and of the first event id, title and times.</summary>
/// <param name="Method">What it asks for in upper case, e.g. <c>REQUEST</c>, <c>REPLY</c>, <c>CANCEL</c>; null when it is only data.</param>
/// <param name="Uid">The id of the event, or null.</param>
/// <param name="Summary">The title, or null.</param>
/// <param name="Start">DTSTART as it stands, e.g. <c>20260302T100000</c>; null when it is missing.</param>
/// <param name="End">DTEND as it stands, or null.</param>
/// <param name="Organizer">The organizer's address without <c>mailto:</c>, or null.</param>
public sealed record CalendarPart(string? Method, string? Uid, string? Summary, string? Start, string? End, string? Organizer)
{
    private const int MaximumLength = 1 << 20;
    private static readonly string[] Components = ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"];

    /// <summary>Reads a part. Never throws on account of what it holds.</summary>
    /// <param name="part">The part.</param>
    /// <returns>What it is; null when it is no <c>text/calendar</c>. Properties beyond the first mebibyte are not looked at.</returns>
    public static CalendarPart? Read(MimePart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (!part.ContentType.Is("text", "calendar"))
            return null;
        string? Parameter(string name) => part.ContentType.Parameters[name] is { Length: > 0 } value ? value : null;
        CalendarPart read = Parse(part.GetText(MaximumLength));
        return read with { Method = read.Method ?? Parameter("method")?.ToUpperInvariant() };
    }

    /// <summary>Reads a calendar's text.</summary>
    /// <param name="text">The text.</param>
    /// <returns>What it is; all null when it is no calendar.</returns>
    public static CalendarPart Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var open = new Stack<string>();
        bool eventSeen = false;
        foreach (string line in Unfolded(text))
        {
            int colon = ValueStart(line);
            if (colon < 0)
                continue;
            int nameEnd = line.AsSpan(0, colon).IndexOf(';');
            string name = line[..(nameEnd < 0 ? colon : nameEnd)].Trim();
            string value = line[(colon + 1)..].Trim();
            if (name.Equals("BEGIN", StringComparison.OrdinalIgnoreCase))
            {
                if (open.Count < 20)
                    open.Push(value.ToUpperInvariant());
            }
            else if (name.Equals("END", StringComparison.OrdinalIgnoreCase))
            {
                if (open.TryPop(out string? ended) && Components.Contains(ended))
                    eventSeen = true;
            }
            else if (!eventSeen && open.TryPeek(out string? component) && (Components.Contains(component) || (component == "VCALENDAR" && name.Equals("METHOD", StringComparison.OrdinalIgnoreCase))))
            {
                found.TryAdd(name, value);
            }
        }

        return new CalendarPart(
            Get(found, "METHOD")?.ToUpperInvariant(), Get(found, "UID"), Unescape(Get(found, "SUMMARY")), Get(found, "DTSTART"), Get(found, "DTEND"), Address(Get(found, "ORGANIZER")));
    }

    private static string? Get(Dictionary<string, string> found, string name) => found.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;

    private static string? Address(string? value) =>
        value is not null && value.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase) ? value["mailto:".Length..] is { Length: > 0 } address ? address : null : value;

    // RFC 5545 3.1: a line that starts with a blank goes on with the one before.
    private static IEnumerable<string> Unfolded(string text)
    {
        var current = new StringBuilder();
        foreach (string line in text.Split('\n'))
        {
            string content = line.TrimEnd('\r');
            if (content is [' ' or '\t', ..])
            {
                current.Append(content, 1, content.Length - 1);
                continue;
            }

            if (current.Length > 0)
                yield return current.ToString();
            current.Clear().Append(content);
        }

        if (current.Length > 0)
            yield return current.ToString();
    }

    // The colon that is not within a quoted parameter.
    private static int ValueStart(string line)
    {
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] == '"')
                quoted = !quoted;
            else if (line[i] == ':' && !quoted)
                return i;
        }

        return -1;
    }

    private static string? Unescape(string? value)
    {
        if (value is null || !value.Contains('\\', StringComparison.Ordinal))
            return value;
        var text = new StringBuilder(value.Length);
        for (int i = 0; i < value.Length; i++)
        {
            if (value[i] != '\\' || i + 1 == value.Length)
                text.Append(value[i]);
            else
                text.Append(value[++i] is 'n' or 'N' ? ' ' : value[i]);
        }

        return text.ToString();
    }
}
