using System.Collections;
using EmailRouter.Mail;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the names of mail systems.</summary>
public sealed class MailSystemCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Suggestion>>([.. RouterHostOptions.BuiltInSystems().MailSystems.Select(system =>
            new Suggestion(system.Name, Describe(system.Doors)))]);

    private static string Describe(MailDoors doors) =>
        doors.HasFlag(MailDoors.Mailbox | MailDoors.Sender) ? "Reads and sends" : doors.HasFlag(MailDoors.Mailbox) ? "Reads mailboxes" : "Sends";
}
