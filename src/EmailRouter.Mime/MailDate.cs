using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EmailRouter.Mime;

/// <summary>Dates of RFC 5322 3.3: read as senders write them, written as the RFC wants them.</summary>
public static class MailDate
{
    private const string Months = "janfebmaraprmayjunjulaugsepoctnovdec";
    private static readonly SearchValues<char> ClockCharacters = SearchValues.Create("0123456789:.");

    /// <summary>
    /// Reads a date leniently: with or without weekday, seconds and zone; two-digit years, named zones, AM and PM, comments, leap seconds, the order of
    /// asctime, ISO 8601. A missing or unknown zone counts as UTC.
    /// </summary>
    /// <param name="text">The header's value.</param>
    /// <param name="date">The date.</param>
    /// <returns>Whether day, month, year and time could be read.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out DateTimeOffset date)
    {
        date = default;
        if (string.IsNullOrWhiteSpace(text))
            return false;
        if (text.Length > 200)
            text = text[..200];

        var fields = new Fields();
        foreach (string word in StripComments(text).Split([' ', '\t', ',', ';'], StringSplitOptions.RemoveEmptyEntries))
            fields.Take(word);
        return fields.TryMake(out date);
    }

    /// <summary>Formats a date, e.g. <c>Mon, 04 Sep 2017 10:00:00 +0200</c>.</summary>
    /// <param name="date">The date; fractions of a second are left out.</param>
    /// <returns>The value of a Date header.</returns>
    public static string Format(DateTimeOffset date)
    {
        // Offsets of mail are whole minutes, as those of DateTimeOffset are.
        int minutes = (int)Math.Abs(date.Offset.TotalMinutes);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{date:ddd, dd MMM yyyy HH:mm:ss} {(date.Offset < TimeSpan.Zero ? '-' : '+')}{minutes / 60:00}{minutes % 60:00}");
    }

    private static string StripComments(string text)
    {
        if (!text.Contains('(', StringComparison.Ordinal))
            return text;
        Span<char> kept = stackalloc char[text.Length];
        int length = 0;
        int depth = 0;
        foreach (char character in text)
        {
            if (character == '(')
                depth++;
            else if (character == ')' && depth > 0)
                depth--;
            else if (depth == 0)
                kept[length++] = character;
        }

        return new string(kept[..length]);
    }

    private struct Fields
    {
        private int day = -1;
        private int month = -1;
        private int year = -1;
        private int hour = -1;
        private int minute;
        private int second;
        private bool afternoon;
        private bool morning;
        private int? zone;

        public Fields()
        {
        }

        public void Take(string word)
        {
            if (word.Contains(':', StringComparison.Ordinal))
                TakeTimeOrIso(word);
            else if (word[0] is '+' or '-' && word.Length >= 3 && hour >= 0)
                TakeOffset(word);
            else if (char.IsAsciiDigit(word[0]))
                TakeNumbers(word);
            else
                TakeWord(word);
        }

        public readonly bool TryMake(out DateTimeOffset date)
        {
            date = default;
            int y = year;
            if (day < 1 || month < 1 || y < 0 || hour < 0)
                return false;
            if (y < 50)
                y += 2000;
            else if (y < 1000)
                y += 1900;
            int h = hour;
            if (afternoon && h < 12)
                h += 12;
            else if (morning && h == 12)
                h = 0;
            if (y > 9998 || month > 12 || day > DateTime.DaysInMonth(y, month) || h > 24 || minute > 59 || second > 60 || (h == 24 && minute > 0))
                return false;
            DateTime local = new DateTime(y, month, day, 0, 0, 0, DateTimeKind.Unspecified).AddHours(h).AddMinutes(minute).AddSeconds(second);
            TimeSpan offset = TimeSpan.FromMinutes(Math.Abs(zone ?? 0) <= 14 * 60 ? zone ?? 0 : 0);
            if (local.Year < 2 && offset > TimeSpan.Zero)
                return false;
            date = new DateTimeOffset(local, offset);
            return true;
        }

