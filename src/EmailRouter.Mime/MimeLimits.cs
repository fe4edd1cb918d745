namespace EmailRouter.Mime;

/// <summary>
/// Bounds on what is taken apart of one message. Reaching one never throws: what lies beyond stays in the raw bytes and a <see cref="MimeDiagnostic"/> says so.
/// </summary>
public sealed record MimeLimits
{
    /// <summary>Gets the defaults.</summary>
    public static MimeLimits Default { get; } = new();

    /// <summary>Gets the size in bytes above which only the headers of a message are read. Defaults to 150 MB.</summary>
    public int MaximumMessageSize { get; init; } = MessageBufferOptions.DefaultMaximumSize;

    /// <summary>Gets how many bytes of one entity's header section are kept. Defaults to 1 MiB.</summary>
    public int MaximumHeaderSectionLength { get; init; } = 1 << 20;

    /// <summary>Gets how many bytes of one header field are kept. Defaults to 256 KiB.</summary>
    public int MaximumHeaderLength { get; init; } = 256 << 10;

    /// <summary>Gets how many header fields of one entity are kept. Defaults to 2,000.</summary>
    public int MaximumHeaders { get; init; } = 2000;

    /// <summary>Gets how many multiparts and embedded messages may lie inside each other. Defaults to 50.</summary>
    public int MaximumDepth { get; init; } = 50;

    /// <summary>Gets how many parts a message may have, those of embedded messages included. Defaults to 1,000.</summary>
    public int MaximumParts { get; init; } = 1000;

    /// <summary>Gets how many messages may be embedded in each other. Defaults to 10.</summary>
    public int MaximumMessageDepth { get; init; } = 10;

    /// <summary>Gets the longest boundary that is accepted; RFC 2046 5.1.1 allows 70. Defaults to 250.</summary>
    public int MaximumBoundaryLength { get; init; } = 250;

    /// <summary>Gets how many characters of a text body are decoded unless the caller asks for another number. Defaults to 4 Mi characters.</summary>
    public int MaximumTextLength { get; init; } = 4 << 20;

    /// <summary>Gets how many bytes all encoded multiparts and embedded messages together may have after decoding. Defaults to 32 MiB.</summary>
    public int MaximumDecodedStructure { get; init; } = 32 << 20;

    /// <summary>Gets how many addresses of one header are read. Defaults to 5,000.</summary>
    public int MaximumAddresses { get; init; } = 5000;

    /// <summary>Gets how many address groups may lie inside each other; RFC 5322 allows 1. Defaults to 3.</summary>
    public int MaximumGroupDepth { get; init; } = 3;

    /// <summary>Gets how many parameters, or segments of parameters (RFC 2231), of one header are read. Defaults to 100.</summary>
    public int MaximumParameters { get; init; } = 100;
}
