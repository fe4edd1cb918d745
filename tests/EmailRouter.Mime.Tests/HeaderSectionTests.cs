using System.Buffers;
using System.Text;

namespace EmailRouter.Mime.Tests;

public sealed class HeaderSectionTests
{
    [Fact]
    public void Headers_are_put_in_front_and_the_rest_stays()
    {
        byte[] original = "Subject: s\n\nbody \r\n"u8.ToArray();
        var output = new ArrayBufferWriter<byte>();
        HeaderSection.Prepend(original, [KeyValuePair.Create("X-Crm-Loop", "router 1"), KeyValuePair.Create("X-Note", "ü")], output);

        Assert.Equal("X-Crm-Loop: router 1\r\nX-Note: =?utf-8?B?w7w=?=\r\nSubject: s\n\nbody \r\n", Encoding.Latin1.GetString(output.WrittenSpan));
    }

    [Fact]
    public void Headers_are_taken_out_and_the_rest_stays()
    {
        var output = new ArrayBufferWriter<byte>();
        HeaderSection.Remove(Mail.Parse("Bcc: a@example.com,\r\n b@example.com\r\nSubject: s\r\nBCC : c@example.com\r\n\r\nBcc: body"), ["bcc"], output);

        Assert.Equal("Subject: s\r\n\r\nBcc: body", Encoding.Latin1.GetString(output.WrittenSpan));
    }

    [Fact]
    public void Headers_of_an_attached_message_are_taken_out_as_well()
    {
        MimeMessage message = Mail.Parse("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nBcc: x\r\n"
            + "Subject: s\r\n\r\nbody\r\n--b--\r\n");
        var output = new ArrayBufferWriter<byte>();
        HeaderSection.Remove(message.Attachments[0].EmbeddedMessage!, ["Bcc"], output);

        Assert.Equal("Subject: s\r\n\r\nbody", Encoding.Latin1.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData("", "x")]
    [InlineData("X Y", "x")]
    [InlineData("X:", "x")]
    [InlineData("Ü", "x")]
    [InlineData("X\r\nBcc", "x")]
    [InlineData("X", "a\r\nBcc: b")]
    [InlineData("X", "a\nb")]
    [InlineData("X", "a\0b")]
    public void Nothing_can_be_smuggled_in(string name, string value) => Assert.Throws<ArgumentException>(() => HeaderSection.Format(name, value));

    [Fact]
    public void Long_values_are_folded()
    {
        string text = Encoding.ASCII.GetString(HeaderSection.Format("X-Long", string.Join(' ', Enumerable.Repeat("word", 50))));

        Assert.All(text.Split("\r\n"), line => Assert.True(line.Length <= 78));
        Assert.Equal(string.Join(' ', Enumerable.Repeat("word", 50)), Mail.Parse(text + "\r\n").Headers["X-Long"]);
    }
}
