using System.Text;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Net.Sasl;

namespace EmailRouter.Mail.Imap;

/// <content>From the connection to the authenticated state.</content>
internal sealed partial class ImapClient
{
    /// <summary>Connects, secures and authenticates.</summary>
    /// <param name="endpoint">The server.</param>
    /// <param name="login">Whose mailbox.</param>
    /// <param name="options">The profile's options.</param>
    /// <param name="context">Network, clock, limits.</param>
    /// <param name="whenCompressionBreaks">Told when compressed data cannot be read.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The client, in the authenticated state.</returns>
    /// <exception cref="MailException">A step failed.</exception>
    public static async ValueTask<ImapClient> OpenAsync(
        MailEndpoint endpoint, MailLogin login, ImapOptions options, MailContext context, Action whenCompressionBreaks, CancellationToken cancellationToken)
    {
        int port = endpoint.Port ?? (endpoint.Tls == TlsMode.Implicit ? 993 : 143);
        ProtocolStream stream = await ProtocolStream.OpenAsync(endpoint, port, login.Mailbox, context, cancellationToken).ConfigureAwait(false);
        stream.WhenCompressionBreaks = whenCompressionBreaks;
        var client = new ImapClient(stream, endpoint, context);
        try
        {
            ImapResponse greeting = await MailSteps.RunAsync(context, MailStep.Greeting, () => client.GreetAsync(cancellationToken)).ConfigureAwait(false);
            await client.SecureAsync(greeting, cancellationToken).ConfigureAwait(false);
            await client.KnowCapabilitiesAsync(cancellationToken).ConfigureAwait(false);
            if (greeting.Status != ImapStatus.Preauth && login.Credential is not AnonymousCredential)
            {
                await MailSteps.RunAsync(context, MailStep.Authenticate, () => client.LogInAsync(login.Credential, cancellationToken)).ConfigureAwait(false);
                await client.KnowCapabilitiesAsync(cancellationToken).ConfigureAwait(false);
            }

            await client.PrepareAsync(options, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask<(ImapResponse Result, string Detail)> GreetAsync(CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.Greeting, "the greeting");
        ReadOnlyMemory<byte> line = await Stream.ReadLineAsync(LongestGreeting, context.Deadlines.Greeting, cancellationToken).ConfigureAwait(false);
        Stream.Log.Server(line.Span);
        ReadOnlySpan<byte> text = line.Span;

        // IceWarp turns addresses away with " NO LOGOUT Intrusion prevention ..." without the asterisk (MailKit #1073).
        bool isGreeting = text.StartsWith("* "u8) || text.StartsWith(" NO "u8);
        if (!isGreeting || !ImapResponse.TryParse(text[1..], out ImapResponse greeting) || greeting.Status == ImapStatus.Bad)
            throw Stream.Protocol("MailProtocolError", $"the server greets with \"{Stream.Log.Clean(line.Span)}\", which is no IMAP");
        if (greeting.IsOk)
        {
            if (greeting.Code == "CAPABILITY")
                dispatcher.Capabilities = new ImapCapabilities(greeting.Arguments);
            return (greeting, ImapErrors.Show(Stream, greeting));
        }

        throw new MailConnectionException(
            "MailServerRefusedConnection",
            MailStep.Greeting,
            $"{Stream.Where}: the server turned the connection away: {ImapErrors.Show(Stream, greeting)}",
            "The server may be overloaded or refuse this machine's address; ask its administrator if it stays.")
        {
            IsTransient = greeting.Code is not ("NOPERM" or "CONTACTADMIN"),
            Conversation = Stream.Log.Lines,
        };
    }

    private async ValueTask SecureAsync(ImapResponse greeting, CancellationToken cancellationToken)
    {
        if (endpoint.Tls is not (TlsMode.StartTls or TlsMode.StartTlsWhenAvailable))
            return;
        bool required = endpoint.Tls == TlsMode.StartTls;
        if (greeting.Status == ImapStatus.Preauth)
        {
            // STARTTLS is forbidden now (RFC 9051 6.2.1), so somebody on the way could keep the session in plain text by saying this.
            if (required)
                throw NoTls("MailPreauthRefused", "the server greets as if somebody were logged in, which rules out TLS");
            return;
        }

        await KnowCapabilitiesAsync(cancellationToken).ConfigureAwait(false);
        if (!Capabilities.Has(ImapFeatures.StartTls))
        {
            if (required)
                throw NoTls("MailStartTlsNotOffered", "the server does not offer STARTTLS");
            return;
        }

        ImapResponse response = await ExecuteAsync(MailStep.Tls, "STARTTLS", null, cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
        {
            if (required)
                throw NoTls("MailStartTlsRefused", $"the server refused STARTTLS: {ImapErrors.Show(Stream, response)}");
            return;
        }

        await Stream.SecureAsync(cancellationToken).ConfigureAwait(false);

        // What was announced in plain text may have been forged (RFC 9051 6.2.1).
        dispatcher.Capabilities = null;
    }

    private MailTlsException NoTls(string errorId, string what) => new(
        errorId,
        $"{Stream.Where}: {what}, and the profile demands TLS. Nothing was sent.",
        "Use implicit TLS (port 993) if the server has it. If it always offered STARTTLS before, somebody may be tampering with the connection.")
    {
        Conversation = Stream.Log.Lines,
    };

    /// <summary>Asks for the capabilities unless the server has told them by itself since they were last void.</summary>
    private async ValueTask KnowCapabilitiesAsync(CancellationToken cancellationToken)
    {
        if (dispatcher.Capabilities is not null)
            return;
        await MailSteps.RunAsync(
            context,
            MailStep.Capabilities,
            async () =>
            {
                ImapResponse response = await ExecuteAsync(MailStep.Capabilities, "CAPABILITY", null, cancellationToken).ConfigureAwait(false);
                if (!response.IsOk)
                    throw ImapErrors.Refused(Stream, response, MailStep.Capabilities, "to tell its capabilities");
                dispatcher.Capabilities ??= ImapCapabilities.None;
                return (dispatcher.Capabilities, dispatcher.Capabilities.ToString());
            }).ConfigureAwait(false);
    }

    private async ValueTask<(string Result, string Detail)> LogInAsync(MailCredential credential, CancellationToken cancellationToken)
    {
        Stream.Log.Hide(SaslExchange.Secrets(credential));
        ImapCapabilities before = Capabilities;
        dispatcher.Capabilities = null;
        string how = await AuthenticateAsync(credential, before, cancellationToken).ConfigureAwait(false);
        Stream.Log.Hide();
        return (how, how);
    }

    private async ValueTask<string> AuthenticateAsync(MailCredential credential, ImapCapabilities offered, CancellationToken cancellationToken)
    {
        bool initial = offered.Has(ImapFeatures.SaslInitialResponse);
        foreach (ISaslMechanism mechanism in SaslSelection.Choose(offered.Mechanisms, Stream, endpoint, credential, "imap"))
        {
            int tag = 0;
            SaslOutcome<ImapResponse> outcome = await SaslExchange.RunAsync(
                mechanism, initial, Stream, SayAsync, cancellationToken).ConfigureAwait(false);
            if (outcome.Reply.IsOk)
                return mechanism.Name;
            if (outcome.CredentialSent || outcome.Reply.Code.Length > 0)
                throw ImapErrors.Login(Stream, outcome.Reply, mechanism.Name, mechanism.Explanation);

            async ValueTask<SaslTurn<ImapResponse>> SayAsync(SaslMessage message, CancellationToken stop)
            {
                Stream.Enter(MailStep.Authenticate, "the answer to AUTHENTICATE " + mechanism.Name);
                string line = message.ToLine("AUTHENTICATE");
                string? shown = message.ToShown("AUTHENTICATE");
                if (tag == 0)
                    tag = Write(line, shown);
                else
                    Stream.Write(line, shown);
                await FlushAsync(stop).ConfigureAwait(false);
                return await ReadTurnAsync(tag, stop).ConfigureAwait(false);
            }
        }

        bool wished = endpoint.Mechanisms.Count == 0 || endpoint.Mechanisms.Contains("LOGIN", StringComparer.OrdinalIgnoreCase);
        if (credential is PasswordCredential password && wished && !offered.Has(ImapFeatures.LoginDisabled))
        {
            SaslSelection.RequireProtection(Stream, endpoint);
            ImapResponse response = await LoginCommandAsync(password, offered, cancellationToken).ConfigureAwait(false);
            return response.IsOk ? "LOGIN" : throw ImapErrors.Login(Stream, response, "LOGIN");
        }

        throw new MailAuthenticationException(
            "MailNoMechanism",
            $"{Stream.Where}: no way to log in that both sides know. The server offers: {offered}.",
            offered.Has(ImapFeatures.LoginDisabled) && !Stream.IsSecure
                ? "The server takes no password without TLS; use implicit TLS or STARTTLS."
                : "Enable PLAIN or LOGIN over TLS on the server, or use another credential.")
        {
            Conversation = Stream.Log.Lines,
        };
    }

    private async ValueTask<SaslTurn<ImapResponse>> ReadTurnAsync(int tag, CancellationToken cancellationToken)
    {
        while (true)
        {
            ImapEvent next = await ReadAsync(cancellationToken).ConfigureAwait(false);
            next.Fetch?.Dispose();
            if (next.Kind == ImapEventKind.Continue)
                return new SaslTurn<ImapResponse>(default, next.Text);
            if (next.Kind == ImapEventKind.Tagged && next.Tag == tag)
                return new SaslTurn<ImapResponse>(next.Response, null);
        }
    }

    /// <summary>LOGIN (RFC 9051 6.2.3). What is not plain ASCII goes as a literal, since not every server takes it quoted.</summary>
    private async ValueTask<ImapResponse> LoginCommandAsync(PasswordCredential password, ImapCapabilities offered, CancellationToken cancellationToken)
    {
        if (Ascii.IsValid(password.UserName) && Ascii.IsValid(password.Secret))
        {
            string command = $"LOGIN {Quote(password.UserName)} {Quote(password.Secret)}";
            string shown = $"LOGIN {Quote(password.UserName)} {ProtocolLog.Mask}";
            return await ExecuteAsync(MailStep.Authenticate, command, null, cancellationToken, shown).ConfigureAwait(false);
        }

        byte[] user = Encoding.UTF8.GetBytes(password.UserName);
        byte[] secret = Encoding.UTF8.GetBytes(password.Secret);
        bool free = offered.Has(ImapFeatures.LiteralPlus) || (offered.Has(ImapFeatures.LiteralMinus) && user.Length <= 4096 && secret.Length <= 4096);
        string mark = free ? "+" : string.Empty;
        Stream.Enter(MailStep.Authenticate, "the answer to LOGIN");
        int tag = Write($"LOGIN {{{user.Length}{mark}}}");
        if (!free && await SendForLeaveAsync(tag, cancellationToken).ConfigureAwait(false) is { } refusedUser)
            return refusedUser;
        Stream.Write($"{password.UserName} {{{secret.Length}{mark}}}");
        if (!free && await SendForLeaveAsync(tag, cancellationToken).ConfigureAwait(false) is { } refusedSecret)
            return refusedSecret;
        Stream.Write(password.Secret, ProtocolLog.Mask);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        return await ReadToEndAsync(tag, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends the announcement of a literal and waits for leave to send it; the answer when it is refused.</summary>
    private async ValueTask<ImapResponse?> SendForLeaveAsync(int tag, CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        SaslTurn<ImapResponse> turn = await ReadTurnAsync(tag, cancellationToken).ConfigureAwait(false);
        return turn.Challenge is null ? turn.Reply : null;
    }

    /// <summary>Introduces the client and turns on what the server has. A server that refuses any of it is used without.</summary>
    private async ValueTask PrepareAsync(ImapOptions options, CancellationToken cancellationToken)
    {
        if (options.Compress && Capabilities.Has(ImapFeatures.Deflate))
        {
            ImapResponse response = await ExecuteAsync(MailStep.Capabilities, "COMPRESS DEFLATE", null, cancellationToken).ConfigureAwait(false);
            if (response.IsOk)
                Stream.Compress();
        }

        if (Capabilities.Has(ImapFeatures.Id))
        {
            string version = typeof(ImapClient).Assembly.GetName().Version?.ToString(3) ?? "0";
            string id = $"ID (\"name\" \"EmailRouter\" \"version\" \"{version}\")";
            await ExecuteAsync(MailStep.Capabilities, id, null, cancellationToken).ConfigureAwait(false);
        }

        string[] wanted =
        [
            .. Capabilities.Has(ImapFeatures.Rev1 | ImapFeatures.Rev2) ? (string[])["IMAP4rev2"] : [],
            .. Capabilities.Has(ImapFeatures.Utf8) ? (string[])["UTF8=ACCEPT"] : [],
            .. Capabilities.Has(ImapFeatures.QuickResync) ? (string[])["QRESYNC"] : [],
        ];
        if (wanted.Length > 0 && Capabilities.Has(ImapFeatures.Enable))
            await ExecuteAsync(MailStep.Capabilities, "ENABLE " + string.Join(' ', wanted), null, cancellationToken).ConfigureAwait(false);
    }
}
