using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace EmailRouter.Crm;

/// <summary>
/// The hashed subject words and addresses of an email, by which smart matching recognises a response that carries no id of its conversation
/// (the EmailHash idea of the original product). The hash is the router's own; the CRM's EmailHash table is never written.
/// </summary>
/// <param name="Words">The hashes of the subject's distinct words.</param>
/// <param name="Addresses">The hashes of the distinct addresses of sender and recipients.</param>
public sealed record SmartMatchKeys(IReadOnlyList<long> Words, IReadOnlyList<long> Addresses)
{
    // The filter is the organization's own expression, so a time limit guards against one that backtracks for ever.
    private static readonly TimeSpan filterTimeout = TimeSpan.FromMilliseconds(250);

    /// <summary>Computes the keys of an email.</summary>
    /// <param name="subject">The subject, token included.</param>
    /// <param name="addresses">Sender and all recipients.</param>
    /// <param name="settings">The organization's hash settings.</param>
    /// <returns>The keys.</returns>
    public static SmartMatchKeys Compute(string subject, IEnumerable<string> addresses, OrganizationSettings settings)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(addresses);
        ArgumentNullException.ThrowIfNull(settings);
        return new SmartMatchKeys(
            [.. SplitWords(subject, settings.HashFilterKeywords).Distinct(StringComparer.Ordinal).Take(settings.HashMaxCount).Select(Hash)],
            [.. addresses.Select(a => a.Trim().ToLowerInvariant()).Where(a => a.Length > 0).Distinct(StringComparer.Ordinal).Take(settings.HashMaxCount).Select(Hash)]);
    }

    private static IEnumerable<string> SplitWords(string subject, string filter)
    {
        string filtered = subject.ToLowerInvariant();
        try
        {
            filtered = Regex.Replace(filtered, filter, string.Empty, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, filterTimeout);
        }
        catch (ArgumentException)
        {
            // A filter that is no expression filters nothing; the setting is checked where it is made.
        }
        catch (RegexMatchTimeoutException)
        {
            // Likewise a filter that does not come to an end on this subject.
        }

        var word = new StringBuilder();
        foreach (Rune rune in filtered.EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune))
            {
                word.Append(rune.ToString());
            }
            else if (word.Length > 0)
            {
                yield return word.ToString();
                word.Clear();
            }
        }

        if (word.Length > 0)
            yield return word.ToString();
    }

    private static long Hash(string text)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        return BitConverter.ToInt64(hash);
    }
}
