using System.Management.Automation;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Mailboxes;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Messages;

/// <summary>Says what would happen to a message and why, with everything that was looked at. Changes nothing.</summary>
/// <remarks>The message is a file in Internet format (.eml), or one that lies in a mailbox. It goes through the very code that a poll runs.</remarks>
/// <example>
/// <summary>Trace a file</summary>
/// <code>Trace-RouterMessage ./complaint.eml -Mailbox support@example.test | Format-List</code>
/// <para>Says what a poll of the mailbox would do with the message, with the evidence of each rule.</para>
/// </example>
/// <example>
/// <summary>Trace a message in a mailbox</summary>
/// <code>Trace-RouterMessage -Mailbox support@example.test -MessageKey 'CABx7y@mail.example.test'</code>
/// <para>The message is known by its id on the mail server or by its Message-ID.</para>
/// </example>
/// <example>
/// <summary>Ask again about everything that was left alone today</summary>
/// <code>Get-RouterDecision -Action NotTracked -Since (Get-Date).Date | Trace-RouterMessage</code>
/// <para>Shows what would be decided now, for instance after the filter of a mailbox was changed.</para>
/// </example>
[Cmdlet(VerbsDiagnostic.Trace, "RouterMessage", DefaultParameterSetName = PathParameterSet)]
[OutputType(typeof(Decision))]
public sealed class TraceRouterMessageCommand : RouterConnectedCmdlet
{
    private const string PathParameterSet = "Path";
    private const string LiteralPathParameterSet = "LiteralPath";
    private const string MailboxParameterSet = "Mailbox";

    /// <summary>The files; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathParameterSet)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>The files, taken literally.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathParameterSet)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The address of the mailbox that the message came to. A file needs none.</summary>
    [Parameter(ParameterSetName = PathParameterSet)]
    [Parameter(ParameterSetName = LiteralPathParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = MailboxParameterSet)]
    [Alias("Address")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string? Mailbox { get; set; }

    /// <summary>The id of the message on the mail server, or its Message-ID.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = MailboxParameterSet)]
    [ValidateNotNullOrEmpty]
    public string MessageKey { get; set; } = string.Empty;

    /// <summary>The deployment; not needed when there is only one.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        EffectiveMailbox? mailbox = null;
        if (Mailbox is not null)
        {
            if (await FindMailboxesAsync(router, Deployment, [Mailbox], cancellationToken).ConfigureAwait(false) is not [EffectiveMailbox found, ..])
            {
                return;
            }

            mailbox = found;
        }

        if (ParameterSetName == MailboxParameterSet)
        {
            await ReportingAsync("Trace", $"{Mailbox} {MessageKey}", async () =>
            {
                Decision decision = await router.TraceAsync(mailbox!, MessageKey, cancellationToken).ConfigureAwait(false);
                await EmitFromAsync(decision, router).ConfigureAwait(false);
            }).ConfigureAwait(false);
            return;
        }

        foreach (string path in ParameterSetName == PathParameterSet ? Path : LiteralPath)
        {
            foreach (string file in await FindFilesAsync(path).ConfigureAwait(false))
            {
                await ReportingAsync("Trace", file, () => TraceFileAsync(router, file, mailbox, cancellationToken)).ConfigureAwait(false);
            }
        }
    }

    private async Task TraceFileAsync(Router router, string file, EffectiveMailbox? mailbox, CancellationToken cancellationToken)
    {
        ReportProgress(file, 0, null);
        MailContext mail = router.Mail;
        MessageBuffer content;
        FileStream stream = File.OpenRead(file);
        await using (stream.ConfigureAwait(false))
        {
            try
            {
                content = await MessageBuffer.ReadAsync(stream, mail.Buffers, cancellationToken).ConfigureAwait(false);
            }
            catch (MessageTooLargeException e)
            {
                await EmitErrorAsync(RouterErrors.FileTooLarge(file, e)).ConfigureAwait(false);
                return;
            }
        }

        using (content)
        {
            Decision decision = await router.TraceAsync(content, Deployment, mailbox, cancellationToken).ConfigureAwait(false);
            await EmitAsync(WithNotes(decision, [new("Path", file), new(nameof(ConfigurationPath), router.Store.Path)])).ConfigureAwait(false);
        }
    }

    private async Task<IReadOnlyList<string>> FindFilesAsync(string path)
    {
        try
        {
            IReadOnlyList<string> files = await OnPipelineThreadAsync<IReadOnlyList<string>>(() => ParameterSetName == PathParameterSet
                ? [.. GetResolvedProviderPathFromPSPath(path, out _)]
                : [GetUnresolvedProviderPathFromPSPath(path)]).ConfigureAwait(false);
            if (ParameterSetName == PathParameterSet || File.Exists(files[0]))
            {
                return [.. files.Where(File.Exists)];
            }
        }
        catch (ItemNotFoundException)
        {
            // Reported below, as a literal path is.
        }

        await EmitErrorAsync(RouterErrors.PathNotFound(path)).ConfigureAwait(false);
        return [];
    }
}
