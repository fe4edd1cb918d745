using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace EmailRouter.Lab.Exchange;

/// <summary>Text as Exchange shows it.</summary>
internal static partial class EwsText
{
    /// <summary>The subject without the marks of answers and forwards.</summary>
    public static string TopicOf(string subject) => Marks().Replace(subject, string.Empty);

    /// <summary>
    /// Leaves out what cannot stand in XML at all. Exchange writes other control characters as references (<c>&amp;#x1F;</c>), which the answer does too.
    /// </summary>
    public static string Clean(string text)
    {
        if (text.Any(char.IsSurrogate))
            text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return text.AsSpan().IndexOfAny('\0', '\uFFFE', '\uFFFF') < 0 ? text : new string([.. text.Where(c => c is not ('\0' or '\uFFFE' or '\uFFFF'))]);
    }

    /// <summary>HTML as plain text, well enough for a lab.</summary>
    public static string OfHtml(string html) => WebUtility.HtmlDecode(Tags().Replace(Breaks().Replace(html, "\r\n"), string.Empty)).Trim();

    [GeneratedRegex(@"\A(?:\s*(?:re|fw|fwd|aw|wg)\s*:\s*)+", RegexOptions.IgnoreCase)]
    private static partial Regex Marks();

    [GeneratedRegex(@"<(?:br|/p|/div|/tr)\b[^>]*>", RegexOptions.IgnoreCase)]
    private static partial Regex Breaks();

    [GeneratedRegex(@"<(?:head|style|script)\b.*?</(?:head|style|script)>|<[^>]*>", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex Tags();
}
