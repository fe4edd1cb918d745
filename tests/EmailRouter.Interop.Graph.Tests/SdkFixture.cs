using System.Text;
using EmailRouter.Lab.Graph;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Store;
using Microsoft.Graph;
using Microsoft.Identity.Client;
using Microsoft.Kiota.Abstractions.Authentication;

namespace EmailRouter.Interop.Graph.Tests;

/// <summary>
/// The lab's Graph endpoint, and Microsoft's own SDK as its client: it logs in through MSAL at the lab's token endpoint and talks plain HTTP with the one host that it is allowed.
/// </summary>
public abstract class SdkFixture : IAsyncLifetime, IMsalHttpClientFactory
{
    protected const string Anna = "anna@contoso.test";
    protected const string Ben = "ben@contoso.test";

    private readonly LabTokenServer tokens = new();
    private HttpClient tokenClient = null!;

    protected SdkFixture()
    {
        Box = Store.AddMailbox(Anna, "secret");
        Store.AddMailbox(Ben, "secret");
        Server = new LabGraphServer(Store, tokens);
    }

    protected LabMailStore Store { get; } = new();

    protected LabGraphServer Server { get; }

    protected LabMailbox Box { get; }

    protected GraphServiceClient Client { get; private set; } = null!;

    public HttpClient GetHttpClient() => tokenClient;

    public Task InitializeAsync()
    {
        tokens.Start();
        Server.Start();
        tokens.Register(new LabOAuthClient("router") { Secret = "right", Roles = ["Mail.ReadWrite", "Mail.Send", "MailboxSettings.ReadWrite", "User.Read.All"] });
        tokenClient = new HttpClient(tokens.CreateHandler());
        IConfidentialClientApplication application = ConfidentialClientApplicationBuilder.Create("router").WithClientSecret("right")
            .WithAuthority(tokens.Authority.AbsoluteUri, validateAuthority: false).WithInstanceDiscovery(false).WithHttpClientFactory(this).Build();
        Client = new GraphServiceClient(new BaseBearerTokenAuthenticationProvider(new TokenProvider(application, Server.Host)), Server.ServiceUrl.AbsoluteUri);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        tokenClient.Dispose();
        await Server.DisposeAsync();
        await tokens.DisposeAsync();
    }

    protected LabMessage Deliver(string subject, string body = "Hello\r\n", int minutes = 0) =>
        Store.Deliver(Anna, Mail(subject, body), new DateTimeOffset(2026, 11, 20, 8, 0, 0, TimeSpan.Zero).AddMinutes(minutes));

    protected static byte[] Mail(string subject, string body = "Hello\r\n") => Encoding.UTF8.GetBytes(
        $"From: Kim <kim@adatum.test>\r\nTo: {Anna}\r\nSubject: {subject}\r\nMessage-ID: <{subject.Replace(' ', '.')}@adatum.test>\r\nDate: Fri, 20 Nov 2026 08:15:00 +0000\r\n\r\n{body}");

    /// <summary>Hands the lab's tokens to the SDK. The SDK refuses plain HTTP to any host but a local one.</summary>
    private sealed class TokenProvider(IConfidentialClientApplication application, string host) : IAccessTokenProvider
    {
        public AllowedHostsValidator AllowedHostsValidator { get; } = new([host]);

        public async Task<string> GetAuthorizationTokenAsync(Uri uri, Dictionary<string, object>? additionalAuthenticationContext = null, CancellationToken cancellationToken = default)
        {
            if (!AllowedHostsValidator.IsUrlHostValid(uri))
                return string.Empty;
            return (await application.AcquireTokenForClient([LabGraphServer.Resource + "/.default"]).ExecuteAsync(cancellationToken)).AccessToken;
        }
    }
}
