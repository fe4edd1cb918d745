using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>What an organization offers beside its own contract.</summary>
internal static class OrganizationOffers
{
    /// <summary>Finds a further contract that the organization implements, or the store whose records the router decides over.</summary>
    /// <typeparam name="T">The contract.</typeparam>
    /// <param name="organization">The organization.</param>
    /// <returns>What implements it; null when nothing does.</returns>
    public static T? Offers<T>(this IOrganizationDirectory organization)
        where T : class => organization as T ?? (organization as TrackingOrganization)?.Store as T;
}
