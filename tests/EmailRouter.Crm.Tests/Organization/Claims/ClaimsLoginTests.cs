using System.Net;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Claims;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Tests.Dataverse;
using static EmailRouter.Crm.Tests.Organization.Claims.ScriptedFederation;

namespace EmailRouter.Crm.Tests.Organization.Claims;

/// <summary>The log-in of claims-based deployments of CRM 2011 to 2015: what is found out, asked for and sent, and what refusals mean.</summary>
public sealed class ClaimsLoginTests
{
    private readonly ScriptedFederation server = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_message_carries_the_token_and_a_signature_that_the_platform_verifies(bool contributes)
    {
        server.Contributes = contributes;

        Assert.Equal("7.0.1.129", await AskAsync());

        // The judge has looked at each: it fails the answer otherwise.
        Asked message = Assert.Single(server.Messages);
        Assert.Equal(
            "application/soap+xml; charset=utf-8; action=\"http://schemas.microsoft.com/xrm/2011/Contracts/Services/IOrganizationService/Execute\"",
            message.Headers["Content-Type"]);
        Assert.Equal(["?wsdl", "?wsdl=wsdl0"], server.Http.All.Where(a => a.Method == "GET").Select(a => a.Query));
        Assert.All(server.Http.All, a => Assert.Contains(a.Address.Host, (string[])["contoso.crm.example.test", "sts.example.test"]));
    }

