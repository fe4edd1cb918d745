namespace EmailRouter.Mail.Smtp;

/// <summary>One recipient of a transaction and what is known of it.</summary>
/// <param name="address">The address as the message names it.</param>
internal sealed class SmtpRecipient(string address)
{
    /// <summary>Gets the address as the message names it.</summary>
    public string Address { get; } = address;

    /// <summary>Gets or sets the address for the command.</summary>
    public SmtpAddress Path { get; set; }

    /// <summary>Gets a value indicating whether nothing has been decided against the recipient.</summary>
    public bool IsOpen => Status is null or SendStatus.Accepted;

    /// <summary>Gets the outcome so far; null before any answer.</summary>
    public SendStatus? Status { get; private set; }

    /// <summary>Gets the reply that decided.</summary>
    public string Reply { get; private set; } = string.Empty;

    /// <summary>Gets how long the server asks to wait.</summary>
    public TimeSpan? RetryAfter { get; private set; }

    /// <summary>Takes the reply to RCPT.</summary>
    /// <param name="response">The reply.</param>
    public void Answer(SmtpResponse response)
    {
        Status = response.Classify(forRecipient: true);
        Reply = response.ToString();
        if (Status == SendStatus.Deferred)
            RetryAfter = response.FindRetryAfter();
    }

    /// <summary>Decides against the recipient.</summary>
    /// <param name="status">The outcome.</param>
    /// <param name="reply">Why.</param>
    public void Refuse(SendStatus status, string reply)
    {
        Status = status;
        Reply = reply;
    }

    /// <summary>Takes the outcome of the whole message, unless the recipient was refused before.</summary>
    /// <param name="status">The outcome.</param>
    /// <param name="reply">The reply that decided.</param>
    public void Conclude(SendStatus status, string reply)
    {
        if (!IsOpen)
            return;
        Status = status;
        Reply = reply;
    }

    /// <summary>Shows the outcome.</summary>
    /// <returns>The result for the caller.</returns>
    public RecipientResult ToResult() => new(Address, Status ?? SendStatus.Deferred, Reply);
}
