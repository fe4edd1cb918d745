using System.Globalization;
using System.Runtime.ExceptionServices;
using EmailRouter.Mail.Exchange.Soap;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Exchange;

/// <summary>Sends messages from a mailbox (CreateItem with MIME content).</summary>
/// <remarks>
/// Exchange has no envelope: it sends to the recipients of the item. Who is in the envelope and not in the headers becomes a Bcc recipient; when somebody in the headers is not in the envelope,
/// because they have the message already, the recipients are written out as the envelope says. The author is the header's From; the server checks the right to it. With the option
/// <c>sendAs</c> = <c>onBehalf</c> the account is named as the sender beside it.
/// </remarks>
internal sealed class ExchangeSender(EwsChannel channel, ExchangeOptions options, MailLogin login, MailContext context) : IMailSender, ISentLookup
{
    /// <summary>Sent messages lie here sooner or later; in the last where somebody tidied up.</summary>
    private static readonly ExchangeFolderId[] Places = [ExchangeFolderId.SentItems, new("outbox", true), new("deleteditems", true)];

    private bool disposed;

    /// <inheritdoc/>
    public async ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ObjectDisposedException.ThrowIf(disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (string address in message.Recipients)
            CheckAddress(address);
        bool committed = false;
        ExceptionDispatchInfo? refusedCommit = null;
        var call = new EwsCall("CreateItem", MailStep.Send, w => Write(w, message))
        {
            // All of a large message has to get there before the answer's head can come.
            Deadline = context.Deadlines.FinalDot,
            Content = (head, tail) => new EwsMimeContent(head, message.Content.Memory, tail, CommitAsync),
        };
        try
        {
            EwsMessage answer = (await channel.AskAsync(call, cancellationToken).ConfigureAwait(false))[0];
            return Judge(message, answer);
        }
        catch (Exception) when (refusedCommit is not null)
        {
            refusedCommit.Throw();
            throw;
        }
        catch (MailAuthenticationException)
        {
            throw;      // nobody listened
        }
        catch (MailCommandException e) when (committed)
        {
            return Judge(message, e);
        }
        catch (Exception e) when (committed && e is MailException or OperationCanceledException)
        {
            return Receipt(message, SendStatus.Uncertain, e.Message, null);
        }

        async ValueTask CommitAsync(CancellationToken stop)
        {
            // A log-in in several legs sends the request more than once; the journal hears of it once.
            if (committed)
                return;
            try
            {
                if (message.BeforeCommit is { } commit)
                    await commit(message.Recipients, stop).ConfigureAwait(false);
                stop.ThrowIfCancellationRequested();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                refusedCommit = ExceptionDispatchInfo.Capture(e);
                throw;
            }

            committed = true;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(messageId);
        ObjectDisposedException.ThrowIf(disposed, this);
        var call = new EwsCall("FindItem", MailStep.Send, w =>
        {
            w.Start("m:FindItem", ("Traversal", "Shallow")).ItemShape(false)
                .Empty("m:IndexedPageItemView", ("MaxEntriesReturned", "1"), ("Offset", "0"), ("BasePoint", "Beginning"))
                .Start("m:Restriction").Start("t:IsEqualTo").Field("message:InternetMessageId")
                .Start("t:FieldURIOrConstant").Empty("t:Constant", ("Value", messageId)).End().End().End()
                .Start("m:ParentFolderIds");
            foreach (ExchangeFolderId place in Places)
                w.Folder(place);
            w.End().End();
        });
        IReadOnlyList<EwsMessage> answers = await channel.AskAsync(call, cancellationToken).ConfigureAwait(false);
        if (answers.Any(a => a.IsSuccess && (a.Element.Child("RootFolder").Child("Items")?.HasElements ?? false)))
            return true;
        EwsMessage? failed = answers.FirstOrDefault(a => !a.IsSuccess);
        if (failed is not null && ExchangeResponseCodes.Find(failed.Code).IsTransient)
            throw channel.Refused(failed, MailStep.Send, "to look for a sent message");
        return failed is null && options.SaveSentCopy ? false : null;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        disposed = true;
        channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private static void WriteRecipients(EwsRequestWriter writer, string name, string[] addresses)
    {
        if (addresses.Length == 0)
            return;
        writer.Start(name);
        foreach (string address in addresses)
            writer.Start("t:Mailbox").Element("t:EmailAddress", address).End();
        writer.End();
    }

    private static void WritePerson(EwsRequestWriter writer, string name, string address) =>
        writer.Start(name).Start("t:Mailbox").Element("t:EmailAddress", address).End().End();

    private static bool Same(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    private static SendReceipt Receipt(OutgoingMessage message, SendStatus status, string reply, TimeSpan? retryAfter) => new()
    {
        Status = status,
        Reply = reply,
        Recipients = [.. message.Recipients.Select(r => new RecipientResult(r, status, reply))],
        RetryAfter = retryAfter,
    };

    private void Write(EwsRequestWriter writer, OutgoingMessage message)
    {
        int end = HeaderBytes.Find(message.Content.Memory.Span);
        MimeMessage header = MimeMessage.Parse(end < 0 ? message.Content.Memory : message.Content.Memory[..end]);
        string[] to = [.. header.To.Select(a => a.Address)];
        string[] cc = [.. header.Cc.Select(a => a.Address)];
        var envelope = new HashSet<string>(message.Recipients, StringComparer.OrdinalIgnoreCase);
        bool shown = to.Concat(cc).All(envelope.Contains);
        string[] bcc = [.. message.Recipients.Except([.. to, .. cc], StringComparer.OrdinalIgnoreCase)];

        writer.Start("m:CreateItem", ("MessageDisposition", options.SaveSentCopy ? "SendAndSaveCopy" : "SendOnly"));
        if (options.SaveSentCopy)
            writer.Start("m:SavedItemFolderId").Folder(ExchangeFolderId.SentItems).End();
        writer.Start("m:Items").Start("t:Message").MimeContent().Element("t:ItemClass", "IPM.Note");

        // From the account's own mailbox, or as its delegate, the server has to be told for whom; with impersonation the account is the author.
        string? author = header.From is [{ Address.Length: > 0 } from, ..] && IsForAnother(from.Address) ? from.Address : null;
        if (author is not null && options.SendsOnBehalf && ExchangeOptions.AccountOf(login) is { } account && !Same(account, author))
            WritePerson(writer, "t:Sender", account);
        if (!shown)
        {
            WriteRecipients(writer, "t:ToRecipients", [.. to.Where(envelope.Contains).Distinct(StringComparer.OrdinalIgnoreCase)]);
            WriteRecipients(writer, "t:CcRecipients", [.. cc.Where(envelope.Contains).Except(to, StringComparer.OrdinalIgnoreCase).Distinct(StringComparer.OrdinalIgnoreCase)]);
        }

        WriteRecipients(writer, "t:BccRecipients", bcc);
        if (author is not null)
            WritePerson(writer, "t:From", author);
        writer.End().End().End();
    }

    private bool IsForAnother(string author) => channel.Access switch
    {
        ExchangeAccess.Delegate => true,
        ExchangeAccess.Own => !Same(author, ExchangeOptions.AccountOf(login) ?? login.Mailbox),
        _ => false,
    };

    private SendReceipt Judge(OutgoingMessage message, EwsMessage answer)
    {
        string reply = channel.Show(answer);
        if (answer.IsSuccess)
            return Receipt(message, SendStatus.Accepted, reply, null);
        ExchangeResponseCode meaning = ExchangeResponseCodes.Find(answer.Code);
        return meaning.Sending is { } status
            ? Receipt(message, status, $"{reply} ({meaning.Words}. {meaning.Remedy})", status == SendStatus.Rejected ? null : answer.BackOff ?? meaning.Wait)
            : throw channel.Refused(answer, MailStep.Send, "to send a message");
    }

    /// <summary>The request failed as a whole after all of it had left: by a SOAP fault, whose code says what became of the message, or by a status of IIS.</summary>
    private static SendReceipt Judge(OutgoingMessage message, MailCommandException e)
    {
        string code = e.Reply.Split(':', 2)[0];
        SendStatus? status = code.StartsWith("HTTP ", StringComparison.Ordinal)
            ? int.Parse(code.AsSpan(5, 3), NumberStyles.None, CultureInfo.InvariantCulture) switch
            {
                _ when e.ErrorId == MailException.MessageTooLarge => SendStatus.Rejected,
                429 or 503 => SendStatus.Deferred,
                500 or 502 or 504 => SendStatus.Uncertain,
                _ => null,
            }
            : ExchangeResponseCodes.Find(code).Sending;
        if (status is not { } known)
            throw new MailCommandException(e.ErrorId, e.Step, e.Message, e.Remedy, e) { Reply = e.Reply, IsTransient = e.IsTransient, RetryAfter = e.RetryAfter, Conversation = e.Conversation };
        return Receipt(message, known, $"{e.Message} {e.Remedy}", known == SendStatus.Rejected ? null : e.RetryAfter);
    }

    private void CheckAddress(string address)
    {
        if (address.Length is 0 or > 254 || !address.Contains('@', StringComparison.Ordinal) || address.Any(c => char.IsControl(c) || c == ' '))
        {
            throw new MailCommandException(
                MailException.InvalidAddress, MailStep.Send, $"{channel.Where}: \"{address}\" is no address that Exchange sends to.", "Correct the recipient's address in the CRM.");
        }
    }
}
