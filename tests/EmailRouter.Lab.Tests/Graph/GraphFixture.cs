using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Graph;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Graph;

/// <summary>A Graph endpoint over two mailboxes, and a client that speaks plain HTTP with it.</summary>
public abstract class GraphFixture : IAsyncLifetime
{
    protected const string Anna = "anna@contoso.test";
    protected const string Ben = "ben@contoso.test";

    protected LabMailStore Store { get; } = new();

    protected LabTokenServer Tokens { get; } = new();

    protected LabGraphServer Server { get; }

    protected HttpClient Client { get; } = new();

    protected LabMailbox Box { get; }

    protected GraphFixture()
    {
        Box = Store.AddMailbox(Anna, "secret");
        Store.AddMailbox(Ben, "secret");
        Server = new LabGraphServer(Store, Tokens);
    }

    public Task InitializeAsync()
    {
        Server.Start();
        UseToken(Tokens.Issue(LabGraphServer.Resource, roles: ["Mail.ReadWrite", "Mail.Send", "MailboxSettings.ReadWrite", "User.Read.All"]));
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        await Tokens.DisposeAsync();
    }

    protected void UseToken(string? token) => Client.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);

    protected static byte[] Mail(string subject, string more = "", string body = "Hello\r\n") =>
        Encoding.UTF8.GetBytes($"From: Kim <kim@adatum.test>\r\nTo: {Anna}\r\nSubject: {subject}\r\nMessage-ID: <{subject.Replace(' ', '.')}@adatum.test>\r\nDate: Fri, 20 Nov 2026 08:15:00 +0000\r\n{more}\r\n{body}");

    protected Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    protected Task<Answer> PostAsync(string path, JsonNode? body = null, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Post, path, body, headers);

    protected Task<Answer> PatchAsync(string path, JsonNode body, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Patch, path, body, headers);

    protected Task<Answer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path, null);

    protected Task<Answer> PostMimeAsync(string path, ReadOnlySpan<byte> mime)
    {
        var content = new StringContent(Convert.ToBase64String(mime, Base64FormattingOptions.InsertLineBreaks));
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        return SendContentAsync(HttpMethod.Post, path, content);
    }

    protected Task<Answer> SendAsync(HttpMethod method, string path, JsonNode? body, params (string Name, string Value)[] headers) =>
        SendContentAsync(method, path, body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), headers);

    private async Task<Answer> SendContentAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        string url = path.StartsWith("http", StringComparison.Ordinal) ? path
            : path.StartsWith('$') ? $"{Server.ServiceUrl}/{path}"
            : $"{Server.ServiceUrl}/users/{Anna}/{path}".TrimEnd('/');
        using var request = new HttpRequestMessage(method, url) { Content = content };
        foreach ((string name, string value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using HttpResponseMessage response = await Client.SendAsync(request);
        byte[] bytes = await response.Content.ReadAsByteArrayAsync();
        bool isJson = response.Content.Headers.ContentType?.MediaType == "application/json";
        return new Answer((int)response.StatusCode, isJson ? JsonNode.Parse(bytes)!.AsObject() : [], bytes, response.Headers);
    }

    protected sealed record Answer(int Status, JsonObject Json, byte[] Body, HttpResponseHeaders Headers)
    {
        public JsonArray Value => Json["value"]!.AsArray();

        public string Code => Json["error"]!["code"]!.GetValue<string>();

        public string Text(string name) => Json[name]!.GetValue<string>();
    }
}
