using System.Buffers;
using System.Text;

namespace EmailRouter.Mime.Tests;

/// <summary>A message of 150 MB costs address space and a constant amount of heap.</summary>
public sealed class LargeMessageTests
{
    private const int Attachment = 149_500_000;
    private const long Allowed = 4 << 20;

    [Fact]
    public void A_message_of_150_MB_is_spooled_parsed_and_decoded_in_constant_memory()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();

        using var writer = new MessageBufferWriter();
        Write(writer);
        using MessageBuffer buffer = writer.Complete();
        MimeMessage message = MimeMessage.Parse(buffer.Memory);
        string text = message.TextBody!.GetText();
        MimePart part = Assert.Single(message.Attachments);
        long decoded = part.GetDecodedLength();
        long read = ReadAll(part);

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(buffer.IsSpooled);
        Assert.True(buffer.Length > Attachment - 78);
        Assert.Empty(message.Diagnostics);
        Assert.Equal("Hello", text);
        Assert.Equal("big.bin", part.FileName);
        Assert.Equal(decoded, read);
        Assert.Equal(Attachment / 78 * 57, decoded);
        Assert.True(allocated < Allowed, $"{allocated:N0} bytes were allocated");
    }

    private static long ReadAll(MimePart part)
    {
        using Stream stream = part.OpenDecoded();
        byte[] piece = new byte[65536];
        long total = 0;
        for (int read; (read = stream.Read(piece)) > 0;)
            total += read;
        return total;
    }

    private static void Write(MessageBufferWriter writer)
    {
        writer.Write(Encoding.ASCII.GetBytes(
            "From: ann@example.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n"
            + "Content-Type: application/octet-stream; name=big.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
        byte[] line = Encoding.ASCII.GetBytes(new string('A', 76) + "\r\n");
        byte[] piece = [.. Enumerable.Repeat(line, 1000).SelectMany(static bytes => bytes)];
        int lines = Attachment / line.Length;
        for (int written = 0; written < lines; written += 1000)
            writer.Write(piece.AsSpan(0, Math.Min(1000, lines - written) * line.Length));
        writer.Write("--b--\r\n"u8);
    }
}
