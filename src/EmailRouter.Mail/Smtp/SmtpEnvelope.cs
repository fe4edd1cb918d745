using System.Globalization;
using System.Text;

namespace EmailRouter.Mail.Smtp;

/// <summary>The envelope of one message for one server: which commands to send, and what has to be refused before anything is sent.</summary>
internal sealed class SmtpEnvelope
{
    private readonly OutgoingMessage message;
    private readonly SmtpContent content;
    private readonly SmtpCapabilities capabilities;
    private readonly SmtpAddress sender;
    private readonly bool wantsDsn;
    private readonly bool utf8;

    private SmtpEnvelope(OutgoingMessage message, SmtpAddress sender, SmtpContent content, SmtpCapabilities capabilities)
    {
        this.message = message;
        this.sender = sender;
        this.content = content;
        this.capabilities = capabilities;
        wantsDsn = capabilities.Has(SmtpFeatures.Dsn) && (message.Notify != DeliveryNotifications.Default || !string.IsNullOrEmpty(message.EnvelopeId));
        Recipients = [.. message.Recipients.Select(r => new SmtpRecipient(r))];
        bool can = capabilities.Has(SmtpFeatures.SmtpUtf8);
        foreach (SmtpRecipient recipient in Recipients)
        {
            if (!SmtpAddress.TryParse(recipient.Address, out SmtpAddress address, out string error))
                recipient.Refuse(SendStatus.Rejected, $"5.1.3 not sent: the address \"{SmtpAddress.Printable(recipient.Address)}\" cannot be used: {error}");
            else if (address.NeedsUtf8 && !can)
                recipient.Refuse(SendStatus.Rejected, "5.6.7 not sent: the address needs SMTPUTF8 and the server does not have it");
            else
                recipient.Path = address;
        }

        // What DATA cannot carry goes as it is where the server takes any bytes (RFC 3030 3).
        IsBinary = (content.HasNul || content.LongestLine > SmtpContent.LongestAllowedLine)
            && capabilities.Has(SmtpFeatures.Chunking | SmtpFeatures.BinaryMime);
        utf8 = can && (content.HeaderHas8Bit || sender.NeedsUtf8 || Recipients.Any(r => r.IsOpen && r.Path.NeedsUtf8));
    }

    /// <summary>Gets a value indicating whether the message goes as BINARYMIME.</summary>
    public bool IsBinary { get; }

    /// <summary>Gets how many octets go over the wire, dots not counted.</summary>
    public long WireSize => IsBinary ? message.Content.Length : content.Size;

    /// <summary>Gets the recipients with what is known of each.</summary>
    public IReadOnlyList<SmtpRecipient> Recipients { get; }

    /// <summary>Gets the MAIL command.</summary>
    public string MailCommand
    {
        get
        {
            var command = new StringBuilder("MAIL FROM:<").Append(sender.Wire).Append('>');
            if (capabilities.Has(SmtpFeatures.Size))
                command.Append(CultureInfo.InvariantCulture, $" SIZE={WireSize}");
            if (IsBinary)
                command.Append(" BODY=BINARYMIME");
            else if (content.Has8Bit && capabilities.Has(SmtpFeatures.EightBitMime))
                command.Append(" BODY=8BITMIME");
            if (utf8)
                command.Append(" SMTPUTF8");
            if (wantsDsn)
            {
                command.Append(" RET=HDRS");
                if (!string.IsNullOrEmpty(message.EnvelopeId))
                    command.Append(" ENVID=").Append(SmtpAddress.XText(message.EnvelopeId));
            }

            return command.ToString();
        }
    }

