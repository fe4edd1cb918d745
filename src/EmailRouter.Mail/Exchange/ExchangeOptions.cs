using EmailRouter.Mail.Exchange.Soap;

namespace EmailRouter.Mail.Exchange;

/// <summary>How the account of a profile reaches a mailbox.</summary>
internal enum ExchangeAccess
{
    /// <summary>The mailbox is the account's own.</summary>
    Own,

    /// <summary>The account acts as the mailbox's owner (role ApplicationImpersonation).</summary>
    Impersonation,

    /// <summary>The account has Full Access to the mailbox.</summary>
    Delegate,
}

/// <summary>What a profile's options say about Exchange. Names are compared without regard to case; <see cref="ExchangeSystem"/> describes them.</summary>
internal sealed record ExchangeOptions
{
    /// <summary>The option that says how mailboxes are reached: <c>own</c>, <c>impersonation</c> or <c>delegate</c>.</summary>
    public const string AccessOption = "access";

    /// <summary>The option that names the folders to read, separated by semicolons.</summary>
    public const string FoldersOption = "folders";

    /// <summary>The option that fixes the schema's version.</summary>
    public const string VersionOption = "version";

    /// <summary>The option that says whether sent messages are kept in Sent Items.</summary>
    public const string SaveSentCopyOption = "saveSentCopy";

    /// <summary>The option that says in whose name a delegate sends: <c>author</c> or <c>onBehalf</c>.</summary>
    public const string SendAsOption = "sendAs";

    /// <summary>The option that says what deleting means: <c>moveToDeletedItems</c>, <c>soft</c> or <c>hard</c>.</summary>
    public const string DeleteOption = "delete";

    /// <summary>The option that names hosts and domains, separated by semicolons, to which Autodiscover may lead beside the mailbox's own domain.</summary>
    public const string AutodiscoverTrustOption = "autodiscoverTrust";

    private ExchangeAccess? access;

    /// <summary>Gets the folders as the administrator wrote them.</summary>
    public IReadOnlyList<string> Folders { get; private init; } = ["Inbox"];

    /// <summary>Gets the schema's version; null to find out.</summary>
    public EwsVersion? Version { get; private init; }

    /// <summary>Gets a value indicating whether sent messages are kept in Sent Items.</summary>
    public bool SaveSentCopy { get; private init; } = true;

    /// <summary>Gets a value indicating whether a delegate's messages name the delegate too ("on behalf of").</summary>
    public bool SendsOnBehalf { get; private init; }

    /// <summary>Gets the schema's word for how items are deleted.</summary>
    public string DeleteType { get; private init; } = "MoveToDeletedItems";

    /// <summary>Gets the hosts and domains to which Autodiscover may lead.</summary>
    public IReadOnlyList<string> AutodiscoverTrust { get; private init; } = [];

    /// <summary>Reads the options.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>The options.</returns>
    /// <exception cref="MailCommandException"><c>MailInvalidOption</c>: one of them makes no sense.</exception>
    public static ExchangeOptions Read(MailEndpoint endpoint)
    {
        string[] folders = List(endpoint, FoldersOption);
        return new ExchangeOptions
        {
            access = Find(endpoint, AccessOption) switch
            {
                null or "" => null,
                { } text => Enum.TryParse(text, ignoreCase: true, out ExchangeAccess found) && Enum.IsDefined(found) && !char.IsAsciiDigit(text[0])
                    ? found : throw Invalid(AccessOption, text, "Write own, impersonation or delegate."),
            },
            Folders = folders.Length > 0 ? folders : ["Inbox"],
            Version = Find(endpoint, VersionOption) switch
            {
                null or "" => null,
                { } text => Enum.TryParse(text, ignoreCase: true, out EwsVersion found) && Enum.IsDefined(found) && !char.IsAsciiDigit(text[0])
                    ? found : throw Invalid(VersionOption, text, $"Write one of {string.Join(", ", Enum.GetNames<EwsVersion>())}, or leave it away."),
            },
            SaveSentCopy = Find(endpoint, SaveSentCopyOption) switch
            {
                null or "" => true,
                { } text => bool.TryParse(text, out bool found) ? found : throw Invalid(SaveSentCopyOption, text, "Write true or false."),
            },
            SendsOnBehalf = Find(endpoint, SendAsOption)?.ToUpperInvariant() switch
            {
                null or "" or "AUTHOR" => false,
                "ONBEHALF" => true,
                { } text => throw Invalid(SendAsOption, text, "Write author or onBehalf."),
            },
            DeleteType = Find(endpoint, DeleteOption)?.ToUpperInvariant() switch
            {
                null or "" or "MOVETODELETEDITEMS" => "MoveToDeletedItems",
                "HARD" => "HardDelete",
                "SOFT" => "SoftDelete",
                { } text => throw Invalid(DeleteOption, text, "Write moveToDeletedItems, soft or hard."),
            },
            AutodiscoverTrust = List(endpoint, AutodiscoverTrustOption),
        };
    }

