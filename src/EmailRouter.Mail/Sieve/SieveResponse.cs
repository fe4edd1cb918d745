namespace EmailRouter.Mail.Sieve;

/// <summary>A whole response (RFC 5804 1.2, 1.3): lines of data, then OK, NO or BYE.</summary>
/// <param name="Status"><c>OK</c>, <c>NO</c> or <c>BYE</c>.</param>
/// <param name="Code">The response code in upper case, e.g. <c>QUOTA/MAXSIZE</c>; empty when there is none.</param>
/// <param name="CodeArguments">The strings behind the code, e.g. the SASL data.</param>
/// <param name="Text">The human-readable text.</param>
/// <param name="Data">The lines before.</param>
internal sealed record SieveResponse(
    string Status, string Code, IReadOnlyList<string> CodeArguments, string Text, IReadOnlyList<IReadOnlyList<SieveToken>> Data)
{
    /// <summary>Gets a value indicating whether the server did what was asked.</summary>
    public bool IsOk => Status == "OK";

    /// <summary>Reads the last line of a response.</summary>
    /// <param name="line">The tokens of the line.</param>
    /// <param name="data">The lines before.</param>
    /// <param name="response">The response.</param>
    /// <returns>False when the line is no last line.</returns>
    public static bool TryParse(IReadOnlyList<SieveToken> line, IReadOnlyList<IReadOnlyList<SieveToken>> data, out SieveResponse? response)
    {
        response = null;
        if (line.Count == 0 || line[0].Kind != SieveTokenKind.Atom)
            return false;
        string status = line[0].Text.ToUpperInvariant();
        if (status is not ("OK" or "NO" or "BYE"))
            return false;
        string code = string.Empty;
        var arguments = new List<string>();
        int next = 1;
        if (next < line.Count && line[next].Kind == SieveTokenKind.Open)
        {
            for (next++; next < line.Count && line[next].Kind != SieveTokenKind.Close; next++)
            {
                if (code.Length == 0)
                    code = line[next].Text.ToUpperInvariant();
                else
                    arguments.Add(line[next].Text);
            }

            next++;
        }

        // The text is a string; some servers leave the quotes out.
        string text = string.Join(' ', line.Skip(next).Select(t => t.Text));
        response = new SieveResponse(status, code, arguments, text, data);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        Status + (Code.Length > 0 ? $" ({string.Join(' ', CodeArguments.Prepend(Code))})" : string.Empty) + (Text.Length > 0 ? $" \"{Text}\"" : string.Empty);
}
