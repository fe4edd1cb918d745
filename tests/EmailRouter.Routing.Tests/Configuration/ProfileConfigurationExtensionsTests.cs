using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class ProfileConfigurationExtensionsTests
{
    [Fact]
    public void Every_setting_reaches_the_endpoint()
    {
        var options = new Dictionary<string, string> { ["Mechanisms"] = "PLAIN, LOGIN", ["x"] = "y" };

        MailEndpoint endpoint = new ProfileConfiguration
        {
            Name = "a",
            Direction = MailDirection.Incoming,
            System = "Pop3",
            Host = "pop.example.test",
            Port = 1110,
            Tls = TlsMode.StartTls,
            CertificatePins = ["ABCD"],
            CheckRevocation = true,
            AllowPlainTextPassword = true,
            Options = options,
        }.ToEndpoint();

        Assert.Equivalent(
            new MailEndpoint
            {
                Host = "pop.example.test",
                Port = 1110,
                Tls = TlsMode.StartTls,
                CertificatePins = ["abcd"],
                CheckRevocation = true,
                AllowPlainTextPassword = true,
                Mechanisms = ["PLAIN", "LOGIN"],
                Options = options,
            },
            endpoint,
            strict: true);
    }

    [Fact]
    public void The_host_of_a_service_comes_from_its_address()
    {
        MailEndpoint endpoint = new ProfileConfiguration
        {
            Name = "a",
            Direction = MailDirection.Incoming,
            System = "Ews",
            Url = new Uri("https://mail.example.test/EWS/Exchange.asmx"),
        }.ToEndpoint();

        Assert.Equal("mail.example.test", endpoint.Host);
        Assert.Equal("https://mail.example.test/EWS/Exchange.asmx", endpoint.Url!.ToString());
    }
}
