using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace EmailRouter.Mime;

/// <summary>
/// The Thread-Index header, which is MAPI's PR_CONVERSATION_INDEX in base64: 22 bytes (a reserved byte, a time, a GUID) and five more per reply ([MS-OXOMSG]
/// 2.2.1.3).
/// The GUID is the same in all messages of a conversation.
/// </summary>
/// <param name="ConversationId">The GUID, read in the byte order of a Windows GUID structure.</param>
/// <param name="StartedAt">When the conversation started; precise to 6.5 ms or, from newer Exchange servers, 1.7 s.</param>
/// <param name="Depth">How many replies lie between the first message and this one.</param>
public sealed record ThreadIndex(Guid ConversationId, DateTimeOffset StartedAt, int Depth)
{
    private const long LatestFileTime = 2_650_467_743_999_999_999;
    private const int HeaderLength = 22;
    private const int ChildLength = 5;

    /// <summary>Gets when each reply was written, the first one first; null for a time beyond the year 9999. As many as <see cref="Depth"/>.</summary>
    public IReadOnlyList<DateTimeOffset?> Replies { get; private init; } = [];

    /// <summary>Reads the conversation's GUID.</summary>
    /// <param name="base64">The header's value.</param>
    /// <param name="conversationId">The GUID, read in the byte order of a Windows GUID structure.</param>
    /// <returns>Whether the value is a Thread-Index.</returns>
    public static bool TryGetConversationId([NotNullWhen(true)] string? base64, out Guid conversationId)
    {
        bool decoded = TryDecode(base64, out ThreadIndex? index);
        conversationId = index?.ConversationId ?? default;
        return decoded;
    }

    /// <summary>Reads a Thread-Index.</summary>
    /// <param name="base64">The header's value.</param>
    /// <param name="index">What it says.</param>
    /// <returns>Whether the value is a Thread-Index.</returns>
    public static bool TryDecode([NotNullWhen(true)] string? base64, [NotNullWhen(true)] out ThreadIndex? index)
    {
        index = null;
        if (base64 is null || base64.Length is < 30 or > 16384)
            return false;
        byte[] bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64, bytes, out int length) || length < HeaderLength)
            return false;

        // Two layouts: time >> 16 in bytes 0-5, whose first byte happens to be 1 from 1829 to 2057; or a 1 and time >> 24 in bytes 1-5. In the
        // first one the second byte is 1 only in 1830.
        bool isNewer = bytes[1] == 1;
        Span<byte> time = stackalloc byte[8];
        time.Clear();
        bytes.AsSpan(0, 6).CopyTo(time);
        long classic = BinaryPrimitives.ReadInt64BigEndian(time);
        time.Clear();
        bytes.AsSpan(1, 5).CopyTo(time);
        long start = isNewer ? BinaryPrimitives.ReadInt64BigEndian(time) : classic;
        if (start is < 0 or > LatestFileTime)
            return false;
        var replies = new DateTimeOffset?[(length - HeaderLength) / ChildLength];
        for (int i = 0; i < replies.Length; i++)
            replies[i] = ReplyTime(BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(HeaderLength + (i * ChildLength))), start, classic, isNewer);
        index = new ThreadIndex(new Guid(bytes.AsSpan(6, 16)), DateTimeOffset.FromFileTime(start).ToUniversalTime(), replies.Length) { Replies = replies };
        return true;
    }

    // A bit for the unit, 31 bits for the time since the start: in units of 2^18 or 2^23 times 100 ns. Newer servers take the start for one of the older layout,
    // and what does not fit into 31 bits is lost: the first time that is not before the start is meant.
    private static DateTimeOffset? ReplyTime(uint child, long start, long classic, bool isNewer)
    {
        int shift = child >> 31 == 0 ? 18 : 23;
        Int128 delta = child & 0x7FFF_FFFF;
        Int128 time = start + (delta << shift);
        if (isNewer)
        {
            Int128 step = (Int128)1 << (31 + shift);
            time = classic + (delta << shift);
            if (time < start)
                time += (start - time + step - 1) / step * step;
        }

        return time >= 0 && time <= LatestFileTime ? DateTimeOffset.FromFileTime((long)time).ToUniversalTime() : null;
    }
}
