using System.Buffers.Text;
using System.Globalization;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Imap;

/// <summary>An IMAP connection (RFC 3501, RFC 9051): connects, secures, authenticates, sends commands and reads their answers.</summary>
internal sealed partial class ImapClient : IAsyncDisposable
{
    /// <summary>How much may come for one command before the connection is given up.</summary>
    private const int MostResponses = 4_000_000;

    private const int LongestGreeting = 8 * 1024;

    private readonly MailEndpoint endpoint;
    private readonly MailContext context;
    private readonly ImapDispatcher dispatcher;
    private int lastTag;

    private ImapClient(ProtocolStream stream, MailEndpoint endpoint, MailContext context)
    {
        Stream = stream;
        this.endpoint = endpoint;
        this.context = context;
        dispatcher = new ImapDispatcher(stream, new ImapReader(stream, context));
    }

    /// <summary>Gets the connection.</summary>
    public ProtocolStream Stream { get; }

    /// <summary>Gets what the server announced last.</summary>
    public ImapCapabilities Capabilities => dispatcher.Capabilities ?? ImapCapabilities.None;

    /// <summary>Gets the selected mailbox; null when none is.</summary>
    public ImapFolder? Selected => dispatcher.Selected;

    /// <summary>Gets a value indicating whether QRESYNC is on.</summary>
    public bool HasQuickResync => dispatcher.Enabled.Contains("QRESYNC");

    /// <summary>Tells whether a line begins with one of the client's tags.</summary>
    /// <param name="line">The line.</param>
    /// <returns>True when it does.</returns>
    public static bool IsTag(ReadOnlySpan<byte> line) => TryTag(line, out _, out _);

    /// <summary>Reads a tag.</summary>
    /// <param name="line">The line.</param>
    /// <param name="tag">The tag's number.</param>
    /// <param name="used">Its bytes with the blank behind it.</param>
    /// <returns>False when there is none.</returns>
    public static bool TryTag(ReadOnlySpan<byte> line, out int tag, out int used)
    {
        tag = used = 0;
        if (line.Length < 4 || (line[0] | 0x20) != 'a' || !Utf8Parser.TryParse(line[1..], out tag, out int digits) || tag < 1)
            return false;
        used = digits + 2;
        return used <= line.Length && line[digits + 1] == (byte)' ';
    }

    /// <summary>Writes a string argument: quoted, in UTF-8 or modified UTF-7 as the connection has it.</summary>
    /// <param name="name">A mailbox name.</param>
    /// <returns>The argument.</returns>
    public string Name(string name) => Quote(dispatcher.UsesUtf8 ? name : ModifiedUtf7.Encode(name));

    /// <summary>Puts a command into the output.</summary>
    /// <param name="command">The command without its tag.</param>
    /// <param name="shown">How the log shows it where it holds a secret.</param>
    /// <returns>The tag's number.</returns>
    public int Write(string command, string? shown = null)
    {
        int tag = ++lastTag;
        Stream.Write(string.Create(CultureInfo.InvariantCulture, $"A{tag} {command}"), shown is null ? null : $"A{tag} {shown}");
        return tag;
    }

    /// <summary>Sends what was written.</summary>
    /// <param name="cancellationToken">Stops the sending; the connection is dead then.</param>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => Stream.FlushAsync(cancellationToken);

    /// <summary>Reads the next response.</summary>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The response.</returns>
    public ValueTask<ImapEvent> ReadAsync(CancellationToken cancellationToken) => dispatcher.ReadAsync(context.Deadlines.Command, cancellationToken);

    /// <summary>Keeps the bodies of FETCH responses from here on, or drops them.</summary>
    /// <param name="keep">Whether to keep them.</param>
    public void KeepBodies(bool keep) => dispatcher.KeepBodies = keep ? context.Buffers : null;

