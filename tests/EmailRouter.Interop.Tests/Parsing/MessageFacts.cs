using System.Security.Cryptography;
using EmailRouter.Mime;

namespace EmailRouter.Interop.Tests.Parsing;

/// <summary>What two parsers must agree upon about one message.</summary>
/// <param name="Subject">The decoded subject.</param>
/// <param name="From">The authors' addresses.</param>
/// <param name="To">The recipients' addresses.</param>
/// <param name="MessageId">The Message-ID.</param>
/// <param name="Date">The date in seconds since 1970.</param>
/// <param name="Parts">All parts, those of embedded messages included, in order.</param>
public sealed record MessageFacts(string? Subject, string[]? From, string[]? To, string? MessageId, long? Date, PartFacts[] Parts)
{
    /// <summary>Gets what Python's package threw, if it did.</summary>
    public string? Error { get; init; }

    public static MessageFacts Of(MimeMessage message)
    {
        var parts = new List<PartFacts>();
        Collect(message, parts);
        bool hasDate = MailDate.TryParse(message.Headers["Date"], out DateTimeOffset date);
        return new MessageFacts(
            message.Headers["Subject"], Addresses(message, "From"), Addresses(message, "To"), message.MessageId, hasDate ? date.ToUnixTimeSeconds() : null, [.. parts]);
    }

    private static string[]? Addresses(MimeMessage message, string header) =>
        message.Headers.Contains(header) ? [.. message.GetAddresses(header).Select(static a => a.Address)] : null;

    private static void Collect(MimeMessage message, List<PartFacts> parts)
    {
        foreach (MimePart part in message.AllParts())
        {
            bool isLeaf = part.Parts.Count == 0 && part.EmbeddedMessage is null;
            parts.Add(new PartFacts(part.ContentType.MediaType, part.FileName, isLeaf ? Hash(part) : null));
            if (part.EmbeddedMessage is { } embedded)
                Collect(embedded, parts);
        }
    }

    private static string Hash(MimePart part)
    {
        using Stream stream = part.OpenDecoded();
        return Convert.ToHexStringLower(SHA256.HashData(stream))[..16];
    }
}

/// <summary>One part.</summary>
/// <param name="Type">Its media type.</param>
/// <param name="FileName">Its file name.</param>
/// <param name="Content">The start of the hash of its decoded content; null for what holds other parts.</param>
public sealed record PartFacts(string Type, string? FileName, string? Content);
