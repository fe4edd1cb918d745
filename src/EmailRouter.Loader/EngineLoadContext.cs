using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace EmailRouter.Loader;

/// <summary>
/// Where the engine and everything it depends on live, so that the module imports beside others that bring other versions of the same libraries.
/// </summary>
/// <remarks>
/// A file in the folder is always taken from the folder, whatever is loaded elsewhere: equal names in another context are other types. What is not in the
/// folder belongs to the host: the framework and PowerShell.
/// </remarks>
/// <param name="folder">The folder of the engine, <c>lib</c> beside the cmdlet assembly.</param>
internal sealed class EngineLoadContext(string folder) : AssemblyLoadContext("EmailRouter")
{
    private readonly List<string> parts = [];

    /// <summary>Gets the folder of the engine.</summary>
    public string Folder { get; } = folder;

    /// <summary>Loads an assembly from a subfolder, for parts that are loaded on demand.</summary>
    /// <param name="relativePath">The path below <see cref="Folder"/>.</param>
    /// <returns>The assembly; its own dependencies are found beside it and in <see cref="Folder"/>.</returns>
    /// <exception cref="FileNotFoundException">The module's folder does not have this part.</exception>
    public Assembly LoadPart(string relativePath)
    {
        string path = Path.Combine(Folder, relativePath);
        string partFolder = Path.GetDirectoryName(path)!;
        lock (parts)
        {
            if (!parts.Contains(partFolder))
            {
                parts.Add(partFolder);
            }
        }

        return LoadFromAssemblyPath(path);
    }

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName) =>
        assemblyName.Name is { } name && Find(name + ".dll") is { } path ? LoadFromAssemblyPath(path) : null;

    /// <inheritdoc/>
    protected override nint LoadUnmanagedDll(string unmanagedDllName)
    {
        foreach (string runtime in Runtimes())
        {
            foreach (string file in FileNames(unmanagedDllName))
            {
                if (Find(Path.Combine("runtimes", runtime, "native", file)) is { } path)
                {
                    return LoadUnmanagedDllFromPath(path);
                }
            }
        }

        return 0;
    }

    private static IEnumerable<string> Runtimes()
    {
        string architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        yield return RuntimeInformation.RuntimeIdentifier;
        if (OperatingSystem.IsWindows())
        {
            yield return $"win-{architecture}";
        }
        else if (OperatingSystem.IsMacOS())
        {
            yield return $"osx-{architecture}";
        }
        else
        {
            // A distribution's own identifier (alpine.3.20-x64) names its C library only to those who know the distribution.
            bool musl = RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal)
                || RuntimeInformation.RuntimeIdentifier.StartsWith("alpine", StringComparison.Ordinal);
            yield return musl ? $"linux-musl-{architecture}" : $"linux-{architecture}";
        }
    }

    private static IEnumerable<string> FileNames(string name)
    {
        yield return name;
        if (OperatingSystem.IsWindows())
        {
            yield return name + ".dll";
        }
        else
        {
            string extension = OperatingSystem.IsMacOS() ? ".dylib" : ".so";
            yield return name + extension;
            yield return "lib" + name + extension;
        }
    }

    private string? Find(string relativePath)
    {
        string path = Path.Combine(Folder, relativePath);
        if (File.Exists(path))
        {
            return path;
        }

        lock (parts)
        {
            return parts.Select(part => Path.Combine(part, relativePath)).FirstOrDefault(File.Exists);
        }
    }
}
