namespace EmailRouter.Lab.Servers;

/// <summary>A mailbox of the lab: an address, a password and messages in the order of their arrival.</summary>
public sealed class LabMailbox
{
    private readonly object gate = new();
    private readonly List<LabMessage> messages = [];
    private bool isLocked;

    internal LabMailbox(string address, string password)
    {
        Address = address;
        Password = password;
    }

    /// <summary>Gets the address, which is also the user name.</summary>
    public string Address { get; }

    /// <summary>Gets or sets the password.</summary>
    public string Password { get; set; }

    /// <summary>Gets the messages now in the mailbox, oldest first.</summary>
    public IReadOnlyList<LabMessage> Messages
    {
        get
        {
            lock (gate)
                return [.. messages];
        }
    }

    /// <summary>Gets a value indicating whether a POP3 session holds the maildrop's lock (RFC 1939 4).</summary>
    public bool IsLocked
    {
        get
        {
            lock (gate)
                return isLocked;
        }
    }

    /// <summary>Removes all messages.</summary>
    public void Clear()
    {
        lock (gate)
            messages.Clear();
    }

    internal void Add(LabMessage message)
    {
        lock (gate)
            messages.Add(message);
    }

    internal void Remove(IReadOnlySet<string> uidls)
    {
        lock (gate)
            messages.RemoveAll(m => uidls.Contains(m.Uidl));
    }

    internal bool TryLock()
    {
        lock (gate)
        {
            if (isLocked)
                return false;
            return isLocked = true;
        }
    }

    internal void Unlock()
    {
        lock (gate)
            isLocked = false;
    }
}
