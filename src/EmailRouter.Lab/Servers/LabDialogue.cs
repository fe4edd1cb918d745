using System.Text;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Servers;

/// <summary>What the sessions of both protocols have in common: the loop over commands, the faults at commands, SASL PLAIN and LOGIN.</summary>
internal abstract class LabDialogue(LabMailServer server, LabServerOptions options, LabConnection connection, LabProtocol protocol, CancellationToken stop)
{
    protected LabConnection Connection => connection;

    protected LabMailStore Store => server.Store;

    protected CancellationToken Stop => stop;

    /// <summary>Gets the user who is logged in or logging in.</summary>
    protected string? UserName { get; set; }

    protected bool IsOver { get; set; }

    protected abstract string TemporaryReply { get; }

    protected abstract string PermanentReply { get; }

    protected abstract string ShutdownReply { get; }

    protected abstract string TooLongReply { get; }

    public async Task RunAsync()
    {
        if (await StrikesAsync("CONNECT", null) || !await GreetAsync())
            return;
        while (!IsOver)
        {
            string? line = await ReadLineAsync();
            if (line is null)
                break;
            (string verb, string argument) = Split(line);
            options.Trace?.Invoke("C: " + Mask(verb, line));
            string? whose = WhoseFault(verb, argument);
            if (await StrikesAsync(verb, whose))
            {
                if (IsOver)
                    break;
            }
            else
            {
                await ArmAsync(verb, whose);
                await ExecuteAsync(verb, argument);
            }

            // Answers to pipelined commands leave together, unless they grow large.
            if ((!connection.HasInput || IsOver || connection.IsArmed || connection.PendingOutput > 65_536) && !await connection.FlushAsync(stop))
                return;
        }

        await connection.FlushAsync(stop);
    }

    protected abstract Task<bool> GreetAsync();

    protected abstract Task ExecuteAsync(string verb, string argument);

    protected virtual string? WhoseFault(string verb, string argument) => UserName;

    protected virtual string PermanentReplyTo(string verb) => PermanentReply;

    protected bool Without(string capability) => options.Without.Contains(capability);

    protected LabFault? Fault(string verb, string? mailbox, params LabFaultKind[] kinds) => server.Faults.Take(protocol, verb, mailbox, kinds);

    protected void Reply(string line) => connection.WriteLine(line);

    protected async Task<bool> StartTlsAsync(Func<System.Security.Cryptography.X509Certificates.X509Certificate2> certificate)
    {
        if (!await connection.FlushAsync(stop) || !await connection.SecureAsync(certificate(), stop))
        {
            IsOver = true;
            return false;
        }

        UserName = null;
        return true;
    }

    /// <summary>Applies faults that replace a command. True when the command must not be carried out.</summary>
    protected async Task<bool> StrikesAsync(string verb, string? mailbox)
    {
        LabFault? fault = Fault(
            verb, mailbox, LabFaultKind.Stall, LabFaultKind.Drop, LabFaultKind.TemporaryFailure, LabFaultKind.PermanentFailure, LabFaultKind.Shutdown);
        switch (fault?.Kind)
        {
            case LabFaultKind.Stall:
                await connection.FlushAsync(stop);
                await Task.Delay(Timeout.InfiniteTimeSpan, stop);
                return true;
            case LabFaultKind.Drop when fault.AfterBytes > 0:
                // What is already in the buffer belongs to earlier commands and is not counted.
                await connection.FlushAsync(stop);
                connection.Arm(fault);
                return false;
            case LabFaultKind.Drop:
                await connection.FlushAsync(stop);
                IsOver = true;
                return true;
            case LabFaultKind.TemporaryFailure:
                Reply(fault.Reply ?? TemporaryReply);
                return true;
            case LabFaultKind.PermanentFailure:
                Reply(fault.Reply ?? PermanentReplyTo(verb));
                return true;
            case LabFaultKind.Shutdown:
                Reply(fault.Reply ?? ShutdownReply);
                await connection.FlushAsync(stop);
                IsOver = true;
                return true;
            default:
                return false;
        }
    }

    /// <summary>Arms a fault that concerns the answer to a command. What is in the buffer belongs to earlier commands and leaves first.</summary>
    protected async Task ArmAsync(string verb, string? mailbox)
    {
        if (Fault(verb, mailbox, LabFaultKind.LoseAnswer, LabFaultKind.HalfLine, LabFaultKind.SlowBytes) is { } fault)
        {
            await connection.FlushAsync(stop);
            connection.Arm(fault);
        }
    }

    /// <summary>Carries out a SASL exchange (RFC 4616, and LOGIN as everybody does it).</summary>
    /// <returns>User and password; null when the client cancelled or sent nonsense, which has been answered.</returns>
    protected async Task<(string User, string Password)?> ReadSaslAsync(
        string argument, Func<string, string> challenge, string unknownMechanism, string cancelled)
    {
        string[] parts = argument.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string mechanism = parts.Length > 0 ? parts[0].ToUpperInvariant() : string.Empty;
        string? initial = parts.Length > 1 ? parts[1] : null;
        switch (mechanism)
        {
            case "PLAIN":
                string? response = initial ?? await AskAsync(challenge(string.Empty));
                string[] fields = Decode(response)?.Split('\0') ?? [];
                if (fields.Length == 3)
                    return (fields[1], fields[2]);
                break;
            case "LOGIN":
                string? user = Decode(initial ?? await AskAsync(challenge("VXNlcm5hbWU6")));
                if (user is null)
                    break;
                string? password = Decode(await AskAsync(challenge("UGFzc3dvcmQ6")));
                if (password is not null)
                    return (user, password);
                break;
            default:
                Reply(unknownMechanism);
                return null;
        }

        Reply(cancelled);
        return null;
    }

    protected async Task<string?> ReadLineAsync()
    {
        using var idle = new CancellationTokenSource(options.IdleLimit, Store.Clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(stop, idle.Token);
        string? line = await connection.ReadLineAsync(linked.Token);
        if (line is null && connection.HasInput)
            Reply(TooLongReply);
        return line;
    }

    private async Task<string?> AskAsync(string challenge)
    {
        Reply(challenge);
        return await connection.FlushAsync(stop) ? await ReadLineAsync() : null;
    }

    private static string? Decode(string? base64)
    {
        if (base64 is null or "*")
            return null;
        if (base64 == "=")
            return string.Empty;
        byte[] bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out int length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }

    private static (string Verb, string Argument) Split(string line)
    {
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? (line.Trim().ToUpperInvariant(), string.Empty) : (line[..space].ToUpperInvariant(), line[(space + 1)..].Trim());
    }

    private static string Mask(string verb, string line) => verb switch
    {
        "PASS" => "PASS ********",
        "AUTH" => string.Join(' ', line.Split(' ').Take(2)) + " ********",
        _ => line,
    };
}
