using EmailRouter.Crm.Embedded;
using EmailRouter.Crm.Embedded.Storage;
using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Tests.Embedded;

public sealed class EmbeddedCrmFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Store => folder.File("crm.db");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task What_was_written_is_there_after_reopening()
    {
        Guid organization;
        Guid contact;
        await using (EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store, OrganizationName = "Contoso" }))
        {
            organization = (await crm.GetSettingsAsync(default)).OrganizationId;
            contact = (await ContactAsync(crm, "Carl")).Id;
        }

        await using EmbeddedCrm again = await OpenAsync(new EmbeddedCrmOptions { Path = Store, OrganizationName = "Ignored", Create = false });

        OrganizationSettings settings = await again.GetSettingsAsync(default);
        Assert.Equal((organization, "Contoso"), (settings.OrganizationId, settings.Name));
        Assert.Equal("Carl", (await again.GetRecordAsync("contact", contact, default))!.Name);
        Assert.Equal(Store, again.FilePath);
    }

    [Fact]
    public async Task A_missing_file_is_not_created_unasked()
    {
        CrmException error = await OpenFailsAsync(new EmbeddedCrmOptions { Path = Store, Create = false });

        Assert.Equal("CrmStoreMissing", error.ErrorId);
        Assert.False(error.IsTransient);
        Assert.Contains(Store, error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Store));
    }

    [Fact]
    public async Task A_folder_is_no_store()
    {
        CrmException error = await OpenFailsAsync(new EmbeddedCrmOptions { Path = folder.Path });

        Assert.Equal("CrmStoreDenied", error.ErrorId);
        Assert.Contains("folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_below_a_file_cannot_be_made()
    {
        await File.WriteAllTextAsync(folder.File("file"), string.Empty);

        CrmException error = await OpenFailsAsync(new EmbeddedCrmOptions { Path = Path.Combine(folder.File("file"), "crm.db") });

        Assert.Equal("CrmStoreDenied", error.ErrorId);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_left_alone()
    {
        await File.WriteAllTextAsync(Store, new string('x', 5000));

        CrmException error = await OpenFailsAsync(new EmbeddedCrmOptions { Path = Store });

        Assert.Equal("CrmStoreCorrupt", error.ErrorId);
        Assert.Equal(5000, new FileInfo(Store).Length);
    }

    [Fact]
    public async Task A_damaged_file_is_told_when_it_is_read()
    {
        await using (EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store }))
        {
            for (int i = 0; i < 200; i++)
                await ContactAsync(crm, $"Contact {i} {new string('x', 100)}");
        }

        await using (FileStream file = File.OpenWrite(Store))
        {
            for (int page = 20; page < file.Length / 4096; page++)
            {
                file.Position = page * 4096;
                file.Write(new byte[4096].AsSpan());
            }
        }

        CrmException error = await Assert.ThrowsAsync<CrmException>(async () =>
        {
            await using EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store });
            await crm.FindRecordsAsync(new RecordFilter { LogicalName = "contact" }, default);
        });
        Assert.Equal("CrmStoreCorrupt", error.ErrorId);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task A_database_of_another_program_is_left_alone()
    {
        using (SqliteConnection other = Raw())
            Run(other, "CREATE TABLE theirs (x)");

        Assert.Equal("CrmStoreForeign", (await OpenFailsAsync(new EmbeddedCrmOptions { Path = Store })).ErrorId);
    }

    [Fact]
    public async Task A_store_of_a_later_version_is_left_alone()
    {
        await (await OpenAsync(new EmbeddedCrmOptions { Path = Store })).DisposeAsync();
        using (SqliteConnection later = Raw())
            Run(later, "PRAGMA user_version = 99");

        CrmException error = await OpenFailsAsync(new EmbeddedCrmOptions { Path = Store });

        Assert.Equal("CrmStoreNewer", error.ErrorId);
        Assert.Contains("99", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_locked_store_is_a_transient_error_and_works_once_it_is_free()
    {
        await using EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store, LockTimeout = TimeSpan.FromMilliseconds(1) });
        using (SqliteConnection other = Raw())
        {
            Run(other, "BEGIN IMMEDIATE");
            CrmException error = await Assert.ThrowsAsync<CrmException>(() => ContactAsync(crm, "Carl"));
            Assert.Equal(("CrmStoreLocked", true), (error.ErrorId, error.IsTransient));
            Assert.Empty(await crm.FindRecordsAsync(new RecordFilter { LogicalName = "contact" }, default));
            Run(other, "ROLLBACK");
        }

        await ContactAsync(crm, "Carl");
        Assert.Single(await crm.FindRecordsAsync(new RecordFilter { LogicalName = "contact" }, default));
    }

    [Fact]
    public async Task A_full_store_fails_what_does_not_fit_and_nothing_else()
    {
        await using EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store, MaxSize = 3 * 1024 * 1024 });
        CrmRecord user = await UserAsync(crm, "Anna");
        NewEmail large = Email(user.Id, "<large@x.test>") with { Attachments = [Attachment(4 * 1024 * 1024)] };

        Task<CreateEmailResult>[] writes = [.. Enumerable.Range(0, 10)
            .Select(i => crm.CreateEmailAsync(i == 5 ? large : Email(user.Id, $"<{i}@x.test>"), default).AsTask())];
        CrmException error = await Assert.ThrowsAsync<CrmException>(() => writes[5]);

        Assert.Equal(("CrmStoreFull", true), (error.ErrorId, error.IsTransient));
        Assert.All(await Task.WhenAll(writes.Where((_, i) => i != 5)), r => Assert.True(r.Created));
        Assert.Equal(9, await CountAsync(crm));
        Assert.True((await crm.CreateEmailAsync(large with { Attachments = [] }, default)).Created);
    }

    [Fact]
    public async Task A_write_that_fails_takes_none_with_it_that_shares_its_transaction()
    {
        await using EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store });
        CrmRecord user = await UserAsync(crm, "Anna");

        Task<CreateEmailResult>[] writes =
        [
            .. Enumerable.Range(0, 50)
                .Select(i => crm.CreateEmailAsync(Email(user.Id, $"<{i}@x.test>") with { QueueIds = i % 2 == 0 ? [] : [Guid.NewGuid()] }, default).AsTask()),
        ];
        for (int i = 0; i < writes.Length; i++)
        {
            if (i % 2 == 0)
                Assert.True((await writes[i]).Created);
            else
                await Assert.ThrowsAsync<CrmException>(() => writes[i]);
        }

        Assert.Equal(25, await CountAsync(crm));
    }

    [Fact]
    public async Task After_a_crash_what_was_confirmed_is_there_and_what_was_not_is_gone()
    {
        await using EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store });
        CrmRecord user = await UserAsync(crm, "Anna");
        for (int i = 0; i < 5; i++)
            await crm.CreateEmailAsync(Email(user.Id, $"<{i}@x.test>") with { Attachments = [Attachment(300_000)] }, default);
        using SqliteConnection interrupted = Raw();
        Run(interrupted, "BEGIN IMMEDIATE; UPDATE email SET subject = 'torn'; DELETE FROM activityparty; PRAGMA cache_size = 1; UPDATE email SET description = hex(zeroblob(200000))");

        // The files as they lie on the disk in the middle of that transaction.
        using var crashed = new TemporaryFolder();
        foreach (string file in Directory.GetFiles(folder.Path, "crm.db*").Where(f => !f.EndsWith("-shm", StringComparison.Ordinal)))
            File.Copy(file, crashed.File(Path.GetFileName(file)));
        await using EmbeddedCrm copy = await OpenAsync(new EmbeddedCrmOptions { Path = crashed.File("crm.db") });

        List<EmailActivity> emails = await ListAsync(copy);
        Assert.Equal(["<4@x.test>", "<3@x.test>", "<2@x.test>", "<1@x.test>", "<0@x.test>"], emails.Select(e => e.MessageId));
        Assert.All(emails, e => Assert.Equal("Order 17", e.Subject));
        Assert.All(emails, e => Assert.Single(e.Parties));
        await copy.CreateEmailAsync(Email(user.Id, "<5@x.test>"), default);
    }

    [Fact]
    public async Task Two_processes_never_claim_the_same_email()
    {
        await using EmbeddedCrm one = await OpenAsync(new EmbeddedCrmOptions { Path = Store });
        await using EmbeddedCrm two = await OpenAsync(new EmbeddedCrmOptions { Path = Store });
        CrmRecord user = await UserAsync(one, "Anna");
        for (int i = 0; i < 60; i++)
        {
            Guid id = await one.CreateDraftAsync(new EmailDraft { From = user.ToReference(), To = ["carl@customer.test"], Subject = $"Offer {i}" }, default);
            await two.SendEmailAsync(id, issueSend: true, default);
        }

        IReadOnlyList<PendingEmail>[] claims = await Task.WhenAll(
            Enumerable.Range(0, 12)
                .Select(i => Task.Run(async () => await (i % 2 == 0 ? one : two).ClaimPendingAsync(new ClaimRequest { MaxCount = 5, MaxPerSender = 5 },
                default))));

        Guid[] ids = [.. claims.SelectMany(c => c).Select(c => c.ActivityId)];
        Assert.Equal(60, ids.Length);
        Assert.Equal(60, ids.Distinct().Count());
        Assert.Equal(60, claims.SelectMany(c => c).Select(c => c.TrackingToken).Distinct().Count());
    }

    [Fact]
    public async Task Two_processes_create_one_store()
    {
        EmbeddedCrm[] stores = await Task.WhenAll(Enumerable.Range(0, 6)
            .Select(_ => Task.Run(() => OpenAsync(new EmbeddedCrmOptions { Path = Store }).AsTask())));

        HashSet<Guid> organizations = [];
        foreach (EmbeddedCrm crm in stores)
            organizations.Add((await crm.GetSettingsAsync(default)).OrganizationId);

        Assert.Single(organizations);
        foreach (EmbeddedCrm crm in stores)
            await crm.DisposeAsync();
    }

    [Fact]
    public async Task A_content_that_many_emails_bear_is_stored_once()
    {
        await using (EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store }))
        {
            CrmRecord user = await UserAsync(crm, "Anna");
            for (int i = 0; i < 10; i++)
                await crm.CreateEmailAsync(Email(user.Id, $"<{i}@x.test>") with { Attachments = [Attachment(1_000_000)] }, default);
        }

        Assert.InRange(new FileInfo(Store).Length, 1_000_000, 1_800_000);
    }

    [Fact]
    public async Task A_closed_store_says_so()
    {
        EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store });
        await crm.DisposeAsync();
        await crm.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => crm.GetSettingsAsync(default).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ContactAsync(crm, "Carl"));
    }

    [Fact]
    public async Task A_canceled_write_does_nothing()
    {
        await using EmbeddedCrm crm = await OpenAsync(new EmbeddedCrmOptions { Path = Store });
        CrmRecord user = await UserAsync(crm, "Anna");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => crm.CreateEmailAsync(Email(user.Id, "<1@x.test>"),
            new CancellationToken(canceled: true)).AsTask());

        Assert.Equal(0, await CountAsync(crm));
    }

    [Fact]
    public async Task Tables_have_the_columns_that_their_definitions_name()
    {
        await (await OpenAsync(new EmbeddedCrmOptions { Path = Store })).DisposeAsync();
        using SqliteConnection raw = Raw();
        foreach (TableDefinition table in TableCatalog.BuiltIn)
        {
            var expected = new HashSet<string> { table.PrimaryIdColumn };
            foreach (ColumnDefinition column in table.Columns.Concat(TableCatalog.SystemColumns)
                .Where(c => table.LogicalName != "systemuser" || !TableCatalog.UserSettingsColumns.Contains(c.Name)))
                expected.UnionWith(column.Type == ColumnType.Lookup ? [column.Name, column.Name + "type", column.Name + "name"] : [column.Name]);
            var actual = new HashSet<string>();
            using SqliteCommand command = raw.CreateCommand();
            command.CommandText = $"SELECT name FROM pragma_table_info('{table.LogicalName}')";
            using SqliteDataReader reader = command.ExecuteReader();
            while (reader.Read())
                actual.Add(reader.GetString(0));

            Assert.Equal(expected.Order(), actual.Order());
        }
    }

    [Theory]
    [InlineData(SqliteFault.Locked, "CrmStoreLocked", true)]
    [InlineData(SqliteFault.Full, "CrmStoreFull", true)]
    [InlineData(SqliteFault.Denied, "CrmStoreDenied", false)]
    [InlineData(SqliteFault.Corrupt, "CrmStoreCorrupt", false)]
    [InlineData(SqliteFault.Newer, "CrmStoreNewer", false)]
    [InlineData(SqliteFault.Foreign, "CrmStoreForeign", false)]
    [InlineData(SqliteFault.Failed, "CrmStoreFailed", false)]
    public void Every_fault_has_its_error_with_the_file_and_a_remedy(object fault, string errorId, bool isTransient)
    {
        CrmException error = StoreErrors.Explain("/data/crm.db", (SqliteFault)fault, "detail", null);

        Assert.Equal((errorId, isTransient, false), (error.ErrorId, error.IsTransient, error.IsAboutRecord));
        Assert.Contains("/data/crm.db", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.Remedy);
    }

    private static ValueTask<EmbeddedCrm> OpenAsync(EmbeddedCrmOptions options) => EmbeddedCrm.OpenAsync(options, default);

    private static async Task<CrmException> OpenFailsAsync(EmbeddedCrmOptions options) =>
        await Assert.ThrowsAsync<CrmException>(() => OpenAsync(options).AsTask());

    private static async Task<CrmRecord> ContactAsync(EmbeddedCrm crm, string name) =>
        await crm.CreateRecordAsync(new CrmRecord("contact", Guid.Empty, new Dictionary<string, object?> { ["fullname"] = name }), default);

    private static async Task<CrmRecord> UserAsync(EmbeddedCrm crm, string name) => await crm.CreateRecordAsync(
        new CrmRecord("systemuser", Guid.Empty, new Dictionary<string, object?> { ["fullname"] = name, ["internalemailaddress"] = $"{name}@example.test", ["emailrouteraccessapproval"] = 1 }), default);

    private static EmailAttachment Attachment(int size) =>
        new("file.bin", "application/octet-stream", size,
            _ => ValueTask.FromResult<Stream>(new MemoryStream(Enumerable.Range(0, size).Select(i => (byte)(i * 31 % 251)).ToArray())));

    private static NewEmail Email(Guid owner, string messageId) => new()
    {
        ActivityId = Guid.NewGuid(),
        MessageId = messageId,
        Subject = "Order 17",
        Description = "text",
        MimeType = "text/plain",
        OwnerId = owner,
        Sender = "carl@customer.test",
        ReceivedOn = DateTimeOffset.UnixEpoch,
        Parties = [new ActivityParty(ParticipationType.Sender, "carl@customer.test")],
    };

    private static async Task<List<EmailActivity>> ListAsync(EmbeddedCrm crm)
    {
        var emails = new List<EmailActivity>();
        await foreach (EmailActivity email in crm.FindEmailsAsync(new EmailFilter(), default))
            emails.Add(email);
        return emails;
    }

    private static async Task<int> CountAsync(EmbeddedCrm crm) => (await ListAsync(crm)).Count;

    private static void Run(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private SqliteConnection Raw()
    {
        SQLitePCL.Batteries_V2.Init();
        var connection = new SqliteConnection($"Data Source={Store};Pooling=False");
        connection.Open();
        return connection;
    }
}
