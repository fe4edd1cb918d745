using System.Text.Json.Nodes;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Servers;

namespace EmailRouter.Lab.Tests.Dataverse;

public sealed class PolicyTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task A_missing_privilege_is_named()
    {
        world.Server.Policy.Deny(world.AppUser, "prvReadActivity");

        JsonNode error = (await world.SendAsync("GET", "emails", null, 403)).Body!["error"]!;
        Assert.Equal("0x80040220", (string)error["code"]!);
        Assert.Contains("prvReadActivity", (string)error["message"]!, StringComparison.Ordinal);
        world.Server.Policy.Grant(world.AppUser, "prvReadActivity");
        await world.ListAsync("emails");
    }

    [Fact]
    public async Task The_request_limit_answers_429_with_the_time_to_wait()
    {
        world.Server.Policy.RequestLimit = 2;
        await world.GetAsync("WhoAmI");
        (HttpResponseMessage last, _) = await world.SendAsync("GET", "WhoAmI", null, 200);
        Assert.Equal(["0"], last.Headers.GetValues("x-ms-ratelimit-burst-remaining-xrm-requests"));

        (HttpResponseMessage response, JsonNode? body) = await world.SendAsync("GET", "WhoAmI", null, 429);
        Assert.Equal("0x80072322", (string)body!["error"]!["code"]!);
        Assert.InRange(response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 300);
    }

    [Fact]
    public async Task Requests_that_take_too_long_together_are_a_429_of_their_own()
    {
        world.Server.Policy.TimeLimit = TimeSpan.Zero;
        (HttpResponseMessage first, _) = await world.SendAsync("GET", "WhoAmI", null, 200);
        (HttpResponseMessage response, JsonNode? body) = await world.SendAsync("GET", "WhoAmI", null, 429);

        Assert.Equal(["0.00"], first.Headers.GetValues("x-ms-ratelimit-time-remaining-xrm-requests"));
        Assert.Equal("0x80072321", (string)body!["error"]!["code"]!);
        Assert.True(response.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        Assert.Equal(world.Anna, (Guid)(await world.GetAsync("WhoAmI", ("MSCRMCallerID", world.Anna.ToString())))["UserId"]!);
    }

    [Fact]
    public async Task A_throttling_fault_has_the_codes_of_the_service()
    {
        using IDisposable fault = world.Server.Faults.Add(new LabFault(LabFaultKind.Throttle) { Command = "GET emails", RetryAfter = TimeSpan.FromSeconds(5), Times = 1 });

        Assert.Equal("0x80072322", await world.RefuseAsync("GET", "emails?$top=1", 429));
        await world.ListAsync("emails");
    }

    [Fact]
    public async Task A_plug_in_refuses_with_its_own_words_and_nothing_is_made()
    {
        world.Server.Policy.PlugInErrors["email"] = "No email on Sundays.";

        Assert.Equal("0x80040265", await world.RefuseAsync("POST", "emails", 400, new { subject = "x" }));
        Assert.Empty(await world.ListAsync("emails"));
    }

    [Fact]
    public async Task A_read_only_organization_can_be_read()
    {
        world.Server.Policy.IsReadOnly = true;

        await world.RefuseAsync("POST", "contacts", 403, new { lastname = "x" });
        await world.ListAsync("contacts");
    }

    [Fact]
    public async Task Duplicates_are_found_when_the_client_asks_for_it()
    {
        world.Server.Policy.DuplicateRules["contact"] = true;

        Assert.Equal("0x80040333", await world.RefuseAsync("POST", "contacts", 412, new { emailaddress1 = "CARLA@customer.test" }, ("MSCRM.SuppressDuplicateDetection", "false")));
        await world.SendAsync("POST", "contacts", new { emailaddress1 = "carla@customer.test" }, 204);
    }

    [Fact]
    public async Task The_caller_acts_for_another_user_when_allowed()
    {
        Assert.Equal(world.Anna, (Guid)(await world.GetAsync("WhoAmI", ("MSCRMCallerID", world.Anna.ToString())))["UserId"]!);
        world.Server.Policy.Deny(world.AppUser, "prvActOnBehalfOfAnotherUser");
        (_, JsonNode? refused) = await world.SendAsync("GET", "WhoAmI", null, 403, ("MSCRMCallerID", world.Anna.ToString()));
        Assert.Equal("0x80040220", (string)refused!["error"]!["code"]!);
        Assert.Contains($"(Id={world.AppUser}, type=8", (string)refused["error"]!["message"]!, StringComparison.Ordinal);
        Assert.Contains("is missing prvActOnBehalfOfAnotherUser privilege", (string)refused["error"]!["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_caller_names_another_user_by_the_object_id_and_that_counts_before_the_older_header()
    {
        var objectId = Guid.NewGuid();
        await world.Crm.UpdateRecordAsync(new CrmRecord("systemuser", world.Anna, new Dictionary<string, object?> { ["azureactivedirectoryobjectid"] = objectId }), default);

        Assert.Equal(world.Anna, (Guid)(await world.GetAsync("WhoAmI", ("CallerObjectId", objectId.ToString())))["UserId"]!);
        Assert.Equal(world.Anna, (Guid)(await world.GetAsync("WhoAmI", ("CallerObjectId", objectId.ToString()), ("MSCRMCallerID", world.AppUser.ToString())))["UserId"]!);
        await world.RefuseAsync("GET", "WhoAmI", 403, null, ("CallerObjectId", world.Anna.ToString()));
    }

    [Fact]
    public async Task Who_acts_for_another_user_may_do_what_both_may()
    {
        world.Server.Policy.Deny(world.AppUser, "prvCreateContact");
        await world.RefuseAsync("POST", "contacts", 403, new { lastname = "x" }, ("MSCRMCallerID", world.Anna.ToString()));
        world.Server.Policy.Grant(world.AppUser, "prvCreateContact");
        world.Server.Policy.Deny(world.Anna, "prvCreateContact");
        await world.RefuseAsync("POST", "contacts", 403, new { lastname = "x" }, ("MSCRMCallerID", world.Anna.ToString()));
        await world.SendAsync("POST", "contacts", new { lastname = "x" }, 204);
    }

    [Fact]
    public async Task A_disabled_user_is_refused()
    {
        await world.Crm.UpdateRecordAsync(new CrmRecord("systemuser", world.AppUser, new Dictionary<string, object?> { ["isdisabled"] = true }), default);

        Assert.Equal("0x80040225", await world.RefuseAsync("GET", "WhoAmI", 403));
    }

    [Theory]
    [InlineData("api/data/v8.2/WhoAmI", 200)]
    [InlineData("Contoso/api/data/v9.1/WhoAmI", 200)]
    [InlineData("api/data/v7.0/WhoAmI", 404)]
    public async Task The_service_is_at_the_addresses_of_its_versions(string path, int status) =>
        await world.SendAsync("GET", new Uri(world.Server.Url, path).ToString(), null, status);

    [Fact]
    public async Task Errors_of_version_8_name_their_type_and_help_comes_when_asked_for()
    {
        JsonNode old = (await world.SendAsync("GET", new Uri(world.Server.Url, "api/data/v8.2/nosuchs").ToString(), null, 404)).Body!["error"]!;
        JsonNode helpful = (await world.SendAsync("GET", "nosuchs", null, 404, ("Prefer", "odata.include-annotations=\"*\""))).Body!["error"]!;

        Assert.NotNull(old["innererror"]);
        Assert.NotNull(helpful["@Microsoft.PowerApps.CDS.TraceText"]);
    }

    [Fact]
    public async Task Too_many_requests_at_once_are_told_apart_from_too_many_in_a_while()
    {
        world.Server.Policy.ConcurrentLimit = 0;

        (HttpResponseMessage response, JsonNode? body) = await world.SendAsync("GET", "WhoAmI", null, 429);

        Assert.Equal("0x80072326", (string)body!["error"]!["code"]!);
        Assert.True(response.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        world.Server.Policy.ConcurrentLimit = 1;
        await world.GetAsync("WhoAmI");
    }

    [Fact]
    public async Task A_request_that_is_too_large_is_a_413_and_makes_nothing()
    {
        await using var small = new LabDataverseServer(world.Crm, world.Tokens, options: new LabHttpOptions { MaxBody = 10_000 });
        small.Start();
        string token = world.Tokens.Issue(small.Url.ToString(), "11111111-2222-3333-4444-555555555555");

        (HttpResponseMessage response, JsonNode? body) = await world.SendAsync(
            "POST", new Uri(small.Root, "contacts").ToString(), new { lastname = new string('x', 20_000) }, 413, ("Authorization", $"Bearer {token}"));

        Assert.Equal("0x80060890", (string)body!["error"]!["code"]!);
        Assert.Single(await world.ListAsync("contacts"));
        Assert.NotNull(response);
    }

    [Fact]
    public async Task The_case_of_guids_does_not_matter()
    {
        string id = world.Contact.ToString("D").ToUpperInvariant();

        Assert.Equal(world.Contact, (Guid)(await world.GetAsync($"contacts({id})"))["contactid"]!);
        Assert.Single(await world.ListAsync($"contacts?$filter=contactid eq {id}"));
        await world.SendAsync("POST", "emails", new JsonObject { ["subject"] = "x", ["regardingobjectid_contact_email@odata.bind"] = $"/contacts({id})" }.ToJsonString(), 204);
        Assert.Single(await world.ListAsync($"emails?$filter=_regardingobjectid_value eq {id}"));
        Assert.Equal(world.Anna, (Guid)(await world.GetAsync("WhoAmI", ("MSCRMCallerID", world.Anna.ToString("B").ToUpperInvariant())))["UserId"]!);
    }
}
