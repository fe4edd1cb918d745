using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.OAuth;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>A Web API over a CRM in memory with a user, a queue, an account and a contact, and an application that calls it.</summary>
public sealed class DataverseWorld : IAsyncLifetime
{
    private static readonly Guid application = new("11111111-2222-3333-4444-555555555555");

    public EmbeddedCrm Crm { get; private set; } = null!;

    public LabTokenServer Tokens { get; private set; } = null!;

    public LabDataverseServer Server { get; private set; } = null!;

    public HttpClient Http { get; } = new();

    public Guid AppUser { get; private set; }

    public Guid Anna { get; private set; }

    public Guid Support { get; private set; }

    public Guid Account { get; private set; }

    public Guid Contact { get; private set; }

    public async Task InitializeAsync()
    {
        Crm = await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions(), default);
        Tokens = new LabTokenServer();
        Server = new LabDataverseServer(Crm, Tokens);
        Server.Start();
        AppUser = await Server.AddApplicationUserAsync(application, "Email Router");
        Anna = await CreateAsync("systemuser", ("fullname", "Anna Example"), ("internalemailaddress", "anna@example.test"), ("emailrouteraccessapproval", 1));
        Support = await CreateAsync("queue", ("name", "Support"), ("emailaddress", "support@example.test"), ("ownerid", Anna), ("emailrouteraccessapproval", 1));
        Account = await CreateAsync("account", ("name", "Customer's & Co"), ("emailaddress1", "info@customer.test"));
        Contact = await CreateAsync("contact", ("fullname", "Carla Customer"), ("emailaddress1", "carla@customer.test"));
        Http.BaseAddress = Server.Root;
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token());
    }

    public string Token(string? userName = null) => Tokens.Issue(Server.Url.ToString(), application.ToString(), userName: userName);

    public async Task<Guid> CreateAsync(string table, params (string Name, object? Value)[] values) =>
        (await Crm.CreateRecordAsync(new CrmRecord(table, Guid.Empty, values.ToDictionary(v => v.Name, v => v.Value)), default)).Id;

    /// <summary>Sends a request and expects a status.</summary>
    public async Task<(HttpResponseMessage Response, JsonNode? Body)> SendAsync(string method, string path, object? body = null, int status = 0, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.RelativeOrAbsolute));
        if (body is not null)
            request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        foreach ((string name, string value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        HttpResponseMessage response = await Http.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        if (status != 0)
            Assert.True(status == (int)response.StatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return (response, text.StartsWith('{') ? JsonNode.Parse(text) : text.Length > 0 ? JsonValue.Create(text) : null);
    }

    public async Task<JsonNode> GetAsync(string path, params (string Name, string Value)[] headers) => (await SendAsync("GET", path, null, 200, headers)).Body!;

    public async Task<JsonArray> ListAsync(string path, params (string Name, string Value)[] headers) => (JsonArray)(await GetAsync(path, headers))["value"]!;

    public async Task<string> RefuseAsync(string method, string path, int status, object? body = null, params (string Name, string Value)[] headers) =>
        (string)(await SendAsync(method, path, body, status, headers)).Body!["error"]!["code"]!;

    /// <summary>Creates a draft from Anna to Carla by deep insert.</summary>
    public async Task<Guid> DraftAsync(string subject = "Pump quote")
    {
        (HttpResponseMessage response, _) = await SendAsync("POST", "emails", new JsonObject
        {
            ["subject"] = subject,
            ["description"] = "<p>Dear customer</p>",
            ["directioncode"] = true,
            ["regardingobjectid_account_email@odata.bind"] = $"/accounts({Account})",
            ["email_activity_parties"] = new JsonArray(
                new JsonObject { ["participationtypemask"] = 1, ["partyid_systemuser@odata.bind"] = $"/systemusers({Anna})" },
                new JsonObject { ["participationtypemask"] = 2, ["partyid_contact@odata.bind"] = $"/contacts({Contact})" },
                new JsonObject { ["participationtypemask"] = 3, ["addressused"] = "unknown@customer.test" }),
        }.ToJsonString(), 204);
        return IdOf(response);
    }

    public static Guid IdOf(HttpResponseMessage response) => Guid.Parse(response.Headers.GetValues("OData-EntityId").Single().Split('(', ')')[1]);

    public async Task DisposeAsync()
    {
        Http.Dispose();
        await Server.DisposeAsync();
        await Tokens.DisposeAsync();
        await Crm.DisposeAsync();
    }
}
