using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Servers;

/// <summary>One POP3 session.</summary>
internal sealed class LabPop3Dialogue(
    LabPop3Server server, LabServerOptions options, LabConnection connection, Func<X509Certificate2> certificate, CancellationToken stop)
    : LabDialogue(server, options, connection, LabProtocol.Pop3, stop)
{
    private readonly LabServerOptions options = options;
    private readonly HashSet<int> deleted = [];
    private LabMailbox? mailbox;
    private IReadOnlyList<LabMessage> messages = [];

    protected override string TemporaryReply => "-ERR [SYS/TEMP] Try again later.";

    protected override string PermanentReply => "-ERR [SYS/PERM] This will not work.";

    protected override string ShutdownReply => "-ERR [SYS/TEMP] The server is going down.";

    protected override string TooLongReply => "-ERR Line too long.";

    /// <summary>Gives the maildrop back; deletions that QUIT did not confirm are forgotten (RFC 1939 6).</summary>
    public void Release() => Interlocked.Exchange(ref mailbox, null)?.Unlock();

    protected override async Task<bool> GreetAsync()
    {
        await ArmAsync("CONNECT", null);
        Reply("+OK EmailRouter lab POP3 server ready.");
        return await Connection.FlushAsync(Stop);
    }

    protected override string? WhoseFault(string verb, string argument) => verb == "USER" ? argument : UserName;

    protected override async Task ExecuteAsync(string verb, string argument)
    {
        switch (verb)
        {
            case "CAPA" when !Without("CAPA"):
                Capabilities();
                break;
            case "QUIT":
                Quit();
                break;
            case "STLS" when mailbox is null && !Without("STLS"):
                if (Connection.IsSecure)
                {
                    Reply("-ERR TLS is active already.");
                    break;
                }

                Reply("+OK Begin TLS negotiation now.");
                await StartTlsAsync(certificate);
                break;
            case "USER" when mailbox is null:
                if (RefusesPlainLogin())
                    break;
                UserName = argument;
                Reply("+OK");
                break;
            case "PASS" when mailbox is null:
                if (UserName is null)
                    Reply("-ERR USER first.");
                else
                    Login(UserName, argument);
                break;
            case "AUTH" when mailbox is null && !Without("SASL"):
                if (!RefusesPlainLogin() &&
                    await ReadSaslAsync(argument, c => "+ " + c, "-ERR Unknown mechanism.", "-ERR [AUTH] Authentication cancelled.") is { } login)
                {
                    Login(login.User, login.Password);
                }

                break;
            case "STAT" or "LIST" or "UIDL" or "RETR" or "TOP" or "DELE" or "NOOP" or "RSET" when mailbox is not null:
                Transaction(verb, argument);
                break;
            case "STAT" or "LIST" or "UIDL" or "RETR" or "TOP" or "DELE" or "NOOP" or "RSET":
                Reply("-ERR Log in first.");
                break;
            default:
                Reply("-ERR Unknown command.");
                break;
        }
    }

    private void Capabilities()
    {
        Reply("+OK Capability list follows.");
        if (mailbox is null)
        {
            if (!Connection.IsSecure && !Without("STLS"))
                Reply("STLS");
            if (Connection.IsSecure || !options.RequireTlsForLogin)
            {
                Reply("USER");
                if (!Without("SASL"))
                    Reply("SASL PLAIN LOGIN");
            }
        }

        foreach (string capability in (string[])["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"])
        {
            if (!Without(capability))
                Reply(capability);
        }

        Reply("EXPIRE NEVER");
        Reply("IMPLEMENTATION EmailRouter-Lab");
        Reply(".");
    }

    private bool RefusesPlainLogin()
    {
        if (Connection.IsSecure || !options.RequireTlsForLogin)
            return false;
        Reply("-ERR [AUTH] TLS first.");
        return true;
    }

    private void Login(string user, string password)
    {
        UserName = user;
        if (Store.Find(user) is not { } candidate || candidate.Password != password || Fault("PASS", user, LabFaultKind.RefuseLogin) is not null)
        {
            UserName = null;
            Reply("-ERR [AUTH] Authentication failed.");
            return;
        }

        if (Fault("PASS", user, LabFaultKind.Locked) is not null || !candidate.TryLock())
        {
            Reply("-ERR [IN-USE] The maildrop is locked by another session.");
            return;
        }

        mailbox = candidate;
        messages = candidate.Messages;
        Reply(string.Create(CultureInfo.InvariantCulture, $"+OK Logged in, {messages.Count} messages."));
    }

    private void Transaction(string verb, string argument)
    {
        string[] arguments = argument.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (verb)
        {
            case "NOOP":
                Reply("+OK");
                break;
            case "RSET":
                deleted.Clear();
                Reply("+OK");
                break;
            case "STAT":
                Reply(string.Create(CultureInfo.InvariantCulture, $"+OK {Present().Count()} {Present().Sum(i => (long)messages[i].Content.Length)}"));
                break;
            case "LIST":
                Scan(arguments, i => messages[i].Content.Length.ToString(CultureInfo.InvariantCulture));
                break;
            case "UIDL" when !Without("UIDL"):
                Scan(arguments, i => messages[i].Uidl);
                break;
            case "RETR" when Find(arguments) is { } at:
                Reply(string.Create(CultureInfo.InvariantCulture, $"+OK {messages[at].Content.Length} octets"));
                Connection.WriteMultiLine(messages[at].Content.Span);
                break;
            case "TOP" when !Without("TOP") && Find(arguments) is { } at:
                if (arguments.Length != 2 || !int.TryParse(arguments[1], NumberStyles.None, CultureInfo.InvariantCulture, out int lines))
                {
                    Reply("-ERR TOP needs a message number and a number of lines.");
                    break;
                }

                Reply("+OK");
                Connection.WriteMultiLine(Top(messages[at].Content.Span, lines));
                break;
            case "DELE" when Find(arguments) is { } at:
                deleted.Add(at);
                Reply("+OK Marked to be deleted.");
                break;
            case "RETR" or "DELE" or "TOP" when !Without(verb):
                Reply("-ERR There is no such message.");
                break;
            default:
                Reply("-ERR Unknown command.");
                break;
        }
    }

    private void Quit()
    {
        if (mailbox is not null)
            mailbox.Remove(deleted.Select(i => messages[i].Uidl).ToHashSet(StringComparer.Ordinal));
        Release();
        Reply("+OK Logging out.");
        IsOver = true;
    }

    private IEnumerable<int> Present() => Enumerable.Range(0, messages.Count).Where(i => !deleted.Contains(i));

    private void Scan(string[] arguments, Func<int, string> value)
    {
        if (arguments.Length == 0)
        {
            Reply("+OK");
            foreach (int i in Present())
                Reply(string.Create(CultureInfo.InvariantCulture, $"{i + 1} {value(i)}"));
            Reply(".");
        }
        else if (Find(arguments) is { } at)
        {
            Reply(string.Create(CultureInfo.InvariantCulture, $"+OK {at + 1} {value(at)}"));
        }
        else
        {
            Reply("-ERR There is no such message.");
        }
    }

    private int? Find(string[] arguments) =>
        arguments.Length > 0 && int.TryParse(arguments[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number) &&
        number >= 1 && number <= messages.Count && !deleted.Contains(number - 1)
            ? number - 1
            : null;

    /// <summary>The header, the empty line after it, and the first lines of the body.</summary>
    private static ReadOnlySpan<byte> Top(ReadOnlySpan<byte> content, int lines)
    {
        int at = 0;
        bool inBody = false;
        while (at < content.Length && (!inBody || lines-- > 0))
        {
            int length = content[at..].IndexOf((byte)'\n') + 1;
            if (length == 0)
                return content;
            inBody |= length == 1 || (length == 2 && content[at] == '\r');
            at += length;
        }

        return content[..at];
    }
}
