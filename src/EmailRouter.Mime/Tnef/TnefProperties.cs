using System.Buffers.Binary;
using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime.Tnef;

/// <summary>A list of MAPI properties as TNEF writes it ([MS-OXTNEF] 2.1.3.4). Of values the first counts; named properties are passed over.</summary>
internal sealed class TnefProperties
{
    private const int MaximumProperties = 10_000;
    private const ushort MultiValued = 0x1000;
    private readonly Dictionary<ushort, Value> values = [];

    private readonly record struct Value(ushort Type, ReadOnlyMemory<byte> Data);

    /// <summary>Gets a value indicating whether the list ended where it said it would.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Gets or sets the charset of 8-bit strings.</summary>
    public Encoding Charset { get; set; } = Charsets.Windows1252;

    /// <summary>Reads a list.</summary>
    /// <param name="data">The bytes, from the count on.</param>
    /// <param name="length">How many bytes the list took.</param>
    /// <returns>What could be read.</returns>
    public static TnefProperties Read(ReadOnlyMemory<byte> data, out int length)
    {
        var properties = new TnefProperties();
        var cursor = new Cursor(data);
        uint count = cursor.UInt32();
        for (uint i = 0; i < count && i < MaximumProperties && !cursor.IsBroken; i++)
            properties.ReadProperty(ref cursor);
        properties.IsComplete = !cursor.IsBroken && count <= MaximumProperties;
        length = cursor.Position;
        return properties;
    }

    public string? Text(ushort id)
    {
        if (!values.TryGetValue(id, out Value value))
            return null;
        ReadOnlySpan<byte> bytes = value.Data.Span;
        switch (value.Type)
        {
            case 0x001F:
                string wide = Encoding.Unicode.GetString(bytes[..(bytes.Length & ~1)]);
                int end = wide.IndexOf('\0', StringComparison.Ordinal);
                return NullIfEmpty(end < 0 ? wide : wide[..end]);
            case 0x001E:
                int zero = bytes.IndexOf((byte)0);
                return NullIfEmpty(Charsets.GetString(Charset, zero < 0 ? bytes : bytes[..zero]));
            default:
                return null;
        }
    }

    public ReadOnlyMemory<byte>? Bytes(ushort id, out ushort type)
    {
        bool found = values.TryGetValue(id, out Value value);
        type = value.Type;
        return found ? value.Data : null;
    }

    public int? Int32(ushort id) =>
        values.TryGetValue(id, out Value value) && value.Type is 0x0002 or 0x0003 or 0x000B ? BinaryPrimitives.ReadInt32LittleEndian(value.Data.Span) : null;

    public DateTimeOffset? Time(ushort id) =>
        values.TryGetValue(id, out Value value) && value.Type == 0x0040
        && BinaryPrimitives.ReadInt64LittleEndian(value.Data.Span) is > 0 and <= 2_650_467_743_999_999_999 and var ticks
            ? DateTimeOffset.FromFileTime(ticks).ToUniversalTime()
            : null;

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private void ReadProperty(ref Cursor cursor)
    {
        ushort type = cursor.UInt16();
        ushort id = cursor.UInt16();
        bool isNamed = id >= 0x8000;
        if (isNamed)
        {
            cursor.Take(16);
            if (cursor.UInt32() == 1)
                cursor.TakePadded(cursor.UInt32());
            else
                cursor.Take(4);
        }

        ushort single = (ushort)(type & ~MultiValued);
        int size = single switch
        {
            0x0000 or 0x0001 => 0,                                  // nothing
            0x0002 or 0x0003 or 0x0004 or 0x000A or 0x000B => 4,    // 16-bit numbers and booleans are padded
            0x0005 or 0x0006 or 0x0007 or 0x0014 or 0x0040 => 8,
            0x0048 => 16,
            0x001E or 0x001F or 0x0102 or 0x000D => -1,
            _ => -2,
        };
        if (size == -2)
        {
            cursor.Break();
            return;
        }

        uint count = size < 0 || (type & MultiValued) != 0 ? cursor.UInt32() : 1;
        for (uint i = 0; i < count && !cursor.IsBroken; i++)
        {
            if (size == 0)
                break;
            ReadOnlyMemory<byte> data = size > 0 ? cursor.Take((uint)size) : cursor.TakePadded(cursor.UInt32());
            if (i == 0 && !isNamed && (!cursor.IsBroken || size < 0))
                values.TryAdd(id, new Value(single, data));
        }
    }

    /// <summary>Reads little-endian values and never beyond the end.</summary>
    private struct Cursor(ReadOnlyMemory<byte> data)
    {
        public int Position { get; private set; }

        public bool IsBroken { get; private set; }

        public void Break() => IsBroken = true;

        public ushort UInt16() => Take(2) is { Length: 2 } bytes ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span) : (ushort)0;

        public uint UInt32() => Take(4) is { Length: 4 } bytes ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span) : 0;

        // What is left when there is less than asked for: half an attachment is more than none.
        public ReadOnlyMemory<byte> Take(uint length)
        {
            int left = data.Length - Position;
            if (length > left)
            {
                IsBroken = true;
                length = (uint)left;
            }

            ReadOnlyMemory<byte> taken = data.Slice(Position, (int)length);
            Position += (int)length;
            return taken;
        }

        public ReadOnlyMemory<byte> TakePadded(uint length)
        {
            ReadOnlyMemory<byte> taken = Take(length);
            Position += Math.Min((4 - (taken.Length & 3)) & 3, data.Length - Position);
            return taken;
        }
    }
}
