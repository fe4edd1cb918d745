namespace EmailRouter.Mail.Exchange;

/// <summary>A folder, by its id or by the name every mailbox knows it under.</summary>
/// <param name="Id">The id, or the name (<c>inbox</c>).</param>
/// <param name="IsDistinguished">Whether it is such a name.</param>
internal readonly record struct ExchangeFolderId(string Id, bool IsDistinguished = false)
{
    /// <summary>The Inbox.</summary>
    public static ExchangeFolderId Inbox { get; } = new("inbox", true);

    /// <summary>The top of what a user sees.</summary>
    public static ExchangeFolderId Top { get; } = new("msgfolderroot", true);

    /// <summary>Sent Items.</summary>
    public static ExchangeFolderId SentItems { get; } = new("sentitems", true);
}
