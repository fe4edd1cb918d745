using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Servers;

/// <summary>One SMTP session.</summary>
internal sealed class LabSmtpDialogue(
    LabSmtpServer server, LabSmtpOptions options, LabConnection connection, Func<X509Certificate2> certificate, CancellationToken stop)
    : LabDialogue(server, options, connection, LabProtocol.Smtp, stop)
{
    private readonly LabSmtpOptions options = options;
    private readonly List<string> recipients = [];
    private readonly Dictionary<string, string> notify = new(StringComparer.OrdinalIgnoreCase);
    private string? clientName;
    private string? login;
    private string? reversePath;
    private string? envelopeId;
    private bool isUtf8;
    private bool is8Bit;

    protected override string TemporaryReply => "451 4.3.0 Try again later.";

    protected override string PermanentReply => "554 5.0.0 This will not work.";

    protected override string ShutdownReply => $"421 4.3.2 {options.HostName} is going down.";

    protected override string TooLongReply => "500 5.5.2 Line too long.";

    protected override string PermanentReplyTo(string verb) => verb == "RCPT" ? "550 5.1.1 No such mailbox here." : PermanentReply;

    protected override async Task<bool> GreetAsync()
    {
        await ArmAsync("CONNECT", null);
        Reply($"220 {options.HostName} ESMTP EmailRouter lab");
        return await Connection.FlushAsync(Stop);
    }

    protected override string? WhoseFault(string verb, string argument) => verb switch
    {
        "RCPT" => TryParsePath(argument, "TO:", out string path, out _) ? path : null,
        "MAIL" => TryParsePath(argument, "FROM:", out string path, out _) ? path : null,
        _ => login,
    };

    protected override async Task ExecuteAsync(string verb, string argument)
    {
        switch (verb)
        {
            case "EHLO" or "HELO":
                Hello(verb, argument);
                break;
            case "MAIL":
                Mail(argument);
                break;
            case "RCPT":
                Recipient(argument);
                break;
            case "DATA":
                await DataAsync();
                break;
            case "RSET":
                Reset();
                Reply("250 2.0.0 Reset.");
                break;
            case "NOOP":
                Reply("250 2.0.0 OK");
                break;
            case "VRFY":
                Reply("252 2.5.2 Send mail and see.");
                break;
            case "HELP":
                Reply("214 2.0.0 RFC 5321 tells it best.");
                break;
            case "QUIT":
                Reply("221 2.0.0 Bye.");
                IsOver = true;
                break;
            case "STARTTLS" when !Without("STARTTLS"):
                if (Connection.IsSecure)
                {
                    Reply("503 5.5.1 TLS is active already.");
                    break;
                }

                Reply("220 2.0.0 Ready to start TLS.");
                if (await StartTlsAsync(certificate))
                {
                    // RFC 3207 4.2: everything learned before is forgotten.
                    clientName = null;
                    Reset();
                }

                break;
            case "AUTH" when !Without("AUTH"):
                await AuthenticateAsync(argument);
                break;
            default:
                Reply("500 5.5.1 Unknown command.");
                break;
        }
    }

    private void Hello(string verb, string name)
    {
        if (name.Length == 0)
        {
            Reply($"501 5.5.4 {verb} needs a name.");
            return;
        }

        clientName = name;
        Reset();
        if (verb == "HELO" || Without("EHLO"))
        {
            Reply(verb == "HELO" ? $"250 {options.HostName}" : "502 5.5.1 Not implemented.");
            return;
        }

        List<string> lines = [options.HostName];
        Announce("PIPELINING", "PIPELINING");
        Announce("SIZE", string.Create(CultureInfo.InvariantCulture, $"SIZE {options.MaxSize}"));
        if (!Connection.IsSecure)
            Announce("STARTTLS", "STARTTLS");
        if (Connection.IsSecure || !options.RequireTlsForLogin)
            Announce("AUTH", "AUTH PLAIN LOGIN");
        Announce("ENHANCEDSTATUSCODES", "ENHANCEDSTATUSCODES");
        Announce("8BITMIME", "8BITMIME");
        Announce("DSN", "DSN");
        Announce("SMTPUTF8", "SMTPUTF8");
        for (int i = 0; i < lines.Count; i++)
            Reply($"250{(i < lines.Count - 1 ? '-' : ' ')}{lines[i]}");

        void Announce(string capability, string line)
        {
            if (!Without(capability))
                lines.Add(line);
        }
    }

    private async Task AuthenticateAsync(string argument)
    {
        if (clientName is null || login is not null || reversePath is not null)
        {
            Reply("503 5.5.1 Not now.");
            return;
        }

        if (!Connection.IsSecure && options.RequireTlsForLogin)
        {
            Reply("538 5.7.11 TLS first.");
            return;
        }

        if (await ReadSaslAsync(argument, c => "334 " + c, "504 5.5.4 Unknown mechanism.", "501 5.7.0 Authentication cancelled.") is not { } given)
            return;
        if (Store.Find(given.User) is not { } mailbox || mailbox.Password != given.Password || Fault("AUTH", given.User, LabFaultKind.RefuseLogin) is not null)
        {
            Reply("535 5.7.8 Authentication failed.");
            return;
        }

        UserName = login = mailbox.Address;
        Reply("235 2.7.0 Authentication succeeded.");
    }

    private void Mail(string argument)
    {
        if (clientName is null || reversePath is not null)
        {
            Reply(clientName is null ? "503 5.5.1 EHLO first." : "503 5.5.1 A transaction is open.");
            return;
        }

        if (options.RequireAuthentication && login is null)
        {
            Reply("530 5.7.0 Authentication required.");
            return;
        }

        if (!TryParsePath(argument, "FROM:", out string path, out string[] parameters) || (path.Length > 0 && !path.Contains('@', StringComparison.Ordinal)))
        {
            Reply("501 5.1.7 That is no reverse path.");
            return;
        }

        bool utf8 = false, eightBit = false;
        string? envelope = null;
        foreach (string parameter in parameters)
        {
            int equals = parameter.IndexOf('=', StringComparison.Ordinal);
            string name = (equals < 0 ? parameter : parameter[..equals]).ToUpperInvariant();
            string value = equals < 0 ? string.Empty : parameter[(equals + 1)..];
            switch (name)
            {
                case "SIZE" when !Without("SIZE") && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long size):
                    if (size <= options.MaxSize)
                        break;
                    Reply("552 5.3.4 The message is too large.");
                    return;
                case "BODY" when !Without("8BITMIME") && value.ToUpperInvariant() is "7BIT" or "8BITMIME":
                    eightBit = !value.Equals("7BIT", StringComparison.OrdinalIgnoreCase);
                    break;
                case "SMTPUTF8" when !Without("SMTPUTF8"):
                    utf8 = true;
                    break;
                case "RET" when !Without("DSN") && value.ToUpperInvariant() is "FULL" or "HDRS":
                    break;
                case "ENVID" when !Without("DSN"):
                    envelope = DecodeXtext(value);
                    break;
                case "AUTH" when !Without("AUTH"):
                    break;
                default:
                    Reply($"555 5.5.4 Parameter {name} is not known here.");
                    return;
            }
        }

        if (!utf8 && !Ascii.IsValid(path))
        {
            Reply("553 5.6.7 SMTPUTF8 is needed for this address.");
            return;
        }

        (reversePath, isUtf8, is8Bit, envelopeId) = (path, utf8, eightBit, envelope);
        Reply("250 2.1.0 Sender OK");
    }

    private void Recipient(string argument)
    {
        if (reversePath is null)
        {
            Reply("503 5.5.1 MAIL first.");
            return;
        }

        if (!TryParsePath(argument, "TO:", out string path, out string[] parameters) || !path.Contains('@', StringComparison.Ordinal))
        {
            Reply("501 5.1.3 That is no recipient.");
            return;
        }

        string? when = null;
        foreach (string parameter in parameters)
        {
            if (!Without("DSN") && parameter.StartsWith("NOTIFY=", StringComparison.OrdinalIgnoreCase))
            {
                when = parameter["NOTIFY=".Length..].ToUpperInvariant();
            }
            else if (Without("DSN") || !parameter.StartsWith("ORCPT=", StringComparison.OrdinalIgnoreCase))
            {
                Reply("555 5.5.4 Unknown parameter.");
                return;
            }
        }

        if (!isUtf8 && !Ascii.IsValid(path))
            Reply("553 5.6.7 SMTPUTF8 is needed for this address.");
        else if (recipients.Count >= options.MaxRecipients)
            Reply("452 4.5.3 Too many recipients.");
        else if (Store.IsLocalDomain(LabMailStore.DomainOf(path)) && Store.Find(path) is null)
            Reply($"550 5.1.1 <{path}>: no such mailbox here.");
        else if (Store.Find(path) is { IsFull: true })
            Reply($"452 4.2.2 <{path}>: the mailbox is full.");
        else if (!Store.IsLocalDomain(LabMailStore.DomainOf(path)) && login is null)
            Reply("554 5.7.1 Relaying needs a login.");
        else
            Accept();

        void Accept()
        {
            if (!recipients.Contains(path, StringComparer.OrdinalIgnoreCase))
                recipients.Add(path);
            if (when is not null)
                notify[path] = when;
            Reply("250 2.1.5 Recipient OK");
        }
    }

    private async Task DataAsync()
    {
        if (recipients.Count == 0)
        {
            Reply(reversePath is null ? "503 5.5.1 MAIL first." : "554 5.5.1 No valid recipients.");
            return;
        }

        Reply("354 End with CRLF.CRLF");
        if (!await Connection.FlushAsync(Stop))
        {
            IsOver = true;
            return;
        }

        if (await Connection.ReadDataAsync(options.MaxSize, Stop) is not { } data)
        {
            IsOver = true;
            return;
        }

        string first = recipients[0];
        if (!await StrikesAsync(".", first))
        {
            await ArmAsync(".", first);
            if (data.Size > options.MaxSize)
                Reply("552 5.3.4 The message is too large.");
            else
                Reply($"250 2.0.0 Queued as {Keep(data.Content)}");
        }

        Reset();
    }

    private string Keep(byte[] content)
    {
        DateTimeOffset now = Store.Clock.GetUtcNow();
        string[] accepted = [.. recipients];
        Store.AddSent(new LabSentMessage(reversePath!, accepted, content, now, login, envelopeId)
        {
            Notify = new Dictionary<string, string>(notify, StringComparer.OrdinalIgnoreCase),
            IsUtf8 = isUtf8,
            Is8Bit = is8Bit,
            IsSecure = Connection.IsSecure,
        });
        string id = Guid.NewGuid().ToString("n")[..12].ToUpperInvariant();
        foreach (string recipient in accepted.Where(r => Store.Find(r) is not null))
        {
            string trace = string.Create(
                CultureInfo.InvariantCulture,
                $"Return-Path: <{reversePath}>\r\nDelivered-To: {recipient}\r\n" +
                $"Received: from {clientName} ([127.0.0.1])\r\n\tby {options.HostName} with {Protocol()} id {id}\r\n" +
                $"\tfor <{recipient}>; {now:ddd, dd MMM yyyy HH:mm:ss} +0000\r\n");
            byte[] prefix = Encoding.UTF8.GetBytes(trace);
            byte[] whole = new byte[prefix.Length + content.Length];
            prefix.CopyTo(whole, 0);
            content.CopyTo(whole, prefix.Length);
            Store.Deliver(recipient, whole);
        }

        return id;
    }

    private string Protocol() => (isUtf8 ? "UTF8SMTP" : "ESMTP") + (Connection.IsSecure ? "S" : string.Empty) + (login is null ? string.Empty : "A");

    private void Reset()
    {
        reversePath = null;
        envelopeId = null;
        recipients.Clear();
        notify.Clear();
        isUtf8 = is8Bit = false;
    }

    /// <summary>Parses <c>FROM:&lt;path&gt; parameters</c>; quoted local parts may hold spaces and angle brackets (RFC 5321 4.1.2).</summary>
    private static bool TryParsePath(string argument, string keyword, out string path, out string[] parameters)
    {
        path = string.Empty;
        parameters = [];
        if (!argument.StartsWith(keyword, StringComparison.OrdinalIgnoreCase))
            return false;
        string rest = argument[keyword.Length..].TrimStart();
        if (!rest.StartsWith('<'))
            return false;
        bool quoted = false;
        int i = 1;
        while (i < rest.Length && (quoted || rest[i] != '>'))
        {
            if (quoted && rest[i] == '\\')
                i++;
            else if (rest[i] == '"')
                quoted = !quoted;
            i++;
        }

        if (i >= rest.Length)
            return false;
        path = rest[1..i];
        string after = rest[(i + 1)..];
        parameters = after.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return after.Length == 0 || after[0] == ' ';
    }

    /// <summary>RFC 3461 4: +HH stands for an octet.</summary>
    private static string DecodeXtext(string text)
    {
        var decoded = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '+' && i + 2 < text.Length &&
                byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out byte octet))
            {
                decoded.Append((char)octet);
                i += 2;
            }
            else
            {
                decoded.Append(text[i]);
            }
        }

        return decoded.ToString();
    }
}
