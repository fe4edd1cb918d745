using System.Collections.Concurrent;
using System.Globalization;

namespace EmailRouter.Lab.Servers;

/// <summary>The mailboxes of the lab and everything its SMTP server accepted, in memory. Safe for use by many sessions at once.</summary>
/// <param name="clock">The clock; the system's when omitted.</param>
public sealed class LabMailStore(TimeProvider? clock = null)
{
    private readonly ConcurrentDictionary<string, LabMailbox> mailboxes = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, bool> localDomains = new(StringComparer.OrdinalIgnoreCase);
    private readonly object sentGate = new();
    private readonly List<LabSentMessage> sent = [];

    // Ids are never used again (RFC 1939 7), also not by the next lab over the same router's state.
    private readonly long era = (clock ?? TimeProvider.System).GetUtcNow().UtcTicks;
    private long lastUidl;

    /// <summary>Gets the clock that stamps arriving messages.</summary>
    public TimeProvider Clock { get; } = clock ?? TimeProvider.System;

    /// <summary>Gets the mailboxes, by address.</summary>
    public IReadOnlyList<LabMailbox> Mailboxes => [.. mailboxes.Values.OrderBy(m => m.Address, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Gets everything the SMTP server accepted, in order.</summary>
    public IReadOnlyList<LabSentMessage> Sent
    {
        get
        {
            lock (sentGate)
                return [.. sent];
        }
    }

    /// <summary>Adds a mailbox. Its domain becomes local: other addresses of the domain are refused as unknown.</summary>
    /// <param name="address">The address.</param>
    /// <param name="password">The password.</param>
    /// <returns>The mailbox; the existing one, with the new password, where there is one.</returns>
    public LabMailbox AddMailbox(string address, string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        ArgumentNullException.ThrowIfNull(password);
        AddLocalDomain(DomainOf(address));
        LabMailbox mailbox = mailboxes.GetOrAdd(address, static (a, p) => new LabMailbox(a, p), password);
        mailbox.Password = password;
        return mailbox;
    }

    /// <summary>Makes a domain local without adding a mailbox.</summary>
    /// <param name="domain">The domain.</param>
    public void AddLocalDomain(string domain)
    {
        ArgumentException.ThrowIfNullOrEmpty(domain);
        localDomains[domain] = true;
    }

    /// <summary>Says whether a domain is local.</summary>
    /// <param name="domain">The domain.</param>
    /// <returns>True when only the store's own mailboxes exist in it.</returns>
    public bool IsLocalDomain(string domain) => localDomains.ContainsKey(domain);

    /// <summary>Finds a mailbox.</summary>
    /// <param name="address">The address, compared without regard to case.</param>
    /// <returns>The mailbox, or null.</returns>
    public LabMailbox? Find(string address) => mailboxes.GetValueOrDefault(address);

    /// <summary>Puts a message into a mailbox, byte for byte.</summary>
    /// <param name="address">The mailbox's address.</param>
    /// <param name="content">The message.</param>
    /// <returns>The message as it lies in the mailbox.</returns>
    /// <exception cref="ArgumentException">There is no such mailbox.</exception>
    public LabMessage Deliver(string address, ReadOnlyMemory<byte> content)
    {
        LabMailbox mailbox = Find(address) ?? throw new ArgumentException($"The lab has no mailbox {address}.", nameof(address));
        string uidl = string.Create(CultureInfo.InvariantCulture, $"{era:x16}{Interlocked.Increment(ref lastUidl):x8}");
        var message = new LabMessage(uidl, Clock.GetUtcNow(), content);
        mailbox.Add(message);
        return message;
    }

    /// <summary>Forgets what the SMTP server accepted.</summary>
    public void ClearSent()
    {
        lock (sentGate)
            sent.Clear();
    }

    internal static string DomainOf(string address) => address[(address.LastIndexOf('@') + 1)..];

    internal void AddSent(LabSentMessage message)
    {
        lock (sentGate)
            sent.Add(message);
    }
}
