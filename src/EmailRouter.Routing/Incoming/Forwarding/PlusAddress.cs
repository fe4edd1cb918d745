namespace EmailRouter.Routing.Incoming.Forwarding;

/// <summary>
/// Addresses of a forward mailbox that say whose mail comes through them: <c>crm+sue=example.com@forward.example.com</c> for sue@example.com (subaddress, RFC 5233).
/// </summary>
public static class PlusAddress
{
    /// <summary>Makes the address through which one mailbox forwards.</summary>
    /// <param name="forwardMailbox">The forward mailbox's address.</param>
    /// <param name="mailbox">The address of the mailbox that forwards.</param>
    /// <returns>The address.</returns>
    /// <exception cref="ArgumentException">One of the two is no address.</exception>
    public static string Make(string forwardMailbox, string mailbox)
    {
        ArgumentNullException.ThrowIfNull(forwardMailbox);
        ArgumentNullException.ThrowIfNull(mailbox);
        int at = forwardMailbox.LastIndexOf('@');
        int own = mailbox.LastIndexOf('@');
        if (at < 1 || own < 1)
            throw new ArgumentException($"\"{(at < 1 ? forwardMailbox : mailbox)}\" is no address.", at < 1 ? nameof(forwardMailbox) : nameof(mailbox));
        return $"{forwardMailbox[..at]}+{mailbox[..own]}={mailbox[(own + 1)..]}{forwardMailbox[at..]}";
    }

    /// <summary>Reads whose mail an address stands for.</summary>
    /// <param name="address">The address, e.g. from a <c>Delivered-To</c> header.</param>
    /// <param name="forwardMailbox">The forward mailbox's address.</param>
    /// <returns>The address of the mailbox that forwards; null when it is no such address of this forward mailbox.</returns>
    public static string? Read(string address, string forwardMailbox)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(forwardMailbox);
        int at = forwardMailbox.LastIndexOf('@');
        int end = address.LastIndexOf('@');
        if (at < 1 || end < 1 || !address.AsSpan(end).Equals(forwardMailbox.AsSpan(at), StringComparison.OrdinalIgnoreCase)
            || !address.AsSpan(0, end).StartsWith(string.Concat(forwardMailbox.AsSpan(0, at), "+"), StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        string tag = address[(at + 1)..end];
        int split = tag.LastIndexOf('=');
        return split > 0 && split < tag.Length - 1 ? $"{tag[..split]}@{tag[(split + 1)..]}" : null;
    }
}
