using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Reads an attachment's content piece by piece; between the pieces it holds nothing of the store.</summary>
internal sealed class AttachmentStream(SqliteFile file, long attachmentKey, long length) : Stream
{
    private byte[] piece = [];
    private int pieceNumber = -1;
    private long position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            position = value;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (position >= length || buffer.Length == 0)
            return 0;
        int number = (int)(position / AttachmentTable.PieceSize);
        if (number != pieceNumber)
        {
            piece = await file.ReadAsync(s => AttachmentTable.ReadPiece(s, attachmentKey, number), cancellationToken).ConfigureAwait(false) ??
                throw new CrmException("CrmStoreCorrupt", $"The content of an attachment ends after {position} of {length} bytes, or was removed.",
                "Restore the CRM store from a backup.");
            pieceNumber = number;
        }

        int at = (int)(position % AttachmentTable.PieceSize);
        int count = (int)Math.Min(Math.Min(buffer.Length, piece.Length - at), length - position);
        piece.AsMemory(at, count).CopyTo(buffer);
        position += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin)
    {
        Position = offset + (origin switch { SeekOrigin.Begin => 0, SeekOrigin.Current => position, _ => length });
        return position;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
