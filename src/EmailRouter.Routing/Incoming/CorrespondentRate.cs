using EmailRouter.Crm;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// Counts the answers of each correspondent to each mailbox, so that two machines that answer each other are stopped. Only answers count (automatic replies, and mail
/// with In-Reply-To or References), by the time they were received: neither a shop's thousand orders nor a mailbox's old mail ever comes near it.
/// </summary>
/// <param name="maxPerHour">How many answers an hour are normal.</param>
/// <param name="state">Where they are counted, so that short jobs and several routers count together.</param>
/// <param name="clock">The clock.</param>
internal sealed class CorrespondentRate(int maxPerHour, IRouterState state, TimeProvider clock)
{
    private const string Rule = "CorrespondentRate";

    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>Counts an email.</summary>
    /// <param name="mailbox">The mailbox it came to.</param>
    /// <param name="email">The email.</param>
    /// <param name="counts">Whether it is counted; a dry run only looks.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>Rejecting evidence when there were too many before it; null otherwise.</returns>
    /// <exception cref="RouterException">The state cannot be used.</exception>
    public async ValueTask<Evidence?> FindAsync(MailboxKey mailbox, IncomingEmail email, bool counts, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        DateTimeOffset now = clock.GetUtcNow();
        bool isAnswer = email.MessageClass == MessageClassifier.OutOfOffice || email.InReplyTo.Count > 0 || email.References.Count > 0;
        if (!isAnswer || email.From is not { } sender || now - email.ReceivedOn >= Window)
            return null;

        string what = $"answers\n{mailbox.Deployment}\n{mailbox.Address}\n{sender.Address}".ToLowerInvariant();
        var tally = new Tally(what, counts ? 1 : 0, email.ReceivedOn > now ? now : email.ReceivedOn);
        TallyResult result = await state.CountAsync(tally, counts ? maxPerHour : maxPerHour - 1, Window, cancellationToken).ConfigureAwait(false);
        return result.IsWithinLimit
            ? null
            : new Evidence(Rule, EvidenceVerdict.Reject, $"{result.Total} answers of {sender.Address} came to this mailbox within the last hour; {maxPerHour} are allowed");
    }
}
