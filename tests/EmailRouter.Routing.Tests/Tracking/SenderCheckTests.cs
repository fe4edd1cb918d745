using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class SenderCheckTests
{
    [Theory]
    [InlineData("carl@customer.test")]
    [InlineData("carl+crm@customer.test")]
    [InlineData("o'hara@customer.test")]
    [InlineData("carl@localhost")]
    [InlineData("carl@[192.0.2.1]")]
    [InlineData("carl@[IPv6:2001:db8::1]")]
    [InlineData("\"carl customer\"@customer.test")]
    [InlineData("käthe@müller.test")]
    public void An_address_as_they_are_written_is_well_formed(string address) => Assert.True(SenderCheck.IsWellFormed(address));

    [Theory]
    [InlineData("")]
    [InlineData("carl")]
    [InlineData("@customer.test")]
    [InlineData("carl@")]
    [InlineData("carl@@customer.test")]
    [InlineData("carl customer@customer.test")]
    [InlineData("carl@customer test")]
    [InlineData("carl@customer..test")]
    [InlineData("carl@.test")]
    [InlineData("carl@-customer.test")]
    [InlineData("<carl@customer.test>")]
    [InlineData("carl@customer.test\r\nBcc: all@contoso.test")]
    [InlineData("a@b.test,c@d.test")]
    public void What_cannot_be_an_address_is_malformed(string address) => Assert.False(SenderCheck.IsWellFormed(address));

    [Fact]
    public void An_address_longer_than_any_can_be_is_malformed() => Assert.False(SenderCheck.IsWellFormed(new string('a', 320) + "@x.test"));
}
