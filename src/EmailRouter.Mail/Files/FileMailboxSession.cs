using System.Runtime.CompilerServices;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Files;

/// <summary>One open mailbox whose messages are files, one each.</summary>
/// <remarks>
/// Settlements take effect at once: the file system confirms each by itself. One that fails does not keep the others from happening;
/// <see cref="CompleteAsync"/> reports the first that failed.
/// </remarks>
internal abstract class FileMailboxSession(string folder, MailContext context) : IMailboxSession
{
    private readonly List<MessageFile> files = [];
    private MailCommandException? refused;
    private int settled;
    private bool completed;

    /// <inheritdoc/>
    public abstract SettlementKinds Settlements { get; }

    /// <summary>Gets the mailbox's folder.</summary>
    protected string Folder => folder;

    /// <summary>Gets clock and limits.</summary>
    protected MailContext Context => context;

    /// <summary>Gets the words for this kind of mailbox, e.g. "a Maildir".</summary>
    protected abstract string Kind { get; }

    /// <inheritdoc/>
    public async IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(completed, this);
        List<MessageFile> found = await MailSteps.RunAsync(
            context,
            MailStep.List,
            async () =>
            {
                List<MessageFile> listed = await RunAsync(context, MailStep.List, folder, "listed", List, cancellationToken).ConfigureAwait(false);
                return (listed, $"{listed.Count} messages");
            }).ConfigureAwait(false);
        foreach (MessageFile file in found)
        {
            files.Add(file);
            yield return new MessageRef(file.Id) { Size = file.Length, ReceivedOn = file.ModifiedOn, SessionNumber = files.Count };
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<FetchedMessage> FetchAsync(
        IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ObjectDisposedException.ThrowIf(completed, this);
        foreach (MessageRef message in messages)
            yield return await FetchOneAsync(message, headerOnly: false, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ObjectDisposedException.ThrowIf(completed, this);
        return FetchOneAsync(message, headerOnly: true, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(how);
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(completed, this);
        if (how.Kind == SettlementKinds.Keep)
            return ValueTask.CompletedTask;
        if (how.Kind == SettlementKinds.None || (Settlements & how.Kind) != how.Kind)
        {
            throw new MailCommandException(
                "MailSettlementNotSupported",
                MailStep.Settle,
                $"{folder}: {Kind} can do {Settlements}, not {how.Kind}.",
                "Choose one of these in the profile.");
        }

        MessageFile file = FileOf(message);
        try
        {
            Settle(file, how);
            settled++;
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            if (!FileErrors.IsMissing(e) || File.Exists(file.Path))
                refused ??= FileErrors.NotSettled(message, file.Path, e);
        }
        catch (MailCommandException e)
        {
            refused ??= e;
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(completed, this);
        completed = true;
        await MailSteps.RunAsync(
            context,
            MailStep.Complete,
            () => refused is null ? ValueTask.FromResult((true, $"{settled} settled")) : ValueTask.FromException<(bool, string)>(refused)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public abstract ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        completed = true;
        return ValueTask.CompletedTask;
    }

    /// <summary>Does something with the file system that cannot be stopped, and waits for it no longer than a command may take.</summary>
    /// <typeparam name="T">What it yields.</typeparam>
    /// <param name="context">The clock and the limit.</param>
    /// <param name="step">The step.</param>
    /// <param name="folder">The folder, for the error.</param>
    /// <param name="what">What is done, for the error.</param>
    /// <param name="work">The work.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>What the work yields.</returns>
    /// <exception cref="MailException">It failed, or took too long.</exception>
    internal static async ValueTask<T> RunAsync<T>(MailContext context, MailStep step, string folder, string what, Func<T> work, CancellationToken cancellationToken)
    {
        try
        {
            return await Task.Run(work, cancellationToken).WaitAsync(context.Deadlines.Command, context.Clock, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw FileErrors.Folder(new IOException($"It took longer than {context.Deadlines.Command.TotalSeconds:0} seconds.", e), step, folder, what);
        }
        catch (Exception e) when (FileErrors.IsFileError(e))
        {
            throw FileErrors.Folder(e, step, folder, what);
        }
    }

    /// <summary>Lists the messages, oldest first.</summary>
    /// <returns>The messages.</returns>
    protected abstract List<MessageFile> List();

    /// <summary>Finds the file of a message where it is now.</summary>
    /// <param name="file">The file as it was listed.</param>
    /// <returns>The file; null when it is gone.</returns>
    protected abstract MessageFile? Locate(MessageFile file);

    /// <summary>Says whether what was read of a file is the message that was listed.</summary>
    /// <param name="file">The file.</param>
    /// <returns>False when it has been changed meanwhile.</returns>
    protected abstract bool IsStillThat(MessageFile file);

    /// <summary>Settles a message; one that is gone is settled.</summary>
    /// <param name="file">The file as it was listed.</param>
    /// <param name="how">One of <see cref="Settlements"/> but keep.</param>
    protected abstract void Settle(MessageFile file, Settlement how);

    private MessageFile FileOf(MessageRef message) => message.SessionNumber > 0 && message.SessionNumber <= files.Count && files[message.SessionNumber - 1].Id == message.Id
        ? files[message.SessionNumber - 1]
        : throw new ArgumentException($"Message {message.Id} was not listed by this session.", nameof(message));

    private async ValueTask<FetchedMessage> FetchOneAsync(MessageRef message, bool headerOnly, CancellationToken cancellationToken)
    {
        MessageFile listed = FileOf(message);
        string path = listed.Path;
        try
        {
            if (Locate(listed) is not { } file)
                return new FetchedMessage(message, null, FileErrors.Gone(message, "its file has been removed since it was listed"));
            path = file.Path;
            Mime.MessageBuffer content = headerOnly
                ? await file.ReadHeaderAsync(cancellationToken).ConfigureAwait(false)
                : await file.ReadAsync(context.Buffers, cancellationToken).ConfigureAwait(false);
            if (IsStillThat(file))
                return new FetchedMessage(message, content);
            content.Dispose();
            return new FetchedMessage(message, null, FileErrors.Gone(message, "its file has been changed since it was listed"));
        }
        catch (Exception e) when (e is Mime.MessageTooLargeException || FileErrors.IsFileError(e))
        {
            return new FetchedMessage(message, null, FileErrors.Message(message, path, e));
        }
    }
}
