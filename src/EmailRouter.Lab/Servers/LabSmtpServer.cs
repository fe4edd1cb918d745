using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Servers;

/// <summary>Options of the lab's SMTP server.</summary>
public sealed record LabSmtpOptions : LabServerOptions
{
    /// <summary>Gets the name in greeting and trace headers. Defaults to <c>mail.lab.test</c>.</summary>
    public string HostName { get; init; } = "mail.lab.test";

    /// <summary>Gets a value indicating whether MAIL needs a login. Defaults to false: without one, mail is taken for local mailboxes only.</summary>
    public bool RequireAuthentication { get; init; }

    /// <summary>Gets the greatest message in bytes (RFC 1870). Defaults to 36 700 160.</summary>
    public long MaxSize { get; init; } = 36_700_160;

    /// <summary>Gets the greatest number of recipients of a message. Defaults to 1 000.</summary>
    public int MaxRecipients { get; init; } = 1_000;
}

/// <summary>
/// An SMTP server on loopback (RFC 5321, 1870, 2034, 2920, 3207, 3461, 4954, 6152, 6531): for the lab's mailboxes the server that receives, for whoever
/// logs in the server that relays. What it accepts goes to the store's log of sent messages, and to lab mailboxes with trace headers before it.
/// Only CRLF.CRLF ends a message.
/// </summary>
public sealed class LabSmtpServer : LabMailServer
{
    private readonly LabSmtpOptions options;

    /// <summary>Makes a server; <see cref="LabServer.Start"/> starts it.</summary>
    /// <param name="store">The mailboxes.</param>
    /// <param name="options">Options; defaults when omitted.</param>
    public LabSmtpServer(LabMailStore store, LabSmtpOptions? options = null)
        : base(store, options ??= new LabSmtpOptions())
    {
        this.options = options;
    }

    private protected override LabProtocol Protocol => LabProtocol.Smtp;

    private protected override Task ServeAsync(LabConnection connection, CancellationToken stop) =>
        new LabSmtpDialogue(this, options, connection, ChooseCertificate, stop).RunAsync();
}
