namespace EmailRouter.Mail.Smtp;

/// <summary>Offers a message to as many recipients at a time as the server takes, and gathers what became of each.</summary>
/// <param name="message">The message.</param>
internal sealed class RecipientSplit(OutgoingMessage message)
{
    private readonly List<string> waiting = [.. message.Recipients];
    private readonly List<RecipientResult> done = [];
    private readonly List<string> accepted = [];
    private IReadOnlyList<string> offered = [];
    private SendReceipt? best;
    private TimeSpan? retryAfter;

    /// <summary>Gets a value indicating whether somebody has the message already.</summary>
    public bool HasAccepted => accepted.Count > 0;

    /// <summary>Gets a value indicating whether the transaction made last is for all that were left.</summary>
    public bool IsLast => offered.Count == waiting.Count;

    /// <summary>Makes the message for the next transaction.</summary>
    /// <param name="most">The most recipients the server takes at once; null when it does not say.</param>
    /// <returns>The message, for those that come next.</returns>
    public OutgoingMessage Next(int? most)
    {
        offered = waiting.Count <= (most ?? int.MaxValue) ? [.. waiting] : [.. waiting.Take(most!.Value)];
        Func<IReadOnlyList<string>, CancellationToken, ValueTask>? commit = message.BeforeCommit;
        if (accepted.Count == 0 && offered.Count == message.Recipients.Count)
            return message;
        return message with
        {
            Recipients = offered,
            BeforeCommit = commit is null ? null : (taken, cancellationToken) => commit([.. accepted, .. taken], cancellationToken),
        };
    }

    /// <summary>Takes the outcome of a transaction.</summary>
    /// <param name="receipt">The outcome.</param>
    /// <returns>The outcome of the whole; null when recipients are left.</returns>
    public SendReceipt? Add(SendReceipt receipt)
    {
        bool some = receipt.Recipients.Any(r => r.Status == SendStatus.Accepted);
        foreach (RecipientResult result in receipt.Recipients)
        {
            // "Too many recipients" is no answer about this one: it is offered again at once, unless nobody gets through at all.
            if (some && result.Status == SendStatus.Deferred && IsTooMany(result.Reply))
                continue;
            waiting.Remove(result.Address);
            done.Add(result);
            if (result.Status == SendStatus.Accepted)
                accepted.Add(result.Address);
        }

        if (best is null || Rank(receipt.Status) > Rank(best.Status))
            best = receipt;
        retryAfter = receipt.RetryAfter > retryAfter || retryAfter is null ? receipt.RetryAfter : retryAfter;
        if (waiting.Count > 0 && receipt.Status is SendStatus.Accepted)
            return null;
        return waiting.Count == 0 ? Whole() : Stop(receipt.Reply, receipt.RetryAfter, receipt.Status);
    }

    /// <summary>Ends it although recipients are left.</summary>
    /// <param name="why">Why.</param>
    /// <param name="after">How long the server asks to wait.</param>
    /// <param name="status">What became of the transaction that ends it.</param>
    /// <returns>The outcome of the whole: those that are left wait.</returns>
    public SendReceipt Stop(string why, TimeSpan? after, SendStatus status = SendStatus.Deferred)
    {
        retryAfter ??= after;
        SendStatus left = status == SendStatus.Rejected ? SendStatus.Rejected : SendStatus.Deferred;
        done.AddRange(waiting.Select(address => new RecipientResult(address, left, why)));
        waiting.Clear();
        return Whole();
    }

    /// <summary>RFC 5321 4.5.3.1.10: 452 now, 552 of old; RFC 3463: x.5.3.</summary>
    private static bool IsTooMany(string reply) =>
        reply.StartsWith("452 4.5.3", StringComparison.Ordinal) || reply.StartsWith("552 5.5.3", StringComparison.Ordinal)
        || ((reply.StartsWith("452 ", StringComparison.Ordinal) || reply.StartsWith("552 ", StringComparison.Ordinal))
            && reply.Contains("too many recipients", StringComparison.OrdinalIgnoreCase));

    private static int Rank(SendStatus status) => status switch
    {
        SendStatus.Uncertain => 3,
        SendStatus.Accepted => 2,
        SendStatus.Deferred => 1,
        _ => 0,
    };

    private SendReceipt Whole()
    {
        Dictionary<string, RecipientResult> byAddress = done.DistinctBy(r => r.Address).ToDictionary(r => r.Address);
        return best! with { Recipients = [.. message.Recipients.Where(byAddress.ContainsKey).Select(a => byAddress[a])], RetryAfter = retryAfter };
    }
}
