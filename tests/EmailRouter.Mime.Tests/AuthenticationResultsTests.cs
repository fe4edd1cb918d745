namespace EmailRouter.Mime.Tests;

public sealed class AuthenticationResultsTests
{
    [Fact]
    public void Results_reasons_and_properties_are_read()
    {
        AuthenticationResults results = AuthenticationResults.Parse(
            "mx.example.test 1; spf=pass (sender IP is 192.0.2.1; ok) smtp.mailfrom=a.test; dkim=Fail reason=\"bad; \\\"signature\\\"\" header.d = a.test header.b=abc=; dmarc/1=pass action=none header.from=a.test");

        Assert.Equal("mx.example.test", results.ServiceId);
        Assert.Equal(["spf", "dkim", "dmarc"], results.Results.Select(static r => r.Method));
        Assert.Equal("pass", results.Find("SPF")!.Result);
        Assert.Equal("sender IP is 192.0.2.1; ok", results.Find("spf")!.Comment);
        Assert.Equal("a.test", results.Find("spf")!.Properties["smtp.mailfrom"]);
        Assert.Equal("fail", results.Find("dkim")!.Result);
        Assert.Equal("bad; \"signature\"", results.Find("dkim")!.Reason);
        Assert.Equal("a.test", results.Find("dkim")!.Properties["HEADER.D"]);
        Assert.Equal("abc=", results.Find("dkim")!.Properties["header.b"]);
        Assert.Equal("none", results.Find("dmarc")!.Properties["action"]);
        Assert.Null(results.Find("arc"));
    }

    [Fact]
    public void The_server_may_be_left_out()
    {
        AuthenticationResults results = AuthenticationResults.Parse("spf=pass smtp.mailfrom=a.test; compauth=pass reason=100");

        Assert.Null(results.ServiceId);
        Assert.Equal("100", results.Find("compauth")!.Reason);
    }

    [Theory]
    [InlineData("", null, 0)]
    [InlineData(";", null, 0)]
    [InlineData("mx.example.test; none", "mx.example.test", 0)]
    [InlineData("mx; spf=", "mx", 0)]
    [InlineData("mx; =pass; spf=pass;;", "mx", 1)]
    [InlineData("mx; spf=pass (open", "mx", 1)]
    [InlineData("mx; spf=\"pass", "mx", 1)]
    [InlineData("mx; spf=pass (a \\", "mx", 1)]
    [InlineData("mx; spf=pass ) smtp.mailfrom=x", "mx", 1)]
    public void Broken_headers_are_read_as_far_as_they_go(string value, string? service, int results)
    {
        AuthenticationResults read = AuthenticationResults.Parse(value);

        Assert.Equal(service, read.ServiceId);
        Assert.Equal(results, read.Results.Count);
    }

    [Fact]
    public void All_headers_are_read_topmost_first()
    {
        MimeMessage message = Mail.ParseLines("Authentication-Results: one;\n\tspf=pass\nAuthentication-Results: two; spf=fail\n\nx");

        Assert.Equal(["one", "two"], AuthenticationResults.Read(message).Select(static r => r.ServiceId));
        Assert.Equal("pass", AuthenticationResults.Read(message)[0].Find("spf")!.Result);
    }

    [Fact]
    public void Results_are_limited() => Assert.Equal(100, AuthenticationResults.Parse("mx" + string.Concat(Enumerable.Repeat("; spf=pass", 5000))).Results.Count);
}
