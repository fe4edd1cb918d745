using System.Globalization;

namespace EmailRouter.Mail.Sieve;

/// <summary>What a ManageSieve server announces (RFC 5804 1.7).</summary>
public sealed record SieveCapabilities
{
    /// <summary>Gets the server's own name and version.</summary>
    public string Implementation { get; init; } = string.Empty;

    /// <summary>Gets the version of the protocol; <c>1.0</c> has CHECKSCRIPT, RENAMESCRIPT and NOOP. Empty for servers from before RFC 5804.</summary>
    public string Version { get; init; } = string.Empty;

    /// <summary>Gets the Sieve extensions that scripts may require, e.g. <c>copy</c>.</summary>
    public IReadOnlyList<string> Extensions { get; init; } = [];

    /// <summary>Gets the SASL mechanisms; none before TLS means that TLS must come first.</summary>
    public IReadOnlyList<string> Mechanisms { get; init; } = [];

    /// <summary>Gets a value indicating whether the connection can be upgraded to TLS.</summary>
    public bool StartTls { get; init; }

    /// <summary>Gets the most redirects of one script; null when the server does not say.</summary>
    public int? MaximumRedirects { get; init; }

    /// <summary>Tells whether scripts may require an extension.</summary>
    /// <param name="extension">The name.</param>
    /// <returns>True when it was announced.</returns>
    public bool Has(string extension) => Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override string ToString() => $"{Implementation}; SASL {string.Join(' ', Mechanisms)}; Sieve {string.Join(' ', Extensions)}".TrimStart(' ', ';');

    /// <summary>Reads the lines of a capability response.</summary>
    /// <param name="lines">The lines.</param>
    /// <returns>What was announced.</returns>
    internal static SieveCapabilities Read(IReadOnlyList<IReadOnlyList<SieveToken>> lines)
    {
        var result = new SieveCapabilities();
        foreach (IReadOnlyList<SieveToken> line in lines)
        {
            string value = line.Count > 1 ? line[1].Text : string.Empty;
            string[] words = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            result = line[0].Text.ToUpperInvariant() switch
            {
                "IMPLEMENTATION" => result with { Implementation = value },
                "VERSION" => result with { Version = value },
                "SIEVE" => result with { Extensions = words },
                "SASL" => result with { Mechanisms = words },
                "STARTTLS" => result with { StartTls = true },
                "MAXREDIRECTS" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int most) =>
                    result with { MaximumRedirects = most },
                _ => result,
            };
        }

        return result;
    }
}
