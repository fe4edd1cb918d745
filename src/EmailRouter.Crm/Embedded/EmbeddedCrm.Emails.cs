using System.Runtime.CompilerServices;
using EmailRouter.Crm.Embedded.Storage;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded;

/// <content>Email activities: writing and sending them, looking at them.</content>
public sealed partial class EmbeddedCrm
{
    private const int PageSize = 200;

    /// <summary>Creates an outgoing email as a draft.</summary>
    /// <param name="draft">The email. Recipients given by address are resolved to the record that carries it, where there is one.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The draft's id.</returns>
    /// <exception cref="CrmException">
    /// <c>CrmRecordMissing</c> (the sender, a recipient, the regarding record, or the answered email), <c>CrmRecordInvalid</c>, <c>CrmRecordExists</c>,
    /// <c>CrmAttachmentBlocked</c>, <c>CrmAttachmentTooLarge</c>, or the store cannot be written.
    /// </exception>
    public async ValueTask<Guid> CreateDraftAsync(EmailDraft draft, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(draft);
        Guid id = draft.ActivityId ?? NewId();
        await WriteDraftAsync(draft, (s, staged) => DraftWriter.Insert(s, draft, id, staged, NewId, Now), cancellationToken).ConfigureAwait(false);
        return id;
    }

