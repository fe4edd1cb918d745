using System.Text;

namespace EmailRouter.Mail.Sieve;

/// <summary>
/// Forwarding rules as Sieve that leave a user's own script working: one marked block behind the script's <c>require</c> commands, with every rule in it. The
/// block brings its own <c>require</c>, which may stand there too (RFC 5228 3.2), so that taking the block out gives back the user's script to the byte. It
/// stands before the user's rules, so that their <c>stop</c> or <c>discard</c> does not end it, and copies (RFC 3894), so that they run as before.
/// </summary>
public static class ForwardingScript
{
    private const string Begin = "# EmailRouter begin";
    private const string Rule = "# EmailRouter rule ";
    private const string End = "# EmailRouter end";
    private const string Require = "require [\"copy\"];";
    private const string RequireHeaders = "require [\"copy\", \"editheader\"];";
    private const string AddHeader = "  addheader ";
    private const string MasterMark = "# EmailRouter master of ";

    /// <summary>The word of a begin marker that says: a line break was put before it.</summary>
    private const string Broken = "own-line";

    /// <summary>Puts a rule into a script, or brings the one that is there up to date.</summary>
    /// <param name="script">The user's script; empty for none.</param>
    /// <param name="rule">The rule.</param>
    /// <returns>The script with the rule; the same text when it was there already.</returns>
    /// <exception cref="FormatException">The script cannot be followed, a marker is damaged, or the rule holds what cannot stand in a script.</exception>
    public static string Insert(string script, ForwardingRule rule)
    {
        ArgumentNullException.ThrowIfNull(script);
        ArgumentNullException.ThrowIfNull(rule);
        Validate(rule);
        string lineEnd = LineEnd(script);
        string body = Body(rule, lineEnd);
        if (Find(script) is { } found)
        {
            List<FoundRule> rules = found.Rules;
            int place = rules.FindIndex(r => r.Name == rule.Name);
            if (place < 0)
                rules.Add(new FoundRule(rule.Name, body));
            else
                rules[place] = new FoundRule(rule.Name, body);
            return string.Concat(script.AsSpan(0, found.Start), Block(rules, lineEnd, found.OwnLine), script.AsSpan(found.Start + found.Length));
        }

        if (!SieveSyntax.TryFindEndOfRequire(script, out int at))
            throw new FormatException("the script's require commands cannot be followed");
        bool ownLine = false;
        if (at > 0)
        {
            // Blanks behind the last require stay with it; a comment there too.
            int end = script.IndexOf('\n', at);
            string rest = (end < 0 ? script[at..] : script[at..end]).Trim();
            ownLine = end < 0 || (rest.Length > 0 && rest[0] != '#');
            if (end >= 0 && !ownLine)
                at = end + 1;
            else if (end < 0 && (rest.Length == 0 || rest[0] == '#'))
                at = script.Length;
        }

        string block = Block([new FoundRule(rule.Name, body)], lineEnd, ownLine);
        return string.Concat(script.AsSpan(0, at), ownLine ? lineEnd : string.Empty, block, script.AsSpan(at));
    }

    /// <summary>Takes a rule out of a script.</summary>
    /// <param name="script">The script.</param>
    /// <param name="name">The rule's name.</param>
    /// <returns>The script as it was before; the same text when the rule is not in it.</returns>
    /// <exception cref="FormatException">A marker is damaged.</exception>
    public static string Remove(string script, string name)
    {
        ArgumentNullException.ThrowIfNull(script);
        if (Find(script) is not { } block || block.Rules.RemoveAll(r => r.Name == name) == 0)
            return script;
        int start = block.Start;
        string left = string.Empty;
        if (block.Rules.Count > 0)
            left = Block(block.Rules, LineEnd(script), block.OwnLine);
        else if (block.OwnLine && start > 0 && script[start - 1] == '\n')
            start -= start > 1 && script[start - 2] == '\r' ? 2 : 1;
        return string.Concat(script.AsSpan(0, start), left, script.AsSpan(block.Start + block.Length));
    }

