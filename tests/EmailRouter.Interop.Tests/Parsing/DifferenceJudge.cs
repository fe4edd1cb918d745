using System.Text;
using System.Text.RegularExpressions;
using EmailRouter.Mime;

namespace EmailRouter.Interop.Tests.Parsing;

/// <summary>Compares what two parsers read and names the reason of each difference. A reason counts only where the message shows its cause.</summary>
internal static partial class DifferenceJudge
{
    /// <summary>Compares.</summary>
    /// <param name="message">The message.</param>
    /// <param name="ours">What the parser read.</param>
    /// <param name="python">What Python read.</param>
    /// <returns>The differences.</returns>
    public static IEnumerable<(Difference Reason, string What)> Compare(MimeMessage message, MessageFacts ours, MessageFacts python)
    {
        if (python.Error is { } error)
        {
            yield return (Difference.PythonThrows, error);
            yield break;
        }

        (Difference Reason, int From)? rest = OfRest(message);
        if (ours.Subject != python.Subject)
            yield return (Behind(rest, message, "Subject") ?? OfSubject(message, ours.Subject, python.Subject), $"subject \"{ours.Subject}\" and \"{python.Subject}\"");
        if (!Same(ours.From, python.From))
            yield return (Behind(rest, message, "From") ?? OfAddresses(message, "From"), $"from {List(ours.From)} and {List(python.From)} in {Raw(message, "From")}");
        if (!Same(ours.To, python.To))
            yield return (Behind(rest, message, "To") ?? OfAddresses(message, "To"), $"to {List(ours.To)} and {List(python.To)} in {Raw(message, "To")}");
        if (ours.MessageId != python.MessageId)
            yield return (Behind(rest, message, "Message-ID") ?? OfMessageId(message), $"id {ours.MessageId} and {python.MessageId} in {Raw(message, "Message-ID")}");
        if (ours.Date != python.Date)
            yield return (Behind(rest, message, "Date") ?? OfDate(message), $"date {ours.Date} and {python.Date} in {Raw(message, "Date")}");

        if (!ours.Parts.Select(static p => p.Type).SequenceEqual(python.Parts.Select(static p => p.Type)))
        {
            yield return (rest?.Reason ?? OfStructure(message, ours, python), $"structure {Types(ours)} and {Types(python)}, {string.Join(' ', message.Diagnostics.Select(static d => d.Code))}");
            yield break;
        }

        MimePart[] parts = [.. All(message)];
        for (int i = 0; i < ours.Parts.Length; i++)
        {
            if ((ours.Parts[i].FileName ?? string.Empty) != (python.Parts[i].FileName ?? string.Empty))
                yield return (Behind(rest, message, parts[i].Raw) ?? OfFileName(parts[i]), $"name \"{ours.Parts[i].FileName}\" and \"{python.Parts[i].FileName}\" in {Raw(parts[i], "Content-Disposition")} {Raw(parts[i], "Content-Type")}");
            if (ours.Parts[i].Content != python.Parts[i].Content)
                yield return (Behind(rest, message, parts[i].Raw) ?? OfContent(message, parts[i]), $"content {i} {parts[i].TransferEncoding} of {ours.Parts[i].Type}, {Raw(parts[i], "Content-Transfer-Encoding")}, {string.Join(' ', message.Diagnostics.Select(static d => d.Code))}: {Encoding.Latin1.GetString(parts[i].RawBody.Span[..Math.Min(200, parts[i].RawBody.Length)])}");
        }
    }

    // What makes everything behind it different: Python takes what follows a broken header line for the body, and ends lines where nobody else does.
    private static (Difference Reason, int From)? OfRest(MimeMessage message)
    {
        int end = BareLineEnd(message.Source.Span);
        int header = message.Source.Span is [(byte)'\r' or (byte)'\n' or (byte)' ' or (byte)'\t' or 0xEF or (byte)'>', ..] ? 0 : (int)message.Diagnostics
            .Where(static d => d.Code is MimeDiagnosticCode.HeaderWithoutColon or MimeDiagnosticCode.HeaderNameInvalid or MimeDiagnosticCode.HeadersNotTerminated)
            .Select(static d => d.Offset).DefaultIfEmpty(int.MaxValue).Min();
        return end == int.MaxValue && header == int.MaxValue ? null : end <= header ? (Difference.BareLineEnds, end) : (Difference.BrokenHeaderLine, header);
    }