        private void TakeTimeOrIso(string word)
        {
            // 2017-09-04T10:00:00Z
            int t = word.IndexOf('T', StringComparison.OrdinalIgnoreCase);
            if (t > 7 && word.IndexOf('-', StringComparison.Ordinal) == 4)
            {
                if (DateTimeOffset.TryParse(word, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset iso)
                    && iso.Year is > 1 and < 9999)
                {
                    (day, month, year, hour, minute, second) = (iso.Day, iso.Month, iso.Year, iso.Hour, iso.Minute, iso.Second);
                    zone = (int)iso.Offset.TotalMinutes;
                }

                return;
            }

            if (hour >= 0)
            {
                if (word[0] is '+' or '-')
                    TakeOffset(word.Replace(":", string.Empty, StringComparison.Ordinal));
                return;
            }

            // 10:00, 10:00:00, 10:00:00.123, 10:00:00+0200, 10:00pm
            int end = word.AsSpan().IndexOfAnyExcept(ClockCharacters);
            string clock = end < 0 ? word : word[..end];
            string[] parts = clock.Split(':');
            if (parts.Length is < 2 or > 3 || !TryNumber(parts[0], out int h) || !TryNumber(parts[1].Split('.')[0], out int m))
                return;
            int s = 0;
            if (parts.Length == 3 && !TryNumber(parts[2].Split('.')[0], out s))
                return;
            (hour, minute, second) = (h, m, s);
            if (end >= 0)
                Take(word[end..]);
        }

        private void TakeOffset(string word)
        {
            string digits = word[1..].Replace(":", string.Empty, StringComparison.Ordinal);
            if (digits.Length is < 2 or > 4 || !TryNumber(digits, out int value))
                return;
            int minutes = digits.Length == 2 ? value * 60 : (value / 100 * 60) + (value % 100);
            zone = word[0] == '-' ? -minutes : minutes;
        }

        private void TakeNumbers(string word)
        {
            // 04-Sep-2017, 2017-09-04, 9/4/2017
            string[] parts = word.Split('-', '/', '.');
            if (parts.Length == 3 && TryNumber(parts[0], out int first) && TryNumber(parts[2], out int last))
            {
                if (MonthOf(parts[1]) is > 0 and int named)
                    (day, month, year) = (first, named, last);
                else if (!TryNumber(parts[1], out int middle))
                    return;
                else if (parts[0].Length == 4)
                    (year, month, day) = (first, middle, last);
                else if (word.Contains('/', StringComparison.Ordinal) && middle > 12)
                    (month, day, year) = (first, middle, last);
                else if (word.Contains('/', StringComparison.Ordinal) && first <= 12)
                    (month, day, year) = (first, middle, last);
                else
                    (day, month, year) = (first, middle, last);
                return;
            }

            if (!TryNumber(word.TrimEnd('.'), out int number))
            {
                // "12h", "4th"
                int letters = word.AsSpan().IndexOfAnyExceptInRange('0', '9');
                if (letters <= 0 || !TryNumber(word[..letters], out number))
                    return;
            }

            if (day < 0 && word.Length <= 2)
                day = number;
            else if (year < 0 && word.Length is 2 or 3 or 4 && (month > 0 || word.Length == 4))
                year = number;
            else if (zone is null && hour >= 0 && word.Length == 4)
                zone = (number / 100 * 60) + (number % 100);
        }

        private void TakeWord(string word)
        {
            if (month < 0 && MonthOf(word) is > 0 and int named)
            {
                month = named;
                return;
            }

            switch (word.ToUpperInvariant())
            {
                case "AM" or "A.M.":
                    morning = true;
                    break;
                case "PM" or "P.M.":
                    afternoon = true;
                    break;
                case "EST":
                    zone ??= -5 * 60;
                    break;
                case "EDT":
                    zone ??= -4 * 60;
                    break;
                case "CST":
                    zone ??= -6 * 60;
                    break;
                case "CDT":
                    zone ??= -5 * 60;
                    break;
                case "MST":
                    zone ??= -7 * 60;
                    break;
                case "MDT":
                    zone ??= -6 * 60;
                    break;
                case "PST":
                    zone ??= -8 * 60;
                    break;
                case "PDT":
                    zone ??= -7 * 60;
                    break;
                case "CET" or "MET" or "MEZ" or "BST":
                    zone ??= 60;
                    break;
                case "CEST" or "MEST" or "MESZ" or "EET":
                    zone ??= 120;
                    break;
                case "EEST" or "MSK":
                    zone ??= 180;
                    break;
                case "JST" or "KST":
                    zone ??= 9 * 60;
                    break;
                default:
                    // "GMT+0200", "UTC-5"
                    int sign = word.AsSpan().IndexOfAny('+', '-');
                    if (sign > 0 && hour >= 0)
                        TakeOffset(word[sign..]);
                    break;
            }
        }

        private static int MonthOf(string word)
        {
            if (word.Length < 3)
                return -1;
            int at = Months.IndexOf(word[..3], StringComparison.OrdinalIgnoreCase);
            return at >= 0 && at % 3 == 0 ? (at / 3) + 1 : -1;
        }

        private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