    /// <summary>Makes the envelope.</summary>
    /// <param name="message">The message.</param>
    /// <param name="content">What its bytes look like.</param>
    /// <param name="client">The connection, for what the server can and for errors.</param>
    /// <returns>The envelope.</returns>
    /// <exception cref="MailCommandException">The envelope sender is no address.</exception>
    public static SmtpEnvelope Create(OutgoingMessage message, SmtpContent content, SmtpClient client)
    {
        SmtpAddress sender = default;
        if (message.EnvelopeFrom.Length > 0 && !SmtpAddress.TryParse(message.EnvelopeFrom, out sender, out string error))
        {
            throw new MailCommandException(
                MailException.InvalidAddress,
                MailStep.Send,
                $"{client.Stream.Where}: the envelope sender \"{SmtpAddress.Printable(message.EnvelopeFrom)}\" cannot be used: {error}.",
                "Correct the sender's address.");
        }

        return new SmtpEnvelope(message, sender with { Wire = sender.Wire ?? string.Empty }, content, client.Capabilities);
    }

    /// <summary>Tells whether a message must be rewritten before this server can take it.</summary>
    /// <param name="content">What its bytes look like.</param>
    /// <param name="capabilities">What the server can.</param>
    /// <returns>True when it holds what the server cannot carry.</returns>
    public static bool NeedsSevenBits(SmtpContent content, SmtpCapabilities capabilities) =>
        (content.HeaderHas8Bit && !capabilities.Has(SmtpFeatures.SmtpUtf8))
        || (!capabilities.Has(SmtpFeatures.Chunking | SmtpFeatures.BinaryMime)
            && ((content.Has8Bit && !capabilities.Has(SmtpFeatures.EightBitMime)) || content.HasNul || content.LongestLine > SmtpContent.LongestAllowedLine));

    /// <summary>Says why the message cannot be offered to this server.</summary>
    /// <returns>The reason in the form of a reply; null when it can.</returns>
    public string? FindObstacle()
    {
        if (!Recipients.Any(r => r.IsOpen))
            return Recipients.Count == 0 ? "5.5.4 not sent: the message has no recipient" : Recipients[0].Reply;
        if (!IsBinary && content.LongestLine > SmtpContent.LongestAllowedLine)
            return $"5.6.0 not sent: the message has a line of {content.LongestLine} octets, and {SmtpContent.LongestAllowedLine} are allowed";
        if (!IsBinary && content.HasNul)
            return "5.6.0 not sent: the message holds a NUL, which mail cannot carry";
        if (WireSize > capabilities.MaximumSize)
            return $"5.3.4 not sent: the message has {WireSize} bytes and the server takes {capabilities.MaximumSize}";
        bool can = capabilities.Has(SmtpFeatures.SmtpUtf8);
        if (sender.NeedsUtf8 && !can)
            return "5.6.7 not sent: the sender's address needs SMTPUTF8 and the server does not have it";
        if (content.HeaderHas8Bit && !can)
            return "5.6.7 not sent: the message's header is beyond ASCII, which needs SMTPUTF8, and the server does not have it";
        if (!IsBinary && content.Has8Bit && !capabilities.Has(SmtpFeatures.EightBitMime))
            return "5.6.3 not sent: the message holds 8-bit text and the server does not have 8BITMIME";
        return null;
    }

    /// <summary>Makes the RCPT command of a recipient.</summary>
    /// <param name="recipient">The recipient; it is open.</param>
    /// <returns>The command.</returns>
    public string RcptCommand(SmtpRecipient recipient)
    {
        var command = new StringBuilder("RCPT TO:<").Append(recipient.Path.Wire).Append('>');
        if (wantsDsn && message.Notify != DeliveryNotifications.Default)
            command.Append(" NOTIFY=").Append(NotifyWords(message.Notify));
        if (wantsDsn && !recipient.Path.NeedsUtf8)
            command.Append(" ORCPT=rfc822;").Append(SmtpAddress.XText(recipient.Path.Wire));
        return command.ToString();
    }

    private static string NotifyWords(DeliveryNotifications notify)
    {
        if (notify.HasFlag(DeliveryNotifications.Never))
            return "NEVER";      // it stands alone (RFC 3461 4.1)
        var words = new List<string>(3);
        if (notify.HasFlag(DeliveryNotifications.Success))
            words.Add("SUCCESS");
        if (notify.HasFlag(DeliveryNotifications.Failure))
            words.Add("FAILURE");
        if (notify.HasFlag(DeliveryNotifications.Delay))
            words.Add("DELAY");
        return string.Join(',', words);
    }
}
