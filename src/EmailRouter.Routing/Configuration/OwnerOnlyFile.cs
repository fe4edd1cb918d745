using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;

namespace EmailRouter.Routing.Configuration;

/// <summary>Files that nobody but their owner (on Windows also the system and the administrators) may read or write.</summary>
internal static class OwnerOnlyFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a new file.</summary>
    /// <param name="path">The path; it must not exist.</param>
    /// <returns>The open file, for writing.</returns>
    public static FileStream Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
            return new FileStream(path, options);
        }

        var stream = new FileStream(path, options);
        Restrict(path);
        return stream;
    }

    /// <summary>Makes a file durable and gives it its name: whoever looks finds the old file or the new one, never half of one.</summary>
    /// <param name="path">The file's name.</param>
    /// <param name="content">Its content.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <param name="cancellationToken">Stops the attempt before the file gets its name.</param>
    /// <returns>A task that ends when it is done.</returns>
    /// <exception cref="IOException">The file exists and is not to be replaced, or could not be written.</exception>
    public static async Task WriteAsync(string path, ReadOnlyMemory<byte> content, bool overwrite, CancellationToken cancellationToken)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            FileStream stream = Create(temporary);
            await using (stream.ConfigureAwait(false))
            {
                await stream.WriteAsync(content, cancellationToken).ConfigureAwait(false);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Tells whether others than the owner may read or write a file. Windows: false, since what lies in the file is bound to the machine there.</summary>
    /// <param name="path">The file.</param>
    /// <returns>True when it is exposed.</returns>
    public static bool IsExposed(string path) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~(OwnerOnly | UnixFileMode.UserExecute)) != 0;

    [SupportedOSPlatform("windows")]
    private static void Restrict(string path)
    {
        var security = new FileSecurity();
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        using WindowsIdentity me = WindowsIdentity.GetCurrent();
        SecurityIdentifier[] allowed =
            [me.User!, new(WellKnownSidType.LocalSystemSid, null), new(WellKnownSidType.BuiltinAdministratorsSid, null)];
        foreach (SecurityIdentifier who in allowed)
            security.AddAccessRule(new FileSystemAccessRule(who, FileSystemRights.FullControl, AccessControlType.Allow));
        new FileInfo(path).SetAccessControl(security);
    }
}
