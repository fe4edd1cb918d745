namespace EmailRouter.Mail.Net;

/// <summary>Errors of single messages that are the same for every protocol.</summary>
internal static class MessageErrors
{
    /// <summary>A message that could not be kept: too large, or no room for it.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="message">Which message.</param>
    /// <param name="cause">Why.</param>
    /// <returns>The error to hand to whoever asked for the message.</returns>
    public static MailCommandException NotKept(ProtocolStream stream, MessageRef message, Exception cause) => NotKept(stream.Where, message, cause);

    /// <summary>A message that could not be kept: too large, or no room for it.</summary>
    /// <param name="where">Server and mailbox.</param>
    /// <param name="message">Which message.</param>
    /// <param name="cause">Why.</param>
    /// <returns>The error to hand to whoever asked for the message.</returns>
    public static MailCommandException NotKept(string where, MessageRef message, Exception cause) => cause is Mime.MessageTooLargeException
        ? new MailCommandException(
            MailException.MessageTooLarge,
            MailStep.Fetch,
            $"{where}: message {message.Id} was not fetched: {cause.Message}",
            "Raise the size limit, or have the message removed from the mailbox.",
            cause)
        : new MailCommandException(
            MailException.SpoolFailed,
            MailStep.Fetch,
            $"{where}: message {message.Id} could not be kept: {cause.Message}",
            "Make room on the disk of the temporary folder, or choose another folder.",
            cause)
        {
            IsTransient = true,
        };
}
