using System.Security.Cryptography;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// The configuration's file. Reading takes it as a whole; writing replaces it as a whole, and never over a change that the writer has not seen.
/// </summary>
/// <param name="path">The file; its folder is made when it is first saved.</param>
/// <param name="clock">The clock, for waiting on another writer; null for the system's.</param>
/// <param name="systems">The systems that profiles and deployments may name; null accepts every name.</param>
public sealed class ConfigurationStore(string path, TimeProvider? clock = null, RouterSystems? systems = null)
{
    private const int Attempts = 5;
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);

    private readonly TimeProvider clock = clock ?? TimeProvider.System;

    /// <summary>Gets the file's full path.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Gets the folder at which relative paths within the configuration start.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(Path)!;

    /// <summary>Makes a path of the configuration a full one.</summary>
    /// <param name="relative">A path from the configuration.</param>
    /// <returns>The full path.</returns>
    public string Resolve(string relative) => System.IO.Path.GetFullPath(relative, Folder);

    /// <summary>Reads the file.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The configuration, not validated, with its version; an empty one when there is no file yet.</returns>
    /// <exception cref="RouterException"><c>RouterConfigurationUnreadable</c> or <c>RouterConfigurationMalformed</c>.</exception>
    public async Task<LoadedConfiguration> LoadAsync(CancellationToken cancellationToken)
    {
        byte[]? bytes = await ReadAsync(cancellationToken).ConfigureAwait(false);
        return bytes is null
            ? new LoadedConfiguration(new RouterConfiguration(), LoadedConfiguration.NoFile)
            : new LoadedConfiguration(ConfigurationJson.Read(bytes, Path), Hash(bytes));
    }

    /// <summary>Reads the file and refuses it when it has faults.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="RouterException">As of <see cref="LoadAsync"/>, and <c>RouterConfigurationInvalid</c> with all faults at once.</exception>
    public async Task<LoadedConfiguration> LoadValidAsync(CancellationToken cancellationToken)
    {
        LoadedConfiguration loaded = await LoadAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<ConfigurationFault> faults = ConfigurationValidator.Validate(loaded.Configuration, systems);
        return faults.Count == 0 ? loaded : throw ConfigurationErrors.Invalid(Path, faults);
    }

    /// <summary>Writes the file, readable for its owner only.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="expectedVersion">The <see cref="LoadedConfiguration.Version"/> that it was made from.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The configuration with its new version.</returns>
    /// <exception cref="RouterException">
    /// <c>RouterConfigurationChanged</c>: somebody else wrote in the meantime; nothing was written. <c>RouterConfigurationLocked</c>, <c>RouterConfigurationNotSaved</c>.
    /// </exception>
    public async Task<LoadedConfiguration> SaveAsync(RouterConfiguration configuration, string expectedVersion, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(expectedVersion);
        FileStream turn = await LockAsync(cancellationToken).ConfigureAwait(false);
        await using (turn.ConfigureAwait(false))
            return await ReplaceAsync(configuration, expectedVersion, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads, changes and writes in one go; two administrators at once get their turns. Kept tokens that nothing uses afterwards are deleted.</summary>
    /// <param name="change">Makes the new configuration of the present one; may be called again when somebody edits the file by hand meanwhile.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="RouterException">
    /// <c>RouterConfigurationInvalid</c>: the change brings faults, named all at once; faults that were there before do not keep anybody from changing something else.
    /// Further those of <see cref="LoadAsync"/> and <see cref="SaveAsync"/>. In all these cases the file is as it was. <c>RouterTokensNotRemoved</c>: it was changed, and tokens were left over.
    /// </exception>
    public async Task<RouterConfiguration> UpdateAsync(Func<RouterConfiguration, RouterConfiguration> change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        FileStream turn = await LockAsync(cancellationToken).ConfigureAwait(false);
        await using (turn.ConfigureAwait(false))
        {
            for (int attempt = 1; ; attempt++)
            {
                LoadedConfiguration before = await LoadAsync(cancellationToken).ConfigureAwait(false);
                RouterConfiguration after = change(before.Configuration);
                ConfigurationFault[] faults =
                    [.. ConfigurationValidator.Validate(after, systems).Except(ConfigurationValidator.Validate(before.Configuration, systems))];
                if (faults.Length > 0)
                    throw ConfigurationErrors.Invalid(Path, faults);
                try
                {
                    RouterConfiguration written = (await ReplaceAsync(after, before.Version, cancellationToken).ConfigureAwait(false)).Configuration;
                    TokenCaches.RemoveUnused(Folder, before.Configuration, written);
                    return written;
                }
                catch (RouterException e) when (e.Error.ErrorId == "RouterConfigurationChanged" && attempt < Attempts)
                {
                    // An editor does not know the lock; its change is read and kept.
                }
            }
        }
    }

    private static string Hash(byte[] bytes) => Convert.ToHexString(SHA256.HashData(bytes));

    private async Task<byte[]?> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await File.ReadAllBytesAsync(Path, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ConfigurationErrors.Unreadable(Path, e);
        }
    }

    private async Task<LoadedConfiguration> ReplaceAsync(RouterConfiguration configuration, string expectedVersion, CancellationToken cancellationToken)
    {
        byte[]? present = await ReadAsync(cancellationToken).ConfigureAwait(false);
        if ((present is null ? LoadedConfiguration.NoFile : Hash(present)) != expectedVersion)
            throw ConfigurationErrors.Changed(Path);
        byte[] bytes = ConfigurationJson.Write(configuration);
        if (present is not null && present.AsSpan().SequenceEqual(bytes))
            return new LoadedConfiguration(configuration, expectedVersion);
        try
        {
            // A link stays a link: what it leads to is replaced.
            string target = File.Exists(Path) ? File.ResolveLinkTarget(Path, returnFinalTarget: true)?.FullName ?? Path : Path;
            await OwnerOnlyFile.WriteAsync(target, bytes, overwrite: true, cancellationToken).ConfigureAwait(false);
            return new LoadedConfiguration(configuration, Hash(bytes));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ConfigurationErrors.NotSaved(Path, e);
        }
    }

    /// <summary>Waits for the turn to write. The lock's file stays: removing it would let two writers hold a lock each.</summary>
    private async Task<FileStream> LockAsync(CancellationToken cancellationToken)
    {
        long started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                Directory.CreateDirectory(Folder);
                var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
                if (!OperatingSystem.IsWindows())
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                return new FileStream(Path + ".lock", options);
            }
            catch (IOException e) when (IsHeldByAnother(e))
            {
                if (clock.GetElapsedTime(started) >= LockTimeout)
                    throw ConfigurationErrors.Locked(Path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw ConfigurationErrors.NotSaved(Path, e);
            }

            await Task.Delay(LockPause, clock, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK of Linux and of macOS and the BSDs elsewhere.</summary>
    private static bool IsHeldByAnother(IOException e) => OperatingSystem.IsWindows() ? (e.HResult & 0xFFFF) == 32 : e.HResult is 11 or 35;
}

/// <summary>A configuration as it was read.</summary>
/// <param name="Configuration">The configuration.</param>
/// <param name="Version">What identifies this very content of the file.</param>
public sealed record LoadedConfiguration(RouterConfiguration Configuration, string Version)
{
    /// <summary>The version of a file that does not exist yet.</summary>
    public const string NoFile = "";
}
