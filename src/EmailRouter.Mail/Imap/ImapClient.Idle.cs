namespace EmailRouter.Mail.Imap;

/// <content>Waiting for mail.</content>
internal sealed partial class ImapClient
{
    /// <summary>
    /// Servers may end an IDLE after 30 minutes (RFC 2177); what lies between forgets a silent connection sooner, and Gmail after ten (MailKit #707).
    /// </summary>
    private static readonly TimeSpan IdlePeriod = TimeSpan.FromMinutes(9);

    private static readonly TimeSpan NoopPeriod = TimeSpan.FromSeconds(60);

    /// <summary>Waits until the server announces mail in the selected mailbox.</summary>
    /// <param name="atMost">How long to wait.</param>
    /// <param name="cancellationToken">Stops the waiting; the connection is dead then.</param>
    /// <returns>True when it did; false when the time was up.</returns>
    public async ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        ImapFolder folder = Selected ?? throw new InvalidOperationException("No mailbox is selected.");
        folder.IsFresh = false;
        long started = context.Clock.GetTimestamp();
        bool canIdle = Capabilities.Has(ImapFeatures.Idle);
        while (!folder.HasNews)
        {
            TimeSpan rest = atMost - context.Clock.GetElapsedTime(started);
            if (rest <= TimeSpan.Zero)
                return false;
            if (canIdle)
                canIdle = await IdleAsync(folder, rest < IdlePeriod ? rest : IdlePeriod, cancellationToken).ConfigureAwait(false);
            else
                await AskForNewsAsync(rest < NoopPeriod ? rest : NoopPeriod, cancellationToken).ConfigureAwait(false);
        }

        folder.ForgetNews();
        return true;
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
        while (!folder.HasNews)
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
