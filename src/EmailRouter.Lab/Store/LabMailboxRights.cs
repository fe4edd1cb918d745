using System.Collections.Concurrent;

namespace EmailRouter.Lab.Store;

/// <summary>Who may do what in a mailbox besides its owner, by account name.</summary>
public sealed class LabMailboxRights
{
    private readonly ConcurrentDictionary<(LabRight Right, string Account), bool> granted = new();

    /// <summary>Gives an account a right.</summary>
    /// <param name="right">The right.</param>
    /// <param name="account">The account's name.</param>
    public void Grant(LabRight right, string account) => granted[(right, Key(account))] = true;

    /// <summary>Takes a right away.</summary>
    /// <param name="right">The right.</param>
    /// <param name="account">The account's name.</param>
    public void Revoke(LabRight right, string account) => granted.TryRemove((right, Key(account)), out _);

    /// <summary>Says whether an account has a right.</summary>
    /// <param name="right">The right.</param>
    /// <param name="account">The account's name.</param>
    /// <returns>True when it was given.</returns>
    public bool Has(LabRight right, string account) => granted.ContainsKey((right, Key(account)));

    private static string Key(string account) => account.ToUpperInvariant();
}

/// <summary>A right in another one's mailbox.</summary>
public enum LabRight
{
    /// <summary>Read and change everything in it.</summary>
    FullAccess,

    /// <summary>Send mail that looks as if it came from its owner.</summary>
    SendAs,

    /// <summary>Send mail for its owner, with the own name as Sender.</summary>
    SendOnBehalf,
}