    [Theory]
    [InlineData(":Created>2026", ":Created>2025")]
    [InlineData("<DigestValue>", "<DigestValue>A")]
    [InlineData("Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></Transform>", "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"></Transform>")]
    public async Task The_judge_takes_no_message_that_was_changed(string sent, string changed)
    {
        await AskAsync();
        string text = Assert.Single(server.Messages).Text;
        MessageJudge.Judge(text, server.Tokens);

        Assert.Contains(sent, text, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => MessageJudge.Judge(text.Replace(sent, changed, StringComparison.Ordinal), server.Tokens));
        Assert.ThrowsAny<Exception>(() => MessageJudge.Judge(text, server.Tokens.ToDictionary(t => t.Key, t => t.Value.Reverse().ToArray())));
    }

    [Fact]
    public async Task The_token_service_alone_gets_the_password_and_is_asked_for_a_token_for_the_service()
    {
        var log = new List<string>();
        await AskAsync(context: server.Http.Context with { ProtocolLog = new Listener(log) });

        Asked asked = Assert.Single(server.TokenRequests);
        XElement request = XElement.Parse(asked.Text).Descendants().Single(e => e.Name.LocalName == "RequestSecurityToken");
        Assert.Equal(Service, request.Child("AppliesTo")!.Value);
        Assert.EndsWith("/SymmetricKey", request.Child("KeyType")!.Value, StringComparison.Ordinal);
        Assert.Equal(@"CONTOSO\router", XElement.Parse(asked.Text).Descendants().Single(e => e.Name.LocalName == "Username").Value);
        Assert.All(server.Http.All.Except([asked]), a => Assert.DoesNotContain("p4ss", a.Text, StringComparison.Ordinal));
        Assert.DoesNotContain(log, line => line.Contains("p4ss", StringComparison.Ordinal) || line.Contains("_token", StringComparison.Ordinal));
    }

    [Fact]
    public void A_key_of_both_sides_is_the_one_that_others_compute()
    {
        // Computed with Python's hmac from the formula of RFC 2246.
        byte[] key = IssuedToken.ComputeKey([.. Enumerable.Range(0, 32).Select(i => (byte)i)], [.. Enumerable.Range(100, 32).Select(i => (byte)i)], 32);

        Assert.Equal("5F2F3BAE6385BB76C4C85BD8393FC091B7AC48D8270DD39613328DD67CE8B566", Convert.ToHexString(key));
    }

    [Fact]
    public async Task A_token_is_kept_until_shortly_before_its_end()
    {
        using OrganizationConnection connection = Connection();
        await AskAsync(connection);
        server.Http.Clock.Advance(TimeSpan.FromMinutes(54));
        await AskAsync(connection);
        Assert.Single(server.TokenRequests);
        server.Http.Clock.Advance(TimeSpan.FromMinutes(2));
        await AskAsync(connection);

        Assert.Equal(2, server.TokenRequests.Count());
        Assert.Equal(2, server.Http.All.Count(a => a.Method == "GET"));
    }

    [Fact]
    public async Task A_refused_token_is_got_anew_once()
    {
        int refusals = 1;
        server.Take = _ => refusals-- > 0 ? Fault("An error occurred when verifying security for the message.", "InvalidSecurity") : null;
        Assert.Equal("7.0.1.129", await AskAsync());
        Assert.Equal(2, server.TokenRequests.Count());

        refusals = 99;
        CrmException refused = await RefusedAsync();
        Assert.Equal("CrmLoginRefused", refused.ErrorId);
        Assert.Contains(@"token of CONTOSO\router", refused.Message, StringComparison.Ordinal);
        Assert.Equal(4, server.TokenRequests.Count());
    }

    [Fact]
    public async Task A_clock_that_differs_is_told_at_the_CRM_and_at_the_token_service()
    {
        HttpResponseMessage Late(string code)
        {
            HttpResponseMessage answer = Fault("The message has expired.", code);
            answer.Headers.Date = server.Http.Clock.GetUtcNow().AddMinutes(42);
            return answer;
        }

        server.Take = _ => Late("MessageExpired");
        CrmException atService = await RefusedAsync();
        server.Issue = _ => Late("InvalidSecurity");
        CrmException atTokenService = await RefusedAsync();

        foreach (CrmException told in (CrmException[])[atService, atTokenService])
        {
            Assert.Equal("CrmLoginRefused", told.ErrorId);
            Assert.Contains("clock differs from the server's by 42 minutes", told.Message, StringComparison.Ordinal);
            Assert.StartsWith("Set this machine's clock", told.Remedy, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_refused_password_is_not_sent_again_for_a_minute()
    {
        using OrganizationConnection connection = Connection();
        server.Issue = _ => Fault("ID3242: The security token could not be authenticated or authorized.", "FailedAuthentication");
        await Assert.ThrowsAsync<CrmException>(() => AskAsync(connection));
        Assert.Equal("CrmLoginRefused", (await Assert.ThrowsAsync<CrmException>(() => AskAsync(connection))).ErrorId);
        Assert.Single(server.TokenRequests);
        server.Issue = _ => null;
        server.Http.Clock.Advance(TimeSpan.FromMinutes(2));
        await AskAsync(connection);

        Assert.Equal(2, server.TokenRequests.Count());
    }

    [Theory]
    [InlineData("CrmLoginRefused", "ID3242: The security token could not be authenticated or authorized.", "FailedAuthentication")]
    [InlineData("CrmRelyingPartyUnknown", "ID3082: The request scope is not valid or is unsupported.", "InvalidScope")]
    [InlineData("CrmLoginRefused", "MSIS3127: The specified request failed.", "RequestFailed")]
    public async Task What_the_token_service_refuses_is_told_in_its_words(string id, string words, string code)
    {
        server.Issue = _ => Fault(words + " " + Password, code);

        CrmException refused = await RefusedAsync();

        Assert.Equal(id, refused.ErrorId);
        Assert.StartsWith("sts.example.test ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("p4ss", refused.Message, StringComparison.Ordinal);
        Assert.Empty(server.Messages);
    }

    [Theory]
    [InlineData(HttpRequestError.NameResolutionError, "CrmUnreachable")]
    [InlineData(HttpRequestError.SecureConnectionError, "CrmCertificateRefused")]
    public async Task A_token_service_that_cannot_be_reached_or_trusted_is_named(HttpRequestError error, string id)
    {
        server.Issue = _ => throw new HttpRequestException(error, "The net says no.");

        CrmException refused = await RefusedAsync();

        Assert.Equal(id, refused.ErrorId);
        Assert.Contains("sts.example.test", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.Redirect)]
    [InlineData(HttpStatusCode.Forbidden)]
    public async Task A_token_service_without_the_endpoint_is_told_with_what_to_enable(HttpStatusCode status)
    {
        server.Issue = _ => new HttpResponseMessage(status) { Headers = { Location = new Uri("https://elsewhere.example.test/") } };

        CrmException refused = await RefusedAsync();

        Assert.Equal("CrmNotSupported", refused.ErrorId);
        Assert.Contains("/adfs/services/trust/13/usernamemixed", refused.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Http.All, a => a.Address.Host == "elsewhere.example.test");
    }

    [Fact]
    public async Task A_password_goes_to_no_token_service_without_TLS()
    {
        server.Metadata = "http://sts.example.test/adfs/services/trust/mex";

        Assert.Equal("CrmPlainTextRefused", (await RefusedAsync()).ErrorId);
        Assert.DoesNotContain(server.Http.All, a => a.Address.Host == "sts.example.test");
    }

    [Fact]
    public async Task An_identifier_that_is_a_name_leads_to_the_same_server_by_TLS()
    {
        server.Metadata = null;

        Assert.Equal("7.0.1.129", await AskAsync());
    }

    [Theory]
    [InlineData("ActiveDirectory")]
    [InlineData(null)]
    public async Task Where_Windows_logs_in_or_nothing_is_described_messages_go_as_before(string? authentication)
    {
        server.Authentication = authentication;
        using OrganizationConnection connection = Connection();
        await AskAsync(connection);
        await AskAsync(connection);

        Assert.Empty(server.TokenRequests);
        Assert.Equal(authentication is null ? 1 : 2, server.Http.All.Count(a => a.Method == "GET"));
        Assert.All(server.Http.All.Where(a => a.Method == "POST"), a => Assert.Equal(ScriptedOrganizationService.Address, a.Address.AbsoluteUri));
    }

    [Fact]
    public async Task A_description_that_was_missing_is_asked_for_again()
    {
        using OrganizationConnection connection = Connection();
        server.Authentication = null;
        await AskAsync(connection);
        server.Authentication = "Federation";
        await AskAsync(connection);
        Assert.Empty(server.TokenRequests);
        server.Http.Clock.Advance(TimeSpan.FromMinutes(6));
        await AskAsync(connection);

        Assert.Single(server.TokenRequests);
        Assert.Single(server.Messages);
    }

    [Fact]
    public async Task Tokens_of_OAuth_need_no_description()
    {
        using var connection = new OrganizationConnection(ScriptedServer.Endpoint, server.Http.Context);
        await AskAsync(connection);

        Assert.DoesNotContain(server.Http.All, a => a.Method == "GET");
    }

    [Theory]
    [InlineData("OnlineFederation")]
    [InlineData("LiveId")]
    public async Task The_log_ins_of_the_former_CRM_Online_are_refused_in_words(string authentication)
    {
        server.Authentication = authentication;

        CrmException refused = await RefusedAsync();

        Assert.Equal("CrmNotSupported", refused.ErrorId);
        Assert.Contains("Dataverse", refused.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Http.All, a => a.Method == "POST");
    }

    [Fact]
    public async Task A_fault_of_the_organization_is_told_as_ever()
    {
        server.Take = _ => Soap(
            """
            <s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en-US">Short words.</s:Text></s:Reason><s:Detail>
            <OrganizationServiceFault xmlns="http://schemas.microsoft.com/xrm/2011/Contracts"><ErrorCode>-2147220970</ErrorCode><Message>prvReadEmail is missing.</Message></OrganizationServiceFault>
            </s:Detail></s:Fault>
            """, HttpStatusCode.InternalServerError);

        Assert.Equal("CrmPrivilegeMissing", (await RefusedAsync()).ErrorId);
        Assert.Single(server.TokenRequests);
    }

    private async Task<CrmException> RefusedAsync() => await Assert.ThrowsAsync<CrmException>(() => AskAsync());

    private OrganizationConnection Connection(CrmContext? context = null) => new(server.Endpoint, context ?? server.Http.Context);

    private async Task<string> AskAsync(OrganizationConnection? connection = null, CrmContext? context = null)
    {
        using OrganizationConnection? own = connection is null ? Connection(context) : null;
        OrganizationConnection asked = connection ?? own!;
        if (connection is null)
            return (await asked.LocateAsync(default)).Version.ToString();
        await asked.SendAsync(new OrganizationRequest("WhoAmI", "who the router is") { IsRepeatable = true }, default);
        return string.Empty;
    }

    private sealed class Listener(List<string> lines) : IProgress<string>
    {
        public void Report(string value) => lines.Add(value);
    }
}
