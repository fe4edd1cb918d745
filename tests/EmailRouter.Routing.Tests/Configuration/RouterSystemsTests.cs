namespace EmailRouter.Routing.Tests.Configuration;

public sealed class RouterSystemsTests
{
    [Fact]
    public void Systems_are_found_without_regard_to_case()
    {
        Assert.Equal("Pop3", Samples.Systems.Mail("POP3").Name);
        Assert.Equal("Embedded", Samples.Systems.Crm("embedded").Name);
    }

    [Fact]
    public void An_unknown_system_is_reported_with_those_that_are_known()
    {
        RouterException e = Assert.Throws<RouterException>(() => Samples.Systems.Mail("Exchange"));

        Assert.Equal("RouterSystemUnknown", e.Error.ErrorId);
        Assert.Contains("Pop3, Smtp", e.Error.Remedy, StringComparison.Ordinal);
    }
}
