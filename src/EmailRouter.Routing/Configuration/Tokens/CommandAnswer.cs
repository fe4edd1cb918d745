using System.Globalization;
using System.Text.Json;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// Reads what a command printed: a bare token, or JSON with the names of RFC 6749 (<c>access_token</c>, <c>expires_in</c>), of the Azure command line (<c>accessToken</c>,
/// <c>expires_on</c>, <c>expiresOn</c>) or of Azure PowerShell (<c>Token</c>, <c>ExpiresOn</c>).
/// </summary>
internal static class CommandAnswer
{
    /// <summary>How long a token is kept that does not say when it expires.</summary>
    private static readonly TimeSpan UnknownLifetime = TimeSpan.FromMinutes(10);

    /// <summary>Reads the answer.</summary>
    /// <param name="text">What was printed.</param>
    /// <param name="now">The time.</param>
    /// <returns>The token; null when there is none.</returns>
    public static AccessToken? Read(string text, DateTimeOffset now)
    {
        string trimmed = text.Trim().TrimStart('\uFEFF');
        if (trimmed.StartsWith('{'))
            return ReadJson(trimmed, now);

        // What a header takes: one word (RFC 6750 2.1).
        bool isToken = trimmed.Length is > 0 and <= 32 * 1024 && trimmed.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~' or '+' or '/' or '=');
        return isToken ? new AccessToken(trimmed, ExpiryWithin(trimmed) ?? now + UnknownLifetime) : null;
    }

    private static AccessToken? ReadJson(string text, DateTimeOffset now)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            string? token = Find(root, "access_token", "accessToken", "token") is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;
            if (string.IsNullOrWhiteSpace(token) || Read(token, now) is not { } bare || token.TrimStart().StartsWith('{'))
                return null;
            DateTimeOffset? expires = Find(root, "expires_on") is { } at ? Time(at)
                : Find(root, "expires_in") is { } seconds && Number(seconds) is { } count ? now.AddSeconds(count)
                : Find(root, "expiresOn") is { } on ? Time(on) : null;
            return bare with { ExpiresOn = expires ?? bare.ExpiresOn };
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonElement? Find(JsonElement root, params string[] names)
    {
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (names.Contains(property.Name, StringComparer.OrdinalIgnoreCase) && property.Value.ValueKind != JsonValueKind.Null)
                return property.Value;
        }

        return null;
    }

    private static long? Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetInt64(out long number) && Math.Abs(number) < 100_000_000_000 => number,
        JsonValueKind.String when long.TryParse(value.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number < 100_000_000_000 => number,
        _ => null,
    };

    /// <summary>Seconds since 1970, or a time; one without an offset is this machine's, as the Azure command line writes it.</summary>
    private static DateTimeOffset? Time(JsonElement value) =>
        Number(value) is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds)
        : value.ValueKind == JsonValueKind.String
            && DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTimeOffset time) ? time : null;

    /// <summary>A token that is a JWT says itself when it expires (RFC 7519 4.1.4).</summary>
    private static DateTimeOffset? ExpiryWithin(string token)
    {
        string[] parts = token.Split('.');
        if (parts.Length != 3)
            return null;
        try
        {
            string padded = parts[1].Replace('-', '+').Replace('_', '/').PadRight((parts[1].Length + 3) / 4 * 4, '=');
            using JsonDocument claims = JsonDocument.Parse(Convert.FromBase64String(padded));
            return claims.RootElement.ValueKind == JsonValueKind.Object && Find(claims.RootElement, "exp") is { } exp && Number(exp) is { } seconds
                ? DateTimeOffset.FromUnixTimeSeconds(seconds)
                : null;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return null;
        }
    }
}
