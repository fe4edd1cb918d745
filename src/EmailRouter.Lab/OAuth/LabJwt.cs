using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmailRouter.Lab.OAuth;

/// <summary>JSON web tokens (RFC 7519): signs the lab's own, and checks the assertions of clients.</summary>
internal static class LabJwt
{
    // Making a key takes longer than starting a lab, so every lab of the process uses one, and none that issues no token makes it.
    private static readonly Lazy<RSA> key = new(() => RSA.Create(2048));
    private static readonly Lazy<string> keyId = new(() => Encode(SHA256.HashData(key.Value.ExportSubjectPublicKeyInfo()).AsSpan(0, 20)));

    /// <summary>Signs claims with the lab's key (RS256).</summary>
    public static string Sign(JsonObject claims)
    {
        var header = new JsonObject { ["typ"] = "JWT", ["alg"] = "RS256", ["kid"] = keyId.Value };
        string signed = Encode(Encoding.UTF8.GetBytes(header.ToJsonString())) + "." + Encode(Encoding.UTF8.GetBytes(claims.ToJsonString()));
        byte[] signature;
        lock (key)
            signature = key.Value.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return signed + "." + Encode(signature);
    }

    /// <summary>Describes the lab's key as a JSON web key set (RFC 7517).</summary>
    public static JsonObject KeySet()
    {
        RSAParameters parameters = key.Value.ExportParameters(includePrivateParameters: false);
        return new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["kty"] = "RSA",
                ["use"] = "sig",
                ["alg"] = "RS256",
                ["kid"] = keyId.Value,
                ["n"] = Encode(parameters.Modulus),
                ["e"] = Encode(parameters.Exponent),
            }),
        };
    }

    /// <summary>Checks the assertion of a client (RFC 7523 3): its certificate, signature, issuer, audience and time.</summary>
    /// <returns>Null when it is good, otherwise what is wrong with it.</returns>
    public static string? Judge(string assertion, string clientId, IReadOnlyList<X509Certificate2> certificates, Func<string, bool> isAudience, DateTimeOffset now)
    {
        try
        {
            string[] parts = assertion.Split('.');
            if (parts.Length != 3)
                return "The assertion is not a signed JSON web token.";
            using var header = JsonDocument.Parse(Decode(parts[0]));
            using var claims = JsonDocument.Parse(Decode(parts[1]));
            X509Certificate2? certificate = certificates.FirstOrDefault(c => Names(header.RootElement, c));
            if (certificate is null)
                return "The key was not found by its thumbprint.";
            using RSA? rsa = certificate.GetRSAPublicKey();
            RSASignaturePadding? padding = Text(header.RootElement, "alg") switch
            {
                "RS256" => RSASignaturePadding.Pkcs1,
                "PS256" => RSASignaturePadding.Pss,
                _ => null,
            };
            if (rsa is null || padding is null)
                return "The algorithm is not supported.";
            if (!rsa.VerifyData(Encoding.ASCII.GetBytes(parts[0] + "." + parts[1]), Decode(parts[2]), HashAlgorithmName.SHA256, padding))
                return "The signature is not the certificate's.";
            if (Text(claims.RootElement, "iss") != clientId || Text(claims.RootElement, "sub") != clientId)
                return "Issuer and subject are not the application.";
            if (Text(claims.RootElement, "aud") is not { } audience || !isAudience(audience))
                return "The audience is not this endpoint.";
            if (string.IsNullOrEmpty(Text(claims.RootElement, "jti")))
                return "The assertion has no id.";
            long seconds = now.ToUnixTimeSeconds();
            if ((Seconds(claims.RootElement, "exp") ?? 0) <= seconds)
                return "The assertion has expired.";
            return Seconds(claims.RootElement, "nbf") > seconds + 300 ? "The assertion is not valid yet." : null;
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            return "The assertion is malformed.";
        }
    }

    /// <summary>Encodes as base64url without padding (RFC 7515 2).</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static byte[] Decode(string text)
    {
        string base64 = text.Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='));
    }

    private static bool Names(JsonElement header, X509Certificate2 certificate) =>
        Text(header, "x5t#S256") is { } sha256
            ? sha256 == Encode(certificate.GetCertHash(HashAlgorithmName.SHA256))
            : Text(header, "x5t") is { } sha1 && sha1 == Encode(certificate.GetCertHash(HashAlgorithmName.SHA1));

    /// <summary>Reads a date (RFC 7519 2). Client libraries are known to write it as a string, and services to take it.</summary>
    private static long? Seconds(JsonElement element, string name) => !element.TryGetProperty(name, out JsonElement value) ? null
        : value.ValueKind == JsonValueKind.String ? long.Parse(value.GetString()!, CultureInfo.InvariantCulture) : value.GetInt64();

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
