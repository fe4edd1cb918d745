using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class ConfigurationStoreTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string File => folder["etc/emailrouter.json"];

    private ConfigurationStore Store => new(File, systems: Samples.Systems);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_missing_file_is_an_empty_configuration()
    {
        LoadedConfiguration loaded = await Store.LoadAsync(default);

        Assert.Empty(loaded.Configuration.Deployments);
        Assert.Equal(LoadedConfiguration.NoFile, loaded.Version);
        Assert.False(Directory.Exists(Path.GetDirectoryName(File)));
    }

    [Fact]
    public async Task What_is_saved_is_read()
    {
        LoadedConfiguration saved = await Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);
        LoadedConfiguration loaded = await Store.LoadValidAsync(default);

        Assert.Equal(saved.Version, loaded.Version);
        Assert.Equivalent(Samples.Configuration, loaded.Configuration, strict: true);
    }

    [Fact]
    public async Task Only_the_owner_can_read_the_file_also_after_it_was_opened_to_others()
    {
        if (OperatingSystem.IsWindows())
            return;
        LoadedConfiguration saved = await Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.OtherRead);

        await Store.SaveAsync(Samples.Configuration with { RouterName = "other" }, saved.Version, default);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
    }

    [Theory]
    [InlineData("removed", false)]
    [InlineData("other application", false)]
    [InlineData("other flow", false)]
    [InlineData("no tokens", false)]
    [InlineData("other scope", true)]
    public async Task Tokens_that_nothing_uses_any_longer_are_deleted(string change, bool isKept)
    {
        var oauth = new OAuthConfiguration { Flow = OAuthFlow.DeviceCode, ClientId = "app", TenantId = "t" };
        ProfileConfiguration profile = Samples.Configuration.Profiles[0] with { Name = "Person", CredentialSource = CredentialSource.OAuth, OAuth = oauth };
        await Store.UpdateAsync(c => c with { RouterName = "r", Profiles = [profile, profile with { Name = "Other" }] }, default);
        string file = folder["etc/" + TokenSubject.Of(profile, null).CacheFile];
        string others = folder["etc/" + TokenSubject.Of(profile with { Name = "Other" }, null).CacheFile];
        await System.IO.File.WriteAllTextAsync(file, "tokens");
        await System.IO.File.WriteAllTextAsync(others, "tokens");

        await Store.UpdateAsync(
            c => c with
            {
                Profiles =
                [
                    c.Profiles[1],
                    .. change switch
                    {
                        "removed" => Array.Empty<ProfileConfiguration>(),
                        "other application" => [profile with { OAuth = oauth with { ClientId = "app-2" } }],
                        "other flow" => [profile with { OAuth = oauth with { Flow = OAuthFlow.ClientCredentials, ClientSecret = "aesgcm1:AAAA" } }],
                        "no tokens" => [profile with { OAuth = null, CredentialSource = CredentialSource.Mailbox }],
                        _ => [profile with { OAuth = oauth with { Scopes = ["https://a.test/x"] } }],
                    },
                ],
            },
            default);

        Assert.Equal(isKept, System.IO.File.Exists(file));
        Assert.True(System.IO.File.Exists(others));
    }

    [Fact]
    public async Task Tokens_that_cannot_be_deleted_are_named()
    {
        var application = new OAuthConfiguration { Flow = OAuthFlow.Interactive, ClientId = "app", TenantId = "t" };
        var deployment = new DeploymentConfiguration
        {
            Name = "Online", System = "Dataverse", Url = new("https://org.example.test"), Authentication = CrmAuthentication.OAuth,
            OAuth = application with { ClientId = "first" }, FurtherApplications = [application],
        };
        var store = new ConfigurationStore(File);
        await store.UpdateAsync(c => c with { RouterName = "r", Deployments = [deployment] }, default);
        string file = folder["etc/" + TokenSubject.Of(deployment, application).CacheFile];
        Directory.CreateDirectory(file);

        RouterException e = await Assert.ThrowsAsync<RouterException>(() => store.UpdateAsync(c => c with { Deployments = [deployment with { FurtherApplications = [] }] }, default));

        Assert.Equal("RouterTokensNotRemoved", e.Error.ErrorId);
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
        Assert.Empty((await store.LoadAsync(default)).Configuration.Deployments[0].FurtherApplications);
    }

    [Fact]
    public async Task Saving_over_a_change_not_seen_is_refused_and_changes_nothing()
    {
        LoadedConfiguration first = await Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);
        await Store.SaveAsync(Samples.Configuration with { RouterName = "second" }, first.Version, default);

        RouterException stale = await Assert.ThrowsAsync<RouterException>(() => Store.SaveAsync(Samples.Configuration with { RouterName = "third" }, first.Version, default));
        RouterException blind = await Assert.ThrowsAsync<RouterException>(() => Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default));

        Assert.Equal("RouterConfigurationChanged", stale.Error.ErrorId);
        Assert.Equal("RouterConfigurationChanged", blind.Error.ErrorId);
        Assert.Equal("second", (await Store.LoadAsync(default)).Configuration.RouterName);
    }

    [Fact]
    public async Task Administrators_at_once_lose_no_change()
    {
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() => Store.UpdateAsync(
            c => c with { Deployments = [.. c.Deployments, new() { Name = $"Org{i}", Path = $"{i}.db" }] }, default))));

        Assert.Equal(12, (await Store.LoadAsync(default)).Configuration.Deployments.Count);
    }

    [Fact]
    public async Task A_change_made_by_an_editor_during_an_update_is_kept()
    {
        await Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);
        bool edited = false;

        RouterConfiguration result = await Store.UpdateAsync(
            c =>
            {
                if (!edited)
                    System.IO.File.WriteAllText(File, System.IO.File.ReadAllText(File).Replace("\"router1\"", "\"edited\"", StringComparison.Ordinal));
                edited = true;
                return c with { StatePath = "other.db" };
            },
            default);

        Assert.Equal(("edited", "other.db"), (result.RouterName, result.StatePath));
    }

    [Fact]
    public async Task An_update_that_brings_faults_is_refused_with_all_of_them()
    {
        await Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);

        RouterException e = await Assert.ThrowsAsync<RouterException>(() => Store.UpdateAsync(c => c with { Profiles = [] }, default));

        Assert.Equal("RouterConfigurationInvalid", e.Error.ErrorId);
        Assert.Contains("2 faults", e.Message, StringComparison.Ordinal);
        Assert.Contains("There is no profile \"Pop\"", e.Message, StringComparison.Ordinal);
        Assert.Contains("There is no profile \"Relay\"", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await Store.LoadAsync(default)).Configuration.Profiles.Count);
    }

    [Fact]
    public async Task Old_faults_do_not_keep_anybody_from_changing_something_else()
    {
        await Store.SaveAsync(Samples.Configuration with { Profiles = [] }, LoadedConfiguration.NoFile, default);
        RouterException e = await Assert.ThrowsAsync<RouterException>(() => Store.LoadValidAsync(default));
        Assert.Equal("RouterConfigurationInvalid", e.Error.ErrorId);

        RouterConfiguration changed = await Store.UpdateAsync(c => c with { RouterName = "other" }, default);

        Assert.Equal("other", changed.RouterName);
    }

    [Fact]
    public async Task A_writer_that_keeps_the_lock_is_reported()
    {
        await Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);
        var clock = new ManualClock();
        var store = new ConfigurationStore(File, clock);
        using var other = new FileStream(File + ".lock", FileMode.Open, FileAccess.ReadWrite, FileShare.None);

        Task<RouterConfiguration> update = store.UpdateAsync(c => c, default);
        while (!update.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        RouterException e = await Assert.ThrowsAsync<RouterException>(() => update);
        Assert.Equal("RouterConfigurationLocked", e.Error.ErrorId);
        Assert.True(e.Error.IsTransient);
    }

    [Fact]
    public async Task Saving_leaves_no_other_files_behind()
    {
        LoadedConfiguration saved = await Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);
        await Store.SaveAsync(Samples.Configuration with { RouterName = "b" }, saved.Version, default);
        await Assert.ThrowsAsync<RouterException>(() => Store.SaveAsync(Samples.Configuration, saved.Version, default));

        Assert.Equal(["emailrouter.json", "emailrouter.json.lock"], Directory.GetFiles(folder["etc"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_link_stays_a_link()
    {
        if (OperatingSystem.IsWindows())
            return;
        await new ConfigurationStore(folder["real.json"]).SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default);
        Directory.CreateDirectory(folder["etc"]);
        System.IO.File.CreateSymbolicLink(File, folder["real.json"]);

        await Store.UpdateAsync(c => c with { RouterName = "changed" }, default);

        Assert.NotNull(new FileInfo(File).LinkTarget);
        Assert.Equal("changed", (await new ConfigurationStore(folder["real.json"]).LoadAsync(default)).Configuration.RouterName);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_reported()
    {
        await System.IO.File.WriteAllTextAsync(folder["etc"], string.Empty);

        RouterException e = await Assert.ThrowsAsync<RouterException>(() => Store.SaveAsync(Samples.Configuration, LoadedConfiguration.NoFile, default));

        Assert.Equal("RouterConfigurationNotSaved", e.Error.ErrorId);
        Assert.Contains(File, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_is_reported()
    {
        Directory.CreateDirectory(File);

        RouterException e = await Assert.ThrowsAsync<RouterException>(() => Store.LoadAsync(default));

        Assert.Equal("RouterConfigurationUnreadable", e.Error.ErrorId);
    }

    [Fact]
    public void Relative_paths_start_at_the_file()
    {
        Assert.Equal(folder["etc/state.db"], Store.Resolve("state.db"));
        Assert.Equal(Path.GetFullPath("/var/state.db"), Store.Resolve(Path.GetFullPath("/var/state.db")));
    }
}
