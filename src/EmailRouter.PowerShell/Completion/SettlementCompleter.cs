using System.Collections;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes settlements.</summary>
public sealed class SettlementCompleter : RouterCompleter
{
    private static readonly Suggestion[] Settlements =
    [
        new("Keep", "Leaves the message as it is"),
        new("MarkRead", "Marks the message as read"),
        new("Delete", "Deletes the message"),
        new("Move:", "Moves the message to a folder: Move:Archive"),
        new("Categorize:", "Gives the message a category (Exchange) or keyword (IMAP): Categorize:Tracked"),
    ];

    /// <inheritdoc/>
    private protected override Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Suggestion>>(Settlements);
}
