using System.Text.Json.Nodes;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>Every user and queue has a row of mailbox.</summary>
public sealed class MailboxTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task Users_and_queues_have_mailboxes_beside_those_that_are_stored()
    {
        await world.CreateAsync("mailbox", ("name", "Forward"), ("emailaddress", "forward@example.test"), ("isforwardmailbox", true));

        JsonArray all = await world.ListAsync("mailboxes?$select=emailaddress,isforwardmailbox&$orderby=emailaddress");

        Assert.Equal([null, "anna@example.test", "forward@example.test", "support@example.test"], all.Select(m => (string?)m!["emailaddress"]));
        Assert.Equal([false, false, true, false], all.Select(m => (bool)m!["isforwardmailbox"]!));
    }

    [Fact]
    public async Task A_mailbox_leads_to_its_owner_and_back()
    {
        JsonNode mailbox = Assert.Single(await world.ListAsync($"mailboxes?$filter=_regardingobjectid_value eq {world.Support}&$expand=regardingobjectid_queue($select=name)"))!;
        Guid id = (Guid)mailbox["mailboxid"]!;

        Assert.Equal(("Support", "Support"), ((string)mailbox["name"]!, (string)mailbox["regardingobjectid_queue"]!["name"]!));
        Assert.Equal(id, (Guid)(await world.GetAsync($"queues({world.Support})?$select=_defaultmailbox_value"))["_defaultmailbox_value"]!);
        Assert.Equal("support@example.test", (string)(await world.GetAsync($"queues({world.Support})?$expand=defaultmailbox($select=emailaddress)"))["defaultmailbox"]!["emailaddress"]!);
        Assert.Equal(world.Support, (Guid)Assert.Single(await world.ListAsync($"queues?$select=name&$filter=_defaultmailbox_value eq {id}"))!["queueid"]!);
        Assert.Equal("anna@example.test", (string)Assert.Single(await world.ListAsync($"systemusers({world.Anna})/systemuser_mailbox_regardingobjectid"))!["emailaddress"]!);
        Assert.Equal(id, (Guid)(await world.GetAsync($"mailboxes({id})"))["mailboxid"]!);
        await world.RefuseAsync("GET", $"mailboxes({Guid.NewGuid()})", 404);
    }

    [Fact]
    public async Task Changing_a_mailbox_changes_its_owner()
    {
        JsonNode mailbox = Assert.Single(await world.ListAsync($"mailboxes?$filter=_regardingobjectid_value eq {world.Anna}"))!;
        string path = $"mailboxes({mailbox["mailboxid"]})";

        await world.SendAsync("PATCH", path, new { emailaddress = "adams@example.test", incomingemaildeliverymethod = 0, emailrouteraccessapproval = 3 }, 204, ("If-Match", (string)mailbox["@odata.etag"]!));

        JsonNode anna = await world.GetAsync($"systemusers({world.Anna})");
        Assert.Equal(("adams@example.test", 0, 3), ((string)anna["internalemailaddress"]!, (int)anna["incomingemaildeliverymethod"]!, (int)anna["emailrouteraccessapproval"]!));
        JsonNode changed = await world.GetAsync(path);
        Assert.Equal(("adams@example.test", false), ((string)changed["emailaddress"]!, (bool)changed["enabledforincoming"]!));
        await world.RefuseAsync("PATCH", path, 412, new { emailaddress = "late@example.test" }, ("If-Match", (string)mailbox["@odata.etag"]!));
        await world.RefuseAsync("PATCH", path, 400, new { processanddeleteemails = true });
        await world.RefuseAsync("DELETE", path, 400);
    }

    [Fact]
    public async Task A_stored_mailbox_of_a_user_takes_the_place_of_the_made_one()
    {
        await world.SendAsync("POST", "mailboxes", new JsonObject
        {
            ["name"] = "Anna's own", ["emailaddress"] = "anna@example.test", ["regardingobjectid_systemuser@odata.bind"] = $"/systemusers({world.Anna})",
        }.ToJsonString(), 204);

        Assert.Equal("Anna's own", (string)Assert.Single(await world.ListAsync($"mailboxes?$filter=_regardingobjectid_value eq {world.Anna}"))!["name"]!);
    }
}
