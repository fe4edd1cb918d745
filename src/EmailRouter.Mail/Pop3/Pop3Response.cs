using System.Text;

namespace EmailRouter.Mail.Pop3;

/// <summary>A status line of POP3 (RFC 1939 3), with the extended response code of RFC 2449 8 where there is one.</summary>
/// <param name="Status">The kind of line.</param>
/// <param name="Code">The response code without brackets, upper case, e.g. <c>SYS/TEMP</c>; empty when there is none.</param>
/// <param name="Text">The rest of the line.</param>
internal readonly record struct Pop3Response(Pop3Status Status, string Code, string Text)
{
    /// <summary>Gets a value indicating whether the server said yes.</summary>
    public bool IsOk => Status == Pop3Status.Ok;

    /// <summary>Reads a status line.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="response">The response.</param>
    /// <returns>False when the line is no status line.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out Pop3Response response)
    {
        Pop3Status status;
        ReadOnlySpan<byte> rest;
        if (Starts(line, "+OK"u8))
        {
            status = Pop3Status.Ok;
            rest = line[3..];
        }
        else if (Starts(line, "-ERR"u8))
        {
            status = Pop3Status.Error;
            rest = line[4..];
        }
        else if (line.Length > 0 && line[0] == (byte)'+' && (line.Length == 1 || line[1] == (byte)' '))
        {
            status = Pop3Status.Continue;
            rest = line[1..];
        }
        else
        {
            response = default;
            return false;
        }

        if (rest.IsEmpty)
        {
            response = new Pop3Response(status, string.Empty, string.Empty);
            return true;
        }

        string text = Encoding.UTF8.GetString(rest).Trim();
        string code = string.Empty;
        if (status != Pop3Status.Continue && text.Length > 2 && text[0] == '[' && text.IndexOf(']', StringComparison.Ordinal) is > 1 and int close)
        {
            code = text[1..close].Trim().ToUpperInvariant();
            text = text[(close + 1)..].TrimStart();
        }

        response = new Pop3Response(status, code, text);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string status = Status switch
        {
            Pop3Status.Ok => "+OK",
            Pop3Status.Error => "-ERR",
            _ => "+",
        };
        return (Code.Length > 0 ? $"{status} [{Code}] {Text}" : $"{status} {Text}").TrimEnd();
    }

    /// <summary>Some servers write the indicator in lower case, though RFC 1939 3 demands upper case.</summary>
    private static bool Starts(ReadOnlySpan<byte> line, ReadOnlySpan<byte> indicator) =>
        line.Length >= indicator.Length
        && Ascii.EqualsIgnoreCase(line[..indicator.Length], indicator)
        && (line.Length == indicator.Length || line[indicator.Length] is (byte)' ' or (byte)'\t');
}

/// <summary>The kinds of status lines.</summary>
internal enum Pop3Status
{
    /// <summary><c>+OK</c>.</summary>
    Ok,

    /// <summary><c>-ERR</c>.</summary>
    Error,

    /// <summary><c>+ </c>: the server asks on within a SASL exchange (RFC 5034).</summary>
    Continue,
}
