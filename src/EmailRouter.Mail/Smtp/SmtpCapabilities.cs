using System.Globalization;

namespace EmailRouter.Mail.Smtp;

/// <summary>The service extensions of a server, as flags.</summary>
[Flags]
internal enum SmtpFeatures
{
    /// <summary>Nothing beyond RFC 5321.</summary>
    None = 0,

    /// <summary>RFC 2920.</summary>
    Pipelining = 1,

    /// <summary>RFC 1870.</summary>
    Size = 2,

    /// <summary>RFC 3207.</summary>
    StartTls = 4,

    /// <summary>RFC 4954.</summary>
    Auth = 8,

    /// <summary>RFC 2034.</summary>
    EnhancedStatusCodes = 16,

    /// <summary>RFC 6152.</summary>
    EightBitMime = 32,

    /// <summary>RFC 6531.</summary>
    SmtpUtf8 = 64,

    /// <summary>RFC 3461.</summary>
    Dsn = 128,

    /// <summary>RFC 3030.</summary>
    Chunking = 256,

    /// <summary>RFC 3030 3: any bytes, in chunks.</summary>
    BinaryMime = 512,
}

/// <summary>The answer to EHLO.</summary>
internal sealed class SmtpCapabilities
{
    private readonly List<string> mechanisms = [];
    private readonly List<string> lines = [];

    /// <summary>Initializes a new instance of the <see cref="SmtpCapabilities"/> class.</summary>
    /// <param name="ehlo">The positive answer to EHLO; null after HELO.</param>
    public SmtpCapabilities(SmtpResponse? ehlo)
    {
        // The first line greets, the others name one extension each.
        foreach (string line in (ehlo?.Lines ?? []).Skip(1))
            Add(line);
    }

    /// <summary>Gets the extensions.</summary>
    public SmtpFeatures Features { get; private set; }

    /// <summary>Gets the SASL mechanisms.</summary>
    public IReadOnlyList<string> Mechanisms => mechanisms;

    /// <summary>Gets the largest message the server takes, in bytes; null when it does not say.</summary>
    public long? MaximumSize { get; private set; }

    /// <summary>Gets the most recipients of one transaction (RFC 9422); null when the server does not say.</summary>
    public int? MaximumRecipients { get; private set; }

    /// <summary>Gets the most transactions of one connection (RFC 9422); null when the server does not say.</summary>
    public int? MaximumMessages { get; private set; }

    /// <summary>Tells whether the server has an extension.</summary>
    /// <param name="feature">The extension.</param>
    /// <returns>True when it announced it.</returns>
    public bool Has(SmtpFeatures feature) => (Features & feature) == feature;

    /// <inheritdoc/>
    public override string ToString() => lines.Count > 0 ? string.Join(", ", lines) : "no extensions";

    private void Add(string line)
    {
        if (line.Length == 0)
            return;
        lines.Add(line);
        string[] words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        string name = words[0].ToUpperInvariant();

        // "AUTH=LOGIN PLAIN" is the spelling of drafts, X-EXPS that of old Exchange (MailKit #603).
        if (name.StartsWith("AUTH=", StringComparison.Ordinal) || name.StartsWith("X-EXPS=", StringComparison.Ordinal))
        {
            words = [name[..name.IndexOf('=', StringComparison.Ordinal)], words[0][(name.IndexOf('=', StringComparison.Ordinal) + 1)..], .. words[1..]];
            name = words[0];
        }

        switch (name)
        {
            case "PIPELINING":
                Features |= SmtpFeatures.Pipelining;
                break;
            case "SIZE":
                Features |= SmtpFeatures.Size;
                if (words.Length > 1 && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long size) && size > 0)
                    MaximumSize = size;
                break;
            case "STARTTLS":
                Features |= SmtpFeatures.StartTls;
                break;
            case "AUTH" or "X-EXPS":
                Features |= SmtpFeatures.Auth;
                mechanisms.AddRange(words.Skip(1).Where(w => w.Length > 0));
                break;
            case "ENHANCEDSTATUSCODES":
                Features |= SmtpFeatures.EnhancedStatusCodes;
                break;
            case "8BITMIME":
                Features |= SmtpFeatures.EightBitMime;
                break;
            case "SMTPUTF8":
                Features |= SmtpFeatures.SmtpUtf8;
                break;
            case "DSN":
                Features |= SmtpFeatures.Dsn;
                break;
            case "BINARYMIME":
                Features |= SmtpFeatures.BinaryMime;
                break;
            case "CHUNKING":
                Features |= SmtpFeatures.Chunking;
                break;
            case "LIMITS":
                MaximumRecipients = Limit(words, "RCPTMAX=");
                MaximumMessages = Limit(words, "MAILMAX=");
                break;
        }
    }

    private static int? Limit(string[] words, string name)
    {
        string? word = Array.Find(words, w => w.StartsWith(name, StringComparison.OrdinalIgnoreCase));
        return int.TryParse(word.AsSpan(word is null ? 0 : name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0
            ? value
            : null;
    }
}
