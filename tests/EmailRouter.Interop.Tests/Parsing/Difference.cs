namespace EmailRouter.Interop.Tests.Parsing;

/// <summary>Why the parser reads a message otherwise than Python's <c>email</c> does.</summary>
public enum Difference
{
    /// <summary>Nobody knows: the test fails.</summary>
    Unexplained,

    /// <summary>Python's package throws an exception of its own; a router has to go on.</summary>
    PythonThrows,

    /// <summary>Runs of white space in a header's value: Python keeps or joins them otherwise when it unfolds.</summary>
    Whitespace,

    /// <summary>A bare CR, or a control character that Unicode calls a line end: Python ends a line there, RFC 5322 2.2 and the parser do not.</summary>
    BareLineEnds,

    /// <summary>A line among the headers that is none: Python ends the headers there, the parser keeps it and reads on.</summary>
    BrokenHeaderLine,

    /// <summary>A boundary is missing, wrong, cut off or named twice: the parser looks for another one and closes parts by it, Python gives up.</summary>
    BrokenBoundary,

    /// <summary>A multipart or message that is encoded, which RFC 2045 6.4 forbids: the parser decodes it first, Python reads code as headers.</summary>
    EncodedStructure,

    /// <summary>
    /// Python takes <c>message/delivery-status</c>, <c>message/partial</c>, <c>message/external-body</c> and other messages apart as messages; to a router they
    /// are files, and a report's fields are read by their own reader.
    /// </summary>
    OtherMessageTypes,

    /// <summary>An empty message inside of a message: Python makes an empty message of it, the parser none.</summary>
    EmptyMessage,

    /// <summary>A media type that is misspelt or has comments, quotes or encoded words: the parser repairs it, Python takes <c>text/plain</c>.</summary>
    BrokenMediaType,

    /// <summary>Bytes above 127 in a header: the parser guesses their charset, Python replaces them.</summary>
    EightBitHeader,

    /// <summary>An encoded word that is cut, nested, of an unknown charset or in the wrong place: both guess, differently.</summary>
    BrokenEncodedWord,

    /// <summary>Addresses that RFC 5322 does not allow: the parser reads on after the mistake, Python often drops the rest.</summary>
    BrokenAddresses,

    /// <summary>A date that RFC 5322 does not allow: the two are lenient in different ways.</summary>
    BrokenDate,

    /// <summary>A Message-ID that RFC 5322 does not allow: the parser keeps it as it is, Python cuts it.</summary>
    BrokenMessageId,

    /// <summary>A file name in a broken or partly encoded parameter: the two repair it in different ways.</summary>
    BrokenFileName,

    /// <summary>Base64 with rubbish in it or cut off: the parser decodes what there is, Python returns the code itself or decodes otherwise.</summary>
    BrokenBase64,

    /// <summary>Quoted-printable with equals signs that mean nothing, or white space at line ends: decoded in different ways.</summary>
    BrokenQuotedPrintable,

    /// <summary>uuencode, or a transfer encoding that is misspelt: Python's table is shorter and its reader stricter.</summary>
    OtherTransferEncoding,
}
