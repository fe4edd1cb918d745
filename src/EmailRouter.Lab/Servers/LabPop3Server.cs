using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Servers;

/// <summary>
/// A POP3 server on loopback (RFC 1939, 2449, 2595, 3206, 5034): CAPA, USER/PASS, AUTH PLAIN and LOGIN, STLS, UIDL, LIST, STAT, TOP, RETR, DELE, RSET,
/// NOOP, QUIT. One session at a time holds a maildrop; deletions happen at QUIT only.
/// </summary>
public sealed class LabPop3Server : LabMailServer
{
    private readonly LabServerOptions options;

    /// <summary>Makes a server; <see cref="LabServer.Start"/> starts it.</summary>
    /// <param name="store">The mailboxes.</param>
    /// <param name="options">Options; defaults when omitted.</param>
    public LabPop3Server(LabMailStore store, LabServerOptions? options = null)
        : base(store, options ?? new LabServerOptions())
    {
        this.options = CommonOptions;
    }

    private protected override LabProtocol Protocol => LabProtocol.Pop3;

    private protected override async Task ServeAsync(LabConnection connection, CancellationToken stop)
    {
        var session = new LabPop3Dialogue(this, options, connection, ChooseCertificate, stop);
        try
        {
            await session.RunAsync();
        }
        finally
        {
            session.Release();
        }
    }
}
