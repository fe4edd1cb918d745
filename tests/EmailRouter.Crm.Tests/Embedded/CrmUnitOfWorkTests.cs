using EmailRouter.Crm.Embedded;

namespace EmailRouter.Crm.Tests.Embedded;

public sealed class CrmUnitOfWorkTests : IAsyncLifetime
{
    private EmbeddedWorld world = null!;
    private Guid user;

    private EmbeddedCrm Crm => world.Crm;

    public async Task InitializeAsync()
    {
        world = await EmbeddedWorld.InMemoryAsync();
        user = (await Crm.CreateRecordAsync(Row("systemuser", Guid.Empty, ("fullname", "Ulla"), ("internalemailaddress", "ulla@unit.test")), default)).Id;
    }

    public async Task DisposeAsync() => await world.DisposeAsync();

    [Fact]
    public async Task All_changes_happen_or_none()
    {
        CrmException error = await Assert.ThrowsAsync<CrmException>(() => Crm.ChangeAsync(
            work =>
            {
                work.Create(Row("contact", Guid.Empty, ("fullname", "First")));
                return work.Create(Row("contact", Guid.Empty, ("nosuch", 1)));
            },
            default).AsTask());

        Assert.Equal("CrmColumnUnknown", error.ErrorId);
        Assert.Empty(await Crm.FindRecordsAsync(new RecordFilter { LogicalName = "contact", Name = "First" }, default));
    }

    [Fact]
    public async Task A_change_of_what_somebody_else_has_changed_is_refused()
    {
        Guid id = await DraftAsync();
        await Crm.ChangeAsync(work => work.Update(Row("email", id, ("subject", "changed")), expectedVersion: null), default);

        CrmException error = await Assert.ThrowsAsync<CrmException>(() => Crm.ChangeAsync(work => work.Update(Row("email", id, ("subject", "late")), 1), default).AsTask());

        Assert.Equal("CrmRecordChanged", error.ErrorId);
        Assert.Equal("changed", (await Crm.GetEmailAsync(id, default))!.Subject);
    }

    [Fact]
    public async Task Parties_give_an_email_its_sender_and_recipients_and_it_can_be_sent()
    {
        Guid id = await DraftAsync();
        await Crm.ChangeAsync(work => work.SendEmail(id, issueSend: true), default);

        EmailActivity email = (await Crm.GetEmailAsync(id, default))!;
        Assert.Equal((EmailStatus.PendingSend, "ulla@unit.test", "nobody@unit.test"), (email.Status, email.Sender, email.ToRecipients));
        Assert.Equal(user, email.EmailSender!.Id);
    }

    [Fact]
    public async Task A_status_follows_only_where_it_may()
    {
        Guid id = await DraftAsync();
        CrmException error = await Assert.ThrowsAsync<CrmException>(() => Crm.ChangeAsync(work => work.Update(Row("email", id, ("statuscode", 7))), default).AsTask());
        Assert.Equal("CrmTransitionInvalid", error.ErrorId);
        error = await Assert.ThrowsAsync<CrmException>(() => Crm.ChangeAsync(work => work.Update(Row("email", id, ("statuscode", 4))), default).AsTask());
        Assert.Equal("CrmTransitionInvalid", error.ErrorId);
        error = await Assert.ThrowsAsync<CrmException>(() => Crm.ChangeAsync(work => work.Update(Row("email", id, ("statecode", 0), ("statuscode", 6))), default).AsTask());
        Assert.Equal("CrmRecordInvalid", error.ErrorId);
    }

