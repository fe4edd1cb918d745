namespace EmailRouter.Mail.Imap;

/// <summary>The kinds of <see cref="ImapToken"/>.</summary>
internal enum ImapTokenKind
{
    /// <summary>The end of the line.</summary>
    End,

    /// <summary>A word or number.</summary>
    Atom,

    /// <summary>A string in quotes.</summary>
    Quoted,

    /// <summary>A string whose bytes follow the line (RFC 9051 4.3); they must be read before the next token.</summary>
    Literal,

    /// <summary>NIL.</summary>
    Nil,

    /// <summary>An opening parenthesis.</summary>
    Open,

    /// <summary>A closing parenthesis.</summary>
    Close,
}

/// <summary>One token of a response.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Start">Where it begins in the line.</param>
/// <param name="Length">Its bytes in the line; for a literal those that follow the line.</param>
internal readonly record struct ImapToken(ImapTokenKind Kind, int Start, long Length);
