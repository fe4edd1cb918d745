using System.Collections.Concurrent;

namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>The versions of the schema the router speaks, oldest first. Exchange 2010 SP1 is the first with inbox rules and streaming.</summary>
internal enum EwsVersion
{
    /// <summary>Exchange 2010 SP1 (14.1).</summary>
    Exchange2010_SP1,

    /// <summary>Exchange 2010 SP2 and SP3 (14.2, 14.3).</summary>
    Exchange2010_SP2,

    /// <summary>Exchange 2013 (15.0).</summary>
    Exchange2013,

    /// <summary>Exchange 2013 SP1 and all later servers.</summary>
    Exchange2013_SP1,
}

/// <summary>
/// Remembers which version each mailbox's server takes. By mailbox, since a front end may hand different mailboxes to servers of different versions.
/// </summary>
internal sealed class EwsVersions
{
    private readonly ConcurrentDictionary<string, EwsVersion> known = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Says which version to begin with.</summary>
    /// <param name="url">The service.</param>
    /// <param name="mailbox">The mailbox.</param>
    /// <returns>The version that worked last; the newest when none is known.</returns>
    public EwsVersion Find(Uri url, string mailbox) => known.TryGetValue(Key(url, mailbox), out EwsVersion version) ? version : EwsVersion.Exchange2013_SP1;

    /// <summary>Remembers a version that is older than the newest.</summary>
    /// <param name="url">The service.</param>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="version">The version.</param>
    public void Remember(Uri url, string mailbox, EwsVersion version) => known[Key(url, mailbox)] = version;

    private static string Key(Uri url, string mailbox) => $"{url.Host}\n{mailbox}";
}
