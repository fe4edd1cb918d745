using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// Makes HTML of strangers safe to show: what is not known to be harmless is left out. No scripts, event handlers, forms, frames, style sheets, refreshes,
/// no links but to the web, mail, telephone and within the text, no loads from elsewhere; pictures of the message itself (<c>cid:</c>) and embedded ones
/// (<c>data:</c>) stay. Works on the tree that a browser would make of the text, not on the text.
/// </summary>
public static class HtmlSanitizer
{
    private const int MaximumLength = 4 << 20;
    private const int MaximumDepth = 200;
    private const int MaximumOpenElements = 1000;
    private const string Xhtml = "http://www.w3.org/1999/xhtml";

    private static readonly HashSet<string> Elements = new(StringComparer.Ordinal)
    {
        "a", "abbr", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "dfn",
        "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark",
        "nav", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
        "thead", "time", "tr", "tt", "u", "ul", "var", "wbr",
    };

    // What goes with everything in it; of other unknown elements the content stays.
    private static readonly HashSet<string> Dropped = new(StringComparer.Ordinal)
    {
        "applet", "audio", "base", "button", "canvas", "datalist", "dialog", "embed", "frame", "frameset", "head", "iframe", "input", "link", "math", "meta", "noembed",
        "noframes", "noscript", "object", "option", "param", "picture", "plaintext", "portal", "script", "select", "style", "svg", "template", "textarea", "title", "track",
        "video", "xmp",
    };

    private static readonly HashSet<string> Void = new(StringComparer.Ordinal) { "br", "col", "hr", "img", "wbr" };

    private static readonly HashSet<string> Attributes = new(StringComparer.Ordinal)
    {
        "align", "alt", "bgcolor", "border", "cellpadding", "cellspacing", "color", "cols", "colspan", "dir", "face", "height", "hspace", "lang", "nowrap", "rowspan", "size",
        "span", "start", "summary", "title", "type", "valign", "value", "vspace", "width",
    };

    private static readonly HashSet<string> Styles = new(StringComparer.Ordinal)
    {
        "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-right", "border-spacing", "border-style", "border-top",
        "border-width", "color", "direction", "font", "font-family", "font-size", "font-style", "font-variant", "font-weight", "height", "letter-spacing", "line-height",
        "list-style-type", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "max-width", "min-width", "padding", "padding-bottom", "padding-left",
        "padding-right", "padding-top", "text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space", "width", "word-break", "word-wrap",
    };

    private static readonly string[] Pictures = ["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp", "image/bmp"];

    /// <summary>Makes HTML safe. Never throws on account of what it is.</summary>
    /// <param name="html">The HTML as it was sent. Only the first 4 Mi characters are read.</param>
    /// <returns>
    /// The content of the body as a fragment. HTML whose elements are opened more than a thousand deep, which no mail program writes, is returned as its own text.
    /// </returns>
    public static string Sanitize(string html)
    {
        ArgumentNullException.ThrowIfNull(html);
        if (html.Length > MaximumLength)
            html = html[..MaximumLength];
        if (IsTooDeep(html))
            return Preformatted(html);
        using AngleSharp.Html.Dom.IHtmlDocument document = new HtmlParser(new HtmlParserOptions { IsScripting = false }).ParseDocument(html);
        var output = new StringBuilder(html.Length);
        if (document.Body is { } body)
            Write(body, output);
        return output.ToString();
    }

    // The parser looks through its open elements again and again; nobody opens a thousand without closing them.
    private static bool IsTooDeep(string html)
    {
        int open = 0;
        for (int at = html.IndexOf('<', StringComparison.Ordinal); at >= 0 && at + 1 < html.Length; at = html.IndexOf('<', at + 1))
        {
            int name = at + 1;
            bool closes = html[name] == '/';
            if (closes)
                name++;
            int end = name;
            while (end < html.Length && end - name < 12 && char.IsAsciiLetterOrDigit(html[end]))
                end++;
            if (end == name)
                continue;
            string tag = html[name..end].ToLowerInvariant();
            if (tag is "br" or "img" or "hr" or "col" or "meta" or "link" or "input" or "wbr" or "p" or "li" or "td" or "th" or "tr" or "dd" or "dt" or "option" or "area" or "base")
                continue;
            open = closes ? Math.Max(0, open - 1) : open + 1;
            if (open > MaximumOpenElements)
                return true;
        }

        return false;
    }

    // Without recursion: a step is a node to write, or text that closes an element.
    private static void Write(IElement body, StringBuilder output)
    {
        var steps = new Stack<(INode? Node, string? Close, int Depth)>();
        PushChildren(steps, body, 0);
        while (steps.TryPop(out (INode? Node, string? Close, int Depth) step))
        {
            if (step.Close is not null)
                output.Append(step.Close);
            else if (step.Node is IText text)
                AppendText(output, text.Data);
            else if (step.Node is IElement element)
                WriteElement(steps, element, step.Depth, output);
        }
    }

