using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>
/// Attachments of emails. A content is stored once however many emails bear it, in pieces, so that neither writing nor reading ever holds all of it.
/// </summary>
internal static class AttachmentTable
{
    /// <summary>The size of a piece in bytes.</summary>
    public const int PieceSize = 256 * 1024;

    /// <summary>Adds attachments to an email.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="emailKey">The email.</param>
    /// <param name="staged">The attachments, in order.</param>
    /// <param name="newId">Makes ids.</param>
    public static void Insert(SqliteSession session, long emailKey, IReadOnlyList<StagedAttachment> staged, Func<Guid> newId)
    {
        for (int i = 0; i < staged.Count; i++)
            Insert(session, emailKey, staged[i], newId(), i + 1, newId);
    }

    /// <summary>Adds one attachment to an email.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="emailKey">The email.</param>
    /// <param name="staged">The attachment.</param>
    /// <param name="id">Its id.</param>
    /// <param name="number">Its place among the email's attachments, from 1.</param>
    /// <param name="newId">Makes ids.</param>
    public static void Insert(SqliteSession session, long emailKey, StagedAttachment staged, Guid id, int number, Func<Guid> newId) => session.Insert(
        "activitymimeattachment",
        ("activitymimeattachmentid", id),
        ("emailkey", emailKey),
        ("attachmentnumber", number),
        ("filename", staged.Attachment.FileName),
        ("mimetype", staged.Attachment.MimeType),
        ("filesize", staged.Size),
        ("attachmentcontentid", staged.Attachment.ContentId),
        ("attachmentkey", EnsureContent(session, staged, newId)));

    /// <summary>Takes the attachments away from an email.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="emailKey">The email.</param>
    /// <returns>The keys of their contents, which may be unused now.</returns>
    public static List<long> Remove(SqliteSession session, long emailKey)
    {
        List<long> contents = session.Query("SELECT DISTINCT attachmentkey FROM activitymimeattachment WHERE emailkey = @key", row => row.GetInt64(0),
            ("key", emailKey));
        session.Execute("DELETE FROM activitymimeattachment WHERE emailkey = @key", ("key", emailKey));
        return contents;
    }

    /// <summary>Deletes the contents that no email bears any more.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="contents">The contents in question.</param>
    public static void DeleteUnused(SqliteSession session, IEnumerable<long> contents)
    {
        foreach (long content in contents)
        {
            session.Execute(
                "DELETE FROM attachment WHERE attachmentkey = @content AND NOT EXISTS (SELECT 1 FROM activitymimeattachment WHERE attachmentkey = @content)",
                ("content", content));
        }
    }

    /// <summary>Reads one piece of a content.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="attachmentKey">The content.</param>
    /// <param name="number">The piece, from 0.</param>
    /// <returns>The piece; null after the last.</returns>
    public static byte[]? ReadPiece(SqliteSession session, long attachmentKey, int number) =>
        session.Scalar("SELECT body FROM attachmentbody WHERE attachmentkey = @key AND number = @number", ("key", attachmentKey), ("number", number)) as byte[];

    private static long EnsureContent(SqliteSession session, StagedAttachment staged, Func<Guid> newId)
    {
        if (session.Scalar("SELECT attachmentkey FROM attachment WHERE contenthash = @hash", ("hash", staged.Hash)) is long existing)
            return existing;
        long key = (long)session.Scalar(
            "INSERT INTO attachment (attachmentid, contenthash, filesize) VALUES (@id, @hash, @size) RETURNING attachmentkey",
            ("id", newId()),
            ("hash", staged.Hash),
            ("size", staged.Size))!;
        int number = 0;
        foreach (byte[] piece in staged.ReadPieces(PieceSize))
            session.Execute("INSERT INTO attachmentbody (attachmentkey, number, body) VALUES (@key, @number, @body)", ("key", key), ("number", number++),
                ("body", piece));
        return key;
    }
}
