namespace EmailRouter.Mail.Imap;

/// <summary>What a server can do, as flags.</summary>
[Flags]
internal enum ImapFeatures
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>IMAP4rev1 (RFC 3501).</summary>
    Rev1 = 1,

    /// <summary>IMAP4rev2 (RFC 9051).</summary>
    Rev2 = 1 << 1,

    /// <summary>STARTTLS.</summary>
    StartTls = 1 << 2,

    /// <summary>The command LOGIN is forbidden.</summary>
    LoginDisabled = 1 << 3,

    /// <summary>SASL-IR (RFC 4959): the first SASL message goes with the command.</summary>
    SaslInitialResponse = 1 << 4,

    /// <summary>LITERAL+ (RFC 7888): literals need no leave.</summary>
    LiteralPlus = 1 << 5,

    /// <summary>LITERAL- (RFC 7888): literals up to 4096 bytes need no leave.</summary>
    LiteralMinus = 1 << 6,

    /// <summary>ENABLE (RFC 5161).</summary>
    Enable = 1 << 7,

    /// <summary>ID (RFC 2971).</summary>
    Id = 1 << 8,

    /// <summary>NAMESPACE (RFC 2342).</summary>
    Namespace = 1 << 9,

    /// <summary>SPECIAL-USE (RFC 6154).</summary>
    SpecialUse = 1 << 10,

    /// <summary>IDLE (RFC 2177).</summary>
    Idle = 1 << 11,

    /// <summary>UIDPLUS (RFC 4315).</summary>
    UidPlus = 1 << 12,

    /// <summary>MOVE (RFC 6851).</summary>
    Move = 1 << 13,

    /// <summary>ESEARCH (RFC 4731).</summary>
    ExtendedSearch = 1 << 14,

    /// <summary>CONDSTORE (RFC 7162).</summary>
    CondStore = 1 << 15,

    /// <summary>QRESYNC (RFC 7162).</summary>
    QuickResync = 1 << 16,

    /// <summary>UTF8=ACCEPT or UTF8=ONLY (RFC 6855).</summary>
    Utf8 = 1 << 17,

    /// <summary>COMPRESS=DEFLATE (RFC 4978).</summary>
    Deflate = 1 << 18,

    /// <summary>NOTIFY (RFC 5465).</summary>
    Notify = 1 << 19,
}

/// <summary>What a server announces (RFC 9051 7.2.2).</summary>
internal sealed class ImapCapabilities
{
    private readonly List<string> mechanisms = [];
    private readonly string text;

    /// <summary>Initializes a new instance of the <see cref="ImapCapabilities"/> class.</summary>
    /// <param name="text">The names, separated by blanks.</param>
    public ImapCapabilities(string text)
    {
        this.text = text;
        string before = string.Empty;
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = word.ToUpperInvariant();
            if (name is "+" or "-" && before == "LITERAL")
                name = before + name;       // "LITERAL +" with a blank (MailKit #1654)
            if (name.StartsWith("AUTH=", StringComparison.Ordinal))
                mechanisms.Add(word[5..]);
            Features |= Feature(name);
            before = name;
        }
    }

    /// <summary>Gets what is known before the server has said anything.</summary>
    public static ImapCapabilities None { get; } = new(string.Empty);

    /// <summary>Gets the features.</summary>
    public ImapFeatures Features { get; }

    /// <summary>Gets the SASL mechanisms.</summary>
    public IReadOnlyList<string> Mechanisms => mechanisms;

    /// <summary>Tells whether the server has a feature; those of IMAP4rev2 come with it once it is enabled (RFC 9051 appendix E).</summary>
    /// <param name="feature">The feature.</param>
    /// <returns>True when it has it.</returns>
    public bool Has(ImapFeatures feature) => (Features & feature) == feature;

    /// <inheritdoc/>
    public override string ToString() => text;

    private static ImapFeatures Feature(string name) => name switch
    {
        "IMAP4REV1" => ImapFeatures.Rev1,
        "IMAP4REV2" => ImapFeatures.Rev2 | ImapFeatures.Enable | ImapFeatures.Namespace | ImapFeatures.Idle | ImapFeatures.UidPlus
            | ImapFeatures.Move | ImapFeatures.ExtendedSearch | ImapFeatures.LiteralMinus | ImapFeatures.SaslInitialResponse,
        "STARTTLS" => ImapFeatures.StartTls,
        "LOGINDISABLED" => ImapFeatures.LoginDisabled,
        "SASL-IR" => ImapFeatures.SaslInitialResponse,
        "LITERAL+" => ImapFeatures.LiteralPlus,
        "LITERAL-" => ImapFeatures.LiteralMinus,
        "ENABLE" => ImapFeatures.Enable,
        "ID" => ImapFeatures.Id,
        "NAMESPACE" => ImapFeatures.Namespace,
        "SPECIAL-USE" => ImapFeatures.SpecialUse,
        "IDLE" => ImapFeatures.Idle,
        "UIDPLUS" => ImapFeatures.UidPlus,
        "MOVE" => ImapFeatures.Move,
        "ESEARCH" => ImapFeatures.ExtendedSearch,
        "CONDSTORE" => ImapFeatures.CondStore,
        "QRESYNC" => ImapFeatures.QuickResync | ImapFeatures.CondStore,
        "UTF8=ACCEPT" or "UTF8=ONLY" => ImapFeatures.Utf8,
        "COMPRESS=DEFLATE" => ImapFeatures.Deflate,
        "NOTIFY" => ImapFeatures.Notify,
        _ => ImapFeatures.None,
    };
}
