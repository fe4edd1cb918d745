namespace EmailRouter.Interop.Tests.Servers;

/// <summary>A test that needs servers we did not write; skipped with the reason where they are not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ServerFactAttribute : FactAttribute
{
    public ServerFactAttribute(params Software[] needs)
    {
        ArgumentNullException.ThrowIfNull(needs);
        Needs = needs;
        Skip = needs.Select(Installed.WhyNot).FirstOrDefault(reason => reason is not null);
    }

    public IReadOnlyList<Software> Needs { get; }
}
