using System.Globalization;
using System.Text;

namespace EmailRouter.Interop.Tests.Mail;

/// <summary>Messages that are hard to carry: dots at line starts, empty lines at the end, long lines, 8-bit text.</summary>
public static class SampleMessages
{
    /// <summary>Makes a message that differs by its number; CRLF line ends.</summary>
    public static byte[] Make(int number, bool eightBit = false)
    {
        var random = new Random(number);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"From: box{number}@example.test\r\nTo: sales@example.test\r\n");
        text.Append(CultureInfo.InvariantCulture, $"Message-ID: <{number}@example.test>\r\nSubject: number {number}\r\n");
        text.Append("Date: Mon, 5 Jan 2026 08:00:00 +0000\r\n");
        text.Append("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
        string[] lines = [".", "..", ".hidden", "", "From the start", new string('x', 900), eightBit ? "grüße €" : "plain", "a line", "-- ", "\ttab "];
        int count = random.Next(1, 400);
        for (int i = 0; i < count; i++)
            text.Append(lines[random.Next(lines.Length)]).Append("\r\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
