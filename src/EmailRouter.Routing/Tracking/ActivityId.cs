using System.Text;

namespace EmailRouter.Routing.Tracking;

/// <summary>
/// The ids of records that promoting creates. They follow from the organization and the message, so whoever promotes the message, and however often,
/// names the same records.
/// </summary>
public static class ActivityId
{
    /// <summary>Computes the id of the email activity that a message becomes.</summary>
    /// <remarks>
    /// The content hash must leave out what the way through mail servers adds (Received, Delivered-To, Return-Path and the like), so that the copies of one
    /// email in several mailboxes give one id. A copy whose content a mailing list changed gives another id; then the organization recognises it by its
    /// Message-ID.
    /// </remarks>
    /// <param name="organizationId">The organization.</param>
    /// <param name="messageId">The Message-ID verbatim; not looked at when <paramref name="hasMessageId"/> is false.</param>
    /// <param name="contentHash">The hash of the content.</param>
    /// <param name="hasMessageId">Whether the message came with a Message-ID.</param>
    /// <returns>The UUIDv5 within the organization.</returns>
    public static Guid For(Guid organizationId, string messageId, ReadOnlySpan<byte> contentHash, bool hasMessageId)
    {
        ArgumentNullException.ThrowIfNull(messageId);

        // The length keeps a Message-ID and the hash that follows it apart, whatever the Message-ID contains.
        byte[] id = hasMessageId ? Encoding.UTF8.GetBytes(messageId) : [];
        byte[] prefix = Encoding.ASCII.GetBytes($"email:{id.Length}:");
        byte[] name = new byte[prefix.Length + id.Length + contentHash.Length];
        prefix.CopyTo(name, 0);
        id.CopyTo(name, prefix.Length);
        contentHash.CopyTo(name.AsSpan(prefix.Length + id.Length));
        return DeterministicGuid.CreateV5(organizationId, name);
    }

    /// <summary>Computes the id of the record that is created for an unknown sender.</summary>
    /// <param name="organizationId">The organization.</param>
    /// <param name="logicalName"><c>contact</c> or <c>lead</c>.</param>
    /// <param name="address">The sender's address; case does not count.</param>
    /// <returns>The UUIDv5 within the organization.</returns>
    public static Guid ForSender(Guid organizationId, string logicalName, string address)
    {
        ArgumentException.ThrowIfNullOrEmpty(logicalName);
        ArgumentException.ThrowIfNullOrEmpty(address);
        return DeterministicGuid.CreateV5(organizationId, $"sender:{logicalName}:{address.Trim().ToLowerInvariant()}");
    }
}
