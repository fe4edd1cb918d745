using EmailRouter.Mail.Net;
using EmailRouter.Mime;

namespace EmailRouter.Mail;

/// <summary>What a mail system needs beside the server's address: the clock, the network, the limits and whoever watches.</summary>
public sealed record MailContext
{
    /// <summary>Gets the clock. Defaults to the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Gets the network. Defaults to TCP and TLS of the platform.</summary>
    public ITransport Transport { get; init; } = TcpTransport.Instance;

    /// <summary>Gets what makes the HTTP handler of a connection; null for the platform's over <see cref="Transport"/>. Tests script it.</summary>
    public Func<MailEndpoint, HttpMessageHandler>? Http { get; init; }

    /// <summary>Gets the time limits of the operations.</summary>
    public MailDeadlines Deadlines { get; init; } = MailDeadlines.Default;

    /// <summary>Gets where messages are kept while they are worked on, and their size limit.</summary>
    public MessageBufferOptions Buffers { get; init; } = MessageBufferOptions.Default;

    /// <summary>Gets who is told about each step of opening a connection; null when nobody asks.</summary>
    public IProgress<MailStepReport>? Steps { get; init; }

    /// <summary>Gets who is told each line of the protocol, secrets masked; null when nobody asks.</summary>
    public IProgress<string>? ProtocolLog { get; init; }
}

/// <summary>Time limits (RFC 5321 4.5.3.2 and practice). Every wait has one.</summary>
public sealed record MailDeadlines
{
    /// <summary>Gets the defaults.</summary>
    public static MailDeadlines Default { get; } = new();

    /// <summary>Gets the limit for resolving and connecting. Defaults to 30 s.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets the limit for the TLS handshake. Defaults to 30 s.</summary>
    public TimeSpan Tls { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets the limit for the server's greeting; tarpits are slow. Defaults to 60 s.</summary>
    public TimeSpan Greeting { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Gets the limit for the answer to a command. Defaults to 120 s.</summary>
    public TimeSpan Command { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Gets the limit without a single byte while data flows. Defaults to 120 s.</summary>
    public TimeSpan DataIdle { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Gets the limit for the answer to the final dot of SMTP. Defaults to 600 s.</summary>
    public TimeSpan FinalDot { get; init; } = TimeSpan.FromSeconds(600);
}

/// <summary>One step of opening a connection, as it ended.</summary>
/// <param name="Step">Which step.</param>
/// <param name="Success">Whether it succeeded.</param>
/// <param name="Detail">What was found: the addresses, the certificate, the mechanism, the server's own words.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record MailStepReport(MailStep Step, bool Success, string Detail, TimeSpan Elapsed)
{
    /// <summary>Gets when the server's certificate expires; only for <see cref="MailStep.Tls"/>.</summary>
    public DateTimeOffset? CertificateExpiresOn { get; init; }
}

/// <summary>The steps of talking to a mail server, in their order.</summary>
public enum MailStep
{
    /// <summary>Resolving the host name.</summary>
    Resolve,

    /// <summary>Opening the TCP connection.</summary>
    Connect,

    /// <summary>The TLS handshake.</summary>
    Tls,

    /// <summary>The server's greeting.</summary>
    Greeting,

    /// <summary>Asking for the server's capabilities.</summary>
    Capabilities,

    /// <summary>Authentication.</summary>
    Authenticate,

    /// <summary>Opening the mailbox.</summary>
    OpenMailbox,

    /// <summary>Listing messages.</summary>
    List,

    /// <summary>Fetching a message.</summary>
    Fetch,

    /// <summary>Settling a message.</summary>
    Settle,

    /// <summary>Sending a message.</summary>
    Send,

    /// <summary>Ending the session in order.</summary>
    Complete,

    /// <summary>Reading or writing the rules that a server applies itself.</summary>
    Rules,
}
