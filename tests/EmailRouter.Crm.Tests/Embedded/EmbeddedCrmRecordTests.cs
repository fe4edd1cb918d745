using EmailRouter.Crm.Embedded;

namespace EmailRouter.Crm.Tests.Embedded;

public sealed class EmbeddedCrmRecordTests : IAsyncLifetime
{
    private EmbeddedWorld world = null!;

    private EmbeddedCrm Crm => world.Crm;

    public async Task InitializeAsync() => world = await EmbeddedWorld.InMemoryAsync();

    public async Task DisposeAsync() => await world.DisposeAsync();

    [Fact]
    public async Task A_record_has_what_it_was_given_and_the_defaults()
    {
        CrmRecord account = await CreateAsync("account", ("name", "Contoso"));
        CrmRecord contact = await CreateAsync("contact", ("firstname", "Carl"), ("lastname", "Customer"), ("parentcustomerid", account.ToReference()),
            ("EMAILADDRESS1", "carl@customer.test"));

        CrmRecord read = (await Crm.GetRecordAsync("contact", contact.Id, default))!;
        Assert.Equal("Carl Customer", read.Name);
        Assert.Equal(account.ToReference(), read["parentcustomerid"]);
        Assert.Equal("Contoso", ((RecordReference)read["parentcustomerid"]!).Name);
        Assert.Equal((0, false, world.Now, 1), ((int)read["statecode"]!, (bool)read["donotemail"]!, (DateTimeOffset)read["createdon"]!,
            (int)read["versionnumber"]!));
        Assert.Equal("carl@customer.test", read["emailaddress1"]);
        Assert.Null(read["jobtitle"]);
        Assert.Null(await Crm.GetRecordAsync("contact", Guid.NewGuid(), default));
    }

    [Fact]
    public async Task A_user_has_its_personal_options_and_a_number()
    {
        CrmRecord first = await CreateAsync("systemuser", ("fullname", "Anna"), ("incomingemailfilteringmethod", "All"), ("autocreatecontactonpromote", 2));
        CrmRecord second = await CreateAsync("systemuser", ("fullname", "Ben"));

        Assert.Equal((0, 2, false, 1), ((int)first["incomingemailfilteringmethod"]!, (int)first["autocreatecontactonpromote"]!, (bool)first["issendasallowed"]!,
            (int)first["emailrouter_usernumber"]!));
        Assert.Equal((1, 0, 2), ((int)second["incomingemailfilteringmethod"]!, (int)second["autocreatecontactonpromote"]!,
            (int)second["emailrouter_usernumber"]!));

        await Crm.UpdateMailboxAsync(first.ToReference(), new MailboxChange { Filter = FilteringMethod.None, IsSendAsAllowed = true,
            Approval = AccessApproval.Rejected }, default);
        CrmRecord changed = (await Crm.GetRecordAsync("systemuser", first.Id, default))!;
        Assert.Equal((4, true, 3, 2), ((int)changed["incomingemailfilteringmethod"]!, (bool)changed["issendasallowed"]!,
            (int)changed["emailrouteraccessapproval"]!, (int)changed["autocreatecontactonpromote"]!));
        Assert.Single(await Crm.FindRecordsAsync(new RecordFilter { LogicalName = "systemuser", Attributes = new Dictionary<string, object?> { ["incomingemailfilteringmethod"] = FilteringMethod.None } }, default));
    }

