namespace EmailRouter.Crm.Server;

/// <summary>Ids of rows that belong to an email.</summary>
internal static class DerivedId
{
    /// <summary>Makes the id of a row, e.g. a queue item, out of those it belongs to, so that making the row twice makes one.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="other">What distinguishes the row from others of the email, e.g. the queue.</param>
    /// <returns>The id: always the same for the same two.</returns>
    public static Guid Combine(Guid activityId, Guid other)
    {
        byte[] bytes = activityId.ToByteArray();
        byte[] others = other.ToByteArray();
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] ^= others[i];
        bytes[7] = (byte)((bytes[7] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes);
    }
}