    [Fact]
    public async Task An_email_is_deleted_with_its_attachments_and_their_contents()
    {
        Guid id = await DraftAsync();
        CrmRecord attachment = await Crm.ChangeAsync(
            work => work.AddAttachment(id, new EmailAttachment("a.txt", "text/plain", 3, _ => throw new NotSupportedException()), [1, 2, 3]), default);
        Assert.Equal([1, 2, 3], await Crm.ReadAsync(work => work.ReadAttachment(attachment.Id)!, default));

        await Crm.ChangeAsync(
            work =>
            {
                work.Delete("email", id);
                return true;
            },
            default);

        Assert.Null(await Crm.GetEmailAsync(id, default));
        Assert.Null(await Crm.ReadAsync(work => work.ReadAttachment(attachment.Id), default));
        Assert.Empty(await Crm.ReadAsync(work => work.Select(new RecordSelection("activityparty") { Conditions = [new RecordCondition("activityid", [id])] }), default));
    }

    [Fact]
    public async Task A_party_is_found_and_deleted_by_its_key()
    {
        Guid id = await DraftAsync();
        var all = new RecordSelection("activityparty") { Conditions = [new RecordCondition("activityid", [id])] };
        IReadOnlyList<CrmRecord> parties = await Crm.ReadAsync(work => work.Select(all), default);

        foreach (CrmRecord party in parties)
            Assert.Equal(party["participationtypemask"], (await Crm.ReadAsync(work => work.Find("activityparty", party.Id), default))!["participationtypemask"]);
        Assert.Null(await Crm.ReadAsync(work => work.Find("activityparty", id), default));
        await Crm.ChangeAsync(
            work =>
            {
                work.Delete("activityparty", parties[0].Id);
                return true;
            },
            default);

        Assert.Equal(parties[1].Id, Assert.Single(await Crm.ReadAsync(work => work.Select(all), default)).Id);
    }

    [Fact]
    public async Task Deleting_a_record_leaves_the_addresses_of_emails()
    {
        Guid contact = (await Crm.CreateRecordAsync(Row("contact", Guid.Empty, ("fullname", "Gone"), ("emailaddress1", "gone@unit.test")), default)).Id;
        Guid id = await DraftAsync("gone@unit.test");
        await Crm.ChangeAsync(
            work =>
            {
                work.Delete("contact", contact);
                return true;
            },
            default);

        ActivityParty to = (await Crm.GetEmailAsync(id, default))!.Parties[1];
        Assert.Equal(("gone@unit.test", null), (to.AddressUsed, to.Party));
    }

    [Fact]
    public async Task A_unit_of_work_for_reading_changes_nothing() => await Assert.ThrowsAsync<InvalidOperationException>(
        () => Crm.ReadAsync(work => work.Create(Row("contact", Guid.Empty, ("fullname", "x"))), default).AsTask());

    [Fact]
    public async Task Users_and_the_organization_are_not_deleted()
    {
        foreach ((string table, Guid id) in (IEnumerable<(string, Guid)>)[("systemuser", user), ("organization", (await Crm.GetSettingsAsync(default)).OrganizationId)])
        {
            CrmException error = await Assert.ThrowsAsync<CrmException>(() => Crm.ChangeAsync(
                work =>
                {
                    work.Delete(table, id);
                    return true;
                },
                default).AsTask());
            Assert.Equal("CrmRecordInvalid", error.ErrorId);
        }
    }

    [Fact]
    public async Task Every_table_can_be_read_by_its_definition()
    {
        await DraftAsync();
        int tables = await Crm.ReadAsync(work => work.Tables.Select(t => work.Select(new RecordSelection(t.LogicalName))).Count(), default);

        Assert.True(tables > 15);
    }

    private static CrmRecord Row(string table, Guid id, params (string Name, object? Value)[] values) => new(table, id, values.ToDictionary(v => v.Name, v => v.Value));

    private async Task<Guid> DraftAsync(string to = "nobody@unit.test") => await Crm.ChangeAsync(
        work =>
        {
            Guid id = work.Create(Row("email", Guid.Empty, ("subject", "Hello"), ("ownerid", user))).Id;
            work.Create(Row("activityparty", Guid.Empty, ("activityid", id), ("participationtypemask", 1), ("partyid", new RecordReference("systemuser", user))));
            work.Create(Row("activityparty", Guid.Empty, ("activityid", id), ("participationtypemask", 2), ("addressused", to)));
            return id;
        },
        default);
}
