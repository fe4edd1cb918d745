using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class ConfigurationLocationTests
{
    [Theory]
    [InlineData(false, true, "/etc/emailrouter/emailrouter.json")]
    [InlineData(false, false, "/ApplicationData/emailrouter/emailrouter.json")]
    [InlineData(true, false, "/CommonApplicationData/EmailRouter/emailrouter.json")]
    public void Each_machine_has_its_place(bool isWindows, bool isPrivileged, string expected) =>
        Assert.Equal(expected, ConfigurationLocation.Find(null, isWindows, isPrivileged, folder => $"/{folder}").Replace('\\', '/'));

    [Fact]
    public void The_environment_variable_wins() =>
        Assert.Equal(Path.GetFullPath("/srv/router.json"), ConfigurationLocation.Find(Path.GetFullPath("/srv/router.json"), false, true, folder => $"/{folder}"));

    [Fact]
    public void An_empty_variable_says_nothing() =>
        Assert.Equal("/etc/emailrouter/emailrouter.json", ConfigurationLocation.Find(" ", false, true, folder => $"/{folder}").Replace('\\', '/'));
}
