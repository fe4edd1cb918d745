using System.Buffers;
using System.Text;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Net;

public sealed class ProtocolStreamTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static readonly MailEndpoint Server = new() { Host = "mail.example.test", Tls = TlsMode.None };

    [Fact]
    public async Task A_line_longer_than_allowed_is_refused_and_the_connection_is_dead()
    {
        await using ProtocolStream stream = await OpenAsync("S: " + new string('x', 300));

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await stream.ReadLineAsync(100, Second, default));

        Assert.Equal("MailLineTooLong", e.ErrorId);
        Assert.True(stream.IsDead);
        await Assert.ThrowsAsync<MailConnectionException>(async () => await stream.ReadLineAsync(1000, TimeSpan.FromSeconds(1), default));
    }

    [Fact]
    public async Task An_endless_line_is_refused_without_reading_it_all()
    {
        await using ProtocolStream stream = await OpenAsync("S! " + new string('x', 100_000));

        await Assert.ThrowsAsync<MailProtocolException>(async () => await stream.ReadLineAsync(1000, TimeSpan.FromSeconds(1), default));
    }

    [Theory]
    [InlineData("NOOP\r\nDELE 1")]
    [InlineData("NOOP\nDELE 1")]
    [InlineData("NOOP\rDELE 1")]
    [InlineData("NOOP\0")]
    public async Task A_line_break_in_a_command_is_refused_before_anything_is_written(string command)
    {
        await using ProtocolStream stream = await OpenAsync("S: +OK");

        MailCommandException e = Assert.Throws<MailCommandException>(() => stream.Write(command));
        await stream.FlushAsync(default);

        Assert.Equal("MailInvalidArgument", e.ErrorId);
        Assert.False(stream.IsDead);
    }

    [Fact]
    public async Task Bytes_behind_the_answer_to_starttls_are_an_attack()
    {
        await using ProtocolStream stream = await OpenAsync("S: +OK go ahead\\r\\n+OK injected");
        await stream.ReadLineAsync(100, TimeSpan.FromSeconds(1), default);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await stream.SecureAsync(default));

        Assert.Equal("MailStartTlsInjection", e.ErrorId);
        Assert.Equal(MailStep.Tls, e.Step);
        Assert.True(stream.IsDead);
        Assert.False(stream.IsSecure);
    }

    [Fact]
    public async Task A_stalled_server_ends_in_a_time_out_that_names_the_phase()
    {
        await using ProtocolStream stream = await OpenAsync("S! +O\nS: (stall)");
        stream.Enter(MailStep.List, "the answer to UIDL");

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await stream.ReadLineAsync(100, 7 * Second, default));

        Assert.Equal("MailTimeout", e.ErrorId);
        Assert.Equal(MailStep.List, e.Step);
        Assert.True(e.IsTransient);
        Assert.Contains("7 s for the answer to UIDL", e.Message, StringComparison.Ordinal);
        Assert.Contains("mail.example.test:110", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_read_is_a_cancellation_and_the_connection_is_dead()
    {
        await using ProtocolStream stream = await OpenAsync("S: +OK");
        using var source = new CancellationTokenSource();
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await stream.ReadLineAsync(100, TimeSpan.FromSeconds(7), source.Token));

        Assert.True(stream.IsDead);
    }

    [Fact]
    public async Task An_exception_carries_the_last_twenty_lines()
    {
        await using ProtocolStream stream = await OpenAsync("S: (close)");
        for (int i = 0; i < 30; i++)
            stream.Log.Client("NOOP " + i);

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await stream.ReadLineAsync(100, 7 * Second, default));

        Assert.Equal("MailConnectionLost", e.ErrorId);
        Assert.Equal(20, e.Conversation.Count);
        Assert.Equal("C: NOOP 10", e.Conversation[0]);
        Assert.Equal("C: NOOP 29", e.Conversation[^1]);
    }

    public static TheoryData<string, string, string> DotStuffed => new()
    {
        { @".\r\n", "", "empty" },
        { @"a\r\n.\r\n", "a\r\n", "one line" },
        { @"..\r\n.\r\n", ".\r\n", "a line of one dot" },
        { @"a\r\n..b\r\n...\r\n.\r\n", "a\r\n.b\r\n..\r\n", "stuffed lines" },
        { @"a\r\nb\n.\r\nc\r\n.\r\n", "a\r\nb\n.\r\nc\r\n", "a dot behind a bare LF does not end a message of CRLF lines" },
        { @"a\r\nb\n.c\r\n.\r\n", "a\r\nb\n.c\r\n", "a dot behind a bare LF is no stuffing in a message of CRLF lines" },
        { @"a\r\nb\r.\r\nc\r\n.\r\n", "a\r\nb\r.\r\nc\r\n", "a dot behind a bare CR" },
        { @"a\r\r\n..\r\n.\r\n", "a\r\r\n.\r\n", "two CR" },
        { @"a\n..b\n.\n", "a\n.b\n", "LF lines" },
        { @"a\n..b\n.\r\n", "a\n.b\n", "LF lines, the last dot in CRLF" },
        { @"\r\n..\r\n.\r\n", "\r\n.\r\n", "begins with an empty line" },
    };

    [Theory]
    [MemberData(nameof(DotStuffed))]
    public async Task Dot_stuffing_is_undone(string wire, string message, string why)
    {
        foreach (bool oneByte in new[] { false, true })
        {
            await using ProtocolStream stream = await OpenAsync("S! " + wire + "+OK next\\r\\n", new Playing(OneByteAtATime: oneByte));
            var target = new ArrayBufferWriter<byte>();

            DataResult result = await stream.ReadDataAsync(target, 1000, default);

            Assert.True(message == Encoding.ASCII.GetString(target.WrittenSpan), $"{why}: {Encoding.ASCII.GetString(target.WrittenSpan)}");
            Assert.Equal(message.Length, result.Bytes);
            Assert.Equal("+OK next", Encoding.ASCII.GetString((await stream.ReadLineAsync(100, TimeSpan.FromSeconds(1), default)).Span));
        }
    }

    [Fact]
    public async Task Data_cut_anywhere_is_a_lost_connection()
    {
        const string Wire = "a\r\n..b\r\n.\r\n";
        for (int length = 0; length < Wire.Length; length++)
        {
            string part = Wire[..length].Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
            await using ProtocolStream stream = await OpenAsync(length == 0 ? "S: (close)" : "S! " + part);

            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(
                async () => await stream.ReadDataAsync(new ArrayBufferWriter<byte>(), 1000, default));

            Assert.Equal("MailConnectionLost", e.ErrorId);
        }
    }

    [Fact]
    public async Task Random_messages_survive_stuffing_and_unstuffing()
    {
        var random = new Random(4711);
        string[] pieces = [".", "\r\n", "\n", "\r", "a", "bc", "..", "\r\n.", new string('x', 300)];
        for (int round = 0; round < 300; round++)
        {
            string middle = string.Concat(Enumerable.Range(0, random.Next(30)).Select(_ => pieces[random.Next(pieces.Length)]));
            string body = "From: a@example.test\r\n" + middle + "\r\n";
            string stuffed = body.Replace("\r\n.", "\r\n..", StringComparison.Ordinal) + ".\r\n";
            string wire = stuffed.Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
            await using ProtocolStream stream = await OpenAsync("S! " + wire, new Playing(OneByteAtATime: round % 2 == 0));
            var target = new ArrayBufferWriter<byte>();

            await stream.ReadDataAsync(target, 1000, default);

            Assert.Equal(body, Encoding.ASCII.GetString(target.WrittenSpan));
        }
    }

    private static async Task<ProtocolStream> OpenAsync(string script, Playing? playing = null)
    {
        var transport = new ScriptedTransport(script, playing);
        return await ProtocolStream.OpenAsync(Server, 110, string.Empty, transport.Context, default);
    }
}
