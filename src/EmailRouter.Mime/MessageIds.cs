using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace EmailRouter.Mime;

/// <summary>Fills memory with random bytes. Inject a deterministic one to get the same output twice.</summary>
/// <param name="destination">The memory.</param>
public delegate void RandomFill(Span<byte> destination);

/// <summary>Message ids of RFC 5322 3.6.4: reading them as they come, making new ones.</summary>
public static class MessageIds
{
    private const int LongestReferences = 21;

    /// <summary>
    /// Reads the ids of an In-Reply-To or References header. An id is what stands between angle brackets, verbatim and with its brackets; where there are no
    /// brackets, every word with an <c>@</c> is one.
    /// </summary>
    /// <param name="text">The header's value; null counts as empty.</param>
    /// <returns>The ids in order, each once.</returns>
    public static IReadOnlyList<string> ParseList(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return [];
        var ids = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        int open = text.IndexOf('<', StringComparison.Ordinal);
        if (open < 0)
        {
            foreach (string word in text.Split([' ', '\t', ','], StringSplitOptions.RemoveEmptyEntries))
            {
                if (word.Contains('@', StringComparison.Ordinal) && seen.Add(word))
                    ids.Add(word);
            }

            return ids;
        }

        while (open >= 0)
        {
            int end = text.AsSpan(open + 1).IndexOfAny('<', '>');
            string id;
            if (end < 0)
            {
                id = text[open..].TrimEnd();
                open = -1;
            }
            else
            {
                end += open + 1;
                id = text[end] == '>' ? text[open..(end + 1)] : text[open..end].TrimEnd();
                open = text.IndexOf('<', end);
            }

            if (id.Length > 2 && seen.Add(id))
                ids.Add(id);
        }

        return ids;
    }

    /// <summary>Reads a Message-ID header: the first id between angle brackets, else the whole text.</summary>
    /// <param name="text">The header's value.</param>
    /// <returns>The id as it was sent, or null when there is nothing.</returns>
    public static string? ParseSingle(string? text)
    {
        text = text?.Trim();
        if (string.IsNullOrEmpty(text))
            return null;
        int open = text.IndexOf('<', StringComparison.Ordinal);
        int close = open < 0 ? -1 : text.IndexOf('>', open);
        return close > open + 1 ? text[open..(close + 1)] : text;
    }

    /// <summary>Takes the angle brackets off an id.</summary>
    /// <param name="id">The id, with or without brackets.</param>
    /// <returns>The id without brackets and surrounding white space.</returns>
    public static string TrimBrackets(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        string bare = id.Trim();
        return bare.Length > 1 && bare[0] == '<' && bare[^1] == '>' ? bare[1..^1].Trim() : bare;
    }

    /// <summary>Tells whether an id can be written into a header: brackets around printable ASCII without spaces, at most 900 characters.</summary>
    /// <param name="id">The id.</param>
    /// <returns>Whether it can.</returns>
    public static bool IsWritable([NotNullWhen(true)] string? id) =>
        id is { Length: > 2 and <= 900 } && id[0] == '<' && id[^1] == '>'
        && id.AsSpan(1, id.Length - 2).IndexOfAnyExceptInRange('!', '~') < 0 && !id.AsSpan(1, id.Length - 2).ContainsAny('<', '>');

    /// <summary>Makes a new id: the time, so that ids sort, and 128 random bits.</summary>
    /// <param name="domain">The domain behind the <c>@</c>: one of the sender's own.</param>
    /// <param name="clock">The time.</param>
    /// <param name="random">The randomness; the system's when omitted.</param>
    /// <returns>The id with its brackets.</returns>
    /// <exception cref="ArgumentException">The domain is none, or not in ASCII.</exception>
    public static string Generate(string domain, TimeProvider clock, RandomFill? random = null)
    {
        ArgumentNullException.ThrowIfNull(domain);
        ArgumentNullException.ThrowIfNull(clock);
        if (domain.Length > 200 || !MailAddress.IsValidAddrSpec("x@" + domain) || !System.Text.Ascii.IsValid(domain))
            throw new ArgumentException($"\"{domain}\" is no domain name in ASCII. Give a domain of the sender.", nameof(domain));
        Span<byte> noise = stackalloc byte[16];
        (random ?? RandomNumberGenerator.Fill)(noise);
        return $"<{clock.GetUtcNow().ToUnixTimeMilliseconds():x12}.{Convert.ToHexString(noise).ToLowerInvariant()}@{domain}>";
    }

    /// <summary>
    /// Makes the References of a reply (RFC 5322 3.6.4): the parent's References, or its In-Reply-To when that holds exactly one id, then the parent's id.
    /// A long thread keeps the first id and the last twenty.
    /// </summary>
    /// <param name="references">The parent's References.</param>
    /// <param name="inReplyTo">The parent's In-Reply-To.</param>
    /// <param name="messageId">The parent's Message-ID, or null.</param>
    /// <returns>The ids, oldest first.</returns>
    public static IReadOnlyList<string> ReferencesForReply(IReadOnlyList<string> references, IReadOnlyList<string> inReplyTo, string? messageId)
    {
        ArgumentNullException.ThrowIfNull(references);
        ArgumentNullException.ThrowIfNull(inReplyTo);
        List<string> result = [.. references.Count > 0 ? references : inReplyTo.Count == 1 ? inReplyTo : []];
        if (messageId is not null)
        {
            result.Remove(messageId);
            result.Add(messageId);
        }

        if (result.Count > LongestReferences)
            result.RemoveRange(1, result.Count - LongestReferences);
        return result;
    }
}
