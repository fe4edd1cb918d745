using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Claims;

/// <summary>A token that a token service gave, with the key that proves whose it is.</summary>
/// <param name="token">The token as it came: for the CRM to read, mostly encrypted.</param>
/// <param name="reference">The <c>SecurityTokenReference</c> by which a message refers to a token that it carries.</param>
/// <param name="key">The key; a secret.</param>
/// <param name="renewOn">When the next is got.</param>
internal sealed class IssuedToken(string token, string reference, byte[] key, DateTimeOffset renewOn) : SoapLogin
{
    private const string What = "a token";
    private const string ComputedKeys = ClaimsNames.Trust + "/CK/PSHA1";
    private const int UsualKeyBits = 256;
    private const int MaxKeyBits = 4096;

    // What remains of a token when the next is got: so much, or a tenth of its life.
    private static readonly TimeSpan margin = TimeSpan.FromMinutes(5);

    /// <summary>Gets the token as it came.</summary>
    public string Token { get; } = token;

    /// <summary>Gets the <c>SecurityTokenReference</c> by which a message refers to it.</summary>
    public string Reference { get; } = reference;

    /// <summary>Gets the key that proves whose it is; a secret.</summary>
    public byte[] Key { get; } = key;

    /// <summary>Gets when the next is got, though it is not refused.</summary>
    public DateTimeOffset RenewOn { get; } = renewOn;

    /// <summary>Reads a token service's answer.</summary>
    /// <param name="body">The first element of the answer's body.</param>
    /// <param name="entropy">What this side contributed to the key.</param>
    /// <param name="address">The address of Organization.svc.</param>
    /// <param name="now">The time.</param>
    /// <returns>The token.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>.</exception>
    public static IssuedToken Read(XElement body, byte[] entropy, Uri address, DateTimeOffset now)
    {
        XElement answer = body.DescendantsAndSelf().FirstOrDefault(e => e.Name == XName.Get("RequestSecurityTokenResponse", ClaimsNames.Trust))
            ?? throw AnswerErrors.Unreadable(What, $"it is {body.Name.LocalName} and no answer of WS-Trust 1.3");
        XElement token = answer.Child("RequestedSecurityToken")?.Elements().FirstOrDefault() ?? throw AnswerErrors.Unreadable(What, "it has no token");
        XElement reference = answer.Child("RequestedAttachedReference")?.Elements().FirstOrDefault()
            ?? answer.Child("RequestedUnattachedReference")?.Elements().FirstOrDefault()
            ?? throw AnswerErrors.Unreadable(What, "it has no reference to the token");
        return new IssuedToken(AsItCame(token), AsItCame(reference), KeyOf(answer, entropy), RenewOnOf(answer.Child("Lifetime"), now)) { Address = address };
    }

    /// <summary>Computes a key of what both sides contributed: P_SHA-1 of RFC 2246 section 5, as WS-Trust 1.3 section 4.4.4 takes it.</summary>
    /// <param name="secret">What this side contributed.</param>
    /// <param name="seed">What the token service contributed.</param>
    /// <param name="length">The length in bytes.</param>
    /// <returns>The key.</returns>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "WS-Trust 1.3 defines computed keys so.")]
    public static byte[] ComputeKey(byte[] secret, byte[] seed, int length)
    {
        byte[] key = new byte[length], a = seed;
        for (int at = 0; at < length;)
        {
            a = HMACSHA1.HashData(secret, a);
            byte[] both = [.. a, .. seed];
            byte[] piece = HMACSHA1.HashData(secret, both);
            int some = Math.Min(piece.Length, length - at);
            piece.AsSpan(0, some).CopyTo(key.AsSpan(at));
            at += some;
        }

        return key;
    }

    private static byte[] KeyOf(XElement answer, byte[] entropy)
    {
        XElement? proof = answer.Child("RequestedProofToken");
        if (proof?.Child("BinarySecret") is { } whole)
            return Bytes(whole);
        if (proof?.Child("ComputedKey")?.Value.Trim() is { } way && way != ComputedKeys)
            throw AnswerErrors.Unreadable(What, $"its key is computed by {FaultTable.Cut(way)}, which is not known");

        // Who neither gives a key nor contributes to one takes that of this side (WS-Trust 1.3 section 4.4.5).
        if (answer.Child("Entropy")?.Child("BinarySecret") is not { } other)
            return proof is null ? entropy : throw AnswerErrors.Unreadable(What, "it has no key");
        string? stated = answer.Child("KeySize")?.Value.Trim();
        int bits = int.TryParse(stated, NumberStyles.None, CultureInfo.InvariantCulture, out int size) ? size : UsualKeyBits;
        return bits is > 0 and <= MaxKeyBits && bits % 8 == 0 ? ComputeKey(entropy, Bytes(other), bits / 8)
            : throw AnswerErrors.Unreadable(What, $"no key has {bits} bits");
    }

    private static byte[] Bytes(XElement secret)
    {
        try
        {
            byte[] bytes = Convert.FromBase64String(secret.Value);
            return bytes.Length > 0 ? bytes : throw AnswerErrors.Unreadable(What, "its key is empty");
        }
        catch (FormatException e)
        {
            throw AnswerErrors.Unreadable(What, "its key is no base64", e);
        }
    }

    /// <summary>How long it is good for is measured on the token service's clock; one whose end is not said is used until it is refused.</summary>
    private static DateTimeOffset RenewOnOf(XElement? lifetime, DateTimeOffset now)
    {
        if (Time(lifetime?.Child("Created")) is not { } created || Time(lifetime?.Child("Expires")) is not { } expires || expires <= created)
            return DateTimeOffset.MaxValue;
        TimeSpan life = expires - created;
        TimeSpan used = life - (life / 10 < margin ? life / 10 : margin);
        return used < DateTimeOffset.MaxValue - now ? now + used : DateTimeOffset.MaxValue;
    }

    private static DateTimeOffset? Time(XElement? element) => DateTimeOffset.TryParse(
        element?.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowWhiteSpaces, out DateTimeOffset time) ? time : null;

    /// <summary>A signature within must stay good, so nothing is set otherwise, and prefixes that only values use are taken along.</summary>
    private static string AsItCame(XElement element)
    {
        var copy = new XElement(element);
        foreach (XAttribute declaration in element.Ancestors().Attributes().Where(a => a.IsNamespaceDeclaration && a.Name.LocalName != "xmlns"))
        {
            if (copy.Attribute(declaration.Name) is null)
                copy.Add(new XAttribute(declaration));
        }

        return copy.ToString(SaveOptions.DisableFormatting);
    }
}
