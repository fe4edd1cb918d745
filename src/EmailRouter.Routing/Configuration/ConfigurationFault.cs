namespace EmailRouter.Routing.Configuration;

/// <summary>Something wrong in the configuration.</summary>
/// <param name="Element">Where: the kind of element, its name, and the setting.</param>
/// <param name="Problem">What is wrong.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record ConfigurationFault(string Element, string Problem, string Remedy)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Element}: {Problem} {Remedy}";
}
