using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration.Tokens;

public sealed class CommandAnswerTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

    [Theory]
    [InlineData("""{"access_token":"abc","expires_on":1800003600}""", 3600)]
    [InlineData("""{"accessToken":"abc","expiresOn":"2001-01-01 00:00:00.000000","expires_on":1800003600}""", 3600)]
    [InlineData("""{"access_token":"abc","expires_on":"1800003600"}""", 3600)]
    [InlineData("""{"access_token":"abc","expires_in":60}""", 60)]
    [InlineData("""{"Token":"abc","ExpiresOn":"2027-01-15T09:00:00+00:00"}""", 3600)]
    [InlineData("""{"access_token":"abc"}""", 600)]
    [InlineData("abc\n", 600)]
    public void A_token_is_read_with_its_end(string text, int seconds) => Assert.Equal(new AccessToken("abc", Now.AddSeconds(seconds)), CommandAnswer.Read(text, Now));

    [Fact]
    public void A_bare_token_that_says_when_it_ends_is_believed()
    {
        string token = $"e30.{Convert.ToBase64String("""{"exp":1800001234}"""u8).TrimEnd('=')}.sig";

        Assert.Equal(Now.AddSeconds(1234), CommandAnswer.Read(token, Now)!.Value.ExpiresOn);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   \n")]
    [InlineData("ERROR: Please run 'az login'")]
    [InlineData("abc\ndef")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"access_token":null}""")]
    [InlineData("""{"access_token":""}""")]
    [InlineData("""{"access_token":7}""")]
    [InlineData("""{"access_token":"{\"access_token\":\"x\"}"}""")]
    [InlineData("""{"access_token":"abc\r\nX-Injected: 1"}""")]
    [InlineData("""{"error":"no"}""")]
    public void What_is_no_token_is_none(string text) => Assert.Null(CommandAnswer.Read(text, Now));

    [Theory]
    [InlineData("""{"access_token":"abc","expires_on":"soon"}""")]
    [InlineData("""{"access_token":"abc","expires_on":99999999999999999}""")]
    [InlineData("""{"access_token":"abc","expires_in":-1e99}""")]
    public void An_end_that_makes_no_sense_counts_as_unknown(string text) => Assert.Equal(Now.AddMinutes(10), CommandAnswer.Read(text, Now)!.Value.ExpiresOn);
}
