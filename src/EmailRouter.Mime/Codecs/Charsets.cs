using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace EmailRouter.Mime.Codecs;

/// <summary>Finds encodings by the names mail uses for them, and makes text of bytes whose charset is unknown or wrong.</summary>
internal static class Charsets
{
    /// <summary>What 8-bit text without a usable charset most often is when it is not UTF-8.</summary>
    public static readonly Encoding Windows1252 = CodePagesEncodingProvider.Instance.GetEncoding(1252)!;

    private static readonly ConcurrentDictionary<string, Encoding> Found = new(StringComparer.OrdinalIgnoreCase);

    // Names that .NET does not know, or knows as something that mail does not mean by them.
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.OrdinalIgnoreCase)
    {
        ["utf8"] = "utf-8",
        ["utf_8"] = "utf-8",
        ["utf-8n"] = "utf-8",
        ["unicode"] = "utf-8",
        ["unicode-1-1-utf-8"] = "utf-8",
        ["x-unicode20utf8"] = "utf-8",
        ["x-utf-8"] = "utf-8",
        ["utf"] = "utf-8",
        ["utf-16le"] = "utf-16",
        ["ucs-2"] = "utf-16",
        ["ascii"] = "us-ascii",
        ["us"] = "us-ascii",
        ["646"] = "us-ascii",
        ["iso646-us"] = "us-ascii",
        ["iso-646-us"] = "us-ascii",
        ["ansi_x3.4-1968"] = "us-ascii",
        ["ansi_x3.4-1986"] = "us-ascii",
        ["ansi_x3.110-1983"] = "us-ascii",
        ["7bit"] = "us-ascii",
        // Every byte that is defined in ISO 8859-1 and used in text means the same in windows-1252; the reverse is what senders get wrong.
        ["iso-8859-1"] = "windows-1252",
        ["iso8859-1"] = "windows-1252",
        ["iso_8859-1"] = "windows-1252",
        ["iso-88591"] = "windows-1252",
        ["8859-1"] = "windows-1252",
        ["8859_1"] = "windows-1252",
        ["latin1"] = "windows-1252",
        ["latin-1"] = "windows-1252",
        ["l1"] = "windows-1252",
        ["ansi"] = "windows-1252",
        ["windows1252"] = "windows-1252",
        ["x-ansi"] = "windows-1252",
        ["latin2"] = "iso-8859-2",
        ["latin9"] = "iso-8859-15",
        ["latin-9"] = "iso-8859-15",
        ["iso-8859-8-e"] = "iso-8859-8",
        ["iso-8859-6-i"] = "iso-8859-6",
        ["iso-8859-6-e"] = "iso-8859-6",
        ["iso-8859-11"] = "windows-874",
        ["tis-620"] = "windows-874",
        ["tis620"] = "windows-874",
        ["gb2312"] = "gb18030",
        ["gb_2312-80"] = "gb18030",
        ["gbk"] = "gb18030",
        ["x-gbk"] = "gb18030",
        ["cp936"] = "gb18030",
        ["euc-cn"] = "gb18030",
        ["ks_c_5601"] = "ks_c_5601-1987",
        ["ksc5601"] = "ks_c_5601-1987",
        ["cp949"] = "ks_c_5601-1987",
        ["windows-949"] = "ks_c_5601-1987",
        ["uhc"] = "ks_c_5601-1987",
        ["sjis"] = "shift_jis",
        ["shift-jis"] = "shift_jis",
        ["x-sjis"] = "shift_jis",
        ["cp932"] = "shift_jis",
        ["ms932"] = "shift_jis",
        ["windows-31j"] = "shift_jis",
        ["windows-932"] = "shift_jis",
        ["eucjp"] = "euc-jp",
        ["x-euc-jp"] = "euc-jp",
        ["iso-2022-jp-1"] = "iso-2022-jp",
        ["iso-2022-jp-2"] = "iso-2022-jp",
        ["iso-2022-jp-3"] = "iso-2022-jp",
        ["iso-2022-jp-ms"] = "iso-2022-jp",
        ["cp50220"] = "iso-2022-jp",
        ["cp50221"] = "iso-2022-jp",
        ["big5-hkscs"] = "big5",
        ["x-big5"] = "big5",
        ["cp950"] = "big5",
        ["koi8-ru"] = "koi8-u",
        ["koi8"] = "koi8-r",
        ["mac"] = "macintosh",
        ["x-mac-roman"] = "macintosh",
        ["macroman"] = "macintosh",
    };

    /// <summary>Finds an encoding by a name as it stands in mail.</summary>
    /// <param name="name">The name, perhaps quoted or with rubbish at its ends.</param>
    /// <returns>The encoding, which replaces what it cannot decode; null when nobody knows the name.</returns>
    public static Encoding? Find(string? name)
    {
        name = name?.Trim(' ', '\t', '"', '\'', ';', ',');
        if (string.IsNullOrEmpty(name) || name.Length > 40)
            return null;
        if (Found.TryGetValue(name, out Encoding? known))
            return known;

        Encoding? encoding = Lookup(Aliases.GetValueOrDefault(name, name));
        if (encoding is not null && Found.Count < 1000)
            Found.TryAdd(name, encoding);
        return encoding;
    }

    /// <summary>Tells whether an encoding says nothing about bytes above 127.</summary>
    public static bool IsAscii(Encoding encoding) => encoding.CodePage == 20127;

    /// <summary>Makes text of bytes: ASCII, else UTF-8 if valid, else the given encoding, else windows-1252.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="fallback">What the bytes most likely are if not UTF-8.</param>
    /// <returns>The text; bytes that mean nothing become U+FFFD.</returns>
    public static string Guess(ReadOnlySpan<byte> bytes, Encoding? fallback)
    {
        if (bytes.IsEmpty)
            return string.Empty;
        if (Ascii.IsValid(bytes))
            return fallback is { CodePage: 50220 or 50221 or 50222 or 50225 } && bytes.Contains((byte)0x1b) ? GetString(fallback, bytes)
                : Encoding.ASCII.GetString(bytes);
        if (Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        return GetString(fallback is null || IsAscii(fallback) || fallback.CodePage == Encoding.UTF8.CodePage ? Windows1252 : fallback, bytes);
    }

    /// <summary>Decodes with an encoding of <see cref="Find"/>.</summary>
    public static string GetString(Encoding encoding, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return encoding.GetString(bytes);
        }
        catch (Exception problem) when (problem is ArgumentException or IndexOutOfRangeException)
        {
            // Stateful encodings of old code pages are not all written for hostile input.
            return Windows1252.GetString(bytes);
        }
    }

    private static Encoding? Lookup(string name)
    {
        switch (name.ToLowerInvariant())
        {
            case "utf-8":
                return Encoding.UTF8;
            case "us-ascii":
                return Encoding.ASCII;
            case "utf-16":
                return Encoding.Unicode;
            case "utf-16be":
                return Encoding.BigEndianUnicode;
            case "utf-32" or "utf-32le":
                return Encoding.UTF32;
        }

        if (ByName(name) is { } named)
            return named;

        foreach (string prefix in (ReadOnlySpan<string>)["windows-", "windows", "win-", "cp-", "cp", "ibm-", "ibm", "x-cp", "x-ibm", "ms"])
        {
            if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)
                && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int page) && page is > 0 and < 65536)
                return page == 65001 ? Encoding.UTF8 : CodePagesEncodingProvider.Instance.GetEncoding(page);
        }

        return name.StartsWith("x-", StringComparison.OrdinalIgnoreCase) ? ByName(name[2..]) : null;
    }

    private static Encoding? ByName(string name)
    {
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            // The provider answers null for unknown names, and throws for some that no name can be.
            return null;
        }
    }
}
