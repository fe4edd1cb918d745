namespace EmailRouter.Mime.Tests.Headers;

public sealed class HeaderTextTests
{
    [Theory]
    [InlineData("Subject: a\r\n b\r\n\r\n", "a b")]
    [InlineData("Subject: a\r\n\tb\r\n\r\n", "a\tb")]
    [InlineData("Subject:a\n  b \n\n", "a  b")]
    [InlineData("Subject: \r\n a\r\n\r\n", "a")]
    [InlineData("Subject: a\rb\r\n\r\n", "a b")]
    [InlineData("Subject: a\0b\r\n\r\n", "ab")]
    [InlineData("Subject: =?utf-8?Q?a=0D=0ABcc:_x@example.com=00?=\r\n\r\n", "a Bcc: x@example.com")]
    public void Values_are_one_line_without_control_characters(string raw, string value) => Assert.Equal(value, Mail.Parse(raw).Subject);

    [Fact]
    public void Raw_eight_bit_headers_are_utf_8_if_they_can_be() => Assert.Equal("grüße", Mail.ParseLines("Subject: grüße\n\n").Subject);

    [Fact]
    public void Raw_eight_bit_headers_have_the_charset_of_the_body_otherwise()
    {
        Assert.Equal("Привет", Mail.Parse("Subject: \u00F0\u00D2\u00C9\u00D7\u00C5\u00D4\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n").Subject);
        Assert.Equal("Привет", Mail.Parse(
            "Subject: \u00F0\u00D2\u00C9\u00D7\u00C5\u00D4\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                + "Content-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n--b--").Subject);
    }

    [Fact]
    public void Raw_eight_bit_headers_are_windows_1252_in_the_end() => Assert.Equal("grüße €", Mail.Parse("Subject: gr\u00FC\u00DFe \u0080\r\n\r\n").Subject);

    [Fact]
    public void Raw_iso_2022_jp_headers_are_decoded_by_the_body() =>
        Assert.Equal("日本", Mail.Parse("Subject: \u001b$BF|K\\\u001b(B\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n").Subject);
}
