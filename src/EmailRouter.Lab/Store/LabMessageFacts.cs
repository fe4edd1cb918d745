using EmailRouter.Mime;

namespace EmailRouter.Lab.Store;

/// <summary>What Exchange reads off the headers of a message.</summary>
internal static class LabMessageFacts
{
    /// <summary>The importance (RFC 4021 Importance, X-Priority): low, normal or high.</summary>
    public static string Importance(MimeMessage message)
    {
        string? named = message.Headers["Importance"]?.Trim().ToLowerInvariant();
        if (named is "low" or "normal" or "high")
            return named;
        return message.Headers["X-Priority"]?.TrimStart() switch
        {
            ['1' or '2', ..] => "high",
            ['4' or '5', ..] => "low",
            _ => "normal",
        };
    }

    /// <summary>The sensitivity (RFC 4021 Sensitivity): normal, personal, private or confidential.</summary>
    public static string Sensitivity(MimeMessage message) => message.Headers["Sensitivity"]?.Trim().ToLowerInvariant() switch
    {
        "personal" => "personal",
        "private" => "private",
        "company-confidential" => "confidential",
        _ => "normal",
    };
}
