using System.Text;
using EmailRouter.Mime.Tnef;

namespace EmailRouter.Mime.Tests.Tnef;

public sealed class RtfTests
{
    [Theory]        // the examples of [MS-OXRTFCP] 3.1 and 3.2
    [InlineData("2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0", "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n")]
    [InlineData("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0", "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}")]
    public void Compressed_text_is_expanded(string compressed, string expected)
    {
        Assert.Equal(expected, Encoding.ASCII.GetString(CompressedRtf.Decompress(Convert.FromHexString(compressed), 1000, out bool isCut)!));
        Assert.False(isCut);
    }

    [Fact]
    public void Cut_or_broken_text_never_throws()
    {
        byte[] bytes = Convert.FromHexString("2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0");
        for (int length = 0; length < bytes.Length; length++)
            Assert.Equal(length < 16, CompressedRtf.Decompress(bytes.AsSpan(0, length), 1000, out _) is null);
        Assert.Equal("{\\rtf1", Encoding.ASCII.GetString(CompressedRtf.Decompress(bytes, 6, out bool isCut)!));
        Assert.True(isCut);
        bytes[8] = 0;
        Assert.Null(CompressedRtf.Decompress(bytes, 1000, out _));
    }

    [Fact]
    public void Encapsulated_html_comes_out_as_it_went_in()
    {
        string html = Extract(
            """
            {\rtf1\ANSI\ansicpg1251\fromhtml1 \deff0
            {\fonttbl{\f0\fmodern Courier New;}{\f1\fswiss\fcharset204 Arial;}{\f2\fcharset1252 Other;}}
            {\colortbl\red0\green0\blue0;}
            {\*\htmltag64}
            \uc1\pard\plain\deftab360 \f0\fs24
            {\*\htmltag243 <!DOCTYPE html>}
            {\*\htmltag19 <html>}
            {\*\htmltag50 <body style="x: \{a\}">}\htmlrtf \lang1033 {\htmlrtf0
            {\*\htmltag64 <p>}\htmlrtf {\f1 \htmlrtf0 \'cf\'f0\'e8 &amp; {\*\mhtmltag84 <a href="x">}{\*\htmltag84 <a href="y">}link{\*\htmltag92 </a>}\htmlrtf\par}\htmlrtf0
            \u8364?\tab \endash \line
            {\*\htmltag84 &nbsp;}\htmlrtf \'a0\htmlrtf0
            {\*\htmltag4 \par }{\*\htmltag72 </p>}
            {\*\htmltag58 </body>}{\*\htmltag27 </html>}}}
            """,
            out bool isHtml);

        Assert.True(isHtml);
        Assert.Equal(
            "<!DOCTYPE html><html><body style=\"x: {a}\"><p>При &amp; <a href=\"y\">link</a>€\t&ndash;\r\n&nbsp;\r\n</p></body></html>", html);
    }

    [Fact]
    public void Words_come_out_of_other_rtf()
    {
        string text = Extract(
            """
            {\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Arial;}{\f1\fnil\fcharset204 Arial Cyr;}}{\*\generator Word;}{\info{\title Secret}}
            \pard Gr\'fc\'dfe {\b bold}\par {\f1 \'cf\'f0} \u-10179?\u-8704?\~x\bin3 ab}c{\pict 89504e47}\lquote q\rquote\par}
            """,
            out bool isHtml);

        Assert.False(isHtml);
        Assert.Equal("Grüße bold\r\nПр 😀\u00A0xc‘q’", text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("}}}}")]
    [InlineData("{\\")]
    [InlineData("{\\'")]
    [InlineData("{\\'4")]
    [InlineData("{\\'zz")]
    [InlineData("{\\u99999999999")]
    [InlineData("{\\u-99999999 \\uc-5 \\uc99999")]
    [InlineData("{\\bin99999999 x")]
    [InlineData("{\\bin-5 x")]
    [InlineData("{\\f99999999\\fonttbl\\f-1\\fcharset99")]
    [InlineData("{\\ansicpg-1\\ansicpg99999\\ansicpg0")]
    [InlineData("{\\*\\htmltag")]
    [InlineData("{\\*")]
    public void Broken_rtf_never_throws(string rtf) => Assert.NotNull(Extract(rtf, out _));

    [Fact]
    public void Deep_groups_cost_no_stack()
    {
        string text = Extract(new string('{', 100_000) + "x" + new string('}', 100_000) + "y", out _);

        Assert.Equal("xy", text);
    }

    [Fact]
    public void The_length_is_limited()
    {
        string text = RtfText.Extract(Encoding.ASCII.GetBytes("{\\rtf1 " + new string('x', 10_000) + "}"), 100, out _);

        Assert.Equal(100, text.Length);
    }

    private static string Extract(string rtf, out bool isHtml) => RtfText.Extract(Encoding.Latin1.GetBytes(rtf.ReplaceLineEndings("\r\n")), 100_000, out isHtml);
}
