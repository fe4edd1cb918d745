using System.Globalization;
using System.Text.RegularExpressions;
using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>The tracking tokens in a subject, in order of preference.</summary>
internal static class SubjectTokens
{
    public static IEnumerable<string> Find(string subject, OrganizationSettings settings)
    {
        int minDigits = 1 + settings.TrackingTokenIdDigits + settings.MaximumTrackingNumber.ToString(CultureInfo.InvariantCulture).Length;
        return settings.TrackingPrefixes
            .SelectMany(p => Regex.Matches(subject, Regex.Escape(p) + "[0-9]{" + minDigits.ToString(CultureInfo.InvariantCulture) + ",}", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant))
            .OrderByDescending(m => m.Index)
            .Select(m => m.Value)
            .Distinct(StringComparer.OrdinalIgnoreCase)
            .Take(TrackingQuery.MaxTokens);
    }
}
