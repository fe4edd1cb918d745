using System.Text;
using EmailRouter.Mime.Parsing;

namespace EmailRouter.Mime.Headers;

/// <summary>
/// Reads address lists (RFC 5322 3.4, with its obsolete syntax and what mailers write instead) in one pass without recursion. Text that is no address
/// and is followed by one is its name: <c>Smith, Ann &lt;ann@example.com&gt;</c>.
/// </summary>
internal sealed class AddressParser(MimeLimits limits, DiagnosticList? diagnostics)
{
    private const int LongestName = 10_000;
    private readonly List<MailAddress> addresses = [];
    private readonly List<MailAddressGroup> groups = [];
    private readonly StringBuilder phrase = new();
    private readonly StringBuilder literal = new();
    private readonly StringBuilder comment = new();
    private readonly List<string> nameless = [];
    private List<MailAddress>? members;
    private string? groupName;
    private string? angle;
    private bool quoted;
    private int depth;
    private long offset;
    private bool full;

    public IReadOnlyList<MailAddress> Addresses => addresses;

    public IReadOnlyList<MailAddressGroup> Groups => groups;

    /// <summary>Reads one header's worth of text.</summary>
    /// <param name="text">Unfolded, with encoded words as they stand.</param>
    /// <param name="at">Where it stands, for remarks.</param>
    public void Read(string text, long at)
    {
        offset = at;
        int position = 0;
        while (position < text.Length && !full)
        {
            char current = text[position];
            switch (current)
            {
                case '"':
                    ReadQuoted(text, ref position);
                    break;
                case '(':
                    ReadComment(text, ref position);
                    break;
                case '<':
                    ReadAngle(text, ref position);
                    break;
                case '[' when literal.Length > 0 && literal[^1] == '@':
                    ReadDomainLiteral(text, ref position);
                    break;
                case ',':
                    position++;
                    EndItem(atListEnd: false);
                    break;
                case ';':
                    position++;
                    EndItem(atListEnd: true);
                    EndGroup();
                    break;
                case ':' when angle is null && !HasAt():
                    position++;
                    BeginGroup();
                    break;
                case '=' when EncodedWords.Measure(text.AsSpan(position)) is > 0 and int length:
                    phrase.Append(text, position, length);
                    literal.Append(text, position, length);
                    position += length;
                    break;
                default:
                    phrase.Append(current);
                    literal.Append(current);
                    position++;
                    break;
            }
        }

        EndItem(atListEnd: true);
        EndGroup();
        CloseRun();
    }

    private bool HasAt()
    {
        for (int i = 0; i < Math.Min(literal.Length, 320); i++)
        {
            if (literal[i] == '@')
                return true;
        }

        return false;
    }

    private void ReadQuoted(string text, ref int position)
    {
        int start = position++;
        quoted = true;
        while (position < text.Length && text[position] != '"')
        {
            if (text[position] == '\\' && position + 1 < text.Length)
                position++;
            phrase.Append(text[position++]);
        }

        position = Math.Min(position + 1, text.Length);
        literal.Append(text, start, position - start);
    }

    private void ReadComment(string text, ref int position)
    {
        int nesting = 0;
        if (comment.Length > 0)
            comment.Append(' ');
        for (; position < text.Length; position++)
        {
            char current = text[position];
            if (current == '(' && nesting++ == 0)
                continue;
            if (current == ')' && --nesting == 0)
            {
                position++;
                break;
            }

            if (current == '\\' && position + 1 < text.Length)
                position++;
            if (comment.Length < LongestName)
                comment.Append(text[position]);
        }

        phrase.Append(' ');
        literal.Append(' ');
    }