    /// <summary>Tells whether a script holds any rule.</summary>
    /// <param name="script">The script.</param>
    /// <returns>True when it does.</returns>
    /// <exception cref="FormatException">A marker is damaged.</exception>
    public static bool ContainsAny(string script)
    {
        ArgumentNullException.ThrowIfNull(script);
        return Find(script) is not null;
    }

    /// <summary>Tells whether a script holds a rule.</summary>
    /// <param name="script">The script.</param>
    /// <param name="name">The rule's name.</param>
    /// <returns>True when it does.</returns>
    /// <exception cref="FormatException">A marker is damaged.</exception>
    public static bool Contains(string script, string name)
    {
        ArgumentNullException.ThrowIfNull(script);
        return Find(script) is { } block && block.Rules.Exists(r => r.Name == name);
    }

    /// <summary>Lists what a script redirects: by the router's rules, and otherwise.</summary>
    /// <param name="script">The script's text.</param>
    /// <returns>The rules in the script's order; redirects of others have no name. What cannot be followed any more is left out.</returns>
    /// <exception cref="FormatException">A marker is damaged.</exception>
    public static IReadOnlyList<ScriptRedirect> ListRedirects(string script)
    {
        ArgumentNullException.ThrowIfNull(script);
        var found = new List<ScriptRedirect>();
        FoundBlock? block = Find(script);
        int end = block?.Start ?? script.Length;
        found.AddRange(SieveSyntax.FindRedirects(script[..end]).Select(target => new ScriptRedirect(null, target)));
        foreach (FoundRule rule in block?.Rules ?? [])
            found.AddRange(SieveSyntax.FindRedirects(rule.Body).Select(target => new ScriptRedirect(rule.Name, target)));
        if (block is not null)
            found.AddRange(SieveSyntax.FindRedirects(script[(block.Start + block.Length)..]).Select(target => new ScriptRedirect(null, target)));
        return found;
    }

    /// <summary>Makes a script that holds a rule and includes the user's own script (RFC 6609).</summary>
    /// <param name="userScript">The name of the user's script.</param>
    /// <param name="rule">The rule.</param>
    /// <returns>The script.</returns>
    /// <exception cref="FormatException">The rule or the name holds what cannot stand in a script.</exception>
    public static string MakeMaster(string userScript, ForwardingRule rule)
    {
        ArgumentException.ThrowIfNullOrEmpty(userScript);
        ArgumentNullException.ThrowIfNull(rule);
        if (userScript.Any(char.IsControl))
            throw new FormatException("the name of the user's script holds control characters");
        string quoted = SieveSyntax.Quote(userScript);
        return Insert($"require [\"include\"];\r\n{MasterMark}{quoted}\r\ninclude :personal :optional {quoted};\r\n", rule);
    }

    /// <summary>Finds which script a master script includes.</summary>
    /// <param name="script">The script.</param>
    /// <returns>The name of the user's script; null when this is no master script.</returns>
    public static string? FindIncluded(string script)
    {
        ArgumentNullException.ThrowIfNull(script);
        foreach (string line in script.Split('\n'))
        {
            if (line.StartsWith(MasterMark + "\"", StringComparison.Ordinal) && line.TrimEnd() is [.., '"'] whole && whole.Length > MasterMark.Length + 2)
                return SieveSyntax.Unquote(whole[(MasterMark.Length + 1)..^1]);
        }

        return null;
    }

