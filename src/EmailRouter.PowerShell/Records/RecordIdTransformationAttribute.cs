using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;

namespace EmailRouter.PowerShell.Records;

/// <summary>Takes a record where an id is wanted.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RecordIdTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
    {
        CrmRecord record => record.Id,
        RecordReference reference => reference.Id,
        object other => other,
    };
}
