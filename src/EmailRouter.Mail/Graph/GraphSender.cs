using System.Net;
using System.Text.Json;

namespace EmailRouter.Mail.Graph;

/// <summary>Sends from a mailbox.</summary>
/// <remarks>
/// A draft is made and then sent: its id stays when it is sent, so that after a lost answer the service can be asked what became of it. Messages that do not
/// fit into one request get their large attachments piece by piece, which needs a draft anyway. With the option <c>sendMode</c> = <c>direct</c> a message goes in one
/// request where it fits, which needs the permission Mail.Send alone; after a lost answer only a look into the mailbox helps.
/// </remarks>
internal sealed class GraphSender(GraphClient client) : IMailSender, ISentLookup
{
    private const int MaximumChecks = 4;

    /// <summary>A draft that is older than this is not on its way.</summary>
    private static readonly TimeSpan InTransit = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan Cleanup = TimeSpan.FromSeconds(30);

    private bool disposed;

    /// <inheritdoc/>
    public async ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ObjectDisposedException.ThrowIf(disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (GraphMail.Prepare(message, out string? obstacle) is not { } mail)
            return Receipt(message, SendStatus.Rejected, "not sent: " + obstacle);
        return client.Options.SendDirectly && mail.Attachments.Count == 0
            ? await SendDirectlyAsync(message, mail, cancellationToken).ConfigureAwait(false)
            : await SendDraftAsync(message, mail, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>A message that is nowhere in the mailbox may have been sent and removed since, so nobody can know. A draft of it that has been lying for a while was not sent.</remarks>
    public async ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(messageId);
        ObjectDisposedException.ThrowIf(disposed, this);
        DateTimeOffset now = client.Context.Clock.GetUtcNow();
        try
        {
            return await client.GetAsync(Find("look for sent message", messageId), Judge, cancellationToken).ConfigureAwait(false);
        }
        catch (GraphRefusedException e) when (e.Fault == GraphFault.Permission)
        {
            return null;        // Mail.Send alone may not look
        }

        bool? Judge(JsonElement body)
        {
            JsonElement[] found = [.. GraphJson.Objects(body, "value")];
            if (found.Any(m => GraphJson.Flag(m, "isDraft") == false))
                return true;
            return found.Length > 0 && found.All(m => GraphJson.Flag(m, "isDraft") == true && GraphJson.Moment(m, "createdDateTime") is { } made && now - made > InTransit) ? false : null;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (!disposed)
            client.Dispose();
        disposed = true;
        return ValueTask.CompletedTask;
    }

    private static SendReceipt Receipt(OutgoingMessage message, SendStatus status, string reply, TimeSpan? retryAfter = null) => new()
    {
        Status = status,
        Reply = reply,
        Recipients = [.. message.Recipients.Select(r => new RecipientResult(r, status, reply))],
        RetryAfter = retryAfter,
    };

    /// <summary>A refusal that is about this message, or about sending now. Others are about the mailbox or the service.</summary>
    private static SendReceipt? Judge(OutgoingMessage message, GraphRefusedException e)
    {
        string reply = $"{e.Error} {e.Remedy}";
        return e.Fault switch
        {
            GraphFault.SendAs or GraphFault.TooLarge or GraphFault.BadMessage or GraphFault.BadRecipients or GraphFault.BadRequest or GraphFault.Refused =>
                Receipt(message, SendStatus.Rejected, reply),
            GraphFault.SendingLimit => Receipt(message, SendStatus.Deferred, reply, e.RetryAfter ?? TimeSpan.FromMinutes(15)),
            GraphFault.Full => Receipt(message, SendStatus.Deferred, reply, e.RetryAfter ?? TimeSpan.FromHours(1)),
            GraphFault.ServerFault or GraphFault.Conflict or GraphFault.ItemGone => Receipt(message, SendStatus.Deferred, reply, e.RetryAfter),
            _ => null,
        };
    }

    /// <summary>After the request has left, an answer of the service itself says that nothing was accepted; anything else says nothing.</summary>
    private static bool IsAnswer(MailException e) => e is MailAuthenticationException
        || e is GraphRefusedException refused && refused.Fault != GraphFault.ServerFault
        && (refused.Fault != GraphFault.Unavailable || refused.Error.Status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.Locked);

    private static async ValueTask CommitAsync(OutgoingMessage message, CancellationToken cancellationToken)
    {
        if (message.BeforeCommit is { } commit)
            await commit(message.Recipients, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async ValueTask<SendReceipt> SendDirectlyAsync(OutgoingMessage message, GraphMail mail, CancellationToken cancellationToken)
    {
        await CommitAsync(message, cancellationToken).ConfigureAwait(false);
        var request = new GraphRequest
        {
            Step = MailStep.Send,
            What = "sendMail",
            Method = HttpMethod.Post,
            Path = client.User + "/sendMail",
            IsRepeatable = false,
            Deadline = client.Context.Deadlines.FinalDot,
            Content = mail.ToContent,
        };
        try
        {
            return await PostAsync(message, request, cancellationToken).ConfigureAwait(false);
        }
        catch (GraphRefusedException e) when (IsAnswer(e) && Judge(message, e) is { } receipt)
        {
            return receipt;
        }
        catch (Exception e) when (e is OperationCanceledException || (e is MailException mailError && !IsAnswer(mailError)))
        {
            return await LookAsync(message, e).ConfigureAwait(false);
        }
    }

    private async ValueTask<SendReceipt> SendDraftAsync(OutgoingMessage message, GraphMail mail, CancellationToken cancellationToken)
    {
        string? draft = null;
        try
        {
            if (message.IsRepeated)
                await RemoveStrayDraftsAsync(message.MessageId, cancellationToken).ConfigureAwait(false);
            draft = await CreateDraftAsync(mail, cancellationToken).ConfigureAwait(false);
            var upload = new GraphUpload(client, draft);
            foreach (Mime.MimePart attachment in mail.Attachments)
                await upload.AddAsync(attachment, cancellationToken).ConfigureAwait(false);
            await CommitAsync(message, cancellationToken).ConfigureAwait(false);
        }
        catch (GraphRefusedException e) when (Judge(message, e) is { } receipt)
        {
            await DiscardAsync(draft).ConfigureAwait(false);
            return receipt;
        }
        catch
        {
            await DiscardAsync(draft).ConfigureAwait(false);
            throw;
        }

        var request = new GraphRequest
        {
            Step = MailStep.Send,
            What = "send draft",
            Method = HttpMethod.Post,
            Path = draft + "/send",
            IsRepeatable = false,
            Deadline = client.Context.Deadlines.FinalDot,
            Content = static () => new ByteArrayContent([]),
        };
        try
        {
            return await PostAsync(message, request, cancellationToken).ConfigureAwait(false);
        }
        catch (MailException e) when (IsAnswer(e) && e is not GraphRefusedException { Fault: GraphFault.ItemGone })
        {
            await DiscardAsync(draft).ConfigureAwait(false);
            if (e is GraphRefusedException refused && Judge(message, refused) is { } receipt)
                return receipt;
            throw;
        }
        catch (Exception e) when (e is MailException or OperationCanceledException)
        {
            return await CheckAsync(message, draft, e).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Removes what an earlier attempt left behind: a draft whose making was not answered, or that could not be removed while the network was down. Each is removed only as it was found, so nothing that
    /// is being sent meanwhile is taken away.
    /// </summary>
    private async ValueTask RemoveStrayDraftsAsync(string messageId, CancellationToken cancellationToken)
    {
        try
        {
            (string? Id, string? Version)[] drafts = await client.GetAsync(
                Find("look for drafts", messageId),
                body => GraphJson.Objects(body, "value").Where(m => GraphJson.Flag(m, "isDraft") == true).Select(m => (GraphJson.Text(m, "id"), GraphJson.Text(m, "@odata.etag"))).ToArray(),
                cancellationToken).ConfigureAwait(false);
            foreach ((string? id, string? version) in drafts)
            {
                if (id is null || version is null)
                    continue;
                client.Note("a draft that an earlier attempt left behind is removed");
                await client.SendAsync(
                    new GraphRequest
                    {
                        Step = MailStep.Send,
                        What = "remove draft",
                        Method = HttpMethod.Delete,
                        Path = $"{client.User}/messages/{Uri.EscapeDataString(id)}",
                        IfMatch = version,
                    },
                    cancellationToken).ConfigureAwait(false);
            }
        }
        catch (GraphRefusedException e)
        {
            client.Note($"a draft may stay behind: {e.Message}");
        }
    }

    private GraphRequest Find(string what, string messageId)
    {
        string filter = Uri.EscapeDataString($"internetMessageId eq '{messageId.Replace("'", "''", StringComparison.Ordinal)}'");
        return new GraphRequest { Step = MailStep.Send, What = what, Path = $"{client.User}/messages?$filter={filter}&$select=id,isDraft,createdDateTime&$top=10" };
    }

    private async ValueTask<string> CreateDraftAsync(GraphMail mail, CancellationToken cancellationToken)
    {
        var request = new GraphRequest
        {
            Step = MailStep.Send,
            What = "create draft",
            Method = HttpMethod.Post,
            Path = client.User + "/messages",
            IsRepeatable = false,
            Content = mail.ToContent,
        };
        string? id = await client.GetAsync(request, body => GraphJson.Text(body, "id"), cancellationToken).ConfigureAwait(false);
        return string.IsNullOrEmpty(id) ? throw client.Malformed(request, "the draft has no id") : $"{client.User}/messages/{Uri.EscapeDataString(id)}";
    }

    private ValueTask<SendReceipt> PostAsync(OutgoingMessage message, GraphRequest request, CancellationToken cancellationToken) => client.SendAsync(
        request,
        (answer, _) => ValueTask.FromResult(Receipt(message, SendStatus.Accepted, $"{(int)answer.Status} accepted by {client.Service.Host} (request-id {answer.RequestId})")),
        cancellationToken);

    /// <summary>
    /// Asks what became of a draft after the answer was lost. One that is still a draft after a while is removed, and then it is certain that it was not sent.
    /// </summary>
    private async ValueTask<SendReceipt> CheckAsync(OutgoingMessage message, string draft, Exception cause)
    {
        string? version = null;
        try
        {
            for (int check = 1; check <= MaximumChecks; check++)
            {
                client.Note($"the answer was lost; waiting {1 << check} s before the draft is looked after");
                await Task.Delay(TimeSpan.FromSeconds(1 << check), client.Context.Clock, CancellationToken.None).ConfigureAwait(false);
                var request = new GraphRequest { Step = MailStep.Send, What = "look after draft", Path = draft + "?$select=isDraft" };
                try
                {
                    (bool? isDraft, version) = await client.GetAsync(request, b => (GraphJson.Flag(b, "isDraft"), GraphJson.Text(b, "@odata.etag")), CancellationToken.None).ConfigureAwait(false);
                    if (isDraft == false)
                        return Receipt(message, SendStatus.Accepted, $"sent; the answer was lost ({cause.Message}), and the message is no draft any more");
                }
                catch (GraphRefusedException e) when (e.Fault == GraphFault.ItemGone)
                {
                    version = null;     // on its way, for a moment
                }
            }

            if (version is null)
                return await LookAsync(message, cause).ConfigureAwait(false);
            await client.SendAsync(
                new GraphRequest { Step = MailStep.Send, What = "remove draft", Method = HttpMethod.Delete, Path = draft, IfMatch = version }, CancellationToken.None).ConfigureAwait(false);
            return Receipt(message, SendStatus.Deferred, $"not sent: the answer was lost ({cause.Message}), and the message was still a draft, which was removed");
        }
        catch (MailException e)
        {
            return Receipt(message, SendStatus.Uncertain, $"{cause.Message} What became of it could not be found out: {e.Message}");
        }
    }

    /// <summary>Looks for the message in the mailbox; only finding it proves something.</summary>
    private async ValueTask<SendReceipt> LookAsync(OutgoingMessage message, Exception cause)
    {
        try
        {
            if (await WasSentAsync(message.MessageId, CancellationToken.None).ConfigureAwait(false) == true)
                return Receipt(message, SendStatus.Accepted, $"sent; the answer was lost ({cause.Message}), and the message is in the mailbox");
        }
        catch (MailException e)
        {
            return Receipt(message, SendStatus.Uncertain, $"{cause.Message} What became of it could not be found out: {e.Message}");
        }

        return Receipt(message, SendStatus.Uncertain, cause.Message);
    }

    /// <summary>Removes a draft that will not be sent. That it stays behind when this fails changes nothing for the message.</summary>
    private async ValueTask DiscardAsync(string? draft)
    {
        if (draft is null)
            return;
        using var limit = new CancellationTokenSource(Cleanup, client.Context.Clock);
        try
        {
            await client.SendAsync(new GraphRequest { Step = MailStep.Send, What = "remove draft", Method = HttpMethod.Delete, Path = draft }, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MailException or OperationCanceledException)
        {
            client.Note($"a draft stays behind: {e.Message}");
        }
    }
}