    private static int BareLineEnd(ReadOnlySpan<byte> source)
    {
        for (int i = 0; i < source.Length; i++)
        {
            if (source[i] is 0x0B or 0x0C or 0x1C or 0x1D or 0x1E or 0x85 || (source[i] == '\r' && (i + 1 == source.Length || source[i + 1] != '\n')))
                return i;
        }

        return int.MaxValue;
    }

    private static Difference? Behind((Difference Reason, int From)? rest, MimeMessage message, string header) =>
        Behind(rest, message, message.Root.Headers.Where(h => h.Name.Equals(header, StringComparison.OrdinalIgnoreCase)).Select(static h => h.Raw).LastOrDefault());

    /// <summary>Says whether something reaches behind the place from which on everything differs. What is only in one of the two readings does, and so does what was decoded.</summary>
    private static Difference? Behind((Difference Reason, int From)? rest, MimeMessage message, ReadOnlyMemory<byte> what) =>
        rest is { } cause && (what.IsEmpty || !message.Source.Span.Overlaps(what.Span, out int offset) || offset + what.Length > cause.From) ? cause.Reason : null;

    private static Difference OfSubject(MimeMessage message, string? ours, string? python)
    {
        if (Words(ours) == Words(python))
            return Difference.Whitespace;
        string raw = Raw(message, "Subject");
        return IsEightBit(raw) ? Difference.EightBitHeader : raw.Contains("=?", StringComparison.Ordinal) ? Difference.BrokenEncodedWord
            : raw.Any(char.IsControl) ? Difference.Whitespace : Difference.Unexplained;
    }

    private static Difference OfAddresses(MimeMessage message, string header)
    {
        string raw = Raw(message, header);
        if (IsEightBit(raw))
            return Difference.EightBitHeader;
        string plain = EncodedWord().Replace(raw, "word");
        return plain.Contains("=?", StringComparison.Ordinal) ? Difference.BrokenEncodedWord : RightAddresses().IsMatch(plain) ? Difference.Unexplained : Difference.BrokenAddresses;
    }

    private static Difference OfMessageId(MimeMessage message)
    {
        string raw = Raw(message, "Message-ID");
        return IsEightBit(raw) ? Difference.EightBitHeader : RightMessageId().IsMatch(raw) ? Difference.Unexplained : Difference.BrokenMessageId;
    }

    private static Difference OfDate(MimeMessage message) => RightDate().IsMatch(Raw(message, "Date")) ? Difference.Unexplained : Difference.BrokenDate;

    private static Difference OfStructure(MimeMessage message, MessageFacts ours, MessageFacts python)
    {
        if (Has(message, MimeDiagnosticCode.EncodedStructure, MimeDiagnosticCode.DecodedStructureTooLarge))
            return Difference.EncodedStructure;
        if (python.Parts.Concat(ours.Parts).Any(static p => p.Type.StartsWith("message/", StringComparison.Ordinal) && p.Type is not ("message/rfc822" or "message/global" or "message/news")))
            return Difference.OtherMessageTypes;
        if (HasBrokenBoundary(message))
            return Difference.BrokenBoundary;
        MimePart[] parts = [.. All(message)];
        if (parts.Any(static p => p.ContentType.Type == "message" && p.EmbeddedMessage is null))
            return Difference.EmptyMessage;
        return parts.Any(static p => p.Headers.Contains("Content-Type") && (IsEightBit(Raw(p, "Content-Type")) || !RightMediaType().IsMatch(Raw(p, "Content-Type")))) ? Difference.BrokenMediaType : Difference.Unexplained;
    }

    private static Difference OfFileName(MimePart part)
    {
        string raw = Raw(part, "Content-Disposition") + " " + Raw(part, "Content-Type");
        return IsEightBit(raw) ? Difference.EightBitHeader
            : raw.Contains("=?", StringComparison.Ordinal) || raw.Contains("name*", StringComparison.OrdinalIgnoreCase) || raw.Contains("name =", StringComparison.OrdinalIgnoreCase)
                || RightParameters().Count(raw) < raw.Count(static c => c == ';') ? Difference.BrokenFileName : Difference.Unexplained;
    }

    private static Difference OfContent(MimeMessage message, MimePart part)
    {
        string encoding = Raw(part, "Content-Transfer-Encoding").Trim();
        if (HasBrokenBoundary(message))
            return Difference.BrokenBoundary;
        if (Has(message, MimeDiagnosticCode.EncodedStructure))
            return Difference.EncodedStructure;
        string body = Encoding.Latin1.GetString(part.RawBody.Span);
        return encoding.ToLowerInvariant() switch
        {
            "base64" when !RightBase64().IsMatch(body) || body.Count(static c => c is not ('\r' or '\n' or ' ')) % 4 != 0 => Difference.BrokenBase64,
            "quoted-printable" when !RightQuotedPrintable().IsMatch(body) => Difference.BrokenQuotedPrintable,
            "7bit" or "8bit" or "binary" or "base64" or "quoted-printable" => Difference.Unexplained,
            "" when !part.Headers.Contains("Content-Transfer-Encoding") => Difference.Unexplained,
            _ => Difference.OtherTransferEncoding,
        };
    }

