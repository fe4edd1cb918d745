using System.Collections.Concurrent;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// Keeps the tokens of one grant in memory, because systems on HTTP ask for one with each request; and renews a refused token once, however many connections were refused with it.
/// </summary>
internal sealed class KeptTokens(ITokenGrant grant, TimeProvider clock)
{
    /// <summary>How long before its end a token is got anew: requests under way must not outlive it.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    /// <summary>How long a renewed token counts as the answer to further refusals of the one before it.</summary>
    private static readonly TimeSpan RenewalHolds = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Place> places = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gets the grant.</summary>
    public ITokenGrant Grant => grant;

    /// <inheritdoc cref="ITokenGrant.GetAsync"/>
    public async ValueTask<AccessToken> GetAsync(string? user, bool renew, CancellationToken cancellationToken)
    {
        Place place = places.GetOrAdd(grant.IsPerUser ? user ?? string.Empty : string.Empty, static _ => new Place());
        if (!renew && place.Kept is { } kept && IsFresh(kept))
            return kept.Token;
        await place.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            bool isJustRenewed = renew && place.RenewedAt is { } at && clock.GetElapsedTime(at) < RenewalHolds;
            if ((!renew || isJustRenewed) && place.Kept is { } meanwhile && IsFresh(meanwhile))
                return meanwhile.Token;
            AccessToken token = await grant.GetAsync(user, renew, cancellationToken).ConfigureAwait(false);
            place.Kept = new KeptToken(token);
            if (renew)
                place.RenewedAt = clock.GetTimestamp();
            return token;
        }
        finally
        {
            place.Gate.Release();
        }
    }

    /// <summary>Forgets what is kept, since somebody signed in anew.</summary>
    public void Clear() => places.Clear();

    private bool IsFresh(KeptToken kept) => kept.Token.ExpiresOn is { } end && end - clock.GetUtcNow() > Margin;

    private sealed record KeptToken(AccessToken Token);

    private sealed class Place
    {
        private volatile KeptToken? kept;

        public SemaphoreSlim Gate { get; } = new(1, 1);

        public KeptToken? Kept
        {
            get => kept;
            set => kept = value;
        }

        public long? RenewedAt { get; set; }
    }
}
