using System.Text.Json.Nodes;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>"Aggregate data using OData".</summary>
public sealed class ApplyTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public async Task InitializeAsync()
    {
        await world.InitializeAsync();
        foreach ((string subject, int attempts) in new[] { ("One", 1), ("one", 2), ("Two", 6) })
            await world.SendAsync("PATCH", $"emails({await world.DraftAsync(subject)})", new { deliveryattempts = attempts }, 204);
        await world.SendAsync("POST", "emails", new { subject = "Received", directioncode = false }, 204);
    }

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task Groups_are_the_values_there_are_with_their_labels()
    {
        JsonArray groups = await world.ListAsync("emails?$apply=groupby((directioncode))", ("Prefer", "odata.include-annotations=\"OData.Community.Display.V1.FormattedValue\""));

        Assert.Equal(
            """[{"directioncode@OData.Community.Display.V1.FormattedValue":"Incoming","directioncode":false},{"directioncode@OData.Community.Display.V1.FormattedValue":"Outgoing","directioncode":true}]""",
            groups.ToJsonString());
    }

    [Theory]
    [InlineData("groupby((subject),aggregate($count as count))", """[{"subject":"One","count":2},{"subject":"Received","count":1},{"subject":"Two","count":1}]""")]
    [InlineData("filter(directioncode eq true)/groupby((directioncode),aggregate(deliveryattempts with sum as total,deliveryattempts with average as mean))",
        """[{"directioncode":true,"total":9,"mean":3}]""")]
    [InlineData("aggregate(deliveryattempts with min as least,deliveryattempts with max as most,subject with countdistinct as subjects,$count as all)",
        """[{"least":0,"most":6,"subjects":3,"all":4}]""")]
    [InlineData("filter(subject eq 'None')/aggregate(deliveryattempts with sum as total,$count as all)", """[{"total":null,"all":0}]""")]
    [InlineData("filter(subject eq 'None')/groupby((subject))", "[]")]
    [InlineData("filter(directioncode eq true)/filter(contains(subject,'/') or subject eq 'Two')/groupby((regardingobjectid_account_email/name,directioncode),aggregate($count as n))",
        """[{"regardingobjectid_account_email":{"name":"Customer\u0027s \u0026 Co"},"directioncode":true,"n":1}]""")]
    [InlineData("groupby((regardingobjectid_account_email/name),aggregate($count as n))",
        """[{"regardingobjectid_account_email":null,"n":1},{"regardingobjectid_account_email":{"name":"Customer\u0027s \u0026 Co"},"n":3}]""")]
    public async Task Groups_are_counted_and_added_up(string apply, string expected) =>
        Assert.Equal(expected, (await world.ListAsync("emails?$apply=" + Uri.EscapeDataString(apply))).ToJsonString(), ignoreCase: true);

    [Fact]
    public async Task Groups_are_ordered_counted_and_cut()
    {
        JsonNode answer = await world.GetAsync("emails?$apply=groupby((subject))&$orderby=subject desc&$top=2&$count=true");

        Assert.Equal("""[{"subject":"Two"},{"subject":"Received"}]""", answer["value"]!.ToJsonString());
        Assert.Equal(2, (int)answer["@odata.count"]!);
        Assert.EndsWith("$metadata#emails", (string)answer["@odata.context"]!, StringComparison.Ordinal);
        Assert.Equal("""[{"subject":"Two"}]""", (await world.ListAsync("emails?$apply=groupby((subject))&$filter=subject eq 'two'")).ToJsonString());
    }

    [Fact]
    public async Task Related_rows_are_grouped_as_well() => Assert.Equal(
        """[{"participationtypemask":1,"n":1},{"participationtypemask":2,"n":1},{"participationtypemask":3,"n":1}]""",
        (await world.ListAsync($"emails({await world.DraftAsync("With parties")})/email_activity_parties?$apply=groupby((participationtypemask),aggregate($count as n))")).ToJsonString());

    [Theory]
    [InlineData("groupby((nosuch))")]
    [InlineData("groupby((createdon))")]
    [InlineData("groupby(subject)")]
    [InlineData("groupby((subject),filter(subject eq 'x'))")]
    [InlineData("groupby((subject))/groupby((subject))")]
    [InlineData("aggregate(subject with sum as s)")]
    [InlineData("aggregate(deliveryattempts with median as s)")]
    [InlineData("aggregate(deliveryattempts with sum as s,$count as s)")]
    [InlineData("aggregate(deliveryattempts)")]
    [InlineData("topcount(2,deliveryattempts)")]
    [InlineData("filter(subject eq 'One')")]
    [InlineData("nonsense")]
    [InlineData("groupby((subject),aggregate($count as n))&$orderby=n")]
    [InlineData("groupby((subject))&$select=subject")]
    [InlineData("groupby((subject))&$filter=directioncode eq true")]
    public async Task What_dataverse_does_not_do_is_refused(string apply) => await world.RefuseAsync("GET", "emails?$apply=" + apply, 400);

    [Fact]
    public async Task Who_may_not_read_may_not_count()
    {
        world.Server.Policy.Deny(world.AppUser, "prvReadActivity");
        await world.RefuseAsync("GET", "emails?$apply=aggregate($count as n)", 403);
    }
}