    private static bool HasBrokenBoundary(MimeMessage message) =>
        Has(message, MimeDiagnosticCode.BoundaryMissing, MimeDiagnosticCode.BoundaryGuessed, MimeDiagnosticCode.BoundaryNotFound, MimeDiagnosticCode.BoundaryTooLong,
            MimeDiagnosticCode.EndBoundaryMissing)
        || All(message).Any(static p => p.IsMultipart && (p.Parts.Count == 0 || p.ContentType.Boundary is { } b && p.Parent?.ContentType.Boundary is { } outer && (outer.StartsWith(b, StringComparison.Ordinal) || b.StartsWith(outer, StringComparison.Ordinal))));

    private static bool Has(MimeMessage message, params ReadOnlySpan<MimeDiagnosticCode> codes)
    {
        foreach (MimeDiagnostic diagnostic in message.Diagnostics)
        {
            if (codes.Contains(diagnostic.Code))
                return true;
        }

        return false;
    }

    private static IEnumerable<MimePart> All(MimeMessage message) =>
        message.AllParts().SelectMany(static part => part.EmbeddedMessage is { } embedded ? [part, .. All(embedded)] : (IEnumerable<MimePart>)[part]);

    private static string Raw(MimeMessage message, string header) => Raw(message.Root, header);

    private static string Raw(MimePart part, string header) =>
        part.Headers.TryGet(header, out Header field) ? Encoding.Latin1.GetString(field.RawValue.Span).Replace("\r\n", string.Empty, StringComparison.Ordinal) : string.Empty;

    private static bool IsEightBit(string raw) => raw.Any(static c => c > 126);

    private static string? Words(string? text) => text is null ? null : string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static bool Same(string[]? one, string[]? other) => (one ?? []).SequenceEqual(other ?? []);

    private static string List(string[]? items) => string.Join(", ", items ?? []);

    private static string Types(MessageFacts facts) => string.Join(' ', facts.Parts.Select(static p => p.Type));

    [GeneratedRegex(@"=\?[\w-]+\?[bBqQ]\?[^? <>@,:;()]*\?=")]
    private static partial Regex EncodedWord();

    [GeneratedRegex("""^\s*((("[^"\\<>]*"|[\w !#$%&'*+/=?^`{|}~-]+)\s*<[\w!#$%&'*+/=?^`{|}~-]+(\.[\w-]+)*@\w[\w-]*(\.[\w-]+)*>|[\w!#$%&'*+/=?^`{|}~-]+(\.[\w-]+)*@\w[\w-]*(\.[\w-]+)*)\s*(,\s*(?=\S)|$))+$""")]
    private static partial Regex RightAddresses();

    [GeneratedRegex(@"^\s*<[\w!#$%&'*+/=?^`{|}~.-]+@[\w.-]+>\s*$")]
    private static partial Regex RightMessageId();

    [GeneratedRegex(@"^\s*((Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (19|20)\d\d ([01]\d|2[0-3]):[0-5]\d:[0-5]\d [+-](0\d|1[0-4])[0-5]\d( \(\w+\))?\s*$")]
    private static partial Regex RightDate();

    [GeneratedRegex("""^\s*[\w.+-]+/[\w.+-]+\s*(;\s*[\w*-]+=("[^"]*"|[^\s;"()<>@,:\\/\[\]?=]+)\s*)*$""")]
    private static partial Regex RightMediaType();

    [GeneratedRegex("""; ?[\w-]+=("[^"\\;]*"|[^\s;"()<>@,:\\/\[\]?=]+)(?=;|\s|$)""")]
    private static partial Regex RightParameters();

    [GeneratedRegex(@"^([A-Za-z0-9+/\r\n]{0,79}\r\n)*[A-Za-z0-9+/\r\n]*={0,2}\s*$")]
    private static partial Regex RightBase64();

    [GeneratedRegex(@"^(=[0-9A-F]{2}|=\r?\n|[!-<>-~]|[ \t]+(?=[!-~])|\r?\n)*$")]
    private static partial Regex RightQuotedPrintable();
}
