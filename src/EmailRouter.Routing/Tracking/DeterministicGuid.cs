using System.Security.Cryptography;
using System.Text;

namespace EmailRouter.Routing.Tracking;

/// <summary>Name-based UUIDs of version 5 (RFC 9562 section 5.5): the same namespace and name always give the same id.</summary>
public static class DeterministicGuid
{
    /// <summary>Computes the id of a name within a namespace.</summary>
    /// <param name="namespaceId">The namespace.</param>
    /// <param name="name">The name; hashed as UTF-8.</param>
    /// <returns>The UUIDv5.</returns>
    public static Guid CreateV5(Guid namespaceId, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return CreateV5(namespaceId, Encoding.UTF8.GetBytes(name));
    }

    /// <summary>Computes the id of a name within a namespace.</summary>
    /// <param name="namespaceId">The namespace.</param>
    /// <param name="name">The name's octets.</param>
    /// <returns>The UUIDv5.</returns>
    public static Guid CreateV5(Guid namespaceId, ReadOnlySpan<byte> name)
    {
        byte[] input = new byte[16 + name.Length];
        namespaceId.TryWriteBytes(input, bigEndian: true, out _);
        name.CopyTo(input.AsSpan(16));

        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // RFC 9562 prescribes SHA-1 for version 5; the id identifies, it protects nothing.
        SHA1.HashData(input, hash);
#pragma warning restore CA5350
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
