using System.Collections;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the names of mail systems.</summary>
public sealed class MailSystemCompleter : RouterCompleter
{
    private static readonly Suggestion[] Systems = [new("Pop3", "Reads mailboxes by POP3"), new("Smtp", "Sends by SMTP")];

    /// <inheritdoc/>
    private protected override Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Suggestion>>(Systems);
}
