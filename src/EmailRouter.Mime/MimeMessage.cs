using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Parsing;

namespace EmailRouter.Mime;

/// <summary>
/// A message that was taken apart. It refers to the bytes it was parsed from and lives as long as they do; headers and bodies are decoded when asked for,
/// headers once. Safe for concurrent reading.
/// </summary>
public sealed class MimeMessage
{
    private readonly ParseContext context;
    private string? subject;
    private MessageIdValue? messageId;
    private IReadOnlyList<string>? inReplyTo;
    private IReadOnlyList<string>? references;
    private IReadOnlyList<MailAddress>? from;
    private IReadOnlyList<MailAddress>? replyTo;
    private IReadOnlyList<MailAddress>? to;
    private IReadOnlyList<MailAddress>? cc;
    private IReadOnlyList<MailAddress>? bcc;
    private BodyStructure? structure;

    internal MimeMessage(ParseContext context, MimePart root, ReadOnlyMemory<byte> source)
    {
        this.context = context;
        Root = root;
        Source = source;
    }

    /// <summary>Gets the bytes of the message, exactly as given.</summary>
    public ReadOnlyMemory<byte> Source { get; }

    /// <summary>Gets the outermost entity.</summary>
    public MimePart Root { get; }

    /// <summary>Gets the headers of the message.</summary>
    public HeaderList Headers => Root.Headers;

    /// <summary>
    /// Gets what is wrong with the message, and what was left out because of limits; at most 100 remarks. Decoding may add more. Messages embedded in
    /// each other share one list.
    /// </summary>
    public IReadOnlyList<MimeDiagnostic> Diagnostics => context.Diagnostics.Items;

    /// <summary>Gets the decoded subject; empty when there is none.</summary>
    public string Subject => subject ??= Headers["Subject"] ?? string.Empty;

    /// <summary>Gets the Message-ID as it was sent, angle brackets included where they were; null when there is none.</summary>
    public string? MessageId => (messageId ??= new MessageIdValue(MessageIds.ParseSingle(Structured("Message-ID")))).Value;

    /// <summary>Gets the message ids of In-Reply-To.</summary>
    public IReadOnlyList<string> InReplyTo => inReplyTo ??= MessageIds.ParseList(Structured("In-Reply-To"));

    /// <summary>Gets the message ids of References, oldest first.</summary>
    public IReadOnlyList<string> References => references ??= MessageIds.ParseList(Structured("References"));

    /// <summary>Gets the authors; members of groups included. More than one From header counts as one.</summary>
    public IReadOnlyList<MailAddress> From => from ??= Addresses("From");

    /// <summary>Gets where replies go, if it says so.</summary>
    public IReadOnlyList<MailAddress> ReplyTo => replyTo ??= Addresses("Reply-To");

    /// <summary>Gets the primary recipients; members of groups included.</summary>
    public IReadOnlyList<MailAddress> To => to ??= Addresses("To");

    /// <summary>Gets the recipients of copies; members of groups included.</summary>
    public IReadOnlyList<MailAddress> Cc => cc ??= Addresses("Cc");

    /// <summary>Gets the recipients of blind copies, where a message names them.</summary>
    public IReadOnlyList<MailAddress> Bcc => bcc ??= Addresses("Bcc");

    /// <summary>Gets the Sender (RFC 5322 3.6.2), or null.</summary>
    public MailAddress? Sender => Addresses("Sender") is { Count: > 0 } senders ? senders[0] : null;

    /// <summary>Gets the Date; when it is missing or unreadable, the time of the topmost readable Received header; else null.</summary>
    public DateTimeOffset? Date => MailDate.TryParse(Headers["Date"], out DateTimeOffset date) ? date : ReceivedDate;

    /// <summary>Gets the time of the topmost readable Received header: when the last server took the message. Null when there is none.</summary>
    public DateTimeOffset? ReceivedDate
    {
        get
        {
            for (int index = Headers.IndexOf("Received"); index >= 0; index = Headers.IndexOf("Received", index + 1))
            {
                string value = Headers.ValueAt(index);
                if (MailDate.TryParse(value[(value.LastIndexOf(';') + 1)..], out DateTimeOffset date))
                    return date;
            }

            return null;
        }
    }

