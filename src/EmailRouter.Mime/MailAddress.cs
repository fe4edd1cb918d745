using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using EmailRouter.Mime.Headers;

namespace EmailRouter.Mime;

/// <summary>A mailbox of RFC 5322 3.4: an address, perhaps with a name to show.</summary>
/// <param name="DisplayName">The decoded name, or null.</param>
/// <param name="Address">
/// The address as it was sent, e.g. <c>ann@example.com</c>. Read leniently it may be less than that (<c>root</c>); <see cref="IsValid"/> tells.
/// </param>
public sealed record MailAddress(string? DisplayName, string Address)
{
    private static readonly IdnMapping Idn = new() { AllowUnassigned = true, UseStd3AsciiRules = false };

    /// <summary>Initializes a new instance of the <see cref="MailAddress"/> class without a name.</summary>
    /// <param name="address">The address.</param>
    public MailAddress(string address)
        : this(null, address)
    {
    }

    /// <summary>Gets what stands before the last <c>@</c>; the whole address when there is none.</summary>
    public string LocalPart => Address.LastIndexOf('@') is >= 0 and int at ? Address[..at] : Address;

    /// <summary>Gets what stands behind the last <c>@</c>; empty when there is none.</summary>
    public string Domain => Address.LastIndexOf('@') is >= 0 and int at ? Address[(at + 1)..] : string.Empty;

    /// <summary>Gets a value indicating whether the address is one that mail can be sent to (<see cref="IsValidAddrSpec"/>).</summary>
    public bool IsValid => IsValidAddrSpec(Address);

    /// <summary>Gets a value indicating whether the part before the <c>@</c> needs SMTPUTF8 (RFC 6531).</summary>
    public bool RequiresSmtpUtf8 => !Ascii.IsValid(LocalPart);

    /// <summary>Reads a list of addresses leniently: names without quotes, semicolons, missing brackets, comments, groups, routes.</summary>
    /// <param name="text">The list, e.g. the value of a To header or what a user typed.</param>
    /// <returns>The addresses, members of groups included; empty when there are none. Duplicates stay.</returns>
    public static IReadOnlyList<MailAddress> ParseList(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parser = new AddressParser(MimeLimits.Default, null);
        parser.Read(text, 0);
        return parser.Addresses;
    }

    /// <summary>Reads one address.</summary>
    /// <param name="text">The address, with or without a name.</param>
    /// <param name="address">The address.</param>
    /// <returns>Whether the text holds exactly one address and that is valid.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out MailAddress? address)
    {
        address = null;
        if (string.IsNullOrWhiteSpace(text) || ParseList(text) is not [var only] || !only.IsValid)
            return false;
        address = only;
        return true;
    }

    /// <summary>
    /// Tells whether a text is an address that mail can be sent to: a local part of at most 64 bytes (dot-atom or quoted string, also of UTF-8 as in RFC 6531)
    /// and a domain name or a literal in brackets, at most 254 bytes together, no control characters.
    /// </summary>
    /// <param name="address">The text.</param>
    /// <returns>Whether it is one.</returns>
    public static bool IsValidAddrSpec([NotNullWhen(true)] string? address)
    {
        int at = address?.LastIndexOf('@') ?? -1;
        if (address is null || at < 1 || at == address.Length - 1 || Encoding.UTF8.GetByteCount(address) > 254)
            return false;
        ReadOnlySpan<char> local = address.AsSpan(0, at);
        return Encoding.UTF8.GetByteCount(local) <= 64 && IsLocalPart(local) && IsDomain(address.AsSpan(at + 1));
    }

    /// <summary>Gets the address with its domain in the form of the DNS (RFC 5891, <c>xn--</c>).</summary>
    /// <returns>The address; unchanged when the domain cannot be converted.</returns>
    public string ToAsciiDomain() => MapDomain(static domain => Idn.GetAscii(domain));

    /// <summary>Gets the address with its domain in the form people read.</summary>
    /// <returns>The address; unchanged when the domain cannot be converted.</returns>
    public string ToUnicodeDomain() => MapDomain(static domain => Idn.GetUnicode(domain));

