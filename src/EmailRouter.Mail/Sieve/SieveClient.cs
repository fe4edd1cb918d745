using System.Globalization;
using System.Text;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Net.Sasl;

namespace EmailRouter.Mail.Sieve;

/// <summary>A ManageSieve connection (RFC 5804): connects, secures, authenticates, lists, reads and writes the scripts of one mailbox.</summary>
/// <remarks>
/// Used by one caller at a time. After a <see cref="MailException"/> other than a <see cref="MailCommandException"/> the connection is dead. A master user
/// edits another's scripts by <see cref="PasswordCredential.AuthorizationId"/>.
/// </remarks>
public sealed class SieveClient : IAsyncDisposable
{
    /// <summary>The protocol's port.</summary>
    public const int DefaultPort = 4190;

    /// <summary>RFC 5804 4: a quoted string has up to 1024 octets; longer ones are literals.</summary>
    private const int LongestQuoted = 1000;

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    private readonly ProtocolStream stream;
    private readonly MailEndpoint endpoint;
    private readonly MailContext context;
    private readonly SieveReader reader;

    private SieveClient(ProtocolStream stream, MailEndpoint endpoint, MailContext context)
    {
        this.stream = stream;
        this.endpoint = endpoint;
        this.context = context;
        reader = new SieveReader(stream);
    }

    /// <summary>Gets what the server announced last.</summary>
    public SieveCapabilities Capabilities { get; private set; } = new();

    /// <summary>Gets whom one talks to, for messages.</summary>
    internal string Where => stream.Where;

