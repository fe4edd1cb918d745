namespace EmailRouter.Mime;

/// <summary>Something about a message that is not as the standards want it, or that was left out because of a limit.</summary>
/// <param name="Code">What it is.</param>
/// <param name="Offset">Where, in bytes from the start of the message (or of the decoded part that contains it).</param>
/// <param name="Text">The same in words, for an administrator.</param>
public sealed record MimeDiagnostic(MimeDiagnosticCode Code, long Offset, string Text);

/// <summary>What a <see cref="MimeDiagnostic"/> is about.</summary>
public enum MimeDiagnosticCode
{
    /// <summary>A line among the headers has no colon.</summary>
    HeaderWithoutColon,

    /// <summary>A header's name is empty or holds characters that RFC 5322 2.2 does not allow.</summary>
    HeaderNameInvalid,

    /// <summary>The headers end at a boundary or at the end of the message, without an empty line.</summary>
    HeadersNotTerminated,

    /// <summary>A header is longer than <see cref="MimeLimits.MaximumHeaderLength"/>; its rest was left out.</summary>
    HeaderTooLong,

    /// <summary>A header section is longer than <see cref="MimeLimits.MaximumHeaderSectionLength"/>; its rest was left out.</summary>
    HeaderSectionTooLong,

    /// <summary>An entity has more headers than <see cref="MimeLimits.MaximumHeaders"/>; the rest was left out.</summary>
    TooManyHeaders,

    /// <summary>A multipart names no boundary.</summary>
    BoundaryMissing,

    /// <summary>The boundary a multipart names does not occur in it.</summary>
    BoundaryNotFound,

    /// <summary>A multipart's boundary was taken from its content, because the named one is missing or wrong.</summary>
    BoundaryGuessed,

    /// <summary>A boundary is longer than <see cref="MimeLimits.MaximumBoundaryLength"/>.</summary>
    BoundaryTooLong,

    /// <summary>A multipart does not end with its closing boundary; the message may be truncated.</summary>
    EndBoundaryMissing,

    /// <summary>Entities lie deeper in each other than <see cref="MimeLimits.MaximumDepth"/>; the innermost was not taken apart.</summary>
    NestingTooDeep,

    /// <summary>The message has more parts than <see cref="MimeLimits.MaximumParts"/>; the rest was left out.</summary>
    TooManyParts,

    /// <summary>Messages are embedded deeper than <see cref="MimeLimits.MaximumMessageDepth"/>; the innermost was not taken apart.</summary>
    MessagesNestedTooDeep,

    /// <summary>A multipart or embedded message is base64 or quoted-printable, which RFC 2045 6.4 forbids; it was decoded first.</summary>
    EncodedStructure,

    /// <summary>
    /// Encoded multiparts and messages would become more than <see cref="MimeLimits.MaximumDecodedStructure"/>; this one was not taken apart.
    /// </summary>
    DecodedStructureTooLarge,

    /// <summary>A part names a transfer encoding nobody knows; it was taken as binary.</summary>
    UnknownTransferEncoding,

    /// <summary>The message is larger than <see cref="MimeLimits.MaximumMessageSize"/>; only its headers were read.</summary>
    MessageTooLarge,

    /// <summary>A header lists more addresses than <see cref="MimeLimits.MaximumAddresses"/>; the rest was left out.</summary>
    TooManyAddresses,

    /// <summary>Address groups lie deeper in each other than <see cref="MimeLimits.MaximumGroupDepth"/>.</summary>
    AddressGroupsTooDeep,

    /// <summary>A header has more parameters than <see cref="MimeLimits.MaximumParameters"/>; the rest was left out.</summary>
    TooManyParameters,

    /// <summary>A text body is longer than <see cref="MimeLimits.MaximumTextLength"/>; its rest was left out of the decoded text.</summary>
    TextTruncated,

    /// <summary>A text body names a charset nobody knows; it was read as UTF-8 or windows-1252.</summary>
    UnknownCharset,
}
