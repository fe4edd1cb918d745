namespace EmailRouter.Mime.Tests.Codecs;

public sealed class TextDecoderTests
{
    [Theory]
    [InlineData("text/plain; charset=utf-8", "gr\u00C3\u00BC\u00C3\u009Fe", "grüße")]
    [InlineData("text/plain; charset=iso-8859-1", "gr\u00FC\u00DFe \u0080", "grüße €")]
    [InlineData("text/plain", "gr\u00C3\u00BC\u00C3\u009Fe", "grüße")]
    [InlineData("text/plain", "gr\u00FC\u00DFe", "grüße")]
    [InlineData("text/plain; charset=us-ascii", "gr\u00FC\u00DFe", "grüße")]
    [InlineData("text/plain; charset=us-ascii", "gr\u00C3\u00BC\u00C3\u009Fe", "grüße")]
    [InlineData("text/plain; charset=x-unknown", "gr\u00FC\u00DFe", "grüße")]
    [InlineData("text/plain; charset=koi8-r", "\u00F0\u00D2\u00C9\u00D7\u00C5\u00D4", "Привет")]
    [InlineData("text/plain; charset=iso-2022-jp", "\u001b$BF|K\\\u001b(B", "日本")]
    [InlineData("text/plain; charset=utf-8", "\u00EF\u00BB\u00BFx", "x")]
    [InlineData("text/plain", "\u00FF\u00FEx\0", "x")]
    [InlineData("text/plain; charset=utf-16", "x\0y\0", "xy")]
    [InlineData("text/html", "<meta charset=koi8-r>\u00F0\u00D2", "<meta charset=koi8-r>Пр")]
    [InlineData("text/html; charset=us-ascii", "<META http-equiv=x content=\"text/html; charset=windows-1251\">\u00CF",
        "<META http-equiv=x content=\"text/html; charset=windows-1251\">П")]
    [InlineData("text/html; charset=iso-8859-1", "<meta charset=\"koi8-r\">\u00E4", "<meta charset=\"koi8-r\">ä")]
    [InlineData("text/html", "<meta charset=utf-16>\u00E4", "<meta charset=utf-16>ä")]
    [InlineData("text/html", "<meta charset=utf-8>\u00E4", "<meta charset=utf-8>ä")]
    [InlineData("text/html", "<meta \u00E4", "<meta ä")]
    public void Text_is_decoded_by_its_charset_or_by_guess(string type, string body, string text) =>
        Assert.Equal(text, Mail.Parse($"Content-Type: {type}\r\n\r\n{body}").Root.GetText());

    [Fact]
    public void An_unknown_charset_is_reported()
    {
        MimeMessage message = Mail.Parse("Content-Type: text/plain; charset=x-unknown\r\n\r\nx");
        message.TextBody!.GetText();

        Assert.Equal([MimeDiagnosticCode.UnknownCharset], message.Codes());
    }
}
