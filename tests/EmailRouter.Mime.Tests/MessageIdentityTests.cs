namespace EmailRouter.Mime.Tests;

public sealed class MessageIdentityTests
{
    private const string Message = "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: long subject here\r\nMessage-ID: <1@x>\r\n"
        + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + "--b\r\nContent-Type: text/plain\r\n\r\nHello=\r\nWorld\r\n\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n"
            + "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n";

    [Fact]
    public void The_hash_is_stable_across_versions() =>
        Assert.StartsWith("2D65756AFFE36A05E4797F6F9390A04CEEA957F4D", Hash(Message));

    [Theory]
    [InlineData("From:", "Received: from a by b; Mon, 4 Sep 2017 10:00:00 +0000\r\nReturn-Path: <x@y>\r\nX-Spam: no\r\nDelivered-To: bob\r\nFrom:")]
    [InlineData("long subject here", "long\r\n subject  here")]
    [InlineData("\r\n", "\n")]
    [InlineData("long subject", "=?utf-8?Q?long?= subject")]
    [InlineData("World\r\n\r\n--b", "World\r\n\r\n\r\n\r\n--b")]
    [InlineData("JVBERi0=", "JVBE\r\nRi0=")]
    [InlineData("boundary=b\r\n", "boundary=\"b\"\r\n")]
    [InlineData("\r\n\r\nHello=\r\nWorld", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHello=3D\r\nWor=\r\nld")]
    [InlineData("\r\n\r\nHello=\r\nWorld\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG89DQpXb3JsZA0K")]
    public void What_transport_changes_does_not_matter(string part, string changed) =>
        Assert.Equal(Hash(Message), Hash(Message.Replace(part, changed)));

    [Theory]
    [InlineData("ann@", "eve@")]
    [InlineData("bob@", "eve@")]
    [InlineData("long", "short")]
    [InlineData("<1@x>", "<2@x>")]
    [InlineData("World", "Welt")]
    [InlineData("Hello=\r\n", "Hello=")]
    [InlineData("a.pdf", "b.pdf")]
    [InlineData("JVBERi0=", "JVBERi4=")]
    [InlineData("application/pdf", "application/zip")]
    public void What_the_sender_wrote_matters(string part, string changed) => Assert.NotEqual(Hash(Message), Hash(Message.Replace(part, changed)));

    [Fact]
    public void Attached_messages_count_with_their_content()
    {
        string outer = "Content-Type: message/rfc822\r\n\r\n" + Message;

        Assert.Equal(Hash(outer), Hash(outer.Replace("From:", "Received: x\r\nFrom:")));
        Assert.NotEqual(Hash(outer), Hash(outer.Replace("World", "Welt")));
    }

    [Fact]
    public void Blank_lines_within_text_matter() =>
        Assert.NotEqual(Hash("a: b\r\n\r\nx\r\n\r\ny"), Hash("a: b\r\n\r\nx\r\ny"));

    private static string Hash(string text) => Convert.ToHexString(MessageIdentity.ComputeContentHash(Mail.Parse(text)));
}
