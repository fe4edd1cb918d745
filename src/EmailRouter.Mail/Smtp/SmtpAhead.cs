namespace EmailRouter.Mail.Smtp;

/// <summary>A transaction whose MAIL and RCPT went out right behind the last byte of the message before it; their replies are still to be read.</summary>
/// <param name="Message">The message, to be recognized by: the very object.</param>
/// <param name="Content">What its bytes look like.</param>
/// <param name="Envelope">Its envelope for this connection.</param>
/// <param name="Written">How many RCPT commands went out.</param>
internal sealed record SmtpAhead(OutgoingMessage Message, SmtpContent Content, SmtpEnvelope Envelope, int Written)
{
    /// <summary>
    /// How many RCPT commands go ahead at most. What follows the final dot must fit into the buffers of a server that does not read on before it has dealt
    /// with the message, or the dot would seem not to leave.
    /// </summary>
    public const int MostRecipients = 8;

    /// <summary>Gets how many replies are still to come.</summary>
    public int Replies => 1 + Written;

    /// <summary>Prepares the transaction of the message that follows.</summary>
    /// <param name="message">The message.</param>
    /// <param name="client">The connection.</param>
    /// <returns>The transaction, nothing of it written; null when it is no plain one: it then begins in its own time, and says there what hinders it.</returns>
    public static SmtpAhead? Prepare(OutgoingMessage message, SmtpClient client)
    {
        SmtpCapabilities can = client.Capabilities;
        if (message.Recipients.Count > (can.MaximumRecipients ?? int.MaxValue))
            return null;
        SmtpContent content = SmtpContent.Examine(message.Content.Memory.Span);
        if (SmtpEnvelope.NeedsSevenBits(content, can))
            return null;
        SmtpEnvelope envelope;
        try
        {
            envelope = SmtpEnvelope.Create(message, content, client);
        }
        catch (MailCommandException e) when (e.ErrorId == MailException.InvalidAddress)
        {
            return null;
        }

        int open = envelope.Recipients.Count(r => r.IsOpen);
        return envelope.FindObstacle() is null ? new SmtpAhead(message, content, envelope, Math.Min(open, MostRecipients)) : null;
    }
}
