using System.Globalization;

namespace EmailRouter.Mail.Graph;

/// <summary>What a profile's options say about Microsoft Graph. Names are compared without regard to case. See <see cref="GraphSystem"/>.</summary>
internal sealed record GraphOptions
{
    /// <summary>The option that names the folders to read, separated by semicolons.</summary>
    public const string FoldersOption = "folders";

    /// <summary>The option that says by which path mailboxes are reached: <c>user</c> or <c>me</c>.</summary>
    public const string AccessOption = "access";

    /// <summary>The option that makes the settlement Delete final.</summary>
    public const string PermanentDeleteOption = "permanentDelete";

    /// <summary>The option that says how many messages a page of a listing holds.</summary>
    public const string PageSizeOption = "pageSize";

    /// <summary>The option that says how messages are sent: <c>draft</c> or <c>direct</c>.</summary>
    public const string SendModeOption = "sendMode";

    /// <summary>
    /// The greatest message that goes in one request: base64 makes 4 bytes of 3, and requests end at 4 MB (user: sendMail; attach large files).
    /// </summary>
    public const int LargestSingleRequest = 3_000_000;

    /// <summary>Gets the folders as the administrator wrote them: well-known names or paths.</summary>
    public IReadOnlyList<string> Folders { get; private init; } = [GraphFolders.Inbox];

    /// <summary>Gets a value indicating whether mailboxes are reached as <c>/me</c>, the mailbox of whoever signed in.</summary>
    public bool IsMe { get; private init; }

    /// <summary>Gets a value indicating whether Delete removes messages for good.</summary>
    public bool PermanentDelete { get; private init; }

    /// <summary>Gets how many messages a page of a listing holds at most.</summary>
    public int PageSize { get; private init; } = 100;

    /// <summary>Gets a value indicating whether messages are sent in one request without a draft.</summary>
    public bool SendDirectly { get; private init; }

    /// <summary>Reads the options.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>The options.</returns>
    /// <exception cref="MailCommandException"><c>MailInvalidOption</c>: one of them makes no sense.</exception>
    public static GraphOptions Read(MailEndpoint endpoint)
    {
        string[] folders = Find(endpoint, FoldersOption)?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        string? access = Find(endpoint, AccessOption);
        bool isMe = Is(access, "me");
        if (access is not null && !isMe && !Is(access, "user"))
            throw Invalid(AccessOption, access, "Write user (the mailbox by its address) or me (the mailbox of whoever signed in).");
        string? mode = Find(endpoint, SendModeOption);
        bool direct = Is(mode, "direct");
        if (mode is not null && !direct && !Is(mode, "draft"))
            throw Invalid(SendModeOption, mode, "Write draft or direct.");
        bool permanent = false;
        if (Find(endpoint, PermanentDeleteOption) is { } permanentText && !bool.TryParse(permanentText, out permanent))
            throw Invalid(PermanentDeleteOption, permanentText, "Write true or false.");
        int pageSize = 100;
        if (Find(endpoint, PageSizeOption) is { } sizeText && (!int.TryParse(sizeText, NumberStyles.None, CultureInfo.InvariantCulture, out pageSize) || pageSize is < 1 or > 1000))
            throw Invalid(PageSizeOption, sizeText, "Write a number from 1 to 1000.");
        return new GraphOptions
        {
            Folders = folders.Length > 0 ? [.. folders.Distinct(StringComparer.OrdinalIgnoreCase)] : [GraphFolders.Inbox],
            IsMe = isMe,
            PermanentDelete = permanent,
            PageSize = pageSize,
            SendDirectly = direct,
        };
    }

    private static bool Is(string? value, string word) => string.Equals(value, word, StringComparison.OrdinalIgnoreCase);

    private static string? Find(MailEndpoint endpoint, string name) =>
        endpoint.Options.FirstOrDefault(o => string.Equals(o.Key, name, StringComparison.OrdinalIgnoreCase)).Value?.Trim();

    private static MailCommandException Invalid(string name, string value, string remedy) =>
        new("MailInvalidOption", MailStep.OpenMailbox, $"The option {name} of the Graph profile is \"{value}\", which makes no sense.", remedy);
}
