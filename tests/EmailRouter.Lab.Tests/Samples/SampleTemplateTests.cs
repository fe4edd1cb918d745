using System.Text;
using EmailRouter.Lab.Samples;

namespace EmailRouter.Lab.Tests.Samples;

public sealed class SampleTemplateTests
{
    [Fact]
    public void Placeholders_are_filled_and_all_else_stays()
    {
        byte[] template = [0xFF, .. "a {{token:quote-17}}{{router}} }} {{"u8, 0x00];
        byte[] filled = SampleTemplate.Fill(template, (name, argument) => $"[{name}|{argument}]");
        Assert.Equal([0xFF, .. "a [token|quote-17][router|] }} {{"u8, 0x00], filled);
    }

    [Fact]
    public void An_unknown_placeholder_is_an_error_that_names_it()
    {
        FormatException error = Assert.Throws<FormatException>(() => SampleTemplate.Fill("{{what:ever}}"u8, (_, _) => null));
        Assert.Contains("{{what:ever}}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(57)]
    [InlineData(1000)]
    public void Base64_gives_so_many_octets_and_the_same_every_time(int octets)
    {
        byte[] template = Encoding.ASCII.GetBytes($"{{{{base64:{octets}}}}}");
        string filled = Encoding.ASCII.GetString(SampleTemplate.Fill(template, (_, _) => null));
        Assert.Equal(octets, Convert.FromBase64String(filled).Length);
        Assert.All(filled.Split("\r\n"), l => Assert.True(l.Length <= 76));
        Assert.Equal(filled, Encoding.ASCII.GetString(SampleTemplate.Fill(template, (_, _) => null)));
    }

    [Fact]
    public void Placeholders_are_listed() => Assert.Equal(["a:b", "c"], SampleTemplate.PlaceholdersOf("x{{a:b}}y{{c}}z{{"u8));
}
