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
