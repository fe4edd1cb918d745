namespace EmailRouter.Lab.Servers;

/// <summary>The faults that are switched on, for all servers that share them. Safe to change while sessions run.</summary>
public sealed class LabFaults
{
    private readonly object gate = new();
    private readonly List<Entry> entries = [];

    /// <summary>Switches a fault on.</summary>
    /// <param name="fault">The fault.</param>
    /// <returns>Disposing it switches the fault off.</returns>
    public IDisposable Add(LabFault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        var entry = new Entry(this, fault);
        lock (gate)
            entries.Add(entry);
        return entry;
    }

    /// <summary>Switches all faults off.</summary>
    public void Clear()
    {
        lock (gate)
            entries.Clear();
    }

    internal LabFault? Take(LabProtocol protocol, string command, string? mailbox, params LabFaultKind[] kinds)
    {
        lock (gate)
        {
            foreach (Entry entry in entries)
            {
                LabFault fault = entry.Fault;
                if (entry.Left <= 0 || !kinds.Contains(fault.Kind) || (fault.Protocol is { } only && only != protocol) ||
                    (fault.Command is { } at && !string.Equals(at, command, StringComparison.OrdinalIgnoreCase)) ||
                    (fault.Mailbox is { } whose && !string.Equals(whose, mailbox, StringComparison.OrdinalIgnoreCase)))
                {
                    continue;
                }

                if (entry.Skip-- > 0)
                    continue;
                entry.Left--;
                return fault;
            }
        }

        return null;
    }

    private sealed class Entry(LabFaults owner, LabFault fault) : IDisposable
    {
        public LabFault Fault => fault;

        public int Left { get; set; } = fault.Times;

        public int Skip { get; set; } = fault.Skip;

        public void Dispose()
        {
            lock (owner.gate)
                owner.entries.Remove(this);
        }
    }
}

/// <summary>Something that a lab server does wrong on purpose.</summary>
/// <param name="Kind">What.</param>
public sealed record LabFault(LabFaultKind Kind)
{
    /// <summary>Gets the server it concerns; null for both.</summary>
    public LabProtocol? Protocol { get; init; }

    /// <summary>
    /// Gets the command at which it strikes, without regard to case; null for every command that the kind fits. <c>CONNECT</c> stands for the greeting,
    /// <c>TLS</c> for the handshake, <c>.</c> for the end of SMTP's DATA.
    /// </summary>
    public string? Command { get; init; }

    /// <summary>
    /// Gets the mailbox it concerns: the one that is logged in or logging in, for MAIL the sender, for RCPT the recipient, for <c>.</c> the first recipient.
    /// Null for all.
    /// </summary>
    public string? Mailbox { get; init; }

    /// <summary>Gets how often it passes by before it strikes. Defaults to 0.</summary>
    public int Skip { get; init; }

    /// <summary>Gets how often it strikes. Defaults to always.</summary>
    public int Times { get; init; } = int.MaxValue;

    /// <summary>Gets, for <see cref="LabFaultKind.Drop"/>, how many bytes of the answer still leave before the connection closes. Defaults to 0.</summary>
    public int AfterBytes { get; init; }

    /// <summary>Gets, for <see cref="LabFaultKind.SlowBytes"/>, the wait before each byte. Defaults to 20 ms.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Gets the answer to give instead of the kind's own, without line end.</summary>
    public string? Reply { get; init; }
}

/// <summary>What a lab server can do wrong.</summary>
public enum LabFaultKind
{
    /// <summary>No answer ever comes.</summary>
    Stall,

    /// <summary>
    /// The connection closes instead of an answer, or after <see cref="LabFault.AfterBytes"/> of it; the command has no effect unless bytes were asked for.
    /// </summary>
    Drop,

    /// <summary>The first half of the answer's first line leaves, then the connection closes.</summary>
    HalfLine,

    /// <summary>The login is refused although the password is right.</summary>
    RefuseLogin,

    /// <summary>The command is refused for now: SMTP 451 4.3.0, POP3 -ERR [SYS/TEMP].</summary>
    TemporaryFailure,

    /// <summary>The command is refused for good: SMTP 554 5.0.0 (RCPT: 550 5.1.1), POP3 -ERR [SYS/PERM].</summary>
    PermanentFailure,

    /// <summary>SMTP answers 421 and closes; POP3 answers -ERR [SYS/TEMP] and closes.</summary>
    Shutdown,

    /// <summary>The command takes effect, but the connection closes without an answer: the answer to the final dot, or to QUIT, is lost.</summary>
    LoseAnswer,

    /// <summary>POP3: the maildrop is locked by another session ([IN-USE]).</summary>
    Locked,

    /// <summary>Every byte of the answer waits for <see cref="LabFault.Delay"/>.</summary>
    SlowBytes,

    /// <summary>The TLS handshake shows a certificate that has expired.</summary>
    ExpiredCertificate,
}

/// <summary>The protocols of the lab's mail servers.</summary>
public enum LabProtocol
{
    /// <summary>POP3.</summary>
    Pop3,

    /// <summary>SMTP.</summary>
    Smtp,
}
