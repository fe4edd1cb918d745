using System.Globalization;
using System.Text;

namespace EmailRouter.Mail.Pop3;

/// <summary>What a server can do beyond RFC 1939, as flags.</summary>
[Flags]
internal enum Pop3Features
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>TOP.</summary>
    Top = 1,

    /// <summary>UIDL.</summary>
    Uidl = 2,

    /// <summary>USER and PASS.</summary>
    User = 4,

    /// <summary>Commands may be sent before the answers to earlier ones were read (RFC 2449 6.6).</summary>
    Pipelining = 8,

    /// <summary>STLS (RFC 2595).</summary>
    Stls = 16,

    /// <summary>Extended response codes (RFC 2449 8).</summary>
    ResponseCodes = 32,

    /// <summary>The code AUTH tells bad credentials from other trouble (RFC 3206).</summary>
    AuthResponseCode = 64,

    /// <summary>UTF8 (RFC 6856).</summary>
    Utf8 = 128,
}

/// <summary>The answer to CAPA (RFC 2449 5).</summary>
internal sealed class Pop3Capabilities
{
    private readonly List<string> mechanisms = [];
    private readonly List<string> lines = [];

    /// <summary>Gets a value indicating whether the server answered CAPA at all. If not, features are found out by trying.</summary>
    public bool IsKnown { get; init; }

    /// <summary>Gets the features.</summary>
    public Pop3Features Features { get; private set; }

    /// <summary>Gets the SASL mechanisms.</summary>
    public IReadOnlyList<string> Mechanisms => mechanisms;

    /// <summary>Gets how long to wait between logins (RFC 2449 6.5); null when the server does not say.</summary>
    public TimeSpan? LoginDelay { get; private set; }

    /// <summary>Gets the server's name (RFC 2449 6.9); empty when it does not say.</summary>
    public string Implementation { get; private set; } = string.Empty;

    /// <summary>Tells whether the server has a feature.</summary>
    /// <param name="feature">The feature.</param>
    /// <returns>True when it announced it.</returns>
    public bool Has(Pop3Features feature) => (Features & feature) == feature;

    /// <summary>Takes one line of the answer.</summary>
    /// <param name="line">The line without its end.</param>
    public void Add(ReadOnlySpan<byte> line)
    {
        string text = Encoding.UTF8.GetString(line).Trim();
        if (text.Length == 0)
            return;
        lines.Add(text);
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Features |= words[0].ToUpperInvariant() switch
        {
            "TOP" => Pop3Features.Top,
            "UIDL" => Pop3Features.Uidl,
            "USER" => Pop3Features.User,
            "PIPELINING" => Pop3Features.Pipelining,
            "STLS" => Pop3Features.Stls,
            "RESP-CODES" => Pop3Features.ResponseCodes,
            "AUTH-RESP-CODE" => Pop3Features.AuthResponseCode,
            "UTF8" => Pop3Features.Utf8,
            _ => Pop3Features.None,
        };
        switch (words[0].ToUpperInvariant())
        {
            case "SASL":
                mechanisms.AddRange(words.Skip(1));
                break;
            case "LOGIN-DELAY" when words.Length > 1 && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int seconds):
                LoginDelay = TimeSpan.FromSeconds(seconds);
                break;
            case "IMPLEMENTATION":
                Implementation = text[words[0].Length..].Trim();
                break;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => IsKnown ? string.Join(", ", lines) : "CAPA is not supported";
}
