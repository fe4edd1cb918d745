using System.Globalization;
using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime.Tnef;

/// <summary>
/// Takes the text out of RTF: the HTML that Outlook encapsulated in it ([MS-OXRTFEX]), byte for byte where it can, or else the words without their looks.
/// One forward pass; broken RTF gives broken text.
/// </summary>
internal sealed class RtfText
{
    private const int MaximumDepth = 500;

    private static readonly HashSet<string> Silent = new(StringComparer.Ordinal)
    {
        "fonttbl", "colortbl", "stylesheet", "info", "pict", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "footnote",
        "object", "themedata", "colorschememapping", "datastore", "latentstyles", "listtable", "listoverridetable", "rsidtbl", "generator", "xmlnstbl",
        "fldinst", "mhtmltag", "private", "filetbl", "revtbl",
    };

    private readonly StringBuilder output = new();
    private readonly List<byte> pending = [];
    private readonly Dictionary<int, int> fonts = [];
    private readonly Stack<State> open = new();
    private readonly int maxChars;
    private Encoding charset = Charsets.Windows1252;
    private State state = new() { SkipAfterUnicode = 1 };
    private int ignored;
    private int toSkip;
    private int definedFont;
    private bool isHtml;

    private RtfText(int maxChars) => this.maxChars = maxChars;

    private struct State
    {
        public bool IsSilent;
        public bool IsFontTable;
        public bool IsSuppressed;
        public bool IsTag;
        public int SkipAfterUnicode;
        public int Font;
    }

    /// <summary>Takes out the text.</summary>
    /// <param name="rtf">The RTF.</param>
    /// <param name="maxChars">How many characters to return at most.</param>
    /// <param name="isHtml">Whether the text is HTML.</param>
    /// <returns>The text.</returns>
    public static string Extract(ReadOnlySpan<byte> rtf, int maxChars, out bool isHtml)
    {
        var reader = new RtfText(maxChars);
        reader.Run(rtf);
        isHtml = reader.isHtml;
        if (reader.output.Length > maxChars)
            reader.output.Length = maxChars;
        return isHtml ? reader.output.ToString() : reader.output.ToString().TrimEnd('\r', '\n', ' ', '\0');
    }

    private void Run(ReadOnlySpan<byte> rtf)
    {
        int position = 0;
        while (position < rtf.Length && output.Length < maxChars)
        {
            byte current = rtf[position];
            switch (current)
            {
                case (byte)'{':
                    Flush();
                    position++;
                    if (open.Count < MaximumDepth)
                        open.Push(state);
                    else
                        ignored++;
                    break;
                case (byte)'}':
                    Flush();
                    position++;
                    toSkip = 0;
                    if (ignored > 0)
                        ignored--;
                    else if (open.TryPop(out State outer))
                        state = outer;
                    break;
                case (byte)'\\':
                    position = Control(rtf, position + 1);
                    break;
                case (byte)'\r' or (byte)'\n':
                    position++;
                    break;
                default:
                    position++;
                    Byte(current);
                    break;
            }
        }

        Flush();
    }

