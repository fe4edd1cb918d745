using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Mime.Tnef;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// What a message shows to its reader: a body and files. Those that Outlook packed into a <c>winmail.dat</c> are shown as if they had been sent as parts.
/// </summary>
internal sealed class MessageContents
{
    private const string Rule = "Tnef";
    private readonly MimeMessage message;
    private readonly List<MessageFile> files = [];
    private TnefContents? packed;

    private MessageContents(MimeMessage message) => this.message = message;

    /// <summary>Gets the files in the order of the message.</summary>
    public IReadOnlyList<MessageFile> Files => files;

    /// <summary>Looks into a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="evidence">Receives a line for each <c>winmail.dat</c>.</param>
    /// <returns>What it shows.</returns>
    public static MessageContents Of(MimeMessage message, ICollection<Evidence> evidence)
    {
        var contents = new MessageContents(message);
        foreach (MimePart part in message.Attachments)
        {
            if (!TnefContents.IsTnef(part))
                contents.files.Add(MessageFile.Of(part));
            else
                contents.Unpack(part, evidence);
        }

        return contents;
    }

    /// <summary>Reads the body: HTML before plain text (flowed text with its paragraphs in one line each), that of the message itself before that of a <c>winmail.dat</c>.</summary>
    /// <param name="maxLength">How many characters to return at most.</param>
    /// <returns>The text and its media type; one character more than asked for when there is more.</returns>
    public (string Text, string MediaType) ReadBody(int maxLength)
    {
        if (message.HtmlBody is { } html)
            return (html.GetText(maxLength), "text/html");
        if (packed?.HtmlBody is { } packedHtml)
            return (packedHtml, "text/html");
        string text = message.TextBody is { } plain ? FlowedText.GetText(plain, maxLength) : string.Empty;
        return (string.IsNullOrWhiteSpace(text) ? packed?.TextBody ?? text : text, "text/plain");
    }

    private void Unpack(MimePart part, ICollection<Evidence> evidence)
    {
        if (TnefContents.Read(part) is not { } contents)
        {
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"\"{part.FileName}\" is no valid TNEF or too large to unpack; it is kept as it is"));
            files.Add(MessageFile.Of(part));
            return;
        }

        packed ??= contents;
        files.AddRange(contents.Attachments.Select(MessageFile.Of));
        // Where something may have got lost, the original is there too.
        bool isKept = contents.Problems.Count > 0;
        if (isKept)
            files.Add(MessageFile.Of(part));
        string body = contents.HtmlBody is not null ? "an HTML body" : contents.TextBody is not null ? "a text body" : "no body";
        string kept = isKept ? $"; kept as well, because: {string.Join("; ", contents.Problems)}" : string.Empty;
        evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"\"{part.FileName ?? "winmail.dat"}\" is unpacked: {contents.Attachments.Count} attachments, {body}{kept}"));
    }
}
