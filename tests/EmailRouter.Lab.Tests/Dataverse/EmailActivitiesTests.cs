using EmailRouter.Crm.Dataverse;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>Email activities by the Web API.</summary>
public sealed class EmailActivitiesTests(DataverseWorld world) : EmailActivitiesContract<DataverseStore>(world, (endpoint, context) => new DataverseStore(endpoint, context));
