using System.Runtime.CompilerServices;
using EmailRouter.Crm;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Access;

/// <summary>A CRM with one mailbox, as access tests see it.</summary>
internal class ScriptedDirectory : IOrganizationDirectory
{
    public CrmMailbox Mailbox { get; set; } = new()
    {
        Owner = new RecordReference("queue", Guid.NewGuid(), "Support"),
        Kind = CrmMailboxKind.Queue,
        Address = "support@example.test",
        IncomingDelivery = DeliveryMethod.Router,
        OutgoingDelivery = DeliveryMethod.Router,
        Filter = FilteringMethod.All,
        Approval = AccessApproval.Approved,
        IsActive = true,
        OwnerUserId = Guid.NewGuid(),
    };

    /// <summary>What opening it throws; null for nothing.</summary>
    public Exception? Failure { get; set; }

    public int Opened { get; private set; }

    public int Disposed { get; private set; }

    public ValueTask<IOrganizationDirectory> OpenAsync()
    {
        Opened++;
        return Failure is null ? ValueTask.FromResult<IOrganizationDirectory>(this) : throw Failure;
    }

    public ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult(new OrganizationSettings { OrganizationId = Guid.NewGuid(), Name = "Contoso" });

    public async IAsyncEnumerable<CrmMailbox> GetMailboxesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        yield return Mailbox;
    }

    public ValueTask DisposeAsync()
    {
        Disposed++;
        return ValueTask.CompletedTask;
    }
}

/// <summary>A CRM that tells who the router is there and what stands against its work.</summary>
internal sealed class ReportingDirectory : ScriptedDirectory, IAccessReport
{
    public List<CrmFinding> Findings { get; } = [];

    /// <summary>What the report throws; null for nothing.</summary>
    public CrmException? ReportFailure { get; set; }

    public ValueTask<CrmAccess> ReportAccessAsync(CancellationToken cancellationToken) => ReportFailure is null
        ? ValueTask.FromResult(new CrmAccess("Router", Guid.NewGuid(), "Contoso", Guid.NewGuid(), "9.2.24", Findings))
        : throw ReportFailure;
}

/// <summary>A CRM system that only has a name.</summary>
internal sealed class NoCrmSystem(string name) : ICrmSystem
{
    public string Name => name;

    public ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken) => throw new NotSupportedException();
}
