using System.Security.Cryptography;

namespace EmailRouter.Mime;

/// <summary>How <see cref="MimeWriter"/> writes.</summary>
public sealed record MimeWriterOptions
{
    /// <summary>Gets the defaults.</summary>
    public static MimeWriterOptions Default { get; } = new();

    /// <summary>Gets the randomness of the boundaries. Defaults to the system's; the same randomness and the same draft give the same bytes.</summary>
    public RandomFill Random { get; init; } = RandomNumberGenerator.Fill;

    /// <summary>
    /// Gets a value indicating whether attached messages may keep 8-bit bytes, for servers with 8BITMIME. Otherwise such a message is attached as a file in
    /// base64, because a <c>message/rfc822</c> part must not be encoded (RFC 2046 5.2.1). Defaults to false.
    /// </summary>
    public bool Allow8BitMessages { get; init; }

    /// <summary>Gets where attached messages are kept while they are looked at. Defaults to memory up to 1 MiB, then a temporary file.</summary>
    public MessageBufferOptions Spool { get; init; } = MessageBufferOptions.Default;
}
