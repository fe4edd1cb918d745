using System.Buffers.Binary;
using System.Text;

namespace EmailRouter.Mime.Tests.Tnef;

/// <summary>Writes TNEF streams for tests ([MS-OXTNEF] 2.1).</summary>
internal sealed class TnefBuilder
{
    private readonly MemoryStream stream = new();

    public TnefBuilder()
    {
        stream.Write(Number(0x223E9F78));
        stream.Write([1, 0]);
        Attribute(1, 0x00069007, Number(1252), Number(0));
    }

    public byte[] Bytes => stream.ToArray();

    public TnefBuilder Attribute(byte level, uint id, params byte[][] data)
    {
        byte[] bytes = [.. data.SelectMany(static piece => piece)];
        stream.WriteByte(level);
        stream.Write(Number(id));
        stream.Write(Number((uint)bytes.Length));
        stream.Write(bytes);
        stream.Write(Number((uint)bytes.Sum(static b => b) & 0xFFFF), 0, 2);
        return this;
    }

    public TnefBuilder Message(params byte[][] properties) => Attribute(1, 0x00069003, Properties(properties));

    public TnefBuilder Attachment(string title, byte[] data, params byte[][] properties) => Attribute(2, 0x00069002, new byte[14])
        .Attribute(2, 0x00018010, Encoding.Latin1.GetBytes(title + "\0"))
        .Attribute(2, 0x0006800F, data)
        .Attribute(2, 0x00069005, Properties(properties));

    public static byte[] Properties(params byte[][] properties) => [.. Number((uint)properties.Length), .. properties.SelectMany(static property => property)];

    public static byte[] Unicode(ushort id, string value) => Variable(id, 0x001F, Encoding.Unicode.GetBytes(value + "\0"));

    public static byte[] String8(ushort id, byte[] value) => Variable(id, 0x001E, [.. value, 0]);

    public static byte[] Binary(ushort id, byte[] value) => Variable(id, 0x0102, value);

    public static byte[] Object(ushort id, byte[] value) => Variable(id, 0x000D, [.. new Guid("00020307-0000-0000-C000-000000000046").ToByteArray(), .. value]);

    public static byte[] Long(ushort id, int value) => [.. Number((uint)(id << 16 | 3)), .. Number((uint)value)];

    public static byte[] Boolean(ushort id, bool value) => [.. Number((uint)(id << 16 | 0x0B)), .. Number(value ? 1u : 0u)];

    public static byte[] Time(ushort id, DateTimeOffset value) => [.. Number((uint)(id << 16 | 0x40)), .. BitConverter.GetBytes(value.ToFileTime())];

    public static byte[] Named(string name, byte[] value) =>
        [.. Number(0x8001u << 16 | 0x0102), .. new byte[16], .. Number(1), .. Padded(Encoding.Unicode.GetBytes(name + "\0")), .. Number(1), .. Padded(value)];

    public static byte[] Named(int id, int value) => [.. Number(0x8002u << 16 | 3), .. new byte[16], .. Number(0), .. Number((uint)id), .. Number((uint)value)];

    public static byte[] Many(ushort id, params int[] values) =>
        [.. Number((uint)(id << 16 | 0x1003)), .. Number((uint)values.Length), .. values.SelectMany(static value => Number((uint)value))];

    public static byte[] Rtf(string rtf)
    {
        byte[] text = Encoding.Latin1.GetBytes(rtf);
        return Binary(0x1009, [.. Number((uint)text.Length + 12), .. Number((uint)text.Length), .. Number(0x414C454D), .. Number(0), .. text]);
    }

    public static byte[] Number(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Variable(ushort id, ushort type, byte[] value) => [.. Number((uint)(id << 16 | type)), .. Number(1), .. Padded(value)];

    private static byte[] Padded(byte[] value) => [.. Number((uint)value.Length), .. value, .. new byte[(4 - (value.Length & 3)) & 3]];
}
