using System.Buffers;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Net.Sasl;

namespace EmailRouter.Mail.Pop3;

/// <summary>A POP3 connection (RFC 1939, 2449, 2595, 5034, 3206): connects, secures, authenticates, sends commands and reads their answers in order.</summary>
internal sealed class Pop3Client : IAsyncDisposable
{
    /// <summary>RFC 2449 4 says 512 bytes for a status line; some servers explain themselves at length.</summary>
    private const int LongestStatus = 2048;

    private const int LongestListLine = 4096;
    private const int MostCapabilities = 200;
    private const int MostMessages = 2_000_000;

    private readonly MailEndpoint endpoint;
    private readonly MailContext context;

    private bool refreshing;

    private Pop3Client(ProtocolStream stream, MailEndpoint endpoint, MailContext context)
    {
        Stream = stream;
        this.endpoint = endpoint;
        this.context = context;
    }

    /// <summary>Gets the connection.</summary>
    public ProtocolStream Stream { get; }

    /// <summary>Gets what the server announced last.</summary>
    public Pop3Capabilities Capabilities { get; private set; } = new();

    /// <summary>Connects, secures and authenticates.</summary>
    /// <param name="endpoint">The server.</param>
    /// <param name="login">Whose mailbox.</param>
    /// <param name="context">Network, clock, limits.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The client, in the TRANSACTION state.</returns>
    /// <exception cref="MailException">A step failed.</exception>
    public static async ValueTask<Pop3Client> OpenAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        await TryOpenAsync(endpoint, login, context, refresh: true, cancellationToken).ConfigureAwait(false)
        ?? await TryOpenAsync(endpoint, login, context, refresh: false, cancellationToken).ConfigureAwait(false)
        ?? throw new InvalidOperationException("A login without asking for capabilities again cannot fail for asking.");

    /// <summary>Sends a command and reads its status line.</summary>
    /// <param name="step">The step.</param>
    /// <param name="command">The command.</param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>The answer, positive or negative.</returns>
    public async ValueTask<Pop3Response> CommandAsync(MailStep step, string command, CancellationToken cancellationToken)
    {
        Stream.Enter(step, "the answer to " + CommandArgument.Show(command));
        Stream.Write(command);
        await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the next status line.</summary>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The answer, positive or negative.</returns>
    public async ValueTask<Pop3Response> ReadAsync(CancellationToken cancellationToken)
    {
        Pop3Response response = await ReadAnyAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);
        return response.Status != Pop3Status.Continue ? response : throw Stream.Protocol("MailProtocolError", "the server asks on where nothing was asked");
    }

    /// <summary>Reads the lines that follow a positive answer.</summary>
    /// <param name="each">Takes each line.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The number of lines.</returns>
    public ValueTask<int> ReadListAsync(ListLine each, CancellationToken cancellationToken) =>
        Stream.ReadListAsync(LongestListLine, MostMessages, each, cancellationToken);

