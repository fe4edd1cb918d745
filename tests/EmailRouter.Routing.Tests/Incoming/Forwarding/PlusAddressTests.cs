using EmailRouter.Routing.Incoming.Forwarding;

namespace EmailRouter.Routing.Tests.Incoming.Forwarding;

public sealed class PlusAddressTests
{
    [Theory]
    [InlineData("sue@example.test", "crm+sue=example.test@forward.test")]
    [InlineData("a=b@example.test", "crm+a=b=example.test@forward.test")]
    [InlineData("sue+crm@example.test", "crm+sue+crm=example.test@forward.test")]
    public void A_mailbox_has_an_address_of_its_own_at_the_forward_mailbox(string mailbox, string expected)
    {
        string address = PlusAddress.Make("crm@forward.test", mailbox);

        Assert.Equal(expected, address);
        Assert.Equal(mailbox, PlusAddress.Read(address, "crm@forward.test"));
        Assert.Equal(mailbox, PlusAddress.Read(address.Replace("crm+", "CRM+", StringComparison.Ordinal), "Crm@Forward.test"));
    }

    [Theory]
    [InlineData("crm@forward.test")]
    [InlineData("crm+@forward.test")]
    [InlineData("crm+sue@forward.test")]
    [InlineData("crm+=example.test@forward.test")]
    [InlineData("crm+sue=@forward.test")]
    [InlineData("crm+sue=example.test@other.test")]
    [InlineData("other+sue=example.test@forward.test")]
    [InlineData("crmx+sue=example.test@forward.test")]
    [InlineData("sue")]
    [InlineData("")]
    public void Other_addresses_stand_for_nobody(string address) => Assert.Null(PlusAddress.Read(address, "crm@forward.test"));

    [Fact]
    public void What_is_no_address_is_refused()
    {
        Assert.Throws<ArgumentException>(() => PlusAddress.Make("crm", "sue@example.test"));
        Assert.Throws<ArgumentException>(() => PlusAddress.Make("crm@forward.test", "@example.test"));
    }
}