    /// <summary>Sends a command and reads up to its end.</summary>
    /// <param name="step">The step.</param>
    /// <param name="command">The command.</param>
    /// <param name="each">Takes each response before the end; null to let the dispatcher's knowledge suffice.</param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <param name="shown">How the log shows the command where it holds a secret.</param>
    /// <returns>The answer, positive or negative.</returns>
    public async ValueTask<ImapResponse> ExecuteAsync(
        MailStep step, string command, Action<ImapEvent>? each, CancellationToken cancellationToken, string? shown = null)
    {
        Stream.Enter(step, "the answer to " + FirstWords(command));
        int tag = Write(command, shown);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        return await ReadToEndAsync(tag, each, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads up to the end of a command.</summary>
    /// <param name="tag">The command's tag.</param>
    /// <param name="each">Takes each response before the end.</param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>The answer, positive or negative.</returns>
    public async ValueTask<ImapResponse> ReadToEndAsync(int tag, Action<ImapEvent>? each, CancellationToken cancellationToken)
    {
        for (int count = 0; count < MostResponses; count++)
        {
            ImapEvent next = await ReadAsync(cancellationToken).ConfigureAwait(false);
            if (next.Kind == ImapEventKind.Tagged && next.Tag == tag)
                return next.Response;
            using (next.Fetch)
            {
                // A "+" that nobody asked for (Exchange, MailKit #852) falls into place here: nobody wants it.
                each?.Invoke(next);
            }
        }

        throw Stream.Protocol("MailResponseTooLong", $"more than {MostResponses} responses came for one command");
    }

    /// <summary>Selects a mailbox.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="since">What was known of it last time, for QRESYNC; null for nothing.</param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>The mailbox.</returns>
    /// <exception cref="MailCommandException">The server refused.</exception>
    public async ValueTask<ImapFolder> SelectAsync(string name, ImapFolderCursor? since, CancellationToken cancellationToken)
    {
        string parameter = string.Empty;
        if (HasQuickResync && since is { ModSeq: { } modSeq, LastUid: > 0, UidValidity: > 0 })
        {
            // The UIDs known are named, so that the server need not tell what happened to messages long done.
            parameter = string.Create(CultureInfo.InvariantCulture, $" (QRESYNC ({since.UidValidity} {modSeq} {since.LastUid}))");
        }
        else if (Capabilities.Has(ImapFeatures.CondStore))
        {
            parameter = " (CONDSTORE)";
        }

        var folder = new ImapFolder(name);
        dispatcher.Selected = folder;
        ImapResponse response = await ExecuteAsync(MailStep.OpenMailbox, $"SELECT {Name(name)}{parameter}", null, cancellationToken).ConfigureAwait(false);
        if (response.Status == ImapStatus.Bad && parameter.Length > 0)
            response = await ExecuteAsync(MailStep.OpenMailbox, $"SELECT {Name(name)}", null, cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
        {
            dispatcher.Selected = null;
            throw ImapErrors.Refused(Stream, response, MailStep.OpenMailbox, $"to open the folder {name}");
        }

        folder.ForgetNews();
        return folder;
    }

    /// <summary>Ends the session in order.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The server's last words.</returns>
    public async ValueTask<ImapResponse> LogoutAsync(CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.Complete, "the answer to LOGOUT");
        dispatcher.IsLeaving = true;
        var bye = new ImapResponse(ImapStatus.Bye, string.Empty, string.Empty, "closed without an answer");
        try
        {
            int tag = Write("LOGOUT");
            await FlushAsync(cancellationToken).ConfigureAwait(false);
            while (true)
            {
                ImapEvent next = await ReadAsync(cancellationToken).ConfigureAwait(false);
                next.Fetch?.Dispose();
                if (next.Kind == ImapEventKind.Tagged && next.Tag == tag)
                    return next.Response;

                // Yandex repeats BYE until the client closes (MailKit #938): one is enough.
                if (next.Kind == ImapEventKind.Status && next.Response.Status == ImapStatus.Bye)
                    return next.Response;
            }
        }
        catch (MailConnectionException e) when (e.ErrorId == "MailConnectionLost")
        {
            Stream.Log.Note("closed without an answer to LOGOUT; nothing depends on it");
            return bye;
        }
        finally
        {
            Stream.Kill("the session has ended");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Stream.DisposeAsync();

    /// <summary>Writes a string argument: quoted.</summary>
    /// <param name="text">ASCII without line ends.</param>
    /// <returns>The argument.</returns>
    public static string Quote(string text) =>
        "\"" + text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    /// <summary>Shows a command by its words before any argument.</summary>
    private static string FirstWords(string command)
    {
        int end = command.StartsWith("UID ", StringComparison.Ordinal) ? command.IndexOf(' ', 4) : command.IndexOf(' ', StringComparison.Ordinal);
        return end < 0 ? command : command[..end];
    }
}
