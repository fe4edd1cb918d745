using System.Management.Automation;
using System.Reflection;
using System.Runtime.Loader;

namespace EmailRouter.Loader;

/// <summary>Connects the cmdlets with the engine in its own load context when the module is imported, and disconnects them when it is removed.</summary>
/// <remarks>
/// <para>
/// The manifest names this assembly as a nested module, which PowerShell imports before the root module: the cmdlets' types cannot even be listed
/// before their parameters' types are found.
/// </para>
/// <para>
/// The context stays for the life of the process, as the cmdlet assembly itself does: compiled code keeps its references to it, so an import after a removal
/// finds the same types again. Several runspaces of a process may import the module; the last removal disconnects.
/// </para>
/// </remarks>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private const string OwnPrefix = "EmailRouter.";
    private static readonly object Gate = new();
    private static readonly EngineLoadContext Engine = new(Path.Combine(OwnFolder(), "lib"));
    private static int imports;

    /// <summary>Raised when the module leaves the last runspace that had it; what runs in the background ends now.</summary>
    public static event Action? Removed;

    /// <inheritdoc/>
    public void OnImport()
    {
        lock (Gate)
        {
            if (imports++ == 0)
            {
                AssemblyLoadContext.Default.Resolving += ResolveOwn;
            }
        }
    }

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        lock (Gate)
        {
            if (imports > 0 && --imports == 0)
            {
                Removed?.Invoke();
                AssemblyLoadContext.Default.Resolving -= ResolveOwn;
            }
        }
    }

    /// <summary>Loads a part of the product that is only needed sometimes.</summary>
    /// <param name="relativePath">Its path below the module's <c>lib</c>.</param>
    /// <returns>The assembly.</returns>
    /// <exception cref="FileNotFoundException">The module was built without this part.</exception>
    public static Assembly LoadPart(string relativePath) => Engine.LoadPart(relativePath);

    // Asked only after the default context found nothing. It must not answer for anybody else's dependencies, so it hands out our own assemblies alone;
    // what those need is found inside their context.
    private static Assembly? ResolveOwn(AssemblyLoadContext context, AssemblyName name) =>
        name.Name is { } simpleName && simpleName.StartsWith(OwnPrefix, StringComparison.Ordinal)
            && File.Exists(Path.Combine(Engine.Folder, simpleName + ".dll"))
            ? Engine.LoadFromAssemblyName(name)
            : null;

    private static string OwnFolder() => Path.GetDirectoryName(typeof(ModuleLifetime).Assembly.Location)!;
}