    private int Control(ReadOnlySpan<byte> rtf, int position)
    {
        if (position >= rtf.Length)
            return position;
        byte lead = rtf[position];
        if (!char.IsAsciiLetter((char)lead))
            return Symbol(rtf, lead, position + 1);

        int start = position;
        while (position < rtf.Length && position - start < 32 && char.IsAsciiLetter((char)rtf[position]))
            position++;
        string word = Encoding.ASCII.GetString(rtf[start..position]);
        int digits = position;
        if (position < rtf.Length && rtf[position] == '-')
            position++;
        while (position < rtf.Length && position - digits < 11 && char.IsAsciiDigit((char)rtf[position]))
            position++;
        int? number = int.TryParse(rtf[digits..position], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value : null;
        if (number is null)
            position = digits;
        if (position < rtf.Length && rtf[position] == ' ')
            position++;
        if (word == "bin")
            return (int)Math.Min(rtf.Length, position + (long)Math.Max(0, number ?? 0));
        Word(word, number);
        return position;
    }

    private int Symbol(ReadOnlySpan<byte> rtf, byte symbol, int position)
    {
        switch (symbol)
        {
            case (byte)'\'':
                if (position + 2 <= rtf.Length && QuotedPrintableDecoder.HexValue(rtf[position]) is >= 0 and int high
                    && QuotedPrintableDecoder.HexValue(rtf[position + 1]) is >= 0 and int low)
                {
                    Byte((byte)((high << 4) | low));
                    return position + 2;
                }

                break;
            case (byte)'*':
                return Destination(rtf, position);
            case (byte)'~':
                Text(isHtml && !state.IsTag ? "&nbsp;" : "\u00A0");
                break;
            case (byte)'_':
                Text(isHtml && !state.IsTag ? "&shy;" : "-");
                break;
            case (byte)'\r' or (byte)'\n':
                Text("\r\n");
                break;
            case (byte)'{' or (byte)'}' or (byte)'\\':
                Byte(symbol);
                break;
        }

        return position;
    }

    // {\*\word ...}: a destination that may be passed over by who does not know it.
    private int Destination(ReadOnlySpan<byte> rtf, int position)
    {
        while (position < rtf.Length && rtf[position] is (byte)' ' or (byte)'\r' or (byte)'\n')
            position++;
        if (!rtf[position..].StartsWith("\\htmltag"u8))
        {
            state.IsSilent = true;
            return position;
        }

        position += 8;
        while (position < rtf.Length && char.IsAsciiDigit((char)rtf[position]))
            position++;
        state.IsTag = true;
        state.IsSuppressed = false;
        return position < rtf.Length && rtf[position] == ' ' ? position + 1 : position;
    }

    private void Word(string word, int? number)
    {
        switch (word)
        {
            case "fromhtml":
                isHtml |= number is null or 1;
                break;
            case "htmlrtf":
                Flush();
                state.IsSuppressed = number is not 0;
                break;
            case "fonttbl":
                state.IsSilent = state.IsFontTable = true;
                break;
            case "f":
                Flush();
                definedFont = state.Font = number ?? 0;
                break;
            case "fcharset" when state.IsFontTable && fonts.Count < 1000:
                fonts[definedFont] = number ?? 0;
                break;
            case "ansicpg":
                charset = Charsets.Find("cp" + (number ?? 0).ToString(CultureInfo.InvariantCulture)) ?? charset;
                break;
            case "uc":
                state.SkipAfterUnicode = Math.Clamp(number ?? 1, 0, 10);
                break;
            case "u":
                Unicode((char)(number ?? '?'));
                break;
            case "par" or "line" or "sect" or "page" or "row":
                Text("\r\n");
                break;
            case "tab" or "cell":
                Text("\t");
                break;
            default:
                if (Silent.Contains(word))
                    state.IsSilent = true;
                else if (Special(word) is { } special)
                    Text(special);
                break;
        }
    }

    private string? Special(string word) => (word, isHtml && !state.IsTag) switch
    {
        ("lquote", true) => "&lsquo;",
        ("rquote", true) => "&rsquo;",
        ("ldblquote", true) => "&ldquo;",
        ("rdblquote", true) => "&rdquo;",
        ("bullet", true) => "&bull;",
        ("endash", true) => "&ndash;",
        ("emdash", true) => "&mdash;",
        ("lquote", false) => "\u2018",
        ("rquote", false) => "\u2019",
        ("ldblquote", false) => "\u201C",
        ("rdblquote", false) => "\u201D",
        ("bullet", false) => "\u2022",
        ("endash", false) => "\u2013",
        ("emdash", false) => "\u2014",
        _ => null,
    };

    private void Unicode(char character)
    {
        Flush();
        toSkip = 0;
        Append(character.ToString());
        toSkip = state.SkipAfterUnicode;
    }

    private void Byte(byte value)
    {
        if (toSkip > 0)
            toSkip--;
        else if (IsShown)
            pending.Add(value);
        if (pending.Count >= 4096)
            Flush();
    }

    private void Text(string text)
    {
        Flush();
        if (toSkip > 0)
            toSkip--;
        else
            Append(text);
    }

    private bool IsShown => !state.IsSilent && (!isHtml || !state.IsSuppressed);

    private void Append(string text)
    {
        if (IsShown)
            output.Append(text);
    }

    private void Flush()
    {
        if (pending.Count == 0)
            return;
        Encoding encoding = !state.IsTag && fonts.TryGetValue(state.Font, out int set) ? OfFont(set) ?? charset : charset;
        output.Append(Charsets.GetString(encoding, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(pending)));
        pending.Clear();
    }

    private static Encoding? OfFont(int set) => set switch
    {
        0 => Charsets.Windows1252,
        128 => Charsets.Find("cp932"),
        129 => Charsets.Find("cp949"),
        134 => Charsets.Find("cp936"),
        136 => Charsets.Find("cp950"),
        161 => Charsets.Find("cp1253"),
        162 => Charsets.Find("cp1254"),
        163 => Charsets.Find("cp1258"),
        177 => Charsets.Find("cp1255"),
        178 => Charsets.Find("cp1256"),
        186 => Charsets.Find("cp1257"),
        204 => Charsets.Find("cp1251"),
        222 => Charsets.Find("cp874"),
        238 => Charsets.Find("cp1250"),
        _ => null,
    };
}
