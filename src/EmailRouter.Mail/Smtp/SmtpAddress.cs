using System.Globalization;
using System.Text;

namespace EmailRouter.Mail.Smtp;

/// <summary>An envelope address as it may stand in MAIL and RCPT (RFC 5321 4.1.2, RFC 6531 3.3).</summary>
/// <param name="Wire">The address with its domain in A-labels; empty for the null reverse path.</param>
/// <param name="NeedsUtf8">Whether the local part is beyond ASCII, so that only SMTPUTF8 can carry it.</param>
internal readonly record struct SmtpAddress(string Wire, bool NeedsUtf8)
{
    /// <summary>RFC 5321 4.5.3.1.3 limits a path to 256 octets with its brackets.</summary>
    private const int LongestWire = 254;

    private static readonly IdnMapping Idn = new();

    /// <summary>Reads an address.</summary>
    /// <param name="text">The address without angle brackets.</param>
    /// <param name="address">The address.</param>
    /// <param name="error">What is wrong with it.</param>
    /// <returns>False when it cannot stand in a command.</returns>
    public static bool TryParse(string text, out SmtpAddress address, out string error)
    {
        address = default;
        int at = EndOfLocalPart(text, out error);
        if (at < 0)
            return false;
        string domain = text[(at + 1)..];
        if (!TryDomain(domain, out string ascii))
        {
            error = $"the domain \"{Printable(domain)}\" is not valid";
            return false;
        }

        string wire = text[..(at + 1)] + ascii;
        if (Encoding.UTF8.GetByteCount(wire) > LongestWire)
        {
            error = $"it is longer than {LongestWire} bytes";
            return false;
        }

        address = new SmtpAddress(wire, !Ascii.IsValid(wire.AsSpan(0, at)));
        return true;
    }

    /// <summary>Encodes a parameter of the DSN extension (RFC 3461 4, xtext).</summary>
    /// <param name="text">The value; ASCII.</param>
    /// <returns>The encoded value.</returns>
    public static string XText(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= 33 and <= 126 and not ((byte)'+' or (byte)'='))
                encoded.Append((char)b);
            else
                encoded.Append(CultureInfo.InvariantCulture, $"+{b:X2}");
        }

        return encoded.ToString();
    }

    /// <summary>Shows a text without control characters.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The same, with a question mark for each control character.</returns>
    public static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));

    private static int EndOfLocalPart(string text, out string error)
    {
        error = string.Empty;
        if (text.Length == 0)
        {
            error = "it is empty";
            return -1;
        }

        int at = text[0] == '"' ? EndOfQuotedString(text) : text.IndexOf('@', StringComparison.Ordinal);
        if (at <= 0 || at >= text.Length || text[at] != '@')
        {
            error = "it is not of the form local-part@domain";
            return -1;
        }

        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool quoted = text[0] == '"' && i < at;

            // A line break would be a second command, a bracket the end of this one.
            if (char.IsControl(c) || (!quoted && (c is ' ' or '<' or '>' or '"' or '\\' or ',' or ';' or '(' or ')' || char.IsWhiteSpace(c))))
            {
                error = $"it holds a character that may not stand there (U+{(int)c:X4})";
                return -1;
            }
        }

        return at;
    }

    private static int EndOfQuotedString(string text)
    {
        for (int i = 1; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                return i + 1;
        }

        return -1;
    }

    private static bool TryDomain(string domain, out string ascii)
    {
        ascii = domain;
        if (domain.Length == 0 || domain.Contains('@', StringComparison.Ordinal))
            return false;
        if (domain[0] == '[')
            return domain[^1] == ']' && domain.Length > 2;
        if (!Ascii.IsValid(domain))
        {
            try
            {
                ascii = Idn.GetAscii(domain);
            }
            catch (ArgumentException)
            {
                return false;
            }
        }

        return ascii.Length <= 253
            && ascii.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')
            && !ascii.StartsWith('.') && !ascii.Contains("..", StringComparison.Ordinal);
    }
}
