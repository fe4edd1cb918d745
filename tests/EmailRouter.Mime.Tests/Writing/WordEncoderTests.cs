using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Writing;

namespace EmailRouter.Mime.Tests.Writing;

public sealed class WordEncoderTests
{
    [Theory]
    [InlineData("", false)]
    [InlineData("plain text, with (punctuation)", false)]
    [InlineData("ü", true)]
    [InlineData("=?", true)]
    [InlineData(" x", true)]
    [InlineData("x\t", true)]
    [InlineData("a\u0001b", true)]
    public void Only_what_would_not_survive_is_encoded(string text, bool needed) => Assert.Equal(needed, WordEncoder.IsNeeded(text));

    [Fact]
    public void What_cannot_be_folded_is_encoded()
    {
        Assert.True(WordEncoder.IsNeeded(new string('x', 901)));
        Assert.True(WordEncoder.IsNeeded("a" + new string(' ', 60) + "b"));
    }

    [Theory]
    [InlineData("Grüße aus Köln, mit einem Text, der über mehrere Wörter geht, weil er länger ist als eine Zeile")]
    [InlineData("日本語の長い件名がここに続きますので複数の語に分けられますから確認してください")]
    [InlineData("😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀")]
    [InlineData("ü")]
    public void Words_are_short_and_whole(string text)
    {
        foreach (int column in (int[])[0, 9, 30])
        {
            List<string> words = WordEncoder.Encode(text, column);

            Assert.True(column + words[0].Length <= 75);
            Assert.All(words, word => Assert.True(word.Length <= 75));
            // Each can be read by itself: no character is split.
            Assert.Equal(text, string.Concat(words.Select(EncodedWords.Decode)));
            Assert.Equal(text, EncodedWords.Decode(string.Join("\t", words)));
        }
    }

    [Fact]
    public void The_shorter_form_is_chosen()
    {
        Assert.StartsWith("=?utf-8?Q?", WordEncoder.Encode("mostly plain with one ü").Single());
        Assert.StartsWith("=?utf-8?B?", WordEncoder.Encode("日本").Single());
    }
}
