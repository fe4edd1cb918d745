namespace EmailRouter.Mail.Imap;

/// <summary>What a profile's options say about IMAP. Names are compared without regard to case.</summary>
internal sealed record ImapOptions
{
    /// <summary>The option that names the folders to read, separated by semicolons. See <see cref="ImapSystem"/>.</summary>
    public const string FoldersOption = "folders";

    /// <summary>The option that turns compression on.</summary>
    public const string CompressOption = "compress";

    /// <summary>The option that names the folder in which the server keeps what was sent.</summary>
    public const string SentFolderOption = "sentFolder";

    /// <summary>The inbox, whose name is the same everywhere.</summary>
    public const string Inbox = "INBOX";

    /// <summary>Gets the folders as the administrator wrote them.</summary>
    public IReadOnlyList<string> Folders { get; private init; } = [Inbox];

    /// <summary>Gets a value indicating whether the connection is compressed where the server can.</summary>
    public bool Compress { get; init; }

    /// <summary>Gets the folder in which the server keeps what was sent. Defaults to the one that it marks so.</summary>
    public string SentFolder { get; private init; } = @"\Sent";

    /// <summary>Reads the options.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>The options.</returns>
    /// <exception cref="MailCommandException">One of them makes no sense.</exception>
    public static ImapOptions Read(MailEndpoint endpoint)
    {
        string[] folders = Find(endpoint, FoldersOption)?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        string? compress = Find(endpoint, CompressOption);
        bool on = false;
        if (compress is not null && !bool.TryParse(compress, out on))
            throw Invalid(endpoint, CompressOption, compress, "Write true or false.");
        var defaults = new ImapOptions();
        return new ImapOptions
        {
            Folders = folders.Length > 0 ? folders : defaults.Folders,
            Compress = on,
            SentFolder = Find(endpoint, SentFolderOption) is { Length: > 0 } sent ? sent : defaults.SentFolder,
        };
    }

    private static string? Find(MailEndpoint endpoint, string name) =>
        endpoint.Options.FirstOrDefault(o => string.Equals(o.Key, name, StringComparison.OrdinalIgnoreCase)).Value?.Trim();

    private static MailCommandException Invalid(MailEndpoint endpoint, string name, string value, string remedy) =>
        new("MailInvalidOption", MailStep.OpenMailbox, $"The option {name} of the profile for {endpoint.Host} is \"{value}\", which makes no sense.", remedy);
}
