using System.Collections.Concurrent;

namespace EmailRouter.Lab.Store;

/// <summary>Someone who can log in: the owner of a mailbox, a service account or an application.</summary>
public sealed class LabAccount
{
    private readonly ConcurrentDictionary<string, bool> impersonates = new(StringComparer.OrdinalIgnoreCase);

    internal LabAccount(string name) => Name = name;

    /// <summary>Gets the name; for owners of mailboxes the address.</summary>
    public string Name { get; }

    /// <summary>Gets or sets a value indicating whether it may act as the owner of every mailbox.</summary>
    public bool ImpersonatesAll { get; set; }

    internal string? Password { get; set; }

    /// <summary>Lets it act as the owner of a mailbox.</summary>
    /// <param name="address">The mailbox's address.</param>
    public void AllowImpersonation(string address) => impersonates[address] = true;

    /// <summary>Says whether it may act as the owner of a mailbox: its own, or one that it may impersonate.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <returns>True when it may.</returns>
    public bool CanImpersonate(LabMailbox mailbox)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        return Owns(mailbox) || ImpersonatesAll || impersonates.ContainsKey(mailbox.Address);
    }

    /// <summary>Says whether it may open a mailbox in its own name: its own, or one with full access.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <returns>True when it may.</returns>
    public bool CanOpen(LabMailbox mailbox)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        return Owns(mailbox) || mailbox.Rights.Has(LabRight.FullAccess, Name);
    }

    private bool Owns(LabMailbox mailbox) => string.Equals(mailbox.Address, Name, StringComparison.OrdinalIgnoreCase);
}
