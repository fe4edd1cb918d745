using System.Globalization;

namespace EmailRouter.Crm.Server;

/// <summary>By what a claim is recognised: the row's version after it, and when it was made.</summary>
/// <param name="ClaimedOn">When.</param>
/// <param name="ETag">The version.</param>
internal readonly record struct ClaimStamp(DateTimeOffset ClaimedOn, string ETag)
{
    /// <summary>Reads a stamp.</summary>
    /// <param name="text">What <see cref="ToString"/> made.</param>
    /// <returns>The stamp.</returns>
    /// <exception cref="ArgumentException">It is no claim of this store.</exception>
    public static ClaimStamp Parse(string text)
    {
        int bar = text.IndexOf('|', StringComparison.Ordinal);
        return bar > 0 && DateTimeOffset.TryParseExact(text[..bar], "O", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTimeOffset on)
            ? new ClaimStamp(on, text[(bar + 1)..])
            : throw new ArgumentException("The email was not claimed here.", nameof(text));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{ClaimedOn.ToString("O", CultureInfo.InvariantCulture)}|{ETag}";
}