    private void ReadAngle(string text, ref int position)
    {
        while (position < text.Length && text[position] is '<' or ' ')
            position++;
        int start = position;
        // A source route: <@a.example,@b.example:ann@example.com>.
        bool route = position < text.Length && text[position] == '@';
        bool inQuotes = false;
        for (; position < text.Length; position++)
        {
            char current = text[position];
            if (current == '\\' && inQuotes && position + 1 < text.Length)
                position++;
            else if (current == '"')
                inQuotes = !inQuotes;
            else if (!inQuotes && route && current == ':')
                (start, route) = (position + 1, false);
            else if (!inQuotes && (current is '>' or '<' or ';' || (current == ',' && !route)))
                break;
        }

        string content = text[start..position].Trim();
        if (content.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase))
            content = content[7..];
        // Of several in one item the first counts, unless it was empty.
        if (string.IsNullOrEmpty(angle))
            angle = content;
        while (position < text.Length && text[position] == '>')
            position++;
    }

    private void ReadDomainLiteral(string text, ref int position)
    {
        int end = text.IndexOf(']', position);
        end = end < 0 || end - position > 255 ? position : end;
        phrase.Append(text, position, end - position + 1);
        literal.Append(text, position, end - position + 1);
        position = end + 1;
    }

    private void BeginGroup()
    {
        FlushNameless();
        if (depth >= limits.MaximumGroupDepth)
        {
            diagnostics?.Add(MimeDiagnosticCode.AddressGroupsTooDeep, offset, $"Address groups lie more than {limits.MaximumGroupDepth} deep in each other.");
        }
        else
        {
            if (depth++ == 0)
            {
                CloseRun();
                groupName = DecodeName(phrase.ToString()) ?? string.Empty;
                members = [];
            }
        }

        ResetItem();
    }

    private void EndGroup()
    {
        if (depth > 0 && --depth > 0)
            return;
        if (groupName is not null)
        {
            groups.Add(new MailAddressGroup(groupName, members ?? []));
            groupName = null;
            members = null;
        }
    }

    private void CloseRun()
    {
        if (groupName is null && members is { Count: > 0 })
        {
            groups.Add(new MailAddressGroup(null, members));
            members = null;
        }
    }

    private void EndItem(bool atListEnd)
    {
        if (angle is not null)
        {
            string name = phrase.ToString();
            string? display = quoted || nameless.Count == 0 || AnyAddress(name) ? DecodeName(name) : null;
            if (display is null && nameless.Count > 0 && nameless.Count < 20 && !quoted)
                display = DecodeName(string.Join(", ", [.. nameless, name.Trim()]));
            else
                FlushNameless();
            nameless.Clear();
            display ??= DecodeName(comment.ToString());
            string address = AddrSpec(angle);
            if (address.Length > 0)
                Add(display, address);
        }
        else
        {
            EndBareItem();
        }

        if (atListEnd)
            FlushNameless();
        ResetItem();
    }

    private void EndBareItem()
    {
        string text = literal.ToString().Trim();
        if (text.Length == 0)
            return;
        string address = AddrSpec(text);
        if (!address.Contains('@', StringComparison.Ordinal))
        {
            // "root", or the first half of "Smith, Ann <ann@example.com>"; or all that has an @ is a comment.
            if (text.Contains('@', StringComparison.Ordinal))
                text = address;
            if (text.Length == 0)
                return;
            nameless.Add(text.Length > LongestName ? text[..LongestName] : text);
            if (nameless.Count > 100)
                FlushNameless();
            return;
        }

        FlushNameless();
        string? display = DecodeName(comment.ToString());
        if (address.Contains(' ', StringComparison.Ordinal) && address[0] != '"')
        {
            // "Ann ann@example.com", "ann@example.com (work) urgent": the word with the @ is the address.
            int at = address.IndexOf('@', StringComparison.Ordinal);
            int start = address.LastIndexOf(' ', at) + 1;
            int end = address.IndexOf(' ', at);
            string before = address[..start];
            address = end < 0 ? address[start..] : address[start..end];
            display = DecodeName(before) ?? display;
        }

        if (address.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase))
            address = address[7..];
        if (address.Length > 1)
            Add(display, address);
    }

    // Words without an address around them: each may be a local user.
    private void FlushNameless()
    {
        foreach (string name in nameless)
        {
            if (!name.AsSpan().ContainsAny(" \t\"") && name.Length <= 64)
                Add(null, EncodedWords.Decode(name));
        }

        nameless.Clear();
    }

    private void Add(string? display, string address)
    {
        if (addresses.Count >= limits.MaximumAddresses)
        {
            if (!full)
                diagnostics?.Add(MimeDiagnosticCode.TooManyAddresses, offset, $"A header lists more than {limits.MaximumAddresses:N0} addresses.");
            full = true;
            return;
        }

        address = HeaderText.Clean(address);
        if (display is not null && display.Trim('\'', '"').Equals(address, StringComparison.OrdinalIgnoreCase))
            display = null;
        var added = new MailAddress(display, address);
        addresses.Add(added);
        (members ??= []).Add(added);
    }

    private void ResetItem()
    {
        phrase.Clear();
        literal.Clear();
        comment.Clear();
        angle = null;
        quoted = false;
    }

    private static bool AnyAddress(string text) => text.Contains('@', StringComparison.Ordinal);

    private string? DecodeName(string raw)
    {
        if (raw.Length > LongestName)
            raw = raw[..LongestName];
        bool encoded = raw.Contains("=?", StringComparison.Ordinal);
        string name = HeaderText.Clean(encoded ? EncodedWords.Decode(raw) : raw);
        if (!quoted && !encoded)
            name = CollapseBlanks(name);
        name = name.Trim(' ', '\t');
        // 'Ann Smith' <...>: quotes that are no quotes.
        if (name.Length > 2 && name[0] == '\'' && name[^1] == '\'')
            name = name[1..^1];
        return name.Length == 0 ? null : name;
    }

    private static string CollapseBlanks(string text)
    {
        if (!text.Contains("  ", StringComparison.Ordinal) && !text.Contains('\t', StringComparison.Ordinal))
            return text;
        var result = new StringBuilder(text.Length);
        foreach (char character in text)
        {
            bool blank = character is ' ' or '\t';
            if (!blank)
                result.Append(character);
            else if (result.Length == 0 || result[^1] != ' ')
                result.Append(' ');
        }

        return result.ToString();
    }

    // White space around dots and the @ (obsolete syntax), comments inside, a trailing dot.
    private static string AddrSpec(string text)
    {
        text = text.Trim().TrimEnd('.');
        if (!text.AsSpan().ContainsAny(" \t("))
            return text;
        var result = new StringBuilder(text.Length);
        bool inQuotes = false;
        int nesting = 0;
        bool blank = false;
        for (int i = 0; i < text.Length; i++)
        {
            char current = text[i];
            int encoded = nesting == 0 && !inQuotes && current == '=' ? EncodedWords.Measure(text.AsSpan(i)) : 0;
            if (encoded > 0)
            {
                // Parentheses in it are no comment.
                if (blank && result.Length > 0)
                    result.Append(' ');
                blank = false;
                result.Append(text, i, encoded);
                i += encoded - 1;
                continue;
            }

            if (nesting == 0 && current == '"')
                inQuotes = !inQuotes;
            if (!inQuotes && current == '(')
            {
                nesting++;
                continue;
            }

            if (nesting > 0)
            {
                if (current == ')')
                    nesting--;
                continue;
            }

            if (!inQuotes && current is ' ' or '\t')
            {
                blank = true;
                continue;
            }

            if (blank && result.Length > 0 && result[^1] is not ('.' or '@') && current is not ('.' or '@'))
                result.Append(' ');
            blank = false;
            result.Append(current);
            if (inQuotes && current == '\\' && i + 1 < text.Length)
                result.Append(text[++i]);
        }

        return result.ToString();
    }
}