    private static void Validate(ForwardingRule rule)
    {
        if (rule.Name.Length is 0 or > 64 || !rule.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ' ') || rule.Name != rule.Name.Trim())
            throw new FormatException("the rule's name must be letters, digits, \"-\", \"_\", dots and spaces");
        if (rule.Target.Length is 0 or > 320 || rule.Target.Any(c => char.IsControl(c) || char.IsWhiteSpace(c))
            || rule.Target.IndexOf('@', StringComparison.Ordinal) < 1)
            throw new FormatException("the target is no address");
        ValidateHeader("loop header", rule.LoopHeader, rule.LoopValue);
        ValidateHeader("origin header", rule.OriginHeader, rule.OriginValue);
    }

    private static void ValidateHeader(string what, string? name, string value)
    {
        if (name is not null && (name.Length == 0 || !name.All(c => c is > ' ' and < '\x7F' and not ':' and not '"' and not '\\')))
            throw new FormatException($"the {what} is no header name");
        if (value.Any(char.IsControl))
            throw new FormatException($"the {what}'s value holds control characters");
    }

    private static string LineEnd(string script) =>
        script.Contains("\r\n", StringComparison.Ordinal) || !script.Contains('\n', StringComparison.Ordinal) ? "\r\n" : "\n";

    private static string Body(ForwardingRule rule, string lineEnd)
    {
        var conditions = new List<string>();
        if (rule.LoopHeader is { } header)
            conditions.Add($"not header :contains {SieveSyntax.Quote(header)} {SieveSyntax.Quote(rule.LoopValue)}");
        if (!rule.ForwardAutomaticMail)
            conditions.Add("not header :contains \"Auto-Submitted\" \"auto-\"");
        string redirect = $"redirect :copy {SieveSyntax.Quote(rule.Target)};";
        List<string> actions = [redirect];
        if (rule.OriginHeader is { } origin)
        {
            // What a sender wrote there goes, and so does the rule's own word before the message reaches the user.
            string delete = $"deleteheader {SieveSyntax.Quote(origin)};";
            actions = [delete, $"addheader {SieveSyntax.Quote(origin)} {SieveSyntax.Quote(rule.OriginValue)};", redirect, delete];
        }

        string condition = conditions.Count switch
        {
            0 => "true",
            1 => conditions[0],
            _ => $"allof ({string.Join(", ", conditions)})",
        };
        string[] lines = conditions.Count == 0 && rule.OriginHeader is null ? [redirect] : [$"if {condition} {{", .. actions.Select(a => "  " + a), "}"];
        return string.Join(lineEnd, lines) + lineEnd;
    }

    private static string Block(List<FoundRule> rules, string lineEnd, bool ownLine)
    {
        var text = new StringBuilder(Begin).Append(ownLine ? " " + Broken : string.Empty).Append(lineEnd)
            .Append(rules.Exists(r => r.Body.Contains(AddHeader, StringComparison.Ordinal)) ? RequireHeaders : Require).Append(lineEnd);
        foreach (FoundRule rule in rules)
            text.Append(Rule).Append(rule.Name).Append(lineEnd).Append(rule.Body);
        return text.Append(End).Append(lineEnd).ToString();
    }

    /// <summary>Finds the block and the rules in it.</summary>
    private static FoundBlock? Find(string script)
    {
        int start = -1;
        bool ownLine = false;
        var rules = new List<FoundRule>();
        FoundBlock? result = null;
        string? name = null;
        int body = 0;
        int next;
        for (int at = 0; at < script.Length; at = next)
        {
            int newline = script.IndexOf('\n', at);
            next = newline < 0 ? script.Length : newline + 1;
            ReadOnlySpan<char> line = script.AsSpan(at, next - at).TrimEnd();
            bool begins = line.SequenceEqual(Begin) || line.SequenceEqual($"{Begin} {Broken}");
            bool ends = line.SequenceEqual(End);
            if ((begins && (start >= 0 || result is not null)) || (ends && start < 0))
                throw new FormatException("the markers of the rules are damaged or there more than once");
            if (begins)
            {
                start = at;
                ownLine = line.EndsWith(Broken);
            }
            else if (start >= 0 && (ends || line.StartsWith(Rule)))
            {
                if (name is not null)
                    rules.Add(new FoundRule(name, script[body..at]));
                name = ends ? null : line[Rule.Length..].ToString();
                body = next;
                if (ends)
                {
                    result = new FoundBlock(start, next - start, ownLine, rules);
                    start = -1;
                }
            }
        }

        return start < 0 ? result : throw new FormatException("the marker of the end of the rules is missing");
    }

    private sealed record FoundRule(string Name, string Body);

    private sealed record FoundBlock(int Start, int Length, bool OwnLine, List<FoundRule> Rules);
}