    /// <summary>Writes a draft, or a failed email, anew: everything is replaced by what is given. A tracking token it has stays its own.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="draft">What it is to be; its <see cref="EmailDraft.ActivityId"/> is not looked at.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the change is on the disk.</returns>
    /// <exception cref="CrmException"><c>CrmTransitionInvalid</c> (it is neither), and those of <see cref="CreateDraftAsync"/>.</exception>
    public async ValueTask UpdateDraftAsync(Guid activityId, EmailDraft draft, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(draft);
        await WriteDraftAsync(draft, (s, staged) => DraftWriter.Replace(s, draft, activityId, staged, NewId, Now), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Sends a draft, or a failed email again (the SendEmail message): gives it its tracking token and makes it pending, or records it as sent.
    /// </summary>
    /// <param name="activityId">The email.</param>
    /// <param name="issueSend">True to hand it to the router: Pending Send. False to record that it was sent by other means: Sent.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <param name="trackingToken">The token to put into the subject; null for a known one that stands there already, else the sender's next.</param>
    /// <returns>The subject with the token.</returns>
    /// <exception cref="CrmException">
    /// <c>CrmRecordMissing</c>, <c>CrmTransitionInvalid</c>, <c>CrmRecordInvalid</c> (no recipient), <c>CrmSendAsDenied</c>, or the store cannot be written.
    /// </exception>
    public async ValueTask<string> SendEmailAsync(Guid activityId, bool issueSend, CancellationToken cancellationToken, string? trackingToken = null) =>
        await file.WriteAsync(s => DraftWriter.Send(s, activityId, issueSend, trackingToken, Now), cancellationToken).ConfigureAwait(false);

    /// <summary>Cancels a draft, a pending or a failed email.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is canceled.</returns>
    /// <exception cref="CrmException"><c>CrmRecordMissing</c>, <c>CrmTransitionInvalid</c>, or the store cannot be written.</exception>
    public ValueTask CancelEmailAsync(Guid activityId, CancellationToken cancellationToken) =>
        SetEmailStatusAsync(activityId, EmailStatus.Canceled, null, cancellationToken);

    /// <summary>
    /// Changes an email's status by hand, as far as its present one allows. So a person decides about an email of which nobody knows whether it was sent: Sent,
    /// Pending Send (it is sent again), or Failed.
    /// </summary>
    /// <param name="activityId">The email.</param>
    /// <param name="status">The new status.</param>
    /// <param name="reason">Why, for the email's author; null for none.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the change is on the disk.</returns>
    /// <exception cref="CrmException"><c>CrmRecordMissing</c>, <c>CrmTransitionInvalid</c>, or the store cannot be written.</exception>
    public async ValueTask SetEmailStatusAsync(Guid activityId, EmailStatus status, string? reason, CancellationToken cancellationToken) =>
        await WriteAsync(s => DraftWriter.SetStatus(s, activityId, status, reason, Now), cancellationToken).ConfigureAwait(false);

    /// <summary>Sets what an email is regarding.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="regarding">The record; null for none.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the change is on the disk.</returns>
    /// <exception cref="CrmException"><c>CrmRecordMissing</c>, <c>CrmTableUnknown</c>, or the store cannot be written.</exception>
    public async ValueTask SetRegardingAsync(Guid activityId, RecordReference? regarding, CancellationToken cancellationToken) =>
        await WriteAsync(s => DraftWriter.SetRegarding(s, activityId, regarding, Now), cancellationToken).ConfigureAwait(false);

    /// <summary>Makes the next tracking token of a user (the GetTrackingTokenEmail message).</summary>
    /// <param name="userId">The user.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The token.</returns>
    /// <exception cref="CrmException"><c>CrmRecordMissing</c>, or the store cannot be written.</exception>
    public async ValueTask<string> GetTrackingTokenAsync(Guid userId, CancellationToken cancellationToken) => await file.WriteAsync(
        s => TokenCounter.Next(s, userId, OrganizationTable.Read(s)) ?? throw StoreErrors.RecordMissing("systemuser", userId),
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken) =>
        await file.ReadAsync(s => EmailReader.Find(s, activityId), cancellationToken).ConfigureAwait(false) is { } email ? Safe(email) : null;

    /// <inheritdoc/>
    public async IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        long? before = null;
        for (int left = filter.Top ?? int.MaxValue; left > 0;)
        {
            int count = Math.Min(left, PageSize);
            long? after = before;
            List<(long Key, EmailActivity Email)> page = await file.ReadAsync(s => EmailReader.Page(s, filter, after, count),
                cancellationToken).ConfigureAwait(false);
            foreach ((long key, EmailActivity email) in page)
            {
                before = key;
                yield return Safe(email);
            }

            if (page.Count < count)
                yield break;
            left -= count;
        }
    }

    /// <summary>Opens the content of an attachment. The stream reads it piece by piece and can seek.</summary>
    /// <param name="attachmentId"><c>activitymimeattachmentid</c>.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The content; the caller disposes the stream.</returns>
    /// <exception cref="CrmException"><c>CrmRecordMissing</c>, or the store cannot be read.</exception>
    public async ValueTask<Stream> OpenAttachmentAsync(Guid attachmentId, CancellationToken cancellationToken)
    {
        (long Key, long Size)[] found = await file.ReadAsync(
            s => s.Query(
                "SELECT attachmentkey, filesize FROM activitymimeattachment WHERE activitymimeattachmentid = @id",
                row => (row.GetInt64(0), row.GetInt64(1)), ("id", attachmentId)).ToArray(),
            cancellationToken).ConfigureAwait(false);
        return found is [var (key, size)] ? new AttachmentStream(file, key, size) : throw StoreErrors.RecordMissing("activitymimeattachment", attachmentId);
    }

    /// <summary>Lists queue items, newest first.</summary>
    /// <param name="queueId">The queue; null for all.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The queue items.</returns>
    /// <exception cref="CrmException">The store cannot be read.</exception>
    public async ValueTask<IReadOnlyList<QueueItem>> GetQueueItemsAsync(Guid? queueId, CancellationToken cancellationToken) =>
        await file.ReadAsync(s => EmailReader.QueueItems(s, queueId), cancellationToken).ConfigureAwait(false);

    /// <summary>Lets an email make its <c>safedescription</c> when somebody asks for it.</summary>
    private EmailActivity Safe(EmailActivity email) => options.MakeSafe is null ? email : email with { MakeSafe = options.MakeSafe };

    private async ValueTask WriteDraftAsync(EmailDraft draft, Action<SqliteSession, List<StagedAttachment>> write, CancellationToken cancellationToken)
    {
        DraftWriter.CheckAttachments(draft, await GetSettingsAsync(cancellationToken).ConfigureAwait(false));
        List<StagedAttachment> staged = await StagedAttachment.ReadAsync(draft.Attachments, cancellationToken).ConfigureAwait(false);
        try
        {
            await WriteAsync(s => write(s, staged), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await StagedAttachment.DisposeAsync(staged).ConfigureAwait(false);
        }
    }
}
