using System.Net.Http.Headers;

namespace EmailRouter.Shared.Http;

/// <summary>Reads how long a server asks to be left alone (RFC 9110 10.2.3).</summary>
internal static class RetryAfter
{
    /// <summary>Longer waits are cut: no server may stop the mail for a day by a slip.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>Reads the header <c>Retry-After</c>, given as seconds or as a date.</summary>
    /// <param name="headers">The answer's headers.</param>
    /// <param name="clock">The clock dates are held against.</param>
    /// <returns>The wait, from zero to <see cref="Longest"/>; null when the server does not say.</returns>
    public static TimeSpan? Read(HttpResponseHeaders headers, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentNullException.ThrowIfNull(clock);
        TimeSpan? wait = headers.RetryAfter?.Delta ?? (headers.RetryAfter?.Date is { } date ? date - clock.GetUtcNow() : null);
        return wait is { } known ? Limit(known) : null;
    }

    /// <summary>Cuts a wait to what is sensible.</summary>
    /// <param name="wait">What the server asks.</param>
    /// <returns>From zero to <see cref="Longest"/>.</returns>
    public static TimeSpan Limit(TimeSpan wait) => wait < TimeSpan.Zero ? TimeSpan.Zero : wait > Longest ? Longest : wait;
}
