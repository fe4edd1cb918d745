using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Net.Sasl;

namespace EmailRouter.Mail.Smtp;

/// <summary>An SMTP connection (RFC 5321, 6409): connects, greets, secures, authenticates, sends commands and reads their replies in order.</summary>
internal sealed class SmtpClient : IAsyncDisposable
{
    /// <summary>The setting of an endpoint that overrides the name given with EHLO.</summary>
    public const string EhloNameOption = "EhloName";

    /// <summary>RFC 5321 4.5.3.1.5 says 512 bytes for a reply line; servers with long policies to explain exceed it.</summary>
    private const int LongestLine = 8192;

    private const int MostLines = 500;

    /// <summary>Last words are there already or never come.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly MailEndpoint endpoint;
    private readonly MailContext context;

    private SmtpClient(ProtocolStream stream, MailEndpoint endpoint, MailContext context)
    {
        Stream = stream;
        this.endpoint = endpoint;
        this.context = context;
    }

    /// <summary>Gets the connection.</summary>
    public ProtocolStream Stream { get; }

    /// <summary>Gets what the server announced last.</summary>
    public SmtpCapabilities Capabilities { get; private set; } = new(null);

    /// <summary>Gets or sets how many transactions this connection has begun.</summary>
    public int Transactions { get; set; }

    /// <summary>Gets or sets the transaction that was begun behind the last message and not taken up yet; null when there is none.</summary>
    public SmtpAhead? Ahead { get; set; }

    /// <summary>Gets or sets a value indicating whether the server does not take a MAIL behind the last byte of a message after all.</summary>
    public bool WantsNothingAhead { get; set; }

