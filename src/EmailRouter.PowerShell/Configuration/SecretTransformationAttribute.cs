using System.Management.Automation;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Takes the password out of a credential where a secret is asked for. Text is not accepted: it would stay in the history.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            PSCredential credential => credential.Password,
            string => throw new ArgumentTransformationMetadataException(
                "A secret is no text, which would stay in the history. Give a SecureString (Read-Host -AsSecureString, Get-Secret) or a credential (Get-Credential)."),
            _ => inputData,
        };
}
