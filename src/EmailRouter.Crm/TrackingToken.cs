using System.Globalization;

namespace EmailRouter.Crm;

/// <summary>
/// The token in the subject of a CRM email by which a response is recognised: prefix, the digit 0, the user's number, the user's counter, as in
/// <c>CRM:0001042</c>.
/// </summary>
public static class TrackingToken
{
    // Designator, user number and counter have a digit each at least. Tokens made under narrower settings than the present ones are recognised too.
    private const int MinDigits = 3;

    private const int MaxCandidates = 16;

    /// <summary>Makes a token.</summary>
    /// <param name="userNumber">The user's number, from 1 in the order of the users' creation; the organization's base is added to it.</param>
    /// <param name="counter">The user's counter, from 1 to <see cref="OrganizationSettings.MaximumTrackingNumber"/>.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <returns>The token with the current prefix; a number that has more digits than its field makes the token longer.</returns>
    public static string Format(int userNumber, int counter, OrganizationSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        int counterDigits = settings.MaximumTrackingNumber.ToString(CultureInfo.InvariantCulture).Length;
        string user = ((long)settings.TrackingTokenIdBase + userNumber).ToString(CultureInfo.InvariantCulture).PadLeft(settings.TrackingTokenIdDigits, '0');
        string count = counter.ToString(CultureInfo.InvariantCulture).PadLeft(counterDigits, '0');
        return $"{(settings.TrackingPrefixes.Count > 0 ? settings.TrackingPrefixes[0] : string.Empty)}0{user}{count}";
    }

    /// <summary>Counts on; after the greatest number comes 1.</summary>
    /// <param name="counter">The user's last counter, 0 for none.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <returns>The next counter.</returns>
    public static int Next(int counter, OrganizationSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return counter < 0 || counter >= settings.MaximumTrackingNumber ? 1 : counter + 1;
    }

    /// <summary>
    /// Finds what can be a token in a subject: a known prefix, without regard to case, followed by digits. Whether it is one only the stored emails can tell.
    /// </summary>
    /// <param name="subject">The subject.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <returns>
    /// The candidates in order of preference, at most 16: the last in the subject first (a subject collects tokens at its end), of those at one place the
    /// longest first. Digits beyond the length of the organization's tokens make a second, shorter candidate.
    /// </returns>
    public static IReadOnlyList<string> Find(string subject, OrganizationSettings settings)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(settings);
        int usualDigits = 1 + settings.TrackingTokenIdDigits + settings.MaximumTrackingNumber.ToString(CultureInfo.InvariantCulture).Length;
        var found = new List<(int DigitsAt, string Token)>();
        foreach (string prefix in settings.TrackingPrefixes.Where(p => p.Length > 0))
        {
            int at = 0;
            while ((at = subject.IndexOf(prefix, at, StringComparison.OrdinalIgnoreCase)) >= 0)
            {
                int digitsAt = at + prefix.Length;
                int end = digitsAt;
                while (end < subject.Length && char.IsAsciiDigit(subject[end]))
                    end++;
                if (end - digitsAt >= MinDigits)
                    found.Add((digitsAt, prefix + subject[digitsAt..end]));
                if (end - digitsAt > usualDigits)
                    found.Add((digitsAt, prefix + subject[digitsAt..(digitsAt + usualDigits)]));
                at++;
            }
        }

        return
        [
            .. found.OrderByDescending(f => f.DigitsAt).ThenByDescending(f => f.Token.Length).Select(f => f.Token)
                .Distinct(StringComparer.OrdinalIgnoreCase).Take(MaxCandidates),
        ];
    }

    /// <summary>Puts a token into a subject: a space and the token at its end, the subject cut before it where it would be too long for mail servers.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="token">The token.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <returns>
    /// The subject with the token, at most <see cref="OrganizationSettings.MaximumSubjectLength"/> characters long. A subject that bears the token keeps it
    /// where it is. A token that does not fit at all is left out.
    /// </returns>
    public static string Insert(string subject, string token, OrganizationSettings settings)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(token);
        ArgumentNullException.ThrowIfNull(settings);
        int max = settings.MaximumSubjectLength;
        bool isPresent = Bears(subject, token);
        if (token.Length == 0 || token.Length > max || (isPresent && subject.Length <= max))
            return Cut(subject, max);
        string text = isPresent ? subject.Replace(token, string.Empty, StringComparison.OrdinalIgnoreCase) : subject;
        text = Cut(text, Math.Max(0, max - token.Length - 1)).TrimEnd();
        return text.Length == 0 ? token : $"{text} {token}";
    }

    /// <summary>Tells whether the token stands in the subject, and not as the beginning of a longer one.</summary>
    private static bool Bears(string subject, string token)
    {
        for (int at = 0; token.Length > 0 && (at = subject.IndexOf(token, at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
        {
            int end = at + token.Length;
            if (end == subject.Length || !char.IsAsciiDigit(subject[end]))
                return true;
        }

        return false;
    }

    private static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        return text[..(length > 0 && char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
    }
}