    private static void WriteElement(Stack<(INode? Node, string? Close, int Depth)> steps, IElement element, int depth, StringBuilder output)
    {
        string name = element.LocalName.ToLowerInvariant();
        if (Dropped.Contains(name) || element.NamespaceUri != Xhtml)
            return;
        bool isKept = Elements.Contains(name) && depth < MaximumDepth;
        if (isKept)
        {
            output.Append('<').Append(name);
            WriteAttributes(element, name, output);
            output.Append('>');
            if (Void.Contains(name))
                return;
            steps.Push((null, $"</{name}>", depth));
        }

        PushChildren(steps, element, isKept ? depth + 1 : depth);
    }

    private static void PushChildren(Stack<(INode? Node, string? Close, int Depth)> steps, INode parent, int depth)
    {
        for (INode? child = parent.LastChild; child is not null; child = child.PreviousSibling)
            steps.Push((child, null, depth));
    }

    private static void WriteAttributes(IElement element, string name, StringBuilder output)
    {
        foreach (IAttr attribute in element.Attributes)
        {
            string key = attribute.Name.ToLowerInvariant();
            string? value = (key, name) switch
            {
                ("href", "a") => Link(attribute.Value),
                ("src", "img") => Picture(attribute.Value),
                ("style", _) => Style(attribute.Value),
                _ => Attributes.Contains(key) ? attribute.Value : null,
            };
            if (string.IsNullOrEmpty(value) && key != "alt")
                continue;
            AppendAttribute(output, key, value ?? string.Empty);
            if (key == "href")
                output.Append(" rel=\"noopener noreferrer nofollow\"");
        }
    }

    private static string? Link(string url)
    {
        url = Compact(url);
        if (url.StartsWith('#'))
            return url;
        return Scheme(url) is "http" or "https" or "mailto" or "tel" ? url : null;
    }

    private static string? Picture(string url)
    {
        url = Compact(url);
        return Scheme(url) switch
        {
            "cid" => url,
            "data" when Pictures.Any(type => url.StartsWith($"data:{type};base64,", StringComparison.OrdinalIgnoreCase)) => url,
            _ => null,
        };
    }

    // Browsers pass over control characters and blanks in front of and within a scheme.
    private static string Compact(string url) => string.Concat(url.Where(static c => c > ' ' && c is not ('\u007f' or '\u00a0' or '\u2028' or '\u2029')));

    private static string? Scheme(string url)
    {
        int colon = url.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 ? url[..colon].ToLowerInvariant() : null;
    }

    private static string? Style(string style)
    {
        // Escapes and comments hide words; nothing harmless needs them.
        if (style.Length > 4000 || style.AsSpan().ContainsAny('\\', '@', '{') || style.Contains("/*", StringComparison.Ordinal))
            return null;
        var kept = new StringBuilder();
        foreach (string declaration in style.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = declaration.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || !Styles.Contains(declaration[..colon].Trim().ToLowerInvariant()))
                continue;
            string value = declaration[(colon + 1)..];
            // The only functions that load nothing.
            string plain = value.Replace("rgb(", "rgb", StringComparison.OrdinalIgnoreCase).Replace("rgba(", "rgba", StringComparison.OrdinalIgnoreCase);
            if (!plain.Contains('(', StringComparison.Ordinal) && !plain.Contains(':', StringComparison.Ordinal))
                kept.Append(declaration).Append(';');
        }

        return kept.ToString();
    }

    private static string Preformatted(string html)
    {
        var output = new StringBuilder("<pre>", html.Length + 16);
        AppendText(output, html);
        return output.Append("</pre>").ToString();
    }

    private static void AppendAttribute(StringBuilder output, string name, string value)
    {
        output.Append(' ').Append(name).Append("=\"");
        foreach (char character in value)
        {
            _ = character switch
            {
                '&' => output.Append("&amp;"),
                '"' => output.Append("&quot;"),
                '<' => output.Append("&lt;"),
                '>' => output.Append("&gt;"),
                '`' => output.Append("&#96;"),
                _ => output.Append(character),
            };
        }

        output.Append('"');
    }

    private static void AppendText(StringBuilder output, string text)
    {
        foreach (char character in text)
        {
            _ = character switch
            {
                '&' => output.Append("&amp;"),
                '<' => output.Append("&lt;"),
                '>' => output.Append("&gt;"),
                _ => output.Append(character),
            };
        }
    }
}
