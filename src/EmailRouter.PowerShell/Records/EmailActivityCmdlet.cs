using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>What making one email activity and importing many have in common.</summary>
public abstract class EmailActivityCmdlet : CrmCmdlet
{
    /// <summary>Puts the email activity into the outbox at once: pending, to be sent by the router. Without it it is a draft.</summary>
    [Parameter]
    public SwitchParameter Send { get; set; }

    /// <summary>Makes an email activity.</summary>
    /// <param name="opened">The router, the deployment and its CRM.</param>
    /// <param name="sender">The address or name of the user or queue in whose name it is sent.</param>
    /// <param name="complete">Completes the draft.</param>
    /// <param name="attachments">The full paths of the attachments.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The email activity as it is stored; null when it could not be made, which is reported.</returns>
    private protected async Task<EmailActivity?> MakeAsync(
        (Router Router, string Deployment, EmbeddedCrm Crm) opened,
        string sender,
        Func<EmailDraft, EmailDraft> complete,
        IReadOnlyList<string> attachments,
        CancellationToken cancellationToken)
    {
        EmbeddedCrm crm = opened.Crm;
        if (await EmailDraftMaker.FindSenderAsync(crm, sender, cancellationToken).ConfigureAwait(false) is not { } from)
        {
            await EmitErrorAsync(RouterErrors.MailboxNotFound(sender)).ConfigureAwait(false);
            return null;
        }

        if (attachments.FirstOrDefault(path => !File.Exists(path)) is { } missing)
        {
            await EmitErrorAsync(RouterErrors.PathNotFound(missing)).ConfigureAwait(false);
            return null;
        }

        EmailActivity? made = null;
        await ReportingAsync("Make", sender, async () =>
        {
            EmailDraft draft = complete(new EmailDraft { From = from, Attachments = [.. attachments.Select(EmailDraftMaker.Attachment)] });
            Guid id = await crm.CreateDraftAsync(draft, cancellationToken).ConfigureAwait(false);
            if (Send)
            {
                await crm.SendEmailAsync(id, issueSend: true, cancellationToken).ConfigureAwait(false);
            }

            made = await crm.GetEmailAsync(id, cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return made;
    }
}
