using System.Text;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class ConfigurationExportTests
{
    [Fact]
    public void No_secret_leaves_and_an_import_names_what_is_missing()
    {
        RouterConfiguration full = Samples.Configuration with
        {
            Deployments =
            [
                Samples.Configuration.Deployments[0] with
                {
                    System = "Other",
                    Path = null,
                    Url = new("https://org.example.test"),
                    Authentication = CrmAuthentication.Password,
                    Credential = new("crm", "aesgcm1:CCCC"),
                    Options = new Dictionary<string, string> { ["apiKey"] = "hidden" },
                },
                Samples.Configuration.Deployments[0] with
                {
                    Name = "Online",
                    System = "Other",
                    Path = null,
                    Url = new("https://org.example.test"),
                    OAuth = new() { ClientId = "app", TenantId = "t", ClientSecret = "aesgcm1:FFFF" },
                    FurtherApplications =
                    [
                        new() { ClientId = "app2", TenantId = "t", Flow = OAuthFlow.Certificate, Certificate = Path.GetFullPath("app.pfx"), CertificatePassword = "aesgcm1:0000" },
                    ],
                },
            ],
            Profiles =
            [
                Samples.Configuration.Profiles[0] with { Options = new Dictionary<string, string> { ["clientSecret"] = "hidden", ["folder"] = "Inbox" }, CredentialSource = CredentialSource.OAuth, OAuth = new() { ClientId = "app", TenantId = "t", ClientSecret = "aesgcm1:EEEE" } },
                Samples.Configuration.Profiles[1] with { SentCopy = new() { Address = "sent@example.test", Profile = "Pop", Credential = new("sent", "aesgcm1:DDDD") } },
            ],
        };

        RouterConfiguration exported = full.WithoutSecrets();

        string text = Encoding.UTF8.GetString(ConfigurationJson.Write(exported));
        Assert.DoesNotContain("aesgcm1:", text, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", text, StringComparison.Ordinal);
        Assert.Contains("Inbox", text, StringComparison.Ordinal);
        Assert.Contains("relay", text, StringComparison.Ordinal);
        Assert.Equal(
            ["deployment \"Contoso\", credential", "deployment \"Online\", oAuth, clientSecret", "deployment \"Online\", furtherApplications[0], certificatePassword", "profile \"Pop\", oAuth, clientSecret", "profile \"Relay\", credential", "profile \"Relay\", sentCopy, credential", "mailbox \"support@example.test\", credential"],
            ConfigurationValidator.Validate(exported, Samples.Systems).Select(f => f.Element));
    }
}
