namespace EmailRouter.Mail.Net.Sasl;

/// <summary>What the client says within a SASL exchange; each protocol puts it into its own words.</summary>
/// <param name="Mechanism">The mechanism's name when this begins the exchange; otherwise null.</param>
/// <param name="Data">The bytes before base64; null for none: a beginning without an initial response, or the cancellation.</param>
internal readonly record struct SaslMessage(string? Mechanism, byte[]? Data)
{
    /// <summary>Gets a value indicating whether this begins the exchange.</summary>
    public bool IsStart => Mechanism is not null;

    /// <summary>Gets a value indicating whether this cancels the exchange.</summary>
    public bool IsCancellation => Mechanism is null && Data is null;

    /// <summary>Gets the bytes in base64: empty for an empty answer, <c>=</c> for an empty initial response (RFC 4954 4), <c>*</c> to cancel.</summary>
    public string Text => (Data, IsStart) switch
    {
        (null, true) => string.Empty,
        (null, false) => "*",
        ({ Length: 0 }, true) => "=",
        ({ } data, _) => Convert.ToBase64String(data),
    };

    /// <summary>Writes the message as a line, as POP3, SMTP and IMAP do.</summary>
    /// <param name="command">The protocol's command, e.g. <c>AUTH</c>.</param>
    /// <returns>The line without its end.</returns>
    public string ToLine(string command) => ToLine(command, Text);

    /// <summary>Writes the message as the log shows it.</summary>
    /// <param name="command">The protocol's command, e.g. <c>AUTH</c>.</param>
    /// <returns>The line with the data masked.</returns>
    public string ToShown(string command) => ToLine(command, Data is { Length: > 0 } ? ProtocolLog.Mask : Text);

    private string ToLine(string command, string text) => !IsStart ? text : text.Length == 0 ? $"{command} {Mechanism}" : $"{command} {Mechanism} {text}";
}
