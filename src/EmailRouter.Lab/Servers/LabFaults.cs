using EmailRouter.Lab.Http;

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

    internal LabFault? Take(LabProtocol protocol, string command, string? mailbox, params LabFaultKind[] kinds) =>
        Take(protocol, command, mailbox, null, 0, kinds);

    internal LabFault? Take(LabProtocol protocol, string command, string? mailbox, LabHttpRequest? request, int concurrent, params LabFaultKind[] kinds)
    {
        lock (gate)
        {
            foreach (Entry entry in entries)
            {
                LabFault fault = entry.Fault;
                if (entry.Left <= 0 || !kinds.Contains(fault.Kind) || (fault.Protocol is { } only && only != protocol) ||
                    (fault.Command is { } at && !string.Equals(at, command, StringComparison.OrdinalIgnoreCase)) ||
                    (fault.Mailbox is { } whose && !string.Equals(whose, mailbox, StringComparison.OrdinalIgnoreCase)) ||
                    (fault.Request is { } concerns && (request is null || !concerns(request))) ||
                    (fault.Above is { } limit && concurrent <= limit))
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
    /// <summary>Gets the server it concerns; null for all that share the set.</summary>
    public LabProtocol? Protocol { get; init; }

    /// <summary>
    /// Gets the command at which it strikes, without regard to case; null for every command that the kind fits. <c>CONNECT</c> stands for the greeting,
    /// <c>TLS</c> for the handshake, <c>.</c> for the end of SMTP's DATA. On HTTP it is the kind of request as the endpoint counts it.
    /// </summary>
    public string? Command { get; init; }

    /// <summary>
    /// Gets the mailbox it concerns: the one that is logged in or logging in, for MAIL the sender, for RCPT the recipient, for <c>.</c> the first recipient.
    /// Null for all.
    /// </summary>
    public string? Mailbox { get; init; }

    /// <summary>Gets which HTTP requests it concerns; null for all. It is called while requests run, so it must not block.</summary>
    public Predicate<LabHttpRequest>? Request { get; init; }

    /// <summary>Gets, on HTTP, how many requests with the endpoint's same key may run at once before it strikes the next; null when their number does not matter.</summary>
    public int? Above { get; init; }

    /// <summary>Gets what the answer says in <c>Retry-After</c>, for <see cref="LabFaultKind.Throttle"/> and <see cref="LabFaultKind.TemporaryFailure"/> on HTTP; null for nothing.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Gets how often it passes by before it strikes. Defaults to 0.</summary>
    public int Skip { get; init; }

    /// <summary>Gets how often it strikes. Defaults to always.</summary>
    public int Times { get; init; } = int.MaxValue;

    /// <summary>Gets, for <see cref="LabFaultKind.Drop"/>, how many bytes of the answer still leave before the connection closes. Defaults to 0.</summary>
    public int AfterBytes { get; init; }

    /// <summary>Gets the wait before each byte (<see cref="LabFaultKind.SlowBytes"/>) or before the request (<see cref="LabFaultKind.Latency"/>). Defaults to 20 ms.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Gets the answer to give instead of the kind's own, without line end; on HTTP the body.</summary>
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

    /// <summary>The login is refused although the password or token is right.</summary>
    RefuseLogin,

    /// <summary>The command is refused for now: SMTP 451 4.3.0, POP3 -ERR [SYS/TEMP], HTTP 503.</summary>
    TemporaryFailure,

    /// <summary>The command is refused for good: SMTP 554 5.0.0 (RCPT: 550 5.1.1), POP3 -ERR [SYS/PERM], HTTP 500.</summary>
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

    /// <summary>HTTP: the request waits for <see cref="LabFault.Delay"/> and is then carried out.</summary>
    Latency,

    /// <summary>HTTP: 429 with <see cref="LabFault.RetryAfter"/>; the request has no effect.</summary>
    Throttle,

    /// <summary>HTTP: a log-in page for people comes with status 200, as from a portal in the server's place; the request has no effect.</summary>
    LoginPage,

    /// <summary>HTTP: the request takes effect; the head of the answer and half its body leave, then the connection closes.</summary>
    HalfBody,

    /// <summary>HTTP: the request takes effect; the body ends in the middle, although its length says that it is whole.</summary>
    MalformedBody,

    /// <summary>EWS: the request is refused with the response code that <see cref="LabFault.Reply"/> names, e.g. ErrorMailboxMoveInProgress.</summary>
    ResponseCode,

    /// <summary>EWS: one item (or folder) of the request is refused with the response code that <see cref="LabFault.Reply"/> names; ErrorItemNotFound without one.</summary>
    ItemError,
}

/// <summary>The protocols of the lab's servers.</summary>
public enum LabProtocol
{
    /// <summary>POP3.</summary>
    Pop3,

    /// <summary>SMTP.</summary>
    Smtp,

    /// <summary>Exchange Web Services.</summary>
    Ews,

    /// <summary>Microsoft Graph.</summary>
    Graph,

    /// <summary>The Web API of Dataverse.</summary>
    Dataverse,

    /// <summary>The token endpoint (OAuth 2.0).</summary>
    OAuth,
}
