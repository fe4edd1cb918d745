using EmailRouter.Routing.Incoming;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed class HtmlSanitizerTests
{
    [Theory]
    [InlineData("<p>Grüße &amp; <b>more</b></p>", "<p>Grüße &amp; <b>more</b></p>")]
    [InlineData("<html><head><title>x</title><style>p{}</style></head><body bgcolor=red><p>a</body></html>", "<p>a</p>")]
    [InlineData("<img src=\"cid:pic@1\" alt=\"x\" width=5>", "<img src=\"cid:pic@1\" alt=\"x\" width=\"5\">")]
    [InlineData("<img src=\"data:image/png;base64,AAAA\">", "<img src=\"data:image/png;base64,AAAA\">")]
    [InlineData("<a href=\"https://example.test/?a=1&amp;b=2\">x</a>", "<a href=\"https://example.test/?a=1&amp;b=2\" rel=\"noopener noreferrer nofollow\">x</a>")]
    [InlineData("<a href=\"mailto:a@example.test\">x</a>", "<a href=\"mailto:a@example.test\" rel=\"noopener noreferrer nofollow\">x</a>")]
    [InlineData("<p style=\"color: rgb(1,2,3); position: fixed; margin:0\">x</p>", "<p style=\"color: rgb(1,2,3);margin:0;\">x</p>")]
    [InlineData("<o:p>word</o:p><custom>kept</custom>", "wordkept")]
    [InlineData("<table><tr><td nowrap colspan=2>x</table>", "<table><tbody><tr><td colspan=\"2\">x</td></tr></tbody></table>")]
    [InlineData("a<br>b<!-- comment --><![if !mso]>c<![endif]>", "a<br>bc")]
    [InlineData("", "")]
    public void Harmless_content_stays(string html, string expected) => Assert.Equal(expected, HtmlSanitizer.Sanitize(html));

    [Theory]
    [InlineData("<script>alert(1)</script>x", "x")]
    [InlineData("<p onclick=alert(1) onmouseover='x'>x</p>", "<p>x</p>")]
    [InlineData("<a href=\"javascript:alert(1)\">x</a>", "<a>x</a>")]
    [InlineData("<a href=\" java\tscript:alert(1)\">x</a>", "<a>x</a>")]
    [InlineData("<a href=\"&#106;avascript&colon;alert(1)\">x</a>", "<a>x</a>")]
    [InlineData("<a href=\"vbscript:x\">x</a><a href='data:text/html,x'>y</a><a href='/x'>z</a>", "<a>x</a><a>y</a><a>z</a>")]
    [InlineData("<img src=\"https://track.example.test/1.gif\" onerror=alert(1) alt=''>", "<img alt=\"\">")]
    [InlineData("<img src=\"data:image/svg+xml;base64,AAAA\" srcset=\"https://x\">", "<img>")]
    [InlineData("<img src=\"data:text/html;base64,AAAA\">", "<img>")]
    [InlineData("<form action=https://x><input name=a><button>b</button>text</form>", "text")]
    [InlineData("<meta http-equiv=refresh content='0;url=https://x'><base href=https://x><link rel=stylesheet href=https://x>x", "x")]
    [InlineData("<iframe src=https://x></iframe><object data=x>y</object><embed src=x>z", "z")]
    [InlineData("<svg><script>alert(1)</script><a xlink:href='javascript:x'>y</a></svg>z", "z")]
    [InlineData("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>z", "z")]
    [InlineData("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>z", "<p title=\"&lt;/noscript&gt;&lt;img src=x onerror=alert(1)&gt;\">z</p>")]
    [InlineData("<p style=\"background-image:url(https://x);color:red;width:expression(alert(1))\">x</p>", "<p style=\"color:red;\">x</p>")]
    [InlineData("<p style=\"color:r\\65d\">x</p><p style=\"col/**/or:red\">y</p>", "<p>x</p><p>y</p>")]
    [InlineData("<td background=https://x><body background=https://x>y", "y")]
    [InlineData("<p title='\"><script>alert(1)</script>'>x</p>", "<p title=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">x</p>")]
    [InlineData("&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;")]
    [InlineData("<template><script>x</script></template><textarea><script>x</script></textarea><xmp><b></xmp>y", "y")]
    [InlineData("<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt&gt;alert(1)ipt&gt;")]
    public void Dangerous_content_goes(string html, string expected)
    {
        string safe = HtmlSanitizer.Sanitize(html);

        Assert.Equal(expected, safe);
        Assert.Equal(safe, HtmlSanitizer.Sanitize(safe));
    }

    [Fact]
    public void Nesting_is_limited()
    {
        string deep = HtmlSanitizer.Sanitize(string.Concat(Enumerable.Repeat("<div>", 500)) + "x" + string.Concat(Enumerable.Repeat("</div>", 500)));

        Assert.Equal(200, deep.Split("<div>").Length - 1);
        Assert.Contains(">x<", deep, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<div>")]
    [InlineData("<b x>")]
    [InlineData("<table>")]
    public void What_is_opened_without_end_becomes_text(string tag)
    {
        string safe = HtmlSanitizer.Sanitize(string.Concat(Enumerable.Repeat(tag, 100_000)));

        Assert.StartsWith("<pre>&lt;", safe, StringComparison.Ordinal);
        Assert.Equal(1, safe.Count(static c => c == '<') - 1);
    }
}