    /// <summary>Compares the addresses alone, without regard to case and to the form of the domain.</summary>
    /// <param name="other">The other address.</param>
    /// <returns>Whether mail to both goes to the same mailbox, as far as can be told.</returns>
    public bool IsSameMailbox(MailAddress? other) =>
        other is not null && (Address.Equals(other.Address, StringComparison.OrdinalIgnoreCase)
        || ToAsciiDomain().Equals(other.ToAsciiDomain(), StringComparison.OrdinalIgnoreCase));

    /// <summary>Formats for people: <c>"Smith, Ann" &lt;ann@example.com&gt;</c>. Parsing it gives an equal address.</summary>
    /// <returns>One line without control characters.</returns>
    public override string ToString()
    {
        string address = HeaderText.Clean(Address);
        string name = HeaderText.Clean(DisplayName ?? string.Empty);
        if (string.IsNullOrWhiteSpace(name))
            return address;
        return $"{(NeedsQuotes(name) ? Quote(name) : name)} <{address}>";
    }

    internal static string Quote(string text) =>
        string.Concat("\"", text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal), "\"");

    internal static bool IsAtomCharacter(char character) =>
        character is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or >= '\x80'
            or '!' or '#' or '$' or '%' or '&' or '\'' or '*' or '+' or '-' or '/' or '=' or '?' or '^' or '_' or '`' or '{' or '|' or '}' or '~';

    private static bool NeedsQuotes(string name)
    {
        if (name.Contains("=?", StringComparison.Ordinal) || name[0] == ' ' || name[^1] == ' ' || name.Contains("  ", StringComparison.Ordinal))
            return true;
        foreach (char character in name)
        {
            if (character != ' ' && !IsAtomCharacter(character))
                return true;
        }

        return false;
    }

    private static bool IsLocalPart(ReadOnlySpan<char> local)
    {
        if (local[0] == '"')
            return IsQuotedString(local);
        bool dot = true;
        foreach (char character in local)
        {
            if (character == '.' ? dot : !IsAtomCharacter(character) || char.IsControl(character) || char.IsWhiteSpace(character)
                || char.IsSurrogate(character))
                return false;
            dot = character == '.';
        }

        return !dot;
    }

    private static bool IsQuotedString(ReadOnlySpan<char> local)
    {
        if (local.Length < 3 || local[^1] != '"')
            return false;
        for (int i = 1; i < local.Length - 1; i++)
        {
            if (char.IsControl(local[i]) || char.IsSurrogate(local[i]) || local[i] == '"')
                return false;
            if (local[i] == '\\' && (++i == local.Length - 1 || char.IsControl(local[i]) || char.IsSurrogate(local[i])))
                return false;
        }

        return true;
    }

    private static bool IsDomain(ReadOnlySpan<char> domain)
    {
        if (domain[0] == '[')
        {
            if (domain.Length < 3 || domain[^1] != ']')
                return false;
            foreach (char character in domain[1..^1])
            {
                if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or ':' or '-'))
                    return false;
            }

            return true;
        }

        while (true)
        {
            int dot = domain.IndexOf('.');
            ReadOnlySpan<char> label = dot < 0 ? domain : domain[..dot];
            if (label.IsEmpty || label.Length > 63 || label[0] == '-' || label[^1] == '-')
                return false;
            foreach (char character in label)
            {
                // Underscores are no host names and occur.
                bool international = character >= '\x80' && !char.IsControl(character) && !char.IsWhiteSpace(character) && !char.IsSurrogate(character)
                    && char.GetUnicodeCategory(character) != UnicodeCategory.Format;
                if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_') && !international)
                    return false;
            }

            if (dot < 0)
                return true;
            domain = domain[(dot + 1)..];
        }
    }

    private string MapDomain(Func<string, string> map)
    {
        string domain = Domain;
        if (domain.Length == 0 || domain[0] == '[')
            return Address;
        try
        {
            return string.Concat(LocalPart, "@", map(domain));
        }
        catch (ArgumentException)
        {
            // Not a domain name in either form; it is the domain's owner who has to know it.
            return Address;
        }
    }
}
