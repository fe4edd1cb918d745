using System.Buffers;
using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime.Tests.Codecs;

public sealed class BodyDecoderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("SGVsbG8=", "Hello")]
    [InlineData("SGVsbG8", "Hello")]
    [InlineData("SGVs\r\nbG8=\r\n", "Hello")]
    [InlineData("S G\tV\ns\r\nb\rG8=", "Hello")]
    [InlineData("!S*G-V_s,bG8=.", "Hello")]
    [InlineData("SGVsbG8=SGVsbG8=", "HelloHello")]
    [InlineData("SGVsbA==\r\nbyBXb3JsZA==\r\n", "Hello World")]
    [InlineData("SGVsbG8==========", "Hello")]
    [InlineData("====", "")]
    [InlineData("S", "")]
    [InlineData("SG", "H")]
    [InlineData("SGVsbG9X\r\n\r\n-- \r\n", "HelloW")]
    public void Base64_is_decoded_whatever_lies_between(string text, string expected) =>
        Assert.Equal(expected, Encoding.Latin1.GetString(Decode(text, MimeTransferEncoding.Base64)));

    [Theory]
    [InlineData("\r\nend", "=3D\r\nend")]
    [InlineData("x\r\n", null)]
    [InlineData("", "=3D")]
    public void A_long_run_of_blanks_is_the_same_however_it_is_read(string after, string? expected)
    {
        string blanks = new(' ', 9000);
        byte[] body = Encoding.ASCII.GetBytes("=3D" + blanks + after);
        string wanted = expected?.Replace("=3D", "=", StringComparison.Ordinal) ?? "=" + blanks + after;
        foreach (int room in (int[])[64, 100, 1000, 4096, 8192, 20_000])
        {
            var decoder = new BodyDecoder(body, MimeTransferEncoding.QuotedPrintable);
            var text = new StringBuilder();
            byte[] buffer = new byte[room];
            for (int read; (read = decoder.Read(buffer)) > 0;)
                text.Append(Encoding.ASCII.GetString(buffer, 0, read));

            Assert.Equal(wanted, text.ToString());
        }
    }

    [Fact]
    public void Base64_of_any_length_and_line_length_is_decoded()
    {
        var random = new Random(1);
        foreach (int line in (int[])[1, 3, 4, 5, 60, 64, 76, 77, 998, 5000])
        {
            byte[] bytes = new byte[random.Next(1, 20_000)];
            random.NextBytes(bytes);
            string text = string.Join("\r\n", Convert.ToBase64String(bytes).Chunk(line).Select(chunk => new string(chunk)));

            Assert.Equal(bytes, Decode(text, MimeTransferEncoding.Base64));
            // With a byte of rubbish every so often, which takes the slow path and back.
            foreach (string rubbish in (string[])["!", " ", "\t", "\r\n", "-"])
                Assert.Equal(bytes, Decode(string.Concat(text.Select((character, index) => index % 701 == 0 ? rubbish + character : character.ToString())),
                    MimeTransferEncoding.Base64));
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("a=20b", "a b")]
    [InlineData("=e4=E4", "\u00e4\u00e4")]
    [InlineData("a=\r\nb", "ab")]
    [InlineData("a=\nb", "ab")]
    [InlineData("a=  \t\r\nb", "ab")]
    [InlineData("a=", "a")]
    [InlineData("a=\r", "a")]
    [InlineData("a= ", "a")]
    [InlineData("a=ZZb", "a=ZZb")]
    [InlineData("a=4", "a=4")]
    [InlineData("a==41", "a=A")]
    [InlineData("a \t\r\nb", "a\r\nb")]
    [InlineData("a \t\nb", "a\nb")]
    [InlineData("a  ", "a")]
    [InlineData("a b  c", "a b  c")]
    [InlineData("a\rb", "a\rb")]
    [InlineData("a=0D=0Ab", "a\r\nb")]
    [InlineData("a =\r\n b", "a  b")]
    public void Quoted_printable_is_decoded_leniently(string text, string expected) =>
        Assert.Equal(expected, Encoding.Latin1.GetString(Decode(text, MimeTransferEncoding.QuotedPrintable)));

    [Fact]
    public void Quoted_printable_gives_the_same_in_any_pieces()
    {
        var random = new Random(2);
        for (int round = 0; round < 300; round++)
        {
            string text = string.Concat(Enumerable.Range(0, 400).Select(_ =>
                (string[])["a", " ", "  ", "\r\n", "\n", "=41", "=\r\n", "= \r\n", "=", "\r", "\t"]).Select(choices => choices[random.Next(choices.Length)]));
            byte[] whole = new byte[4096];
            int position = 0;
            int contentEnd = 0;
            int length = QuotedPrintableDecoder.Decode(Encoding.Latin1.GetBytes(text), ref position, ref contentEnd, whole);
            Assert.Equal(text.Length, position);

            var pieces = new List<byte>();
            var decoder = new BodyDecoder(Encoding.Latin1.GetBytes(text), MimeTransferEncoding.QuotedPrintable);
            byte[] piece = new byte[64 + random.Next(20)];
            for (int read; (read = decoder.Read(piece)) > 0;)
                pieces.AddRange(piece.AsSpan(0, read));
            Assert.Equal(whole.AsSpan(0, length).ToArray(), pieces.ToArray());
        }
    }

    [Fact]
    public void Uuencoded_bodies_are_decoded()
    {
        Assert.Equal("Cat", Encoding.ASCII.GetString(Decode("begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n", MimeTransferEncoding.UUEncode)));
        Assert.Equal("Cat", Encoding.ASCII.GetString(Decode("begin 644 cat.txt\n#0V%T\n", MimeTransferEncoding.UUEncode)));
        Assert.Equal(3, Decode("#0\n", MimeTransferEncoding.UUEncode).Length);
    }

    [Fact]
    public void Other_bodies_are_what_they_are() => Assert.Equal("=41 \r\n", Encoding.ASCII.GetString(Decode("=41 \r\n", MimeTransferEncoding.EightBit)));

    [Fact]
    public async Task Every_way_to_decode_gives_the_same()
    {
        byte[] bytes = new byte[200_000];
        new Random(3).NextBytes(bytes);
        MimePart part = Mail.Parse("Content-Transfer-Encoding: base64\r\n\r\n" + Convert.ToBase64String(bytes, Base64FormattingOptions.InsertLineBreaks)).Root;

        var writer = new ArrayBufferWriter<byte>();
        part.DecodeTo(writer);
        Assert.Equal(bytes, writer.WrittenSpan.ToArray());

        using var copied = new MemoryStream();
        await part.CopyDecodedToAsync(copied);
        Assert.Equal(bytes, copied.ToArray());

        Assert.Equal(bytes.Length, part.GetDecodedLength());

        await using Stream stream = part.OpenDecoded();
        var read = new List<byte>();
        for (int value; (value = stream.ReadByte()) >= 0;)
            read.Add((byte)value);
        Assert.Equal(bytes, read);
        Assert.Equal(0, await stream.ReadAsync(new byte[100]));
    }

    [Fact]
    public void A_closed_stream_cannot_be_read()
    {
        Stream stream = Mail.Parse("a: b\r\n\r\ntext").Root.OpenDecoded();
        stream.Dispose();

        Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
        Assert.False(stream.CanRead || stream.CanSeek || stream.CanWrite);
    }

    private static byte[] Decode(string text, MimeTransferEncoding encoding)
    {
        var writer = new ArrayBufferWriter<byte>();
        BodyDecoder.DecodeTo(Encoding.Latin1.GetBytes(text), encoding, writer);
        return writer.WrittenSpan.ToArray();
    }

    [Theory]
    [InlineData("\r")]
    [InlineData("\r ")]
    [InlineData(" \r")]
    [InlineData("\t")]
    [InlineData("\t\t\t\r\r\r")]
    public void Quoted_printable_made_of_line_ends_that_are_none_stays_as_it_is(string piece)
    {
        string text = string.Concat(Enumerable.Repeat(piece, 50_000)) + "x";
        MimePart part = Mail.Parse("Content-Transfer-Encoding: quoted-printable\r\n\r\n" + text).Root;

        Assert.Equal(text, System.Text.Encoding.ASCII.GetString(part.Decode()));
    }
}