    [Theory]
    [InlineData("contakt", "fullname", "x", "CrmTableUnknown", "contact, ")]
    [InlineData("contact", "emailadress1", "x", "CrmColumnUnknown", "emailaddress1, ")]
    [InlineData("contact", "createdon", "2026-01-01", "CrmRecordInvalid", "Leave the column out")]
    [InlineData("contact", "donotemail", "perhaps", "CrmRecordInvalid", "true or false")]
    [InlineData("contact", "statecode", "1.5", "CrmRecordInvalid", "whole number")]
    [InlineData("contact", "ownerid", "me", "CrmRecordInvalid", "an id")]
    [InlineData("contact", "parentcustomerid", "Contoso", "CrmRecordInvalid", "reference")]
    [InlineData("systemuser", "incomingemailfilteringmethod", "Some", "CrmRecordInvalid", "InResponse, ")]
    [InlineData("systemuser", "outgoingemaildeliverymethod", 9, "CrmRecordInvalid", "Router")]
    [InlineData("systemuser", "emailrouter_usernumber", 9, "CrmRecordInvalid", "Leave the column out")]
    [InlineData("queue", "name", "Support", "CrmRecordInvalid", "ownerid")]
    public async Task What_does_not_fit_is_refused_with_what_would(string table, string column, object value, string errorId, string remedy)
    {
        CrmException error = await Assert.ThrowsAsync<CrmException>(() => CreateAsync(table, (column, value)));

        Assert.Equal((errorId, true), (error.ErrorId, error.IsAboutRecord));
        Assert.Contains(remedy, error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_that_is_too_long_is_refused()
    {
        CrmException error = await Assert.ThrowsAsync<CrmException>(() => CreateAsync("contact", ("emailaddress1", new string('x', 101))));

        Assert.Contains("101", error.Message, StringComparison.Ordinal);
        Assert.Contains("100", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task References_to_nothing_are_refused()
    {
        Assert.Equal("CrmRecordMissing",
            (await Assert.ThrowsAsync<CrmException>(() => CreateAsync("contact",
            ("parentcustomerid", new RecordReference("account", Guid.NewGuid()))))).ErrorId);
        Assert.Equal("CrmRecordMissing", (await Assert.ThrowsAsync<CrmException>(() => CreateAsync("systemuser", ("queueid", Guid.NewGuid())))).ErrorId);
        Assert.Equal("CrmRecordMissing", (await Assert.ThrowsAsync<CrmException>(() => CreateAsync("queue", ("ownerid", Guid.NewGuid())))).ErrorId);
    }

    [Fact]
    public async Task A_record_is_created_once()
    {
        CrmRecord contact = await CreateAsync("contact", ("fullname", "Carl"));

        CrmException error = await Assert.ThrowsAsync<CrmException>(() => Crm.CreateRecordAsync(contact with { Attributes = new Dictionary<string, object?>() },
            default).AsTask());

        Assert.Equal("CrmRecordExists", error.ErrorId);
    }

    [Fact]
    public async Task An_update_changes_what_it_names_and_nothing_else()
    {
        CrmRecord contact = await CreateAsync("contact", ("fullname", "Carl"), ("emailaddress1", "carl@customer.test"), ("donotemail", true));
        world.Advance(TimeSpan.FromHours(1));

        CrmRecord changed = await Crm.UpdateRecordAsync(new CrmRecord("contact", contact.Id, new Dictionary<string, object?> { ["fullname"] = "Carla", ["donotemail"] = null, ["jobtitle"] = "" }), default);

        Assert.Equal(("Carla", "carl@customer.test", false, 2), (changed.Name, (string)changed["emailaddress1"]!, (bool)changed["donotemail"]!,
            (int)changed["versionnumber"]!));
        Assert.Equal((contact["createdon"], world.Now), (changed["createdon"], (DateTimeOffset)changed["modifiedon"]!));
        Assert.Equal(
            "CrmRecordMissing",
            (await Assert.ThrowsAsync<CrmException>(() => Crm.UpdateRecordAsync(new CrmRecord("contact", Guid.NewGuid(), new Dictionary<string, object?> { ["fullname"] = "x" }), default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task A_new_address_waits_for_approval()
    {
        CrmRecord user = await CreateAsync("systemuser", ("fullname", "Anna"), ("internalemailaddress", "anna@example.test"));
        Assert.Equal((int)AccessApproval.Pending, user["emailrouteraccessapproval"]);
        await Crm.UpdateMailboxAsync(user.ToReference(), new MailboxChange { Approval = AccessApproval.Approved }, default);

        async Task<object?> ApprovalAfterAsync(string? address) => (await Crm.UpdateRecordAsync(
            new CrmRecord("systemuser", user.Id, new Dictionary<string, object?> { ["internalemailaddress"] = address }),
            default))["emailrouteraccessapproval"];

        Assert.Equal((int)AccessApproval.Approved, await ApprovalAfterAsync("ANNA@example.test "));
        Assert.Equal((int)AccessApproval.Pending, await ApprovalAfterAsync("anna.adams@example.test"));
        Assert.Equal((int)AccessApproval.Empty, await ApprovalAfterAsync(null));
        Assert.Equal((int)AccessApproval.Empty, (await CreateAsync("systemuser", ("fullname", "Ben")))["emailrouteraccessapproval"]);
    }

    [Fact]
    public async Task Records_are_found_by_name_pattern_address_and_values()
    {
        CrmRecord owner = await CreateAsync("systemuser", ("fullname", "Anna"));
        await CreateAsync("contact", ("fullname", "Carl 100%"), ("emailaddress2", "Carl@customer.test"), ("ownerid", owner.Id));
        await CreateAsync("contact", ("fullname", "carla_x"));
        await CreateAsync("contact", ("fullname", "Bob"), ("ownerid", owner.Id));

        async Task<string> NamesAsync(RecordFilter filter) => string.Join(", ", (await Crm.FindRecordsAsync(filter, default)).Select(r => r.Name));
        var contacts = new RecordFilter { LogicalName = "contact" };
        Assert.Equal("Bob, Carl 100%, carla_x", await NamesAsync(contacts));
        Assert.Equal("Bob", await NamesAsync(contacts with { Top = 1 }));
        Assert.Equal("Carl 100%, carla_x", await NamesAsync(contacts with { Name = "CARL*" }));
        Assert.Equal("Carl 100%", await NamesAsync(contacts with { Name = "*100%" }));
        Assert.Equal("carla_x", await NamesAsync(contacts with { Name = "carla_?" }));
        Assert.Equal(string.Empty, await NamesAsync(contacts with { Name = "carl?" }));
        Assert.Equal("Carl 100%", await NamesAsync(contacts with { Address = " carl@CUSTOMER.test" }));
        Assert.Equal("Bob, Carl 100%", await NamesAsync(contacts with { Attributes = new Dictionary<string, object?> { ["ownerid"] = owner.Id.ToString() } }));
        Assert.Equal("carla_x", await NamesAsync(contacts with { Attributes = new Dictionary<string, object?> { ["ownerid"] = null } }));
    }

    [Fact]
    public async Task A_table_of_ones_own_is_email_enabled()
    {
        await Crm.RegisterTableAsync(new TableDefinition { LogicalName = "new_vendor", PrimaryNameColumn = "new_name", AddressColumns = ["new_email"],
            Columns = [new ColumnDefinition("new_rank", ColumnType.Integer)] }, default);
        CrmRecord vendor = await CreateAsync("new_vendor", ("new_name", "Vera"), ("new_email", "vera@vendor.test"), ("new_rank", "3"));

        AddressOwner owner = Assert.Single((await Crm.LookupAsync(new RecordQuery { Addresses = ["vera@vendor.test"] }, default)).Owners["vera@vendor.test"]);

        Assert.Equal((vendor.ToReference(), "Vera", "new_email", true), (owner.Record, owner.Record.Name, owner.Column, owner.IsActive));
        Assert.Equal(3, vendor["new_rank"]);
        Assert.Contains((await Crm.GetTablesAsync(default)), t => t is { LogicalName: "new_vendor", IsCustom: true, PrimaryIdColumn: "new_vendorid" });
    }

    [Fact]
    public async Task Registering_again_adds_columns()
    {
        var table = new TableDefinition { LogicalName = "new_vendor", AddressColumns = ["new_email"] };
        await Crm.RegisterTableAsync(table, default);
        CrmRecord vendor = await CreateAsync("new_vendor", ("name", "Vera"));

        await Crm.RegisterTableAsync(table with { AddressColumns = ["new_email", "new_other"],
            Columns = [new ColumnDefinition("new_flag", ColumnType.Flag) { Default = true }] }, default);
        await world.UpdateAsync(vendor.ToReference(), ("new_other", "other@vendor.test"));

        CrmRecord read = (await Crm.GetRecordAsync("new_vendor", vendor.Id, default))!;
        Assert.Equal(("Vera", "other@vendor.test", true), (read.Name, (string)read["new_other"]!, (bool)read["new_flag"]!));
        Assert.Equal("new_other",
            (await Crm.LookupAsync(new RecordQuery { Addresses = ["other@vendor.test"] }, default)).Owners["other@vendor.test"][0].Column);
    }

    [Theory]
    [InlineData("vendor", "name")]
    [InlineData("contact", "name")]
    [InlineData("New_Vendor", "name")]
    [InlineData("new_vendor; DROP TABLE email", "name")]
    [InlineData("new_vendor", "na\"me")]
    [InlineData("new_vendor", "new_vendorid")]
    [InlineData("new_vendor", "createdon")]
    public async Task Names_that_cannot_be_are_refused(string table, string column)
    {
        var definition = new TableDefinition { LogicalName = table, PrimaryIdColumn = "new_vendorid", PrimaryNameColumn = column };

        Assert.Equal("CrmRecordInvalid", (await Assert.ThrowsAsync<CrmException>(() => Crm.RegisterTableAsync(definition, default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task A_forward_mailbox_is_a_mailbox()
    {
        CrmRecord owner = await CreateAsync("systemuser", ("fullname", "Anna"));
        CrmRecord forward = await CreateAsync("mailbox", ("name", "Forward"), ("emailaddress", "forward@example.test"), ("isforwardmailbox", true),
            ("ownerid", owner.Id));
        await CreateAsync("mailbox", ("name", "Other"), ("emailaddress", "other@example.test"));

        var mailboxes = new List<CrmMailbox>();
        await foreach (CrmMailbox mailbox in Crm.GetMailboxesAsync(default))
            mailboxes.Add(mailbox);

        CrmMailbox found = Assert.Single(mailboxes);
        Assert.Equal((forward.ToReference(), CrmMailboxKind.Forward, owner.Id, AccessApproval.Approved),
            (found.Owner, found.Kind, found.OwnerUserId, found.Approval));
    }

    private async Task<CrmRecord> CreateAsync(string table, params (string Column, object? Value)[] attributes) =>
        await Crm.CreateRecordAsync(new CrmRecord(table, Guid.Empty, attributes.ToDictionary(a => a.Column, a => a.Value)), default);
}
