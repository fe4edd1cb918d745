using System.Management.Automation;
using EmailRouter.Mail;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Reads a settlement from text: <c>Keep</c>, <c>MarkRead</c>, <c>Delete</c>, <c>Move:Folder</c> or <c>Categorize:Name</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettlementTransformationAttribute : ArgumentTransformationAttribute
{
    private const string MovePrefix = "Move:";
    private const string CategorizePrefix = "Categorize:";

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return value is string text ? Parse(text) : value;
    }

    /// <summary>Reads a settlement.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The settlement.</returns>
    /// <exception cref="ArgumentTransformationMetadataException">The text is no settlement.</exception>
    internal static Settlement Parse(string text)
    {
        if (text.StartsWith(MovePrefix, StringComparison.OrdinalIgnoreCase) && text[MovePrefix.Length..].Trim() is { Length: > 0 } folder)
        {
            return Settlement.MoveTo(folder);
        }

        if (text.StartsWith(CategorizePrefix, StringComparison.OrdinalIgnoreCase) && text[CategorizePrefix.Length..].Trim() is { Length: > 0 } category)
        {
            return Settlement.Categorize(category);
        }

        return text.ToUpperInvariant() switch
        {
            "KEEP" => Settlement.Keep,
            "MARKREAD" => Settlement.MarkRead,
            "DELETE" => Settlement.Delete,
            _ => throw new ArgumentTransformationMetadataException(
                $"'{text}' is no settlement. Use Keep, MarkRead, Delete, Move: and the name of a folder, as in Move:Archive, or Categorize: and a name, as in Categorize:Tracked."),
        };
    }
}
