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
}
