using System.Collections.Concurrent;

namespace EmailRouter.Mail.Exchange.Autodiscover;

/// <summary>Remembers for some hours where mailboxes are served.</summary>
internal sealed class AutodiscoverCache
{
    /// <summary>How long an answer is believed.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(6);

    /// <summary>More mailboxes than this are not remembered.</summary>
    private const int Capacity = 50_000;

    private readonly ConcurrentDictionary<string, (Uri Url, DateTimeOffset Until)> known = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Finds an address.</summary>
    /// <param name="login">Whose mailbox.</param>
    /// <param name="clock">The clock.</param>
    /// <returns>The address; null when none is known, or not any more.</returns>
    public Uri? Find(MailLogin login, TimeProvider clock) => known.TryGetValue(login.Mailbox, out (Uri Url, DateTimeOffset Until) entry) && entry.Until > clock.GetUtcNow() ? entry.Url : null;

    /// <summary>Keeps an address.</summary>
    /// <param name="login">Whose mailbox.</param>
    /// <param name="url">The address.</param>
    /// <param name="clock">The clock.</param>
    public void Keep(MailLogin login, Uri url, TimeProvider clock)
    {
        if (known.Count >= Capacity)
            known.Clear();
        known[login.Mailbox] = (url, clock.GetUtcNow() + Lifetime);
    }

    /// <summary>Forgets an address that has proved wrong.</summary>
    /// <param name="login">Whose mailbox.</param>
    public void Forget(MailLogin login) => known.TryRemove(login.Mailbox, out _);
}