    /// <summary>Gets the Thread-Index as it was sent (base64), or null; see <see cref="EmailRouter.Mime.ThreadIndex"/>.</summary>
    public string? ThreadIndex => Headers["Thread-Index"] is { Length: > 0 } index ? index : null;

    /// <summary>Gets the plain text body: of alternatives the plain one, otherwise the first text that is no attachment. Null when there is none.</summary>
    public MimePart? TextBody => Structure.Text;

    /// <summary>Gets the HTML body: of alternatives the last HTML one. Null when there is none.</summary>
    public MimePart? HtmlBody => Structure.Html;

    /// <summary>
    /// Gets all parts that make up what a reader sees, in order: mailers that put pictures or files between paragraphs send several. Of alternatives only
    /// the best one (HTML before plain) is in the list.
    /// </summary>
    public IReadOnlyList<MimePart> BodyParts => Structure.Bodies;

    /// <summary>
    /// Gets all leaves that are no body: attachments, inline images (<see cref="MimePart.IsInline"/>), embedded messages, calendar parts, signatures.
    /// </summary>
    public IReadOnlyList<MimePart> Attachments => Structure.Attachments;

    private BodyStructure Structure => structure ??= BodyStructure.Of(Root);

    /// <summary>
    /// Takes a message apart. Never throws on account of what the bytes are: whatever could be read is there, the rest is in <see cref="Diagnostics"/>.
    /// </summary>
    /// <param name="source">The bytes; they must stay as long as the message is used.</param>
    /// <param name="limits">Bounds on the work; defaults when omitted.</param>
    /// <returns>The message.</returns>
    public static MimeMessage Parse(ReadOnlyMemory<byte> source, MimeLimits? limits = null)
    {
        var context = new ParseContext(source, limits ?? MimeLimits.Default, new DiagnosticList());
        return new MimeMessage(context, PartParser.ParseMessage(context, 0), source);
    }

    /// <summary>Lists all parts in the order of the message, multiparts included, without those of embedded messages.</summary>
    /// <returns>The parts, the root first.</returns>
    public IEnumerable<MimePart> AllParts()
    {
        var open = new Stack<MimePart>();
        open.Push(Root);
        while (open.TryPop(out MimePart? part))
        {
            yield return part;
            for (int i = part.Parts.Count - 1; i >= 0; i--)
                open.Push(part.Parts[i]);
        }
    }

    /// <summary>Reads an address header with its groups kept.</summary>
    /// <param name="header">The header's name, e.g. <c>To</c>.</param>
    /// <returns>The groups in order; addresses outside of groups stand in groups without a name.</returns>
    public IReadOnlyList<MailAddressGroup> GetAddressGroups(string header)
    {
        var parser = new AddressParser(context.Limits, context.Diagnostics);
        for (int index = Headers.IndexOf(header); index >= 0; index = Headers.IndexOf(header, index + 1))
            parser.Read(Headers.UnfoldedAt(index), Headers.OffsetAt(index));
        return parser.Groups;
    }

    /// <summary>Reads an address header.</summary>
    /// <param name="header">The header's name, e.g. <c>Resent-To</c>. All fields of that name count.</param>
    /// <returns>The addresses in order, members of groups included.</returns>
    public IReadOnlyList<MailAddress> GetAddresses(string header) => Addresses(header);

    private IReadOnlyList<MailAddress> Addresses(string header)
    {
        int index = Headers.IndexOf(header);
        if (index < 0)
            return [];
        var parser = new AddressParser(context.Limits, context.Diagnostics);
        for (; index >= 0; index = Headers.IndexOf(header, index + 1))
            parser.Read(Headers.UnfoldedAt(index), Headers.OffsetAt(index));
        return parser.Addresses;
    }

    private string? Structured(string header) => Headers.IndexOf(header) is >= 0 and int index ? HeaderText.Clean(Headers.UnfoldedAt(index)) : null;

    private sealed record MessageIdValue(string? Value);
}
