namespace EmailRouter.Mail.Sieve;

/// <summary>Follows a Sieve script (RFC 5228 8) as far as needed to find where its <c>require</c> commands end.</summary>
internal static class SieveSyntax
{
    /// <summary>Finds the place behind the last <c>require</c>, which must come before all other commands (RFC 5228 3.2).</summary>
    /// <param name="script">The script.</param>
    /// <param name="position">The place behind the last semicolon of a <c>require</c>; 0 when there is none.</param>
    /// <returns>False when the script cannot be followed that far.</returns>
    public static bool TryFindEndOfRequire(string script, out int position)
    {
        position = 0;
        int at = 0;
        while (true)
        {
            if (!SkipBlanks(script, ref at))
                return false;
            int word = at;
            while (at < script.Length && (char.IsAsciiLetterOrDigit(script[at]) || script[at] == '_'))
                at++;
            if (!script.AsSpan(word, at - word).Equals("require", StringComparison.OrdinalIgnoreCase))
                return true;
            if (!SkipArguments(script, ref at))
                return false;
            position = at;
        }
    }

    /// <summary>Finds the targets of <c>redirect</c> commands (RFC 5228 4.2) wherever they stand, as far as the script can be followed.</summary>
    /// <param name="script">The script, or a part of it.</param>
    /// <returns>The addresses in the script's order.</returns>
    public static IReadOnlyList<string> FindRedirects(string script)
    {
        var found = new List<string>();
        int at = 0;
        bool inRedirect = false;
        string? last = null;
        while (SkipBlanks(script, ref at) && at < script.Length)
        {
            char c = script[at];
            if (c == '"')
            {
                int start = at;
                if (!SkipString(script, ref at))
                    break;
                last = Unquote(script[(start + 1)..(at - 1)]);
            }
            else if (c is ';' or '{' or '}')
            {
                if (inRedirect && c == ';' && last is not null)
                    found.Add(last);
                inRedirect = false;
                last = null;
                at++;
            }
            else if (char.IsAsciiLetter(c) || c == '_')
            {
                int start = at;
                while (at < script.Length && (char.IsAsciiLetterOrDigit(script[at]) || script[at] == '_'))
                    at++;
                ReadOnlySpan<char> word = script.AsSpan(start, at - start);
                if (word.Equals("text", StringComparison.OrdinalIgnoreCase) && at < script.Length && script[at] == ':')
                {
                    // A text of several lines (RFC 5228 2.4.2) ends with a dot alone.
                    int end = script.IndexOf("\n.\n", at, StringComparison.Ordinal);
                    int other = script.IndexOf("\n.\r\n", at, StringComparison.Ordinal);
                    if (end < 0 || (other >= 0 && other < end))
                        end = other;
                    if (end < 0)
                        break;
                    at = end + 2;
                }
                else if (word.Equals("redirect", StringComparison.OrdinalIgnoreCase) && (start == 0 || script[start - 1] != ':'))
                {
                    inRedirect = true;
                    last = null;
                }
            }
            else
            {
                at++;
            }
        }

        return found;
    }

    /// <summary>Reads a string without its quotes.</summary>
    /// <param name="text">What stands between the quotes.</param>
    /// <returns>The text.</returns>
    public static string Unquote(string text)
    {
        var result = new System.Text.StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
            result.Append(text[i] == '\\' && i + 1 < text.Length ? text[++i] : text[i]);
        return result.ToString();
    }

    /// <summary>Writes a string (RFC 5228 2.4.2).</summary>
    /// <param name="text">The text; no line breaks.</param>
    /// <returns>The string with its quotes.</returns>
    public static string Quote(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static bool SkipBlanks(string script, ref int at)
    {
        while (at < script.Length)
        {
            if (char.IsWhiteSpace(script[at]) || script[at] == '\uFEFF')
            {
                at++;
            }
            else if (script[at] == '#')
            {
                int end = script.IndexOf('\n', at);
                at = end < 0 ? script.Length : end + 1;
            }
            else if (script.AsSpan(at).StartsWith("/*"))
            {
                int end = script.IndexOf("*/", at + 2, StringComparison.Ordinal);
                if (end < 0)
                    return false;
                at = end + 2;
            }
            else
            {
                break;
            }
        }

        return true;
    }

    /// <summary>Skips strings, lists and comments up to the semicolon.</summary>
    private static bool SkipArguments(string script, ref int at)
    {
        int depth = 0;
        while (SkipBlanks(script, ref at) && at < script.Length)
        {
            switch (script[at])
            {
                case ';':
                    at++;
                    return depth == 0;
                case '[' or ']':
                    depth += script[at++] == '[' ? 1 : -1;
                    break;
                case ',':
                    at++;
                    break;
                case '"':
                    if (!SkipString(script, ref at))
                        return false;
                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    private static bool SkipString(string script, ref int at)
    {
        for (at++; at < script.Length; at++)
        {
            if (script[at] == '\\')
            {
                at++;
            }
            else if (script[at] == '"')
            {
                at++;
                return true;
            }
        }

        return false;
    }
}
