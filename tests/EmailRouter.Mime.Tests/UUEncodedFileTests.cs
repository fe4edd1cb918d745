using System.Text;

namespace EmailRouter.Mime.Tests;

public sealed class UUEncodedFileTests
{
    private const string Cat = "begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n";

    [Fact]
    public void Files_within_a_text_are_found()
    {
        string text = "Hello,\r\n\r\n" + Cat + "and\r\n" + Cat.Replace("cat.txt", "my cat.txt").Replace("\r\n", "\n") + "Bye";

        IReadOnlyList<UUEncodedFile> files = UUEncodedFile.Find(text);

        Assert.Equal(["cat.txt", "my cat.txt"], files.Select(static f => f.FileName));
        Assert.All(files, static f => Assert.Equal("Cat", Encoding.ASCII.GetString(f.Content.Span)));
        Assert.Equal(Cat, text[files[0].Start..files[0].End]);
        Assert.Equal("Bye", text[files[1].End..]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("begin ")]
    [InlineData("begin with me\r\nend\r\n")]
    [InlineData("begin 644 \r\nend\r\n")]
    [InlineData("begin 899 x\r\n#0V%T\r\nend\r\n")]
    [InlineData("begin 644 x\r\n#0V%T\r\n")]
    [InlineData("begin 644 x\r\nThis is a text of ordinary words.\r\nend\r\n")]
    [InlineData("we begin 644 x\r\n#0V%T\r\nend\r\n")]
    [InlineData("=ybegin line=128 size=3 name=x\r\nrst\r\n=yend size=3\r\n")]
    public void Anything_else_is_text(string text) => Assert.Empty(UUEncodedFile.Find(text));

    [Fact]
    public void A_false_begin_does_not_hide_a_right_one() =>
        Assert.Equal("cat.txt", Assert.Single(UUEncodedFile.Find("begin 644 lost\r\nwords here\r\n" + Cat)).FileName);

    [Fact]
    public void Real_files_come_back()
    {
        byte[] bytes = new byte[10_000];
        new Random(1).NextBytes(bytes);
        var text = new StringBuilder("begin 600 x.bin\r\n");
        for (int at = 0; at < bytes.Length; at += 45)
        {
            ReadOnlySpan<byte> line = bytes.AsSpan(at, Math.Min(45, bytes.Length - at));
            text.Append((char)(line.Length + 32));
            for (int i = 0; i < line.Length; i += 3)
            {
                int bits = (line[i] << 16) | ((i + 1 < line.Length ? line[i + 1] : 0) << 8) | (i + 2 < line.Length ? line[i + 2] : 0);
                for (int shift = 18; shift >= 0; shift -= 6)
                    text.Append((char)(((bits >> shift) & 63) is 0 ? '`' : ((bits >> shift) & 63) + 32));
            }

            text.Append("\r\n");
        }

        Assert.Equal(bytes, Assert.Single(UUEncodedFile.Find(text + "`\r\nend\r\n")).Content.ToArray());
    }

    [Fact]
    public void Their_number_is_limited() => Assert.Equal(100, UUEncodedFile.Find(string.Concat(Enumerable.Repeat(Cat, 150))).Count);
}
