using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Lab.Tests.Dataverse;

namespace EmailRouter.Interop.Tests.Organization;

/// <summary>
/// Lets zeep, a SOAP client we did not write, judge the lab's Organization.svc: it knows the service by its WSDL alone, and takes no element out of place. The
/// script
/// asserts what it sees.
/// </summary>
public sealed class ZeepTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [ServerFact(Software.Zeep)]
    public async Task It_creates_reads_changes_links_and_deletes_rows_and_reads_faults() =>
        await RunAsync("?wsdl", world.Token(), "rows", world.Anna, world.Account, world.Contact);

    [ServerFact(Software.Zeep)]
    public async Task It_reads_rows_page_by_page_with_FetchXML_and_with_query_expressions() =>
        await RunAsync("?singleWsdl", world.Token(), "queries", world.Anna, world.Account, world.Contact);

    [ServerFact(Software.Zeep)]
    public async Task It_asks_who_it_is_what_it_may_and_how_tables_are_defined_several_things_in_one() =>
        await RunAsync("?wsdl", world.Token(), "messages", world.AppUser, world.Anna, world.Support);

    [ServerFact(Software.Zeep)]
    public async Task It_checks_and_delivers_received_email_and_is_handed_out_pending_email() =>
        await RunAsync("?wsdl", world.Token(), "email", world.Anna, world.Support);

    [ServerFact(Software.Zeep)]
    public async Task It_logs_in_with_a_name_and_a_password()
    {
        Guid user = await world.Server.AddServiceUserAsync("CONTOSO\\svc-zeep", "its secret");
        await RunAsync("?wsdl", "CONTOSO\\svc-zeep:its secret", "messages", user, world.Anna, world.Support);
        await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync("?wsdl", "CONTOSO\\svc-zeep:another", "messages", user, world.Anna, world.Support));
    }

    private async Task RunAsync(string description, string login, string part, params Guid[] ids)
    {
        // The organization's name before the service is taken as well.
        string service = new Uri(world.Server.Url, "Contoso/XRMServices/2011/Organization.svc").ToString();
        string script = Path.Combine(AppContext.BaseDirectory, "Organization", "zeep_client.py");
        string output = await ServerProcess.RunAsync("/usr/bin/python3", [script, service + description, login, part, .. ids.Select(i => i.ToString())]);
        Assert.True(output.TrimEnd().EndsWith("done", StringComparison.Ordinal), output);
        Assert.Empty(world.Server.SkippedElements);
    }
}
