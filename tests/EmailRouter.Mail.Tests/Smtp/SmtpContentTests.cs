using System.Text;
using EmailRouter.Mail.Smtp;

namespace EmailRouter.Mail.Tests.Smtp;

public sealed class SmtpContentTests
{
    [Theory]
    [InlineData("a\r\nb\r\n", "a\r\nb\r\n", true)]
    [InlineData("a\r\nb", "a\r\nb\r\n", false)]
    [InlineData("a\nb\n", "a\r\nb\r\n", false)]
    [InlineData("a\rb\r", "a\r\nb\r\n", false)]
    [InlineData(".\r\n", "..\r\n", false)]
    [InlineData(".a\r\n..b\r\n", "..a\r\n...b\r\n", false)]
    [InlineData("a\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n", false)]
    [InlineData("a\n.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n", false)]
    [InlineData("a\r.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n", false)]
    [InlineData("a\r\n.\rMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n", false)]
    [InlineData("a\r\r\nb\r\n", "a\r\n\r\nb\r\n", false)]
    [InlineData("\r\n\r\n", "\r\n\r\n", true)]
    [InlineData("", "", false)]
    public void Line_ends_are_normalised_and_dots_doubled(string content, string wire, bool canonical)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(content);
        byte[] target = new byte[4096];

        SmtpContent found = SmtpContent.Examine(bytes);
        int written = SmtpContent.Encode(bytes, target, stuffDots: true, out int used);

        Assert.Equal(wire, Encoding.ASCII.GetString(target, 0, written));
        Assert.Equal(bytes.Length, used);
        Assert.Equal(canonical, found.IsCanonical);
        Assert.Equal(wire.Replace("\r\n.", "\r\n", StringComparison.Ordinal).Length - (wire.StartsWith('.') ? 1 : 0), found.Size);
    }

    [Fact]
    public void Whatever_the_content_no_end_of_data_appears_before_the_end()
    {
        var random = new Random(42);
        string[] pieces = [".", "\r\n", "\n", "\r", "a", "\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n"];
        for (int round = 0; round < 2000; round++)
        {
            byte[] bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, random.Next(20)).Select(_ => pieces[random.Next(pieces.Length)])));
            var wire = new StringBuilder();
            byte[] target = new byte[16];
            for (int offset = 0; offset < bytes.Length;)
            {
                int written = SmtpContent.Encode(bytes.AsSpan(offset), target, stuffDots: true, out int used);
                Assert.True(used > 0);
                offset += used;
                wire.Append(Encoding.ASCII.GetString(target, 0, written));
            }

            string text = "\r\n" + wire;
            Assert.DoesNotContain("\r\n.\r\n", text, StringComparison.Ordinal);
            Assert.Equal(text.Count(c => c == '\n'), text.Split("\r\n").Length - 1);
            Assert.Equal(text.Count(c => c == '\r'), text.Split("\r\n").Length - 1);
        }
    }

    [Fact]
    public void Lines_eight_bit_text_and_nul_are_found()
    {
        SmtpContent header = SmtpContent.Examine("Subject: ü\r\n\r\nx\r\n"u8);
        SmtpContent body = SmtpContent.Examine("Subject: u\r\n\r\nü\0\r\n"u8);
        SmtpContent longest = SmtpContent.Examine(Encoding.ASCII.GetBytes("a\r\n" + new string('x', 998) + "\r\n" + new string('y', 1000)));

        Assert.True(header is { HeaderHas8Bit: true, Has8Bit: true, HasNul: false });
        Assert.True(body is { HeaderHas8Bit: false, Has8Bit: true, HasNul: true });
        Assert.Equal(1000, longest.LongestLine);
        Assert.Equal(998, SmtpContent.LongestAllowedLine);
    }
}
