using System.Text;
using System.Text.RegularExpressions;

namespace EmailRouter.Shared.Http;

/// <summary>Recognises a page meant for people where a service's answer was expected: a log-in form, a proxy's notice, an error page.</summary>
internal static partial class WebPage
{
    /// <summary>Says whether a body is a page for people.</summary>
    /// <param name="mediaType">The answer's media type; null when it names none.</param>
    /// <param name="beginning">The first bytes of the body; a few hundred suffice.</param>
    /// <returns>True for HTML.</returns>
    public static bool Is(string? mediaType, ReadOnlySpan<byte> beginning)
    {
        string text = Encoding.UTF8.GetString(beginning).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (text.StartsWith("<!DOCTYPE html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
            return true;
        return string.Equals(mediaType, "text/html", StringComparison.OrdinalIgnoreCase) && !text.StartsWith("<?xml", StringComparison.Ordinal) && !text.StartsWith('{');
    }

    /// <summary>Finds the page's title, which tells an administrator best what it is.</summary>
    /// <param name="beginning">The first bytes of the page.</param>
    /// <returns>The title on one line, at most 120 characters; empty when it has none.</returns>
    public static string Title(ReadOnlySpan<byte> beginning)
    {
        Match match = TitleElement().Match(Encoding.UTF8.GetString(beginning));
        string title = match.Success ? WhiteSpace().Replace(System.Net.WebUtility.HtmlDecode(match.Groups[1].Value), " ").Trim() : string.Empty;
        return title.Length > 120 ? title[..120] : title;
    }

    /// <summary>Says whether a page asks for a user name and a password.</summary>
    /// <param name="beginning">The first bytes of the page.</param>
    /// <returns>True for a log-in form.</returns>
    public static bool IsLogin(ReadOnlySpan<byte> beginning)
    {
        string text = Encoding.UTF8.GetString(beginning);
        return text.Contains("type=\"password\"", StringComparison.OrdinalIgnoreCase)
            || text.Contains("/owa/auth", StringComparison.OrdinalIgnoreCase)
            || text.Contains("/adfs/ls", StringComparison.OrdinalIgnoreCase)
            || Title(beginning).Contains("sign in", StringComparison.OrdinalIgnoreCase)
            || Title(beginning).Contains("log in", StringComparison.OrdinalIgnoreCase)
            || Title(beginning).Contains("logon", StringComparison.OrdinalIgnoreCase);
    }

    [GeneratedRegex("<title[^>]*>(.*?)</title>", RegexOptions.IgnoreCase | RegexOptions.Singleline, 250)]
    private static partial Regex TitleElement();

    [GeneratedRegex(@"\s+", RegexOptions.None, 250)]
    private static partial Regex WhiteSpace();
}
