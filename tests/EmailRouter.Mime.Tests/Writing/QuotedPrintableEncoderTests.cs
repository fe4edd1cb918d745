using System.Buffers;
using System.Text;
using EmailRouter.Mime.Writing;

namespace EmailRouter.Mime.Tests.Writing;

public sealed class QuotedPrintableEncoderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a=b", "a=3Db")]
    [InlineData("grün", "gr=C3=BCn")]
    [InlineData("a \r\nb\t", "a=20\r\nb=09")]
    [InlineData("a b", "a b")]
    [InlineData(".\r\nFrom me\r\nFrom", "=2E\r\n=46rom me\r\nFrom")]
    [InlineData("a\rb\nc\0", "a=0Db=0Ac=00")]
    public void Text_is_encoded_so_that_transport_leaves_it_alone(string text, string encoded) => Assert.Equal(encoded, Encode(text));

    [Theory]
    [InlineData(75)]
    [InlineData(76)]
    [InlineData(77)]
    [InlineData(152)]
    [InlineData(1000)]
    public void Lines_have_at_most_76_characters(int length)
    {
        string text = new string('x', length) + "\r\n" + new string('ü', length);
        string encoded = Encode(text);

        Assert.All(encoded.Split("\r\n"), line => Assert.True(line.Length <= 76, line));
        byte[] decoded = new byte[text.Length * 3];
        int position = 0;
        int contentEnd = 0;
        int written = Mime.Codecs.QuotedPrintableDecoder.Decode(Encoding.ASCII.GetBytes(encoded), ref position, ref contentEnd, decoded);
        Assert.Equal(text, Encoding.UTF8.GetString(decoded, 0, written));
    }

    private static string Encode(string text)
    {
        var output = new ArrayBufferWriter<byte>();
        QuotedPrintableEncoder.Encode(Encoding.UTF8.GetBytes(text), output);
        return Encoding.ASCII.GetString(output.WrittenSpan);
    }
}
