namespace EmailRouter.Mail.Imap;

/// <content>Waiting for mail.</content>
internal sealed partial class ImapClient
{
    /// <summary>
    /// Servers may end an IDLE after 30 minutes (RFC 2177); what lies between forgets a silent connection sooner, and Gmail after ten (MailKit #707).
    /// </summary>
    private static readonly TimeSpan IdlePeriod = TimeSpan.FromMinutes(9);

    /// <summary>How often a server is asked that does not tell by itself.</summary>
    private static readonly TimeSpan AskPeriod = TimeSpan.FromSeconds(60);

    /// <summary>Waits until the server announces mail in the selected mailbox, or in others.</summary>
    /// <param name="watch">The others; null for none.</param>
    /// <param name="atMost">How long to wait.</param>
    /// <param name="cancellationToken">Stops the waiting; the connection is dead then.</param>
    /// <returns>True when it did; false when the time was up.</returns>
    public async ValueTask<bool> WaitForMailAsync(ImapWatch? watch, TimeSpan atMost, CancellationToken cancellationToken)
    {
        ImapFolder folder = Selected ?? throw new InvalidOperationException("No mailbox is selected.");
        folder.IsFresh = false;
        long started = context.Clock.GetTimestamp();
        bool canIdle = Capabilities.Has(ImapFeatures.Idle);
        dispatcher.Watch = watch;
        if (watch is not null)
        {
            await AskToBeToldAsync(watch, cancellationToken).ConfigureAwait(false);
            await LookAtOthersAsync(watch, cancellationToken).ConfigureAwait(false);
        }

        while (!HasNews(folder))
        {
            TimeSpan rest = atMost - context.Clock.GetElapsedTime(started);
            if (rest <= TimeSpan.Zero)
                return false;
            TimeSpan period = canIdle && watch is null or { IsTold: true } ? IdlePeriod : AskPeriod;
            if (canIdle)
                canIdle = await IdleAsync(folder, rest < period ? rest : period, cancellationToken).ConfigureAwait(false);
            else
                await AskForNewsAsync(rest < AskPeriod ? rest : AskPeriod, cancellationToken).ConfigureAwait(false);

            // Also where the server tells: what others do to the mailbox behind its back it may not notice by itself.
            if (watch is not null && !HasNews(folder))
                await LookAtOthersAsync(watch, cancellationToken).ConfigureAwait(false);
        }

        folder.ForgetNews();
        watch?.ForgetNews();
        return true;
    }

    private bool HasNews(ImapFolder folder) => folder.HasNews || dispatcher.Watch is { HasNews: true };

    /// <summary>Asks the server to tell about the other folders, once for a connection (RFC 5465 3.1); one that cannot is asked by STATUS from time to time.</summary>
    private async ValueTask AskToBeToldAsync(ImapWatch watch, CancellationToken cancellationToken)
    {
        if (watch.IsTold is not null)
            return;
        watch.IsTold = Capabilities.Has(ImapFeatures.Notify);
        if (watch.IsTold == false)
            return;

        // The selected folder is named too, since it would not be told about any more; delayed, as everywhere without NOTIFY.
        string others = string.Join(' ', watch.Others.Select(Name));
        string command = $"NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (mailboxes ({others}) (MessageNew MessageExpunge))";
        ImapResponse response = await ExecuteAsync(MailStep.List, command, null, cancellationToken).ConfigureAwait(false);
        watch.IsTold = response.IsOk;
    }

    /// <summary>Asks for the next UIDs of the folders that are not selected. One that cannot be asked is left to the next poll, which says why.</summary>
    private async ValueTask LookAtOthersAsync(ImapWatch watch, CancellationToken cancellationToken)
    {
        foreach (string other in watch.Others)
            await ExecuteAsync(MailStep.List, $"STATUS {Name(other)} (UIDNEXT)", null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One IDLE (RFC 2177); false when the server refuses it.</summary>
    private async ValueTask<bool> IdleAsync(ImapFolder folder, TimeSpan period, CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.List, "the answer to IDLE");
        int tag = Write("IDLE");
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        ImapEvent next;
        do
        {
            next = await ReadAsync(cancellationToken).ConfigureAwait(false);
            next.Fetch?.Dispose();
            if (next.Kind == ImapEventKind.Tagged && next.Tag == tag)
                return next.Response.IsOk;
        }
        while (next.Kind != ImapEventKind.Continue);

        long started = context.Clock.GetTimestamp();
        bool? told = dispatcher.Watch?.IsTold;
        while (!HasNews(folder) && dispatcher.Watch?.IsTold == told)
        {
            TimeSpan rest = period - context.Clock.GetElapsedTime(started);
            if (rest <= TimeSpan.Zero || !await Stream.WaitForDataAsync(rest, cancellationToken).ConfigureAwait(false))
                break;
            next = await ReadAsync(cancellationToken).ConfigureAwait(false);
            next.Fetch?.Dispose();
            if (next.Kind == ImapEventKind.Tagged && next.Tag == tag)
                return next.Response.IsOk;      // the server has ended it by itself
        }

        Stream.Enter(MailStep.List, "the end of IDLE");
        Stream.Write("DONE");
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        await ReadToEndAsync(tag, null, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>What servers without IDLE have to say they say with the answer to NOOP.</summary>
    private async ValueTask AskForNewsAsync(TimeSpan after, CancellationToken cancellationToken)
    {
        if (await Stream.WaitForDataAsync(after, cancellationToken).ConfigureAwait(false))
        {
            ImapEvent unasked = await ReadAsync(cancellationToken).ConfigureAwait(false);
            unasked.Fetch?.Dispose();
            return;
        }

        ImapResponse response = await ExecuteAsync(MailStep.List, "NOOP", null, cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
            throw ImapErrors.Refused(Stream, response, MailStep.List, "to tell news");
    }
}
