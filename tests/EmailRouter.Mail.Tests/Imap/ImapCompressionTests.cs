using EmailRouter.Mail.Imap;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Imap;

/// <summary>Servers that announce COMPRESS=DEFLATE and cannot do it are used without from then on.</summary>
public sealed class ImapCompressionTests
{
    private const string LoggedIn = """
        S: * OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] ready
        C: A1 LOGIN ***    S: A1 OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in

        """;

    private const string Plainly = LoggedIn + """
        C: A2 SELECT "INBOX"    S: * 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA2 OK [READ-WRITE] ok
        """;

    /// <summary>A block of the kind that DEFLATE reserves (RFC 1951 3.2.3).</summary>
    private const string NoDeflate = "\u0007\u0007\u0007\u0007";

    public static TheoryData<string, bool> Broken => new()
    {
        { @"A2 OK now\r\n* OK plain text", false },      // in one packet with the answer
        { @"A2 OK now\r\n" + NoDeflate, true },          // read as compressed data
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task Compressed_data_that_cannot_be_read_is_named_and_the_next_connection_does_without(string answer, bool byteByByte)
    {
        var transport = new ScriptedTransport(
            LoggedIn + "C: A2 COMPRESS DEFLATE    S: " + answer + "\n--\n" + Plainly, new Playing(OneByteAtATime: byteByByte));
        var system = new ImapSystem();

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(system, transport));
        Assert.Equal("MailCompressionBroken", e.ErrorId);
        Assert.Contains("without compression", e.Remedy, StringComparison.Ordinal);
        Assert.True(transport.Streams[0].IsDisposed);

        await using IMailboxSession session = await OpenAsync(system, transport);
        transport.Streams[1].AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Another_server_keeps_its_compression()
    {
        var system = new ImapSystem();
        var broken = new ScriptedTransport(LoggedIn + @"C: A2 COMPRESS DEFLATE    S: A2 OK now\r\nplain");
        await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(system, broken));
        var other = new ScriptedTransport(LoggedIn + @"C: A2 COMPRESS DEFLATE    S: A2 OK now\r\nplain as well");

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(system, other, "imap.example.test"));

        Assert.Equal("MailCompressionBroken", e.ErrorId);
    }

    [Fact]
    public async Task A_server_that_refuses_to_compress_is_used_without()
    {
        var transport = new ScriptedTransport(LoggedIn + """
            C: A2 COMPRESS DEFLATE    S: A2 NO [COMPRESSIONACTIVE] TLS does it
            C: A3 SELECT "INBOX"    S: * 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA3 OK [READ-WRITE] ok
            """);

        await using IMailboxSession session = await OpenAsync(new ImapSystem(), transport);

        transport.AssertPlayedToTheEnd();
    }

    private static async Task<IMailboxSession> OpenAsync(ImapSystem system, ScriptedTransport transport, string host = "mail.example.test") =>
        await system.OpenMailboxAsync(
            ImapClientTests.Plain with { Host = host, Options = new Dictionary<string, string> { ["compress"] = "true" } },
            new MailLogin("sales@example.test", MailCredential.Password("sales", "secret")),
            transport.Context,
            default);
}
