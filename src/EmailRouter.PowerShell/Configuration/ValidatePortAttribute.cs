using System.Management.Automation;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Accepts a TCP port, and null for the protocol's own. ValidateRange refuses null.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ValidatePortAttribute : ValidateArgumentsAttribute
{
    /// <inheritdoc/>
    protected override void Validate(object arguments, EngineIntrinsics engineIntrinsics)
    {
        if (arguments is not (null or (>= 1 and <= 65535)))
        {
            throw new ValidationMetadataException($"{arguments} is no TCP port. Ports go from 1 to 65535.");
        }
    }
}
