namespace EmailRouter.Routing.Access;

/// <summary>What testing the CRM side of a deployment found.</summary>
public sealed record DeploymentTestResult
{
    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets what was tested: the deployment.</summary>
    public AccessScope Scope { get; } = AccessScope.Deployment;

    /// <summary>Gets the CRM system, e.g. <c>Dataverse</c>.</summary>
    public required string System { get; init; }

    /// <summary>Gets the steps in their order. After a step without which the rest cannot work there are no further ones.</summary>
    public required IReadOnlyList<AccessStep> Steps { get; init; }

    /// <summary>Gets the organization's name; null when it was not reached.</summary>
    public string? Organization { get; init; }

    /// <summary>Gets who the router is there; null when the CRM was not reached, or does not tell.</summary>
    public string? User { get; init; }

    /// <summary>Gets the CRM's version; null when it was not reached, or does not tell.</summary>
    public string? Version { get; init; }

    /// <summary>Gets how many mailboxes the organization has; null when they could not be read.</summary>
    public int? MailboxCount { get; init; }

    /// <summary>Gets a value indicating whether every step succeeded; warnings do not count.</summary>
    public bool Success => Steps.All(step => step.Success);

    /// <summary>Gets the first step that failed; null on success.</summary>
    public AccessStep? Failure => Steps.FirstOrDefault(step => !step.Success);
}
