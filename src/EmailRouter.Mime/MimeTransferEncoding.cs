namespace EmailRouter.Mime;

/// <summary>How the bytes of a part were made fit for transport (RFC 2045 6).</summary>
public enum MimeTransferEncoding
{
    /// <summary>As they are: short lines of ASCII. The default when a part says nothing.</summary>
    SevenBit,

    /// <summary>As they are: short lines of 8-bit text.</summary>
    EightBit,

    /// <summary>As they are: any bytes. Also every encoding nobody knows.</summary>
    Binary,

    /// <summary>Base64 (RFC 2045 6.8).</summary>
    Base64,

    /// <summary>Quoted-printable (RFC 2045 6.7).</summary>
    QuotedPrintable,

    /// <summary>uuencode, an old private encoding.</summary>
    UUEncode,
}
