using System.Collections.Concurrent;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>Who may do what: the token's permissions, and what Exchange itself grants or takes from applications.</summary>
public sealed class GraphPermissions
{
    private static readonly string[] Sending = ["sendMail", "send", "reply", "replyAll", "forward"];

    private readonly ConcurrentDictionary<(string ClientId, string Permission), bool> granted = new();
    private readonly ConcurrentDictionary<string, IReadOnlyList<string>> restricted = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Grants an application a permission for one mailbox (RBAC for Applications); its token says nothing of it.</summary>
    /// <param name="clientId">The application.</param>
    /// <param name="mailbox">The mailbox's address.</param>
    /// <param name="permission">E.g. <c>Mail.ReadWrite</c>.</param>
    public void Grant(string clientId, string mailbox, string permission) => granted[Key(clientId, mailbox, permission)] = true;

    /// <summary>Restricts an application to some mailboxes, whatever its token says (application access policy).</summary>
    /// <param name="clientId">The application.</param>
    /// <param name="mailboxes">The addresses.</param>
    public void Restrict(string clientId, params IReadOnlyList<string> mailboxes) => restricted[clientId] = mailboxes;

    /// <summary>Checks a request.</summary>
    /// <param name="token">Who asks.</param>
    /// <param name="mailbox">Whose mailbox.</param>
    /// <param name="method">The method.</param>
    /// <param name="segments">The path below the user.</param>
    /// <returns>Whether only headers may be shown (Mail.ReadBasic).</returns>
    /// <exception cref="GraphError">It may not be done.</exception>
    internal bool Check(LabAccessToken token, LabMailbox mailbox, string method, IReadOnlyList<string> segments)
    {
        if (segments is ["translateExchangeIds"])
            return false;
        if (segments.Count == 0)
        {
            bool isOwn = Same(token.UserName, mailbox.Address);
            if (isOwn || Has(token, mailbox, "User.Read.All") || Has(token, mailbox, "User.ReadBasic.All") || Has(token, mailbox, "Directory.Read.All"))
                return false;
            throw new GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
        }

        if (token.UserName is null && restricted.TryGetValue(token.ClientId, out IReadOnlyList<string>? only) && !only.Contains(mailbox.Address, StringComparer.OrdinalIgnoreCase))
            throw GraphError.AccessDenied("Access to OData is disabled.");
        bool isRead = method is "GET" or "HEAD";
        string needed = segments.Contains("messageRules") ? isRead ? "MailboxSettings.Read" : "MailboxSettings.ReadWrite"
            : !isRead && Sending.Contains(segments[^1]) ? "Mail.Send"
            : isRead ? "Mail.Read" : "Mail.ReadWrite";
        if (Has(token, mailbox, needed) || (isRead && Has(token, mailbox, needed.Replace(".Read", ".ReadWrite", StringComparison.Ordinal))))
            return false;
        bool isBasic = needed == "Mail.Read" && !segments.Contains("attachments") && segments[^1] != "$value" &&
            (Has(token, mailbox, "Mail.ReadBasic") || Has(token, mailbox, "Mail.ReadBasic.All"));
        return isBasic ? true : throw GraphError.AccessDenied();
    }

    private bool Has(LabAccessToken token, LabMailbox mailbox, string permission)
    {
        if (token.UserName is null)
            return token.Roles.Contains(permission) || granted.ContainsKey(Key(token.ClientId, mailbox.Address, permission));

        // What is allowed in shared mailboxes is allowed in one's own too (Microsoft Graph permissions reference, Mail.ReadWrite.Shared).
        return Same(token.UserName, mailbox.Address)
            ? token.Scopes.Contains(permission) || token.Scopes.Contains(permission + ".Shared")
            : token.Scopes.Contains(permission + ".Shared") &&
                (mailbox.Rights.Has(LabRight.FullAccess, token.UserName) || (permission == "Mail.Send" && mailbox.Rights.Has(LabRight.SendAs, token.UserName)));
    }

    private static (string ClientId, string Permission) Key(string clientId, string mailbox, string permission) =>
        (clientId.ToUpperInvariant(), $"{mailbox} {permission}".ToUpperInvariant());

    private static bool Same(string? one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
}
