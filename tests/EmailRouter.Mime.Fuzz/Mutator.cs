using System.Text;

namespace EmailRouter.Mime.Fuzz;

/// <summary>Makes wrong mail of right mail. The same random numbers give the same bytes.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> seeds)
{
    private const int MaximumLength = 300_000;

    private static readonly byte[][] Words =
    [
        .. new[]
        {
            "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", "\0", "--", "--b", "--b--", "\r\n--b\r\n", "\r\n--b--\r\n", "\r\n--outer\r\n", ":", ";", ",", "\"", "<", ">", "(", ")",
            "@", "=", "=\r\n", "=3D", "=?utf-8?Q?=C3?=", "=?utf-8?B?w7w=?=", "=?x?Q?", "?=", "=?iso-2022-jp?B?GyRC?=", "\u001b$B", "\\", "[", "]", "From ", "begin 644 x\r\n",
            "end\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "Content-Type: message/rfc822\r\n", "Content-Type: text/html; charset=utf-16\r\n",
            "Content-Type: multipart/alternative\r\n", "Content-Type: application/ms-tnef\r\n", "Content-Type: message/delivery-status\r\n",
            "Content-Type: text/calendar; method=REQUEST\r\n", "Content-Type: text/plain; format=flowed; delsp=yes\r\n",
            "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "Content-Transfer-Encoding: x-uuencode\r\n",
            "Content-Disposition: attachment; filename*0*=utf-8''a%C3; filename*1=\"b\"\r\n", "filename*=''", "name*99999999999=x;", "charset=", "boundary=", "boundary=\"\"",
            "To: a:b:c:d:e:f:g:", "References: <", "Date: Mon, 32 Feb 99999 25:61:61 +9999", "Thread-Index: AQHWLRNo4NaOjvXU8EODe0ZotrA8B6itzaxf\r\n",
            "Authentication-Results: ", "BEGIN:VCALENDAR\r\n", "END:VCALENDAR\r\n", "-1", "99999999999999999999", "\u00FF\u00FE", "\u00EF\u00BB\u00BF", "\u00E9", "%00", "{\\rtf1", "\\u-1?", "\\'ff",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    /// <summary>Makes one input.</summary>
    /// <param name="random">Decides everything.</param>
    /// <param name="maximumSteps">How many things to change at most.</param>
    /// <returns>The bytes.</returns>
    public byte[] Next(Random random, int maximumSteps = 32)
    {
        List<byte> bytes = [.. seeds[random.Next(seeds.Count)]];
        int steps = Math.Min(1 << random.Next(6), maximumSteps);
        for (int i = 0; i < steps; i++)
            Step(bytes, random);
        if (bytes.Count > MaximumLength)
            bytes.RemoveRange(MaximumLength, bytes.Count - MaximumLength);
        return [.. bytes];
    }

    private void Step(List<byte> bytes, Random random)
    {
        int at = random.Next(bytes.Count + 1);
        int length = Math.Min(random.Next(1, 1 << random.Next(1, 10)), bytes.Count - at);
        switch (random.Next(11))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 4:
                bytes.InsertRange(at, Words[random.Next(Words.Length)]);
                break;
            case 5 when random.Next(8) == 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 6:
                byte[] other = seeds[random.Next(seeds.Count)];
                int from = random.Next(other.Length);
                bytes.InsertRange(at, other[from..Math.Min(other.Length, from + random.Next(1, 2000))]);
                break;
            case 7 when random.Next(16) == 0 && bytes.Count < MaximumLength:
                // Bombs: the same again and again.
                byte[] word = random.Next(2) == 0 || length == 0 ? Words[random.Next(Words.Length)] : [.. bytes.GetRange(at, Math.Min(length, 64))];
                int times = Math.Min(1 << random.Next(4, 15), MaximumLength / word.Length);
                bytes.InsertRange(at, Enumerable.Repeat(word, times).SelectMany(static b => b));
                break;
            case 8 when length > 3:
                // Numbers of binary formats.
                byte[] number = BitConverter.GetBytes(random.Next(3) switch { 0 => random.Next(), 1 => -1, _ => random.Next(300) });
                for (int i = 0; i < 4; i++)
                    bytes[at + i] = number[i];
                break;
            case 9 when length > 0:
                bytes.InsertRange(random.Next(bytes.Count + 1), Enumerable.Repeat(bytes[at], random.Next(1, 300)));
                break;
            default:
                // Lines change places.
                int end = bytes.IndexOf((byte)'\n', at);
                if (end > at && end - at < 2000)
                {
                    List<byte> line = bytes.GetRange(at, end + 1 - at);
                    bytes.RemoveRange(at, line.Count);
                    bytes.InsertRange(random.Next(bytes.Count + 1), line);
                }

                break;
        }
    }
}