    /// <summary>Says how a mailbox is reached: as the profile says, else as one's own when the log-in's user name is its address, else by impersonation.</summary>
    /// <param name="login">Whose mailbox, and the credential.</param>
    /// <returns>The way.</returns>
    public ExchangeAccess AccessTo(MailLogin login)
    {
        ArgumentNullException.ThrowIfNull(login);
        string? user = UserName(login);

        // An application's token opens no mailbox of its own; a user's token is taken for its own mailbox only when the profile says so.
        if (login.Credential is AnonymousCredential)
            return access ?? ExchangeAccess.Own;
        return access ?? (string.Equals(user, login.Mailbox, StringComparison.OrdinalIgnoreCase) ? ExchangeAccess.Own : ExchangeAccess.Impersonation);
    }

    /// <summary>Gets the address of who logs in, as far as the user name is one.</summary>
    /// <param name="login">The log-in.</param>
    /// <returns>The address; null when the user name is another one, such as <c>DOMAIN\name</c>.</returns>
    public static string? AccountOf(MailLogin login)
    {
        ArgumentNullException.ThrowIfNull(login);
        string? user = login.Credential is TokenCredential token ? token.UserName : UserName(login);
        return user is not null && user.Contains('@', StringComparison.Ordinal) && !user.Contains('\\', StringComparison.Ordinal) ? user : null;
    }

    /// <summary>Checks that who sends on behalf of the author can be named.</summary>
    /// <param name="login">The log-in.</param>
    /// <exception cref="MailCommandException"><c>MailInvalidOption</c>: the account is the author, or its address is not known.</exception>
    public void CheckSending(MailLogin login)
    {
        if (!SendsOnBehalf)
            return;
        if (AccessTo(login) == ExchangeAccess.Impersonation)
            throw Invalid(SendAsOption, "onBehalf", "An account that impersonates the mailbox is the author itself; set access to delegate or own, or leave sendAs away.");
        if (AccountOf(login) is null)
            throw Invalid(SendAsOption, "onBehalf", "Log in with the account's address (name@domain) as the user name, so that it can be named as the sender.");
    }

    private static string? UserName(MailLogin login) => login.Credential switch
    {
        PasswordCredential password => password.UserName,
        ProcessCredential => string.Empty,
        _ => null,
    };

    private static string[] List(MailEndpoint endpoint, string name) =>
        Find(endpoint, name)?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static string? Find(MailEndpoint endpoint, string name) =>
        endpoint.Options.FirstOrDefault(o => string.Equals(o.Key, name, StringComparison.OrdinalIgnoreCase)).Value?.Trim();

    private static MailCommandException Invalid(string name, string value, string remedy) =>
        new("MailInvalidOption", MailStep.Resolve, $"The option {name} of the profile for Exchange is \"{value}\", which makes no sense.", remedy);
}
