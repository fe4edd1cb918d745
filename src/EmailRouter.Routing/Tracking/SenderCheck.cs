using System.Buffers;
using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>The first stage: is there a sender whose address can be one.</summary>
internal static class SenderCheck
{
    private const int maxAddressLength = 320;

    // RFC 5322 section 3.2.3: specials that an atom cannot hold, and blanks.
    private static readonly SearchValues<char> specials = SearchValues.Create(" \t<>(),;:\\\"@");
    private static readonly SearchValues<char> specialsInLiteral = SearchValues.Create(" \t<>(),;\\\"@");

    public static bool Run(IncomingEmail email, EvidenceLog log)
    {
        if (email.From is null || string.IsNullOrWhiteSpace(email.From.Address))
        {
            log.Reject(TrackingRules.SenderAddress, "The message names no sender (From is missing or empty).");
            return false;
        }

        string address = email.From.Address.Trim();
        if (!IsWellFormed(address))
        {
            log.Reject(TrackingRules.SenderAddress, $"The sender's address \"{Shorten(address)}\" is malformed.");
            return false;
        }

        log.Note(TrackingRules.SenderAddress, $"The sender's address is {address}.");
        return true;
    }

    /// <summary>Says whether a text can be an address: local part and domain, no blanks outside quotes, no control characters.</summary>
    public static bool IsWellFormed(string address)
    {
        if (address.Length is 0 or > maxAddressLength || address.Any(char.IsControl))
            return false;
        int at = address.LastIndexOf('@');
        if (at <= 0 || at == address.Length - 1)
            return false;

        ReadOnlySpan<char> local = address.AsSpan(0, at);
        ReadOnlySpan<char> domain = address.AsSpan(at + 1);
        if (domain.IndexOfAny(specials) >= 0 && !IsLiteral(domain))
            return false;
        if (domain[0] is '.' or '-' || domain[^1] is '-' || domain.Contains("..", StringComparison.Ordinal))
            return false;
        bool isQuoted = local.Length >= 2 && local[0] == '"' && local[^1] == '"';
        return isQuoted || local.IndexOfAny(specials) < 0;
    }

    private static bool IsLiteral(ReadOnlySpan<char> domain) =>
        domain.Length > 2 && domain[0] == '[' && domain[^1] == ']' && domain.IndexOfAny(specialsInLiteral) < 0;

    private static string Shorten(string text) => text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 100), "...");
}