    /// <summary>Connects, greets, secures and authenticates.</summary>
    /// <param name="endpoint">The server.</param>
    /// <param name="login">Who sends.</param>
    /// <param name="context">Network, clock, limits.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The client, ready for MAIL.</returns>
    /// <exception cref="MailException">A step failed.</exception>
    public static async ValueTask<SmtpClient> OpenAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        // Where a login is wanted it is a submission (587), else a relay (25).
        int port = endpoint.Port ?? (endpoint.Tls == TlsMode.Implicit ? 465 : login.Credential is AnonymousCredential ? 25 : 587);
        ProtocolStream stream = await ProtocolStream.OpenAsync(endpoint, port, login.Mailbox, context, cancellationToken).ConfigureAwait(false);
        var client = new SmtpClient(stream, endpoint, context);
        try
        {
            await MailSteps.RunAsync(context, MailStep.Greeting, () => client.GreetAsync(cancellationToken)).ConfigureAwait(false);
            await MailSteps.RunAsync(context, MailStep.Capabilities, () => client.HelloAsync(cancellationToken)).ConfigureAwait(false);
            if (endpoint.Tls is TlsMode.StartTls or TlsMode.StartTlsWhenAvailable)
                await client.StartTlsAsync(cancellationToken).ConfigureAwait(false);
            if (login.Credential is not AnonymousCredential)
                await MailSteps.RunAsync(context, MailStep.Authenticate, () => client.LogInAsync(login.Credential, cancellationToken)).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Sends a command and reads its reply.</summary>
    /// <param name="step">The step.</param>
    /// <param name="command">The command.</param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>The reply, whatever it says.</returns>
    public async ValueTask<SmtpResponse> CommandAsync(MailStep step, string command, CancellationToken cancellationToken)
    {
        Stream.Enter(step, "the reply to " + CommandArgument.Show(command));
        Stream.Write(command);
        await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the next reply.</summary>
    /// <param name="limit">The deadline for each line.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The reply.</returns>
    /// <exception cref="MailProtocolException">What came is no reply.</exception>
    public async ValueTask<SmtpResponse> ReadAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        List<string>? lines = null;
        string enhanced = string.Empty;
        while (true)
        {
            ReadOnlyMemory<byte> line = await Stream.ReadLineAsync(LongestLine, limit, cancellationToken).ConfigureAwait(false);
            Stream.Log.Server(line.Span);
            if (!SmtpResponse.TryParseLine(line.Span, out int code, out bool last))
                throw Stream.Protocol("MailProtocolError", $"the server answered \"{Stream.Log.Clean(line.Span)}\", which is no SMTP reply");
            string text = line.Length > 4 ? Encoding.UTF8.GetString(line.Span[4..]).Trim() : string.Empty;
            (string found, string rest) = SmtpResponse.SplitEnhanced(text);
            if (found.Length > 0)
            {
                enhanced = found;
                text = rest;
            }

            if (last && lines is null)
                return new SmtpResponse(code, enhanced, [text]);
            (lines ??= []).Add(text);
            if (last)
                return new SmtpResponse(code, enhanced, lines);
            if (lines.Count >= MostLines)
                throw Stream.Protocol("MailResponseTooLong", $"a reply has more than {MostLines} lines");
        }
    }

    /// <summary>Reads why a server closed the connection while we were writing.</summary>
    /// <returns>Its last reply; null when there is none. The connection is dead either way.</returns>
    public async ValueTask<SmtpResponse?> ReadLastWordsAsync()
    {
        if (!Stream.TryReadLastWords())
            return null;
        try
        {
            return await ReadAsync(LastWords, CancellationToken.None).ConfigureAwait(false);
        }
        catch (MailException e)
        {
            Stream.Log.Note("no last words: " + e.Message);
            return null;
        }
        finally
        {
            Stream.Kill("the server closed it in the middle of a message");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Stream.DisposeAsync();

    private async ValueTask<(SmtpResponse Result, string Detail)> GreetAsync(CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.Greeting, "the greeting");
        SmtpResponse greeting = await ReadAsync(context.Deadlines.Greeting, cancellationToken).ConfigureAwait(false);
        return greeting.IsPositive ? (greeting, greeting.ToString()) : throw SmtpErrors.TurnedAway(Stream, greeting, MailStep.Greeting);
    }

    private async ValueTask<(SmtpCapabilities Result, string Detail)> HelloAsync(CancellationToken cancellationToken)
    {
        string name = EhloName();
        SmtpResponse reply = await CommandAsync(MailStep.Capabilities, "EHLO " + name, cancellationToken).ConfigureAwait(false);
        if (reply.IsPositive)
        {
            Capabilities = new SmtpCapabilities(reply);
            return (Capabilities, Capabilities.ToString());
        }

        if (reply.Code < 500)
            throw SmtpErrors.TurnedAway(Stream, reply, MailStep.Capabilities);

        // RFC 5321 3.2: a server that does not know EHLO is spoken to with HELO.
        reply = await CommandAsync(MailStep.Capabilities, "HELO " + name, cancellationToken).ConfigureAwait(false);
        if (!reply.IsPositive)
            throw SmtpErrors.TurnedAway(Stream, reply, MailStep.Capabilities);
        Capabilities = new SmtpCapabilities(null);
        return (Capabilities, Capabilities.ToString());
    }

    /// <summary>
    /// A fully qualified name, or else the address literal of our end of the connection (RFC 5321 4.1.4); never a bare local name, which servers
    /// dislike (MailKit #1314), nor an IPv4 address dressed as IPv6 (MailKit #704).
    /// </summary>
    private string EhloName()
    {
        if (endpoint.Options.TryGetValue(EhloNameOption, out string? wished) && wished.Length > 0)
            return wished;
        IPGlobalProperties machine = IPGlobalProperties.GetIPGlobalProperties();
        string full = machine.HostName.Contains('.', StringComparison.Ordinal) || machine.DomainName is "" or "(none)"
            ? machine.HostName
            : $"{machine.HostName}.{machine.DomainName}";
        if (full.Contains('.', StringComparison.Ordinal) && full.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.'))
            return full;
        IPAddress address = Stream.LocalEndPoint?.Address ?? IPAddress.Loopback;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            return $"[IPv6:{new IPAddress(address.GetAddressBytes())}]";     // without the scope, which means nothing elsewhere
        return $"[{address}]";
    }

    private async ValueTask StartTlsAsync(CancellationToken cancellationToken)
    {
        bool required = endpoint.Tls == TlsMode.StartTls;
        if (!Capabilities.Has(SmtpFeatures.StartTls))
        {
            if (required)
                throw NoTls("MailStartTlsNotOffered", "the server does not offer STARTTLS", transient: false);
            return;
        }

        SmtpResponse reply = await CommandAsync(MailStep.Tls, "STARTTLS", cancellationToken).ConfigureAwait(false);
        if (!reply.IsPositive)
        {
            if (required)
                throw NoTls("MailStartTlsRefused", $"the server refused STARTTLS: {reply}", transient: reply.Code < 500);
            return;
        }

        await Stream.SecureAsync(cancellationToken).ConfigureAwait(false);

        // What was announced in plain text may have been forged (RFC 3207 4.2).
        await MailSteps.RunAsync(context, MailStep.Capabilities, () => HelloAsync(cancellationToken)).ConfigureAwait(false);
    }

    private MailTlsException NoTls(string errorId, string what, bool transient) => new(
        errorId,
        $"{Stream.Where}: {what}, and the profile demands TLS. Nothing was sent.",
        "Use implicit TLS (port 465) if the server has it. If it always offered STARTTLS before, somebody may be tampering with the connection.")
    {
        IsTransient = transient,
        Conversation = Stream.Log.Lines,
    };

    /// <summary>Authenticates. There is no EHLO afterwards: some servers forget the login then (MailKit #370, #393).</summary>
    private async ValueTask<(string Result, string Detail)> LogInAsync(MailCredential credential, CancellationToken cancellationToken)
    {
        Stream.Log.Hide(SaslExchange.Secrets(credential));
        SmtpResponse? refusal = null;
        string explanation = string.Empty;
        foreach (ISaslMechanism mechanism in SaslSelection.Choose(Capabilities.Mechanisms, Stream, endpoint, credential, "smtp"))
        {
            SaslOutcome<SmtpResponse> outcome = await SaslExchange.RunAsync(
                mechanism, initialResponse: true, Stream, (message, ct) => SayAsync(mechanism, message, ct), cancellationToken).ConfigureAwait(false);
            if (outcome.Reply.IsPositive && outcome.ServerProven)
            {
                Stream.Log.Hide();
                return (mechanism.Name, mechanism.Name);
            }

            if (outcome.Reply.IsPositive)
                throw Stream.Protocol("MailServerNotProven", $"the server ended AUTH {mechanism.Name} before it was complete");

            // 504 and the like say that the mechanism is not there after all; nothing else is worth another attempt, since accounts get locked.
            if (outcome.Reply.Code is not (500 or 501 or 502 or 503 or 504))
                throw SmtpErrors.Login(Stream, outcome.Reply, mechanism.Name, mechanism.Explanation);
            refusal = outcome.Reply;
            explanation = mechanism.Explanation;
        }

        if (refusal is not null)
            throw SmtpErrors.Login(Stream, refusal, "any mechanism", explanation);
        throw new MailAuthenticationException(
            "MailNoMechanism",
            $"{Stream.Where}: none of the server's ways to log in can be used (AUTH {string.Join(' ', Capabilities.Mechanisms)}).",
            Capabilities.Has(SmtpFeatures.Auth)
                ? "Choose other mechanisms in the profile, another kind of credential, or TLS: many servers offer passwords only under TLS."
                : "The server offers no login here: use the submission port (587 or 465), TLS, or no credential.")
        {
            Conversation = Stream.Log.Lines,
        };
    }

    private async ValueTask<SaslTurn<SmtpResponse>> SayAsync(ISaslMechanism mechanism, SaslMessage message, CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.Authenticate, "the reply to AUTH " + mechanism.Name);
        Stream.Write(message.ToLine("AUTH"), message.ToShown("AUTH"));
        await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        SmtpResponse reply = await ReadAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);
        return new SaslTurn<SmtpResponse>(reply, reply.IsIntermediate ? reply.Text : null);
    }
}