    /// <summary>Connects, secures and authenticates.</summary>
    /// <param name="endpoint">The server; the port defaults to 4190. Servers of this protocol mostly want <see cref="TlsMode.StartTls"/>.</param>
    /// <param name="login">Whose scripts.</param>
    /// <param name="context">Network, clock, limits.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The client; the caller disposes it.</returns>
    /// <exception cref="MailException">A step failed; the exception names it and the remedy.</exception>
    public static async ValueTask<SieveClient> OpenAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        ProtocolStream stream =
            await ProtocolStream.OpenAsync(endpoint, endpoint.Port ?? DefaultPort, login.Mailbox, context, cancellationToken).ConfigureAwait(false);
        var client = new SieveClient(stream, endpoint, context);
        try
        {
            await MailSteps.RunAsync(context, MailStep.Greeting, () => client.GreetAsync(cancellationToken)).ConfigureAwait(false);
            if (endpoint.Tls is TlsMode.StartTls or TlsMode.StartTlsWhenAvailable)
                await client.StartTlsAsync(cancellationToken).ConfigureAwait(false);
            if (login.Credential is not AnonymousCredential)
            {
                await MailSteps.RunAsync(context, MailStep.Authenticate, () => client.LogInAsync(login.Credential, cancellationToken)).ConfigureAwait(false);

                // The list differs after the login: only now some servers tell their limits.
                await MailSteps.RunAsync(context, MailStep.Capabilities, () => client.AskCapabilitiesAsync(cancellationToken)).ConfigureAwait(false);
            }

            return client;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Lists the scripts (RFC 5804 2.7).</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The scripts; at most one is active.</returns>
    public async ValueTask<IReadOnlyList<SieveScriptEntry>> ListAsync(CancellationToken cancellationToken)
    {
        SieveResponse response = await CommandAsync("LISTSCRIPTS", "listing the scripts", cancellationToken).ConfigureAwait(false);
        return [.. response.Data.Select(line => new SieveScriptEntry(
            line[0].Text, line.Skip(1).Any(t => t.Kind == SieveTokenKind.Atom && t.Text.Equals("ACTIVE", StringComparison.OrdinalIgnoreCase))))];
    }

    /// <summary>Reads a script (RFC 5804 2.9).</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>Its text.</returns>
    /// <exception cref="MailCommandException"><c>MailScriptMissing</c>: there is none of that name.</exception>
    public async ValueTask<string> GetAsync(string name, CancellationToken cancellationToken)
    {
        SieveResponse response = await CommandAsync($"GETSCRIPT {Quote(name)}", $"reading the script \"{name}\"", cancellationToken).ConfigureAwait(false);
        return response.Data.Count > 0 ? response.Data[0][0].Text : string.Empty;
    }

    /// <summary>Asks whether there is room for a script (RFC 5804 2.5).</summary>
    /// <param name="name">Its name.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the server says yes.</returns>
    /// <exception cref="MailCommandException"><c>MailScriptQuota</c>: there is not.</exception>
    public async ValueTask RequireSpaceAsync(string name, int size, CancellationToken cancellationToken) =>
        await CommandAsync(
            string.Create(CultureInfo.InvariantCulture, $"HAVESPACE {Quote(name)} {size}"),
            $"room for the script \"{name}\"",
            cancellationToken).ConfigureAwait(false);

    /// <summary>Has the server check a script without keeping it (RFC 5804 2.12).</summary>
    /// <param name="text">The script.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The server's warnings; empty when there are none, or when the server is too old to check.</returns>
    /// <exception cref="MailCommandException">The script has errors; the message holds the server's words.</exception>
    public async ValueTask<string> CheckAsync(string text, CancellationToken cancellationToken)
    {
        if (Capabilities.Version.Length == 0)
            return string.Empty;
        SieveResponse response = await UploadAsync("CHECKSCRIPT", text, "the script", cancellationToken).ConfigureAwait(false);
        return response.Code == "WARNINGS" ? response.Text : string.Empty;
    }

    /// <summary>Writes a script (RFC 5804 2.6). An active script is replaced and stays active.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="text">Its text.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The server's warnings; empty when there are none.</returns>
    /// <exception cref="MailCommandException">The script has errors, or there is no room.</exception>
    public async ValueTask<string> PutAsync(string name, string text, CancellationToken cancellationToken)
    {
        SieveResponse response = await UploadAsync($"PUTSCRIPT {Quote(name)}", text, $"the script \"{name}\"", cancellationToken).ConfigureAwait(false);
        return response.Code == "WARNINGS" ? response.Text : string.Empty;
    }

    /// <summary>Makes a script the one that runs (RFC 5804 2.8).</summary>
    /// <param name="name">Its name; null for none.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is.</returns>
    public async ValueTask SetActiveAsync(string? name, CancellationToken cancellationToken) =>
        await CommandAsync(
            name is null ? "SETACTIVE \"\"" : $"SETACTIVE {Quote(name)}",
            name is null ? "switching the script off" : $"activating the script \"{name}\"",
            cancellationToken)
            .ConfigureAwait(false);

    /// <summary>Deletes a script (RFC 5804 2.10); it must not be active.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when it is gone.</returns>
    public async ValueTask DeleteAsync(string name, CancellationToken cancellationToken) =>
        await CommandAsync($"DELETESCRIPT {Quote(name)}", $"deleting the script \"{name}\"", cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!stream.IsDead)
        {
            try
            {
                stream.Enter(MailStep.Complete, "the answer to LOGOUT");
                stream.Write("LOGOUT");
                await stream.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                await reader.ReadResponseAsync(Farewell, CancellationToken.None).ConfigureAwait(false);
            }
            catch (MailException e)
            {
                stream.Log.Note(e.Message);     // everything was answered before; a goodbye changes nothing
            }
        }

        await stream.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Makes the exception for a script that is not as it should be.</summary>
    /// <param name="errorId">The stable id.</param>
    /// <param name="what">What is wrong.</param>
    /// <param name="remedy">What to do.</param>
    /// <returns>The exception to throw.</returns>
    internal MailCommandException Wrong(string errorId, string what, string remedy) =>
        new(errorId, MailStep.Rules, $"{stream.Where}: {what}.", remedy) { Conversation = stream.Log.Lines };

    /// <summary>Writes a short string: no line breaks, escapes for quotes; names with control characters are not allowed (RFC 5804 1.6).</summary>
    private string Quote(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        if (text.Any(char.IsControl) || Encoding.UTF8.GetByteCount(text) > 512)
            throw Wrong("MailInvalidArgument", "a script's name holds control characters or is longer than 512 bytes", "Choose another name.");
        return Wrap(text);
    }

    private static string Wrap(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private async ValueTask<(string Result, string Detail)> GreetAsync(CancellationToken cancellationToken)
    {
        stream.Enter(MailStep.Greeting, "the greeting");
        SieveResponse greeting = await reader.ReadResponseAsync(context.Deadlines.Greeting, cancellationToken).ConfigureAwait(false);
        if (!greeting.IsOk)
            throw SieveErrors.TurnedAway(stream, greeting, MailStep.Greeting);
        Capabilities = SieveCapabilities.Read(greeting.Data);
        return (greeting.Text, Capabilities.ToString());
    }

    private async ValueTask<(SieveCapabilities Result, string Detail)> AskCapabilitiesAsync(CancellationToken cancellationToken)
    {
        SieveResponse response = await ExchangeAsync(MailStep.Capabilities, "CAPABILITY", cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
            throw SieveErrors.Refused(stream, response, MailStep.Capabilities, "CAPABILITY");
        Capabilities = SieveCapabilities.Read(response.Data);
        return (Capabilities, Capabilities.ToString());
    }

    private async ValueTask StartTlsAsync(CancellationToken cancellationToken)
    {
        bool required = endpoint.Tls == TlsMode.StartTls;
        if (!Capabilities.StartTls)
        {
            if (required)
                throw NoTls("MailStartTlsNotOffered", "the server does not offer STARTTLS");
            return;
        }

        SieveResponse response = await ExchangeAsync(MailStep.Tls, "STARTTLS", cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
        {
            if (required)
                throw NoTls("MailStartTlsRefused", $"the server refused STARTTLS: {response}");
            return;
        }

        await stream.SecureAsync(cancellationToken).ConfigureAwait(false);
        await MailSteps.RunAsync(context, MailStep.Capabilities, () => ReadCapabilitiesAgainAsync(cancellationToken)).ConfigureAwait(false);
    }

    /// <summary>
    /// What was announced in plain text may have been forged. The server sends the list again by itself (RFC 5804 2.2), but some old ones do not: the
    /// answer to a NOOP tells, whatever it is, since it comes after the list or without it. Nobody has to wait for nothing.
    /// </summary>
    private async ValueTask<(SieveCapabilities Result, string Detail)> ReadCapabilitiesAgainAsync(CancellationToken cancellationToken)
    {
        Capabilities = new SieveCapabilities();
        SieveResponse first = await ExchangeAsync(MailStep.Capabilities, "NOOP", cancellationToken).ConfigureAwait(false);
        if (first.Status == "BYE")
            throw SieveErrors.TurnedAway(stream, first, MailStep.Capabilities);
        if (first.Data.Count == 0)
            return await AskCapabilitiesAsync(cancellationToken).ConfigureAwait(false);
        Capabilities = SieveCapabilities.Read(first.Data);
        await reader.ReadResponseAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);
        return (Capabilities, Capabilities.ToString());
    }

    private MailTlsException NoTls(string errorId, string what) => new(
        errorId,
        $"{stream.Where}: {what}, and the profile demands TLS. Nothing was sent.",
        "Have TLS enabled on the server. If it always offered STARTTLS before, somebody may be tampering with the connection.")
    {
        Conversation = stream.Log.Lines,
    };

    private async ValueTask<(string Result, string Detail)> LogInAsync(MailCredential credential, CancellationToken cancellationToken)
    {
        stream.Log.Hide(SaslExchange.Secrets(credential));
        foreach (ISaslMechanism mechanism in SaslSelection.Choose(Capabilities.Mechanisms, stream, endpoint, credential, "sieve"))
        {
            SaslOutcome<SieveResponse?> outcome = await SaslExchange.RunAsync<SieveResponse?>(
                mechanism, initialResponse: true, stream, (message, ct) => SayAsync(mechanism, message, ct), cancellationToken).ConfigureAwait(false);
            SieveResponse reply = outcome.Reply!;
            if (reply.IsOk && outcome.ServerProven)
            {
                stream.Log.Hide();
                return (mechanism.Name, mechanism.Name);
            }

            if (reply.IsOk)
                throw stream.Protocol("MailServerNotProven", $"the server ended AUTHENTICATE {mechanism.Name} before it was complete");
            if (outcome.CredentialSent || reply.Code.Length > 0 || reply.Status == "BYE")
                throw SieveErrors.Login(stream, reply, mechanism.Name, mechanism.Explanation);
        }

        throw new MailAuthenticationException(
            "MailNoMechanism",
            $"{stream.Where}: none of the server's ways to log in can be used (SASL {string.Join(' ', Capabilities.Mechanisms)}).",
            Capabilities.Mechanisms.Count == 0 && !stream.IsSecure
                ? "The server offers no login before TLS: choose STARTTLS."
                : "Choose other mechanisms in the profile, another kind of credential, or TLS: many servers offer passwords only under TLS.")
        {
            Conversation = stream.Log.Lines,
        };
    }

    /// <summary>Here the messages of SASL are strings: quoted while they are short, else literals the server need not agree to (RFC 5804 2.1).</summary>
    private async ValueTask<SaslTurn<SieveResponse?>> SayAsync(ISaslMechanism mechanism, SaslMessage message, CancellationToken cancellationToken)
    {
        stream.Enter(MailStep.Authenticate, "the answer to AUTHENTICATE " + mechanism.Name);
        string command = message.IsStart ? $"AUTHENTICATE \"{message.Mechanism}\"" : string.Empty;
        string gap = command.Length > 0 ? " " : string.Empty;
        string text = message.Data is { Length: 0 } ? string.Empty : message.Text;
        if (message is { IsStart: true, Data: null })
        {
            stream.Write(command);
        }
        else if (text.Length <= LongestQuoted)
        {
            stream.Write($"{command}{gap}\"{text}\"", $"{command}{gap}{(message.Data is { Length: > 0 } ? ProtocolLog.Mask : $"\"{text}\"")}");
        }
        else
        {
            stream.Write(string.Create(CultureInfo.InvariantCulture, $"{command}{gap}{{{text.Length}+}}"));
            stream.Write(text, ProtocolLog.Mask);
        }

        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<SieveToken> line;
        do
            line = await reader.ReadLineAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);
        while (line.Count == 0);
        if (SieveResponse.TryParse(line, [], out SieveResponse? response))
        {
            string? final = response is { IsOk: true, Code: "SASL", CodeArguments.Count: > 0 } ? response.CodeArguments[0] : null;
            return new SaslTurn<SieveResponse?>(response, null, final);
        }

        return line[0].Kind == SieveTokenKind.String
            ? new SaslTurn<SieveResponse?>(null, line[0].Text)
            : throw stream.Protocol("MailProtocolError", $"the server answered \"{stream.Log.Clean(Encoding.UTF8.GetBytes(line[0].Text))}\" to a login");
    }

    private async ValueTask<SieveResponse> ExchangeAsync(MailStep step, string command, CancellationToken cancellationToken)
    {
        stream.Enter(step, "the answer to " + CommandArgument.Show(command));
        stream.Write(command);
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await reader.ReadResponseAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<SieveResponse> CommandAsync(string command, string what, CancellationToken cancellationToken)
    {
        SieveResponse response = await ExchangeAsync(MailStep.Rules, command, cancellationToken).ConfigureAwait(false);
        return response.IsOk ? response : throw Failed(response, what);
    }

    private async ValueTask<SieveResponse> UploadAsync(string command, string text, string what, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        stream.Enter(MailStep.Rules, "the answer to " + CommandArgument.Show(command));
        stream.Write(string.Create(CultureInfo.InvariantCulture, $"{command} {{{bytes.Length}+}}"));
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        await stream.WriteDataAsync((byte[])[.. bytes, .. "\r\n"u8], context.Deadlines.DataIdle, cancellationToken).ConfigureAwait(false);
        SieveResponse response = await reader.ReadResponseAsync(context.Deadlines.Command, cancellationToken).ConfigureAwait(false);
        return response.IsOk ? response : throw Failed(response, what);
    }

    private MailException Failed(SieveResponse response, string what)
    {
        if (response.Status == "BYE")
            stream.Kill("the server said BYE");
        return SieveErrors.Refused(stream, response, MailStep.Rules, what);
    }
}
