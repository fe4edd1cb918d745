using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Pipeline;

/// <summary>
/// The base of all cmdlets. The engine is asynchronous and knows nothing of PowerShell; this class runs it beside the pipeline thread and does everything
/// PowerShell wants on the pipeline thread there.
/// </summary>
public abstract class RouterCmdlet : PSCmdlet, IDisposable
{
    private readonly PipelinePump pump = new();
    private ProgressReporter? progress;
    private Task work = Task.CompletedTask;

    /// <summary>Gets the token that a stop of the pipeline cancels; every piece of work descends from it.</summary>
    protected CancellationToken StopToken => pump.Stop;

    /// <summary>Gets the clock.</summary>
    protected virtual TimeProvider Clock => TimeProvider.System;

    /// <summary>Gets what the cmdlet does, for the progress display.</summary>
    protected virtual string ProgressActivity => MyInvocation.MyCommand?.Name ?? GetType().Name;

    /// <summary>Releases what the cmdlet holds. Work that is still going on is stopped first.</summary>
    public void Dispose()
    {
        pump.Close();
        if (!work.IsCompleted)
        {
            pump.Leave(work);
        }

        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what a derived cmdlet holds.</summary>
    /// <param name="disposing">True when called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Does the work before the first input object.</summary>
    /// <param name="cancellationToken">Cancelled when the pipeline is stopped.</param>
    /// <returns>A task that ends with the work.</returns>
    protected virtual Task BeginProcessingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Does the work for one input object.</summary>
    /// <inheritdoc cref="BeginProcessingAsync"/>
    protected virtual Task ProcessRecordAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Does the work after the last input object.</summary>
    /// <inheritdoc cref="BeginProcessingAsync"/>
    protected virtual Task EndProcessingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    protected sealed override void BeginProcessing() => Pump(BeginProcessingAsync);

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Pump(ProcessRecordAsync);

    /// <inheritdoc/>
    protected sealed override void EndProcessing()
    {
        Pump(EndProcessingAsync);
        pump.Close();
        if (progress?.Completed() is { } record)
        {
            WriteProgress(record);
        }
    }

    /// <inheritdoc/>
    protected sealed override void StopProcessing() => pump.RequestStop();

    /// <summary>Writes an object to the pipeline.</summary>
    /// <param name="value">The object.</param>
    /// <returns>A task that ends when the object is on its way; it waits while the consumer is behind.</returns>
    protected ValueTask EmitAsync(object value) => pump.WriteAsync(() => WriteObject(value));

    /// <summary>Writes an error that ends nothing: the remaining input goes on.</summary>
    /// <param name="error">The error.</param>
    /// <returns>A task that ends when the error is on its way.</returns>
    protected ValueTask EmitErrorAsync(ErrorRecord error) => pump.WriteAsync(() => WriteError(error));

    /// <summary>Writes a warning: something the administrator should act on later.</summary>
    /// <param name="text">The text.</param>
    /// <returns>A task that ends when the warning is on its way.</returns>
    protected ValueTask WarnAsync(string text) => pump.WriteAsync(() => WriteWarning(text));

    /// <summary>Writes what was decided, for <c>-Verbose</c>.</summary>
    /// <param name="text">The text.</param>
    /// <returns>A task that ends when the text is on its way.</returns>
    protected ValueTask ExplainAsync(string text) => pump.WriteAsync(() => WriteVerbose(text));

    /// <summary>Writes a line of a protocol, for <c>-Debug</c>. Does not wait: when the consumer is behind the line is dropped.</summary>
    /// <param name="text">The line, secrets masked.</param>
    protected void LogProtocol(string text) => pump.TryWrite(() => WriteDebug(text));

    /// <summary>Writes an audit line to the information stream.</summary>
    /// <param name="text">The text.</param>
    /// <param name="tag">The tag to find it by.</param>
    /// <returns>A task that ends when the line is on its way.</returns>
    protected ValueTask NoteAsync(string text, string tag) => pump.WriteAsync(() => WriteInformation(text, [tag]));

    /// <summary>Shows a line to the person at the host, as Write-Host does, whatever the preferences are.</summary>
    /// <param name="text">The text.</param>
    /// <returns>A task that ends when the line is on its way.</returns>
    protected ValueTask ShowAsync(string text) => pump.WriteAsync(() => WriteInformation(new HostInformationMessage { Message = text }, ["PSHOST"]));

    /// <summary>Shows how far long work is; at most four times a second, and not at all for short work.</summary>
    /// <param name="status">What is being worked on.</param>
    /// <param name="done">How much is done.</param>
    /// <param name="total">How much there is; null when that is unknown.</param>
    protected void ReportProgress(string status, long done, long? total)
    {
        progress ??= new ProgressReporter(ActivityId(), ProgressActivity, Clock);
        if (progress.Next(status, done, total) is { } record)
        {
            pump.TryWrite(() => WriteProgress(record));
        }
    }

    /// <summary>Asks whether a change may be made (<c>-WhatIf</c>, <c>-Confirm</c>).</summary>
    /// <param name="target">What is changed.</param>
    /// <param name="action">What is done to it.</param>
    /// <returns>True when it may.</returns>
    protected Task<bool> ConfirmAsync(string target, string action) => pump.AskAsync(() => ShouldProcess(target, action));

    /// <summary>Asks whether a change may be made, and tells a dry run from a refusal.</summary>
    /// <param name="description">The whole sentence shown by <c>-WhatIf</c>.</param>
    /// <param name="question">The question asked by <c>-Confirm</c>.</param>
    /// <param name="caption">The caption above the question.</param>
    /// <returns>Whether to do it for real, to do it dry, or to leave it.</returns>
    internal Task<Permission> PermitAsync(string description, string question, string caption) => pump.AskAsync(() =>
    {
        bool allowed = ShouldProcess(description, question, caption, out ShouldProcessReason reason);
        return reason.HasFlag(ShouldProcessReason.WhatIf) ? Permission.DryRun : allowed ? Permission.Granted : Permission.Refused;
    });

    /// <summary>Asks before something that cannot be undone; <c>-Force</c> is the caller's reason not to ask.</summary>
    /// <param name="query">The question.</param>
    /// <param name="caption">The caption above it.</param>
    /// <returns>True when it may be done.</returns>
    protected Task<bool> ConfirmDangerAsync(string query, string caption) => pump.AskAsync(() => ShouldContinue(query, caption));

    /// <summary>Makes the exception that ends the invocation with an error.</summary>
    /// <param name="error">The error.</param>
    /// <returns>The exception to throw.</returns>
    private protected static Exception Terminating(ErrorRecord error) => new TerminatingErrorException(error);

    /// <summary>Runs a function on the pipeline thread, for what PowerShell answers only there (paths, session state).</summary>
    /// <typeparam name="T">The type of the answer.</typeparam>
    /// <param name="question">The function.</param>
    /// <returns>The answer.</returns>
    protected Task<T> OnPipelineThreadAsync<T>(Func<T> question) => pump.AskAsync(question);

    /// <summary>Turns a path as a user types it into one of the file system. The file need not exist.</summary>
    /// <param name="path">The path, relative to the current location.</param>
    /// <returns>The full path.</returns>
    private protected Task<string> ResolvePathAsync(string path) => OnPipelineThreadAsync(() => GetUnresolvedProviderPathFromPSPath(path));

    /// <summary>Adds work that goes on beside the following input objects; the cmdlet must wait for it in its last hook.</summary>
    /// <param name="background">The work.</param>
    private protected void Track(Task background) => work = work.IsCompleted ? background : Task.WhenAll(work, background);

    private void Pump(Func<CancellationToken, Task> hook)
    {
        Task running = Task.Run(() => hook(pump.Stop));
        Track(running);
        try
        {
            pump.DrainUntil(running);
        }
        catch (TerminatingErrorException e)
        {
            ThrowTerminatingError(e.Record);
        }
        catch (Exception e) when (e is RouterException or MailException or CrmException or IOException or UnauthorizedAccessException)
        {
            ThrowTerminatingError(RouterErrors.From(e, MyInvocation.MyCommand?.Name ?? "Run", target: null));
        }
        catch (OperationCanceledException) when (pump.Stop.IsCancellationRequested || Stopping)
        {
            throw new PipelineStoppedException();
        }
    }

    private int ActivityId() => StringComparer.Ordinal.GetHashCode(GetType().Name) & 0x7FFFFFFF;
}