    /// <summary>Reads the message that follows a positive answer.</summary>
    /// <param name="target">Takes the bytes.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>How it ended.</returns>
    public ValueTask<DataResult> ReadDataAsync(IBufferWriter<byte> target, CancellationToken cancellationToken) =>
        Stream.ReadDataAsync(target, context.Buffers.MaximumSize, cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Stream.DisposeAsync();

    /// <summary>Opens; null when the server hung up because it was asked for its capabilities again after the login (o2.pl, MailKit #174).</summary>
    private static async ValueTask<Pop3Client?> TryOpenAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, bool refresh, CancellationToken cancellationToken)
    {
        int port = endpoint.Port ?? (endpoint.Tls == TlsMode.Implicit ? 995 : 110);
        ProtocolStream stream = await ProtocolStream.OpenAsync(endpoint, port, login.Mailbox, context, cancellationToken).ConfigureAwait(false);
        var client = new Pop3Client(stream, endpoint, context);
        try
        {
            await MailSteps.RunAsync(context, MailStep.Greeting, () => client.GreetAsync(cancellationToken)).ConfigureAwait(false);
            await MailSteps.RunAsync(context, MailStep.Capabilities, () => client.AskCapabilitiesAsync(cancellationToken)).ConfigureAwait(false);
            if (endpoint.Tls is TlsMode.StartTls or TlsMode.StartTlsWhenAvailable)
                await client.StartTlsAsync(cancellationToken).ConfigureAwait(false);
            if (login.Credential is not AnonymousCredential)
                await MailSteps.RunAsync(context, MailStep.Authenticate, () => client.LogInAsync(login.Credential, cancellationToken)).ConfigureAwait(false);
            if (login.Credential is not AnonymousCredential && client.Capabilities.IsKnown)
                await client.RefreshCapabilitiesAsync(refresh, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch (MailConnectionException e) when (client.refreshing && e.ErrorId == "MailConnectionLost")
        {
            await client.DisposeAsync().ConfigureAwait(false);
            return null;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask<Pop3Response> ReadAnyAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> line = await Stream.ReadLineAsync(LongestStatus, limit, cancellationToken).ConfigureAwait(false);
        Stream.Log.Server(line.Span);
        return Pop3Response.TryParse(line.Span, out Pop3Response response)
            ? response
            : throw Stream.Protocol("MailProtocolError", $"the server answered \"{Stream.Log.Clean(line.Span)}\", which is neither +OK nor -ERR");
    }

    private async ValueTask<(string Result, string Detail)> GreetAsync(CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.Greeting, "the greeting");
        Pop3Response greeting = await ReadAnyAsync(context.Deadlines.Greeting, cancellationToken).ConfigureAwait(false);
        if (greeting.IsOk)
            return (greeting.Text, greeting.ToString());
        throw new MailConnectionException(
            "MailServerRefusedConnection",
            MailStep.Greeting,
            $"{Stream.Where}: the server turned the connection away: {greeting}",
            "The server may be overloaded or refuse this machine's address; ask its administrator if it stays.")
        {
            IsTransient = greeting.Code != "SYS/PERM",
            Conversation = Stream.Log.Lines,
        };
    }

    private async ValueTask<(Pop3Capabilities Result, string Detail)> AskCapabilitiesAsync(CancellationToken cancellationToken)
    {
        Pop3Response response = await CommandAsync(MailStep.Capabilities, "CAPA", cancellationToken).ConfigureAwait(false);
        var capabilities = new Pop3Capabilities { IsKnown = response.IsOk };
        if (response.IsOk)
            await Stream.ReadListAsync(LongestListLine, MostCapabilities, capabilities.Add, cancellationToken).ConfigureAwait(false);
        Capabilities = capabilities;
        return (capabilities, capabilities.ToString());
    }

    private async ValueTask StartTlsAsync(CancellationToken cancellationToken)
    {
        bool required = endpoint.Tls == TlsMode.StartTls;

        // A server that does not know CAPA may still know STLS (RFC 2595 is the older one), so then it is simply tried.
        if (Capabilities.IsKnown && !Capabilities.Has(Pop3Features.Stls))
        {
            if (required)
                throw NoTls("MailStartTlsNotOffered", "the server does not offer STLS");
            return;
        }

        Pop3Response response = await CommandAsync(MailStep.Tls, "STLS", cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
        {
            if (required)
                throw NoTls("MailStartTlsRefused", $"the server refused STLS: {response}");
            return;
        }

        await Stream.SecureAsync(cancellationToken).ConfigureAwait(false);

        // What was announced in plain text may have been forged (RFC 2595 4).
        await MailSteps.RunAsync(context, MailStep.Capabilities, () => AskCapabilitiesAsync(cancellationToken)).ConfigureAwait(false);
    }

    private MailTlsException NoTls(string errorId, string what) => new(
        errorId,
        $"{Stream.Where}: {what}, and the profile demands TLS. Nothing was sent.",
        "Use implicit TLS (port 995) if the server has it. If it always offered STLS before, somebody may be tampering with the connection.")
    {
        Conversation = Stream.Log.Lines,
    };

    private async ValueTask<(string Result, string Detail)> LogInAsync(MailCredential credential, CancellationToken cancellationToken)
    {
        Stream.Log.Hide(SaslExchange.Secrets(credential));
        string how = await AuthenticateAsync(credential, cancellationToken).ConfigureAwait(false);
        Stream.Log.Hide();
        return (how, how);
    }

    private async ValueTask<string> AuthenticateAsync(MailCredential credential, CancellationToken cancellationToken)
    {
        foreach (ISaslMechanism mechanism in SaslSelection.Choose(Capabilities.Mechanisms, Stream, endpoint, credential, "pop"))
        {
            // Always in two steps: all servers know them, and a refusal before the credential has left is no failed login.
            SaslOutcome<Pop3Response> outcome = await SaslExchange.RunAsync(
                mechanism, initialResponse: false, Stream, (message, ct) => SayAsync(mechanism, message, ct), cancellationToken).ConfigureAwait(false);
            if (outcome.Reply.IsOk)
                return mechanism.Name;
            if (outcome.CredentialSent || outcome.Reply.Code.Length > 0)
                throw Pop3Errors.Login(Stream, outcome.Reply, mechanism.Name, Capabilities, mechanism.Explanation);
        }

        bool wished = endpoint.Mechanisms.Count == 0 || endpoint.Mechanisms.Contains("USER", StringComparer.OrdinalIgnoreCase);
        bool possible = !Capabilities.IsKnown || Capabilities.Has(Pop3Features.User) || Capabilities.Mechanisms.Count == 0;
        if (credential is PasswordCredential password && wished && possible)
        {
            await UserAndPassAsync(password, cancellationToken).ConfigureAwait(false);
            return "USER";
        }

        throw new MailAuthenticationException(
            "MailNoMechanism",
            $"{Stream.Where}: none of the server's ways to log in can be used (SASL {string.Join(' ', Capabilities.Mechanisms)}; {Capabilities}).",
            "Choose other mechanisms in the profile, another kind of credential, or TLS: many servers offer passwords only under TLS.")
        {
            Conversation = Stream.Log.Lines,
        };
    }

    private async ValueTask<SaslTurn<Pop3Response>> SayAsync(ISaslMechanism mechanism, SaslMessage message, CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.Authenticate, "the answer to AUTH " + mechanism.Name);
        Stream.Write(message.ToLine("AUTH"), message.ToShown("AUTH"));
        await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        Pop3Response response = await ReadAnyAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);

        // Exchange 2003 asks with "+OK" instead of "+" (MailKit #391). Nobody can be logged in before the mechanism has said all it must.
        bool goesOn = response.Status == Pop3Status.Continue || (response.IsOk && !mechanism.IsComplete);
        return new SaslTurn<Pop3Response>(response, goesOn ? response.Text : null);
    }

    private async ValueTask UserAndPassAsync(PasswordCredential password, CancellationToken cancellationToken)
    {
        SaslSelection.RequireProtection(Stream, endpoint);
        Pop3Response user = await CommandAsync(MailStep.Authenticate, "USER " + password.UserName, cancellationToken).ConfigureAwait(false);
        if (!user.IsOk)
            throw Pop3Errors.Login(Stream, user, "USER", Capabilities);
        Stream.Enter(MailStep.Authenticate, "the answer to PASS");
        Stream.Write("PASS " + password.Secret, "PASS " + ProtocolLog.Mask);
        await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        Pop3Response pass = await ReadAsync(cancellationToken).ConfigureAwait(false);
        if (!pass.IsOk)
            throw Pop3Errors.Login(Stream, pass, "USER", Capabilities);
    }

    /// <summary>
    /// The list may differ after the login (RFC 2449 5). Servers that answer it only before (o2.pl, MailKit #174) are taken to have announced nothing:
    /// UIDL and TOP are then simply tried, and commands sent one at a time.
    /// </summary>
    private async ValueTask RefreshCapabilitiesAsync(bool ask, CancellationToken cancellationToken)
    {
        Pop3Capabilities before = Capabilities;
        Capabilities = new Pop3Capabilities();
        if (ask)
        {
            refreshing = true;
            await AskCapabilitiesAsync(cancellationToken).ConfigureAwait(false);
            refreshing = false;
        }

        if (!Capabilities.IsKnown)
            Stream.Log.Note($"no CAPA after the login; announced before: {before}");
    }
}
