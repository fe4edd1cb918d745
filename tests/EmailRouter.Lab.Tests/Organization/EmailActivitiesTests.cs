using EmailRouter.Crm.Organization;
using EmailRouter.Lab.Tests.Dataverse;

namespace EmailRouter.Lab.Tests.Organization;

/// <summary>Email activities by Organization.svc.</summary>
public sealed class EmailActivitiesTests(DataverseWorld world)
    : EmailActivitiesContract<OrganizationServiceStore>(world, (endpoint, context) => new OrganizationServiceStore(endpoint, context));
