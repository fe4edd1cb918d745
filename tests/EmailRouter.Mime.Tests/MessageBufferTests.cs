using System.Buffers;

namespace EmailRouter.Mime.Tests;

public sealed class MessageBufferTests
{
    private static readonly MessageBufferOptions Small = new() { SpoolThreshold = 1000, MaximumSize = 100_000 };

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(999, false)]
    [InlineData(5000, true)]
    [InlineData(100_000, true)]
    public async Task Bytes_come_back_from_memory_and_from_a_file(int length, bool isSpooled)
    {
        byte[] bytes = Bytes(length);
        using MessageBuffer buffer = await MessageBuffer.ReadAsync(new MemoryStream(bytes), Small);

        Assert.Equal(isSpooled, buffer.IsSpooled);
        Assert.Equal(length, buffer.Length);
        Assert.Equal(bytes, buffer.Memory.ToArray());
    }

    [Fact]
    public async Task More_than_the_maximum_is_refused()
    {
        MessageTooLargeException problem = await Assert.ThrowsAsync<MessageTooLargeException>(
            async () => await MessageBuffer.ReadAsync(new MemoryStream(Bytes(100_001)), Small));

        Assert.Equal(100_000, problem.Limit);
    }

    [Fact]
    public void A_buffer_ends_with_its_disposal()
    {
        MessageBuffer buffer = MessageBuffer.Wrap(Bytes(10));
        buffer.Dispose();

        Assert.Throws<ObjectDisposedException>(() => buffer.Memory);
        Assert.Equal(10, buffer.Length);
    }

    [Fact]
    public void A_finished_writer_takes_no_more()
    {
        using var writer = new MessageBufferWriter(Small);
        writer.Write(Bytes(10));
        using MessageBuffer buffer = writer.Complete();

        Assert.Throws<ObjectDisposedException>(() => writer.GetSpan());
        Assert.Equal(10, buffer.Length);
    }

    [Fact]
    public void Files_vanish_with_their_buffer()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("emailrouter-test-");
        try
        {
            using (var writer = new MessageBufferWriter(Small with { SpoolDirectory = folder.FullName }))
            {
                writer.Write(Bytes(5000));
                using MessageBuffer buffer = writer.Complete();
                Assert.True(buffer.IsSpooled);
                Assert.Equal(Bytes(5000), buffer.Memory.ToArray());
            }

            Assert.Empty(folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_message_can_be_parsed_from_a_file()
    {
        byte[] bytes = [.. "Subject: spooled\r\n\r\n"u8, .. Bytes(5000)];
        using MessageBuffer buffer = await MessageBuffer.ReadAsync(new MemoryStream(bytes), Small);
        MimeMessage message = MimeMessage.Parse(buffer.Memory);

        Assert.True(buffer.IsSpooled);
        Assert.Equal("spooled", message.Subject);
        Assert.Equal(5000, message.Root.GetDecodedLength());
    }

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }
}
