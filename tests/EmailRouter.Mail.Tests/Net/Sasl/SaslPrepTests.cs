using EmailRouter.Mail.Net.Sasl;

namespace EmailRouter.Mail.Tests.Net.Sasl;

public sealed class SaslPrepTests
{
    /// <summary>The examples of RFC 4013 3 and spaces beyond ASCII.</summary>
    [Theory]
    [InlineData("I\u00ADX", "IX")]
    [InlineData("user", "user")]
    [InlineData("USER", "USER")]
    [InlineData("\u00AA", "a")]
    [InlineData("\u2168", "IX")]
    [InlineData("a\u00A0b\u3000c", "a b c")]
    [InlineData("p\u0061\u0308ss", "p\u00E4ss")]
    [InlineData("\u0627\u0628", "\u0627\u0628")]
    public void Text_is_mapped_and_normalised(string text, string expected)
    {
        Assert.True(SaslPrep.TryPrepare(text, out string prepared));
        Assert.Equal(expected, prepared);
    }

    [Theory]
    [InlineData("\u0007")]
    [InlineData("a\u007F")]
    [InlineData("\u0627\u0031")]
    [InlineData("\u0627a\u0628")]
    [InlineData("\uE000")]
    [InlineData("ä\u200E")]
    [InlineData("ä\uD800")]
    public void Prohibited_text_is_refused(string text) => Assert.False(SaslPrep.TryPrepare(text, out _));
}
