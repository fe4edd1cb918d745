using System.Globalization;
using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>Prepares user names and passwords for comparison (RFC 4013, SASLprep), so that both sides hash the same bytes.</summary>
internal static class SaslPrep
{
    /// <summary>Prepares a text.</summary>
    /// <param name="text">The text as typed.</param>
    /// <param name="prepared">The text as it is hashed.</param>
    /// <returns>False when the text holds what SASLprep prohibits.</returns>
    public static bool TryPrepare(string text, out string prepared)
    {
        prepared = text;
        if (Ascii.IsValid(text))
            return !text.AsSpan().ContainsAnyInRange('\0', '\x1F') && !text.Contains('\x7F', StringComparison.Ordinal);
        var mapped = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar && !text.Contains('\uFFFD', StringComparison.Ordinal))
                return false;       // half a surrogate pair
            if (IsMappedToNothing(rune.Value))
                continue;
            mapped.Append(rune.Value != ' ' && Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator ? " " : rune.ToString());
        }

        prepared = mapped.ToString().Normalize(NormalizationForm.FormKC);
        return !prepared.EnumerateRunes().Any(IsProhibited) && HasOneDirection(prepared);
    }

    /// <summary>RFC 3454 B.1.</summary>
    private static bool IsMappedToNothing(int value) =>
        value is 0x00AD or 0x034F or 0x1806 or >= 0x180B and <= 0x180D or >= 0x200B and <= 0x200D or 0x2060 or >= 0xFE00 and <= 0xFE0F or 0xFEFF;

    /// <summary>RFC 3454 C.1.2 to C.9.</summary>
    private static bool IsProhibited(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate => true,
        UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => true,
        UnicodeCategory.SpaceSeparator => rune.Value != ' ',
        _ => rune.Value is 0x06DD or 0x070F or 0x180E or 0x0340 or 0x0341
            or >= 0x200C and <= 0x200F or >= 0x202A and <= 0x202E or >= 0x2060 and <= 0x2063 or >= 0x206A and <= 0x206F
            or >= 0x2FF0 and <= 0x2FFB or >= 0xFFF9 and <= 0xFFFD or >= 0xFDD0 and <= 0xFDEF or >= 0x1D173 and <= 0x1D17A or 0xE0001
            or >= 0xE0020 and <= 0xE007F
            || (rune.Value & 0xFFFE) == 0xFFFE,
    };

    /// <summary>RFC 3454 6: text from right to left begins and ends so, and holds none from left to right. Scripts are told apart by block.</summary>
    private static bool HasOneDirection(string text)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        if (!Array.Exists(runes, IsRightToLeft))
            return true;
        return IsRightToLeft(runes[0]) && IsRightToLeft(runes[^1]) && !Array.Exists(runes, r => Rune.IsLetter(r) && !IsRightToLeft(r));
    }

    private static bool IsRightToLeft(Rune rune) =>
        rune.Value is >= 0x0590 and <= 0x08FF or >= 0xFB1D and <= 0xFDCF or >= 0xFDF0 and <= 0xFDFF or >= 0xFE70 and <= 0xFEFC or >= 0x10800 and <= 0x10FFF
        && (Rune.IsLetter(rune) || rune.Value is 0x05BE or 0x05C0 or 0x05C3);
}
