using System.Text;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class ConfigurationJsonTests
{
    [Fact]
    public void Settings_left_out_keep_their_defaults()
    {
        RouterConfiguration read = Read("""{ "profiles": [ { "name": "a", "direction": "incoming", "system": "Pop3" } ], "routing": { "maxMessagesPerPoll": 7 } }""");

        ProfileConfiguration expected = new() { Name = "a", Direction = MailDirection.Incoming, System = "Pop3" };
        Assert.Equivalent(expected, read.Profiles[0], strict: true);
        Assert.Equal(8, read.Profiles[0].MaxConnections);
        Assert.Equal(new RoutingOptions { MaxMessagesPerPoll = 7 }, read.Routing);
        Assert.Equal(new RouterConfiguration().StatePath, read.StatePath);
    }

    [Fact]
    public void Comments_trailing_commas_and_a_byte_order_mark_are_read()
    {
        RouterConfiguration read = ConfigurationJson.Read(
            [0xEF, 0xBB, 0xBF, .. "/* why */ { // our router\n \"routerName\": \"r1\", \"mailboxes\": [], }"u8], "test.json");

        Assert.Equal("r1", read.RouterName);
    }

    [Fact]
    public void The_text_is_for_people()
    {
        string text = Encoding.UTF8.GetString(ConfigurationJson.Write(Samples.Configuration with
        {
            Profiles =
            [
                new()
                {
                    Name = "Jörg's",
                    Direction = MailDirection.Incoming,
                    System = "Pop3",
                    Tls = TlsMode.StartTls,
                    Settlement = Settlement.MoveTo("Tracked"),
                    UntrackedSettlement = Settlement.Categorize("Seen by the CRM"),
                },
            ],
        }));

        Assert.Contains("\"name\": \"Jörg's\"", text, StringComparison.Ordinal);
        Assert.Contains("\"tls\": \"StartTls\"", text, StringComparison.Ordinal);
        Assert.Contains("\"direction\": \"Incoming\"", text, StringComparison.Ordinal);
        Assert.Contains("\"retryDelay\": \"00:05:00\"", text, StringComparison.Ordinal);
        Assert.Contains("\"kind\": \"Move\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("null", text, StringComparison.Ordinal);
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Nulls_mean_the_defaults()
    {
        RouterConfiguration read = Read(
            """
            { "routerName": null, "statePath": null, "deployments": null, "mailboxes": null, "routing": null,
              "profiles": [ { "name": "a", "direction": "Incoming", "system": "Pop3", "settlement": null, "options": null, "certificatePins": null } ] }
            """);

        Assert.Empty(read.Deployments);
        Assert.Equal("state.db", read.StatePath);
        Assert.Equal(new RoutingOptions(), read.Routing);
        Assert.Equal(Settlement.Keep, read.Profiles[0].Settlement);
        Assert.Empty(read.Profiles[0].Options);
        Assert.Empty(read.Profiles[0].CertificatePins);
    }

    [Theory]
    [InlineData("", "line 1", "")]
    [InlineData("null", "line 1", "only null")]
    [InlineData("{\n\"profiles\": [\n{ \"name\": \"a\", \"direction\": \"Incoming\", \"system\": \"Pop3\",\n\"hostt\": \"x\" } ] }", "line 4", "profiles[0].hostt: There is no such setting.")]
    [InlineData("{ \"routing\": {\n\"maxMessagesPerPol\": 5 } }", "line 2", "routing.maxMessagesPerPol: There is no such setting.")]
    [InlineData("{ \"profiles\": [ { \"name\": \"a\",\n\"system\": \"Pop3\" } ] }", "line 2", "profiles[0]: Settings are missing: direction")]
    [InlineData("{ \"profiles\": [ { \"tls\": \"SSL\" } ] }", "line 1", "profiles[0].tls: The value is no TlsMode (Implicit, StartTls, StartTlsWhenAvailable, None).")]
    [InlineData("{ \"profiles\": [ { \"tls\": 1 } ] }", "line 1", "profiles[0].tls")]
    [InlineData("{ \"profiles\": [ { \"port\": \"25\" } ] }", "line 1", "profiles[0].port: The value is no")]
    [InlineData("{ \"profiles\": [ { \"port\": 99999999999 } ] }", "line 1", "profiles[0].port: The value is no")]
    [InlineData("{ \"routing\": { \"retryDelay\": \"five minutes\" } }", "line 1", "routing.retryDelay: The value is no time span")]
    [InlineData("{ \"deployments\": {} }", "line 1", "deployments: The value is no list")]
    [InlineData("{ \"deployments\": [ null ] }", "", "deployments[0] is null")]
    [InlineData("{ \"deployments\": [ ", "line 1", "")]
    [InlineData("not json", "line 1", "")]
    public void What_cannot_be_understood_is_named_with_its_line(string text, string line, string problem)
    {
        RouterException e = Assert.Throws<RouterException>(() => Read(text));

        Assert.Equal("RouterConfigurationMalformed", e.Error.ErrorId);
        Assert.Contains("test.json", e.Message, StringComparison.Ordinal);
        Assert.Contains(line, e.Message, StringComparison.Ordinal);
        Assert.True(e.Message.Contains(problem, StringComparison.Ordinal), e.InnerException?.Message + e.Message);
        Assert.DoesNotContain("EmailRouter.", e.Message, StringComparison.Ordinal);
    }

    private static RouterConfiguration Read(string text) => ConfigurationJson.Read(Encoding.UTF8.GetBytes(text), "test.json");
}
