namespace EmailRouter.Mail.Sieve;

/// <summary>The kinds of <see cref="SieveToken"/>.</summary>
internal enum SieveTokenKind
{
    /// <summary>A word without quotes, e.g. <c>OK</c>.</summary>
    Atom,

    /// <summary>A quoted string or a literal.</summary>
    String,

    /// <summary>An opening parenthesis.</summary>
    Open,

    /// <summary>A closing parenthesis.</summary>
    Close,
}

/// <summary>A token of a response (RFC 5804 4).</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Text">The text, without quotes and escapes.</param>
internal readonly record struct SieveToken(SieveTokenKind Kind, string Text);
