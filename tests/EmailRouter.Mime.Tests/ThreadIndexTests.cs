namespace EmailRouter.Mime.Tests;

public sealed class ThreadIndexTests
{
    [Fact]
    public void The_layout_of_newer_servers_is_read()
    {
        Assert.True(ThreadIndex.TryDecode("AQHTJWSHSywMzSz8o0OJud48nG50GQ==", out ThreadIndex? index));

        Assert.Equal(new Guid(Convert.FromHexString("4B2C0CCD2CFCA34389B9DE3C9C6E7419")), index.ConversationId);
        Assert.Equal(new DateTime(2017, 9, 4, 9, 59, 41), index.StartedAt.UtcDateTime, TimeSpan.FromSeconds(1));
        Assert.Equal(0, index.Depth);
    }

    [Fact]
    public void The_layout_of_desktop_clients_is_read()
    {
        var start = new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.Zero);
        Guid conversation = Guid.Parse("11111111-2222-3333-4444-555555555555");
        byte[] time = BitConverter.GetBytes(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(start.ToFileTime()));
        string value = Convert.ToBase64String([.. time[..6], .. conversation.ToByteArray(), 1, 2, 3, 4, 5]);

        Assert.StartsWith("Ad", value);
        Assert.True(ThreadIndex.TryDecode(value, out ThreadIndex? index));
        Assert.Equal(conversation, index.ConversationId);
        Assert.Equal(start.UtcDateTime, index.StartedAt.UtcDateTime, TimeSpan.FromMilliseconds(7));
        Assert.Equal(1, index.Depth);
    }

    [Fact]
    public void A_reply_has_the_conversation_of_its_parent()
    {
        Assert.True(ThreadIndex.TryGetConversationId("AQHWLRNo4NaOjvXU8EODe0ZotrA8B6itzaxf", out Guid reply));
        Assert.True(ThreadIndex.TryGetConversationId("AQHWLRNo4NaOjvXU8EODe0ZotrA8Bw==", out Guid parent));

        Assert.Equal(parent, reply);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("not base64, surely not at all, no")]
    [InlineData("AQHTJWSHSywMzSz8o0OJ")]
    [InlineData("/////////////////////////////////////w==")]
    public void Anything_else_is_none(string? value) => Assert.False(ThreadIndex.TryGetConversationId(value, out _));

    [Fact]
    public void Replies_of_newer_servers_have_their_times()
    {
        Assert.True(ThreadIndex.TryDecode("AQHWLRNo4NaOjvXU8EODe0ZotrA8B6itzaxf", out ThreadIndex? index));

        Assert.Equal(new DateTime(2020, 5, 18, 12, 54, 2), index.StartedAt.UtcDateTime, TimeSpan.FromSeconds(2));
        Assert.Equal(new DateTime(2020, 5, 18, 12, 57, 39).AddMilliseconds(754), Assert.Single(index.Replies)!.Value.UtcDateTime, TimeSpan.FromMilliseconds(1));
    }

    [Theory]
    [InlineData(18, 0u, 90)]
    [InlineData(23, 0x8000_0000u, 900)]
    public void Replies_of_desktop_clients_have_their_times(int shift, uint unit, int days)
    {
        var start = new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.Zero);
        DateTimeOffset reply = start.AddDays(days);
        byte[] time = BitConverter.GetBytes(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(start.ToFileTime()));
        byte[] child = BitConverter.GetBytes(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(unit | (uint)((reply - start).Ticks >> shift)));
        string value = Convert.ToBase64String([.. time[..6], .. new byte[16], .. child, 0]);

        Assert.True(ThreadIndex.TryDecode(value, out ThreadIndex? index));
        Assert.Equal(reply.UtcDateTime, Assert.Single(index.Replies)!.Value.UtcDateTime, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Every_reply_of_a_long_conversation_is_there()
    {
        byte[] bytes = [.. Convert.FromBase64String("AQHTJWSHSywMzSz8o0OJud48nG50GQ=="), .. Enumerable.Repeat((byte)0xFF, 5 * 200), 1, 2];

        Assert.True(ThreadIndex.TryDecode(Convert.ToBase64String(bytes), out ThreadIndex? index));
        Assert.Equal(200, index.Depth);
        Assert.Equal(200, index.Replies.Count);
        Assert.All(index.Replies, reply => Assert.True(reply >= index.StartedAt));
    }
}
