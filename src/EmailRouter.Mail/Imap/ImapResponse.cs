using System.Text;

namespace EmailRouter.Mail.Imap;

/// <summary>A status response (RFC 9051 7.1) with its response code.</summary>
/// <param name="Status">The status.</param>
/// <param name="Code">The response code without brackets and arguments, upper case, e.g. <c>TRYCREATE</c>; empty when there is none.</param>
/// <param name="Arguments">The code's arguments.</param>
/// <param name="Text">The words for people.</param>
internal readonly record struct ImapResponse(ImapStatus Status, string Code, string Arguments, string Text)
{
    /// <summary>Gets a value indicating whether the server said yes.</summary>
    public bool IsOk => Status is ImapStatus.Ok or ImapStatus.Preauth;

    /// <summary>Reads a status response.</summary>
    /// <param name="line">The line behind the tag.</param>
    /// <param name="response">The response.</param>
    /// <returns>False when the line is none.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out ImapResponse response)
    {
        line = line.Trim(" \t"u8);
        int end = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = end < 0 ? line : line[..end];
        ImapStatus? status = word.Length switch
        {
            2 when Ascii.EqualsIgnoreCase(word, "OK"u8) => ImapStatus.Ok,
            2 when Ascii.EqualsIgnoreCase(word, "NO"u8) => ImapStatus.No,
            3 when Ascii.EqualsIgnoreCase(word, "BAD"u8) => ImapStatus.Bad,
            3 when Ascii.EqualsIgnoreCase(word, "BYE"u8) => ImapStatus.Bye,
            7 when Ascii.EqualsIgnoreCase(word, "PREAUTH"u8) => ImapStatus.Preauth,
            _ => null,
        };
        if (status is null)
        {
            response = default;
            return false;
        }

        string text = Encoding.UTF8.GetString(line[word.Length..]).Trim();
        string code = string.Empty;
        string arguments = string.Empty;
        if (text.StartsWith('[') && FindEnd(text) is > 1 and int close)
        {
            string inside = text[1..close].Trim();
            int blank = inside.IndexOf(' ', StringComparison.Ordinal);
            code = (blank < 0 ? inside : inside[..blank]).ToUpperInvariant();
            arguments = blank < 0 ? string.Empty : inside[(blank + 1)..].Trim();
            text = text[(close + 1)..].TrimStart();
        }

        response = new ImapResponse(status.Value, code, arguments, text);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string code = Code.Length == 0 ? string.Empty : Arguments.Length == 0 ? $"[{Code}] " : $"[{Code} {Arguments}] ";
        return $"{Status.ToString().ToUpperInvariant()} {code}{Text}".TrimEnd();
    }

    /// <summary>The end of a response code. Flags in parentheses may have brackets of their own (Gmail, MailKit #193).</summary>
    private static int FindEnd(string text)
    {
        int depth = 0;
        for (int i = 1; i < text.Length; i++)
        {
            if (text[i] == '(')
                depth++;
            else if (text[i] == ')')
                depth--;
            else if (text[i] == ']' && depth <= 0)
                return i;
        }

        return text.IndexOf(']', StringComparison.Ordinal);
    }
}

/// <summary>The status of <see cref="ImapResponse"/>.</summary>
internal enum ImapStatus
{
    /// <summary>Yes, or just news.</summary>
    Ok,

    /// <summary>The server will not.</summary>
    No,

    /// <summary>The server did not understand.</summary>
    Bad,

    /// <summary>A greeting: somebody is logged in already.</summary>
    Preauth,

    /// <summary>The server closes the connection.</summary>
    Bye,
}
