using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace EmailRouter.Mime.Tests;

/// <summary>What is written comes back, whatever it is; what is read never throws, whatever it is.</summary>
public sealed class RoundTripProperties
{
    // Text as users paste it: any UTF-16, with the characters that matter to mail more often than chance would have it.
    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.Elements(" ", "\t", "\r\n", "\n", "\r", "=?", "?=", "=", "_", ".", "\"", "\\", "<", ">", ",", ";", ":", "(", ")", "--", "From ", "=_", "\0",
            "\u2028", "é", "ß", "中", "😀", "\ud800", "x", "word", "[CRM:1]"),
        ArbMap.Default.GeneratorFor<char>().Select(static character => character.ToString())).ListOf().Select(static pieces => string.Concat(pieces));

    [Fact]
    public void Subjects_names_and_file_names_come_back() => Check(AnyText.Three(), static values =>
    {
        (string subject, string name, string file) = (values.Item1, values.Item2, values.Item3);
        MessageDraft draft = MimeWriterTests.Draft with
        {
            Subject = subject,
            To = [new MailAddress(name, "bob@example.com"), new MailAddress("carl@example.com")],
            Attachments = [DraftAttachment.FromBytes(file, "application/pdf", [1, 2, 3])],
        };
        string text = MimeWriterTests.TextAsync(draft).GetAwaiter().GetResult();
        MimeMessage message = MimeMessage.Parse(Encoding.Latin1.GetBytes(text));

        return Lines(text)
            && message.Diagnostics.Count == 0
            && message.Subject == Written(subject)
            && message.To.Count == 2
            && SameName(message.To[0].DisplayName, Written(name.Replace('\t', ' ')))
            && message.To[0].Address == "bob@example.com"
            && message.Attachments is [var attachment]
            && (attachment.FileName ?? string.Empty) == Written(file.Replace('\t', ' '))
            && attachment.Decode() is [1, 2, 3];
    });

    [Fact]
    public void Bodies_come_back() => Check(AnyText.Two(), static values =>
    {
        string text = MimeWriterTests.TextAsync(MimeWriterTests.Draft with { TextBody = values.Item1, HtmlBody = values.Item2 }).GetAwaiter().GetResult();
        MimeMessage message = MimeMessage.Parse(Encoding.Latin1.GetBytes(text));
        return Lines(text) && message.TextBody!.GetText() == Body(values.Item1) && message.HtmlBody!.GetText() == Body(values.Item2);
    });

    [Fact]
    public void Attachments_come_back() => Check(Gen.Choose(0, 70_000).Zip(Gen.Choose(0, int.MaxValue)), static values =>
    {
        byte[] content = new byte[values.Item1];
        new System.Random(values.Item2).NextBytes(content);
        string text = MimeWriterTests.TextAsync(MimeWriterTests.Draft with { Attachments = [DraftAttachment.FromBytes("x", "image/png",
            content)] }).GetAwaiter().GetResult();
        return MimeMessage.Parse(Encoding.Latin1.GetBytes(text)).Attachments[0].Decode().AsSpan().SequenceEqual(content);
    });

    [Fact]
    public void Messages_attached_to_messages_come_back() => Check(AnyText.Two(), static values =>
    {
        string inner = MimeWriterTests.TextAsync(MimeWriterTests.Draft with { Subject = values.Item1, TextBody = values.Item2,
            HtmlBody = values.Item1 }).GetAwaiter().GetResult();
        string outer = MimeWriterTests.TextAsync(
            MimeWriterTests.Draft with { Attachments = [DraftAttachment.FromBytes(null, "message/rfc822",
                Encoding.Latin1.GetBytes(inner))] }).GetAwaiter().GetResult();
        return MimeMessage.Parse(Encoding.Latin1.GetBytes(outer)).Attachments[0].EmbeddedMessage!.Source.Text() == inner;
    });

    [Fact]
    public void Formatted_addresses_are_read_as_they_were() => Check(AnyText, static name =>
    {
        var address = new MailAddress(name, "ann@example.com");
        return MailAddress.ParseList(address.ToString()) is [var read] && read.Address == address.Address
            && (name.Contains("=?", StringComparison.Ordinal) || SameName(read.DisplayName, string.IsNullOrWhiteSpace(Cleaned(name)) ? string.Empty : Cleaned(name)));
    });

    [Fact]
    public void Dates_come_back() => Check(Gen.Choose(0, int.MaxValue).Zip(Gen.Choose(-14 * 60, 14 * 60)), static values =>
    {
        DateTimeOffset date = DateTimeOffset.FromUnixTimeSeconds(values.Item1).ToOffset(TimeSpan.FromMinutes(values.Item2));
        return MailDate.TryParse(MailDate.Format(date), out DateTimeOffset read) && read.EqualsExact(date);
    });

    [Fact]
    public void Random_bytes_never_throw() => Check(ArbMap.Default.GeneratorFor<byte[]>(), static bytes =>
    {
        Touch.Everything(MimeMessage.Parse(bytes));
        return true;
    });

    [Fact]
    public void Random_mail_like_text_never_throws()
    {
        Gen<string> mail = Gen.Elements(
            "\r\n", "\n", "\r", " ", "\t", ":", ";", ",", "\"", "<", ">", "(", ")", "--", "--b", "--b--", "--c", "Content-Type: ",
                "multipart/mixed; boundary=b", "multipart/alternative; boundary=c", "multipart/digest",
            "message/rfc822", "text/html; charset=", "koi8-r", "utf-16", "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable",
                "To: ", "Subject: ", "Date: ", "=?utf-8?B?", "?=", "=41", "AAAA",
            "Content-Disposition: attachment; filename*0*=", "utf-8''%C3", "Mon, 4 Sep 2017 10:00", "From ", "a@b", "\u00E9", "References: ", "Message-ID: ",
                "Content-ID: ", "[", "]", "\\", "\u0000", "\u001b$B").ListOf().Select(static pieces => string.Concat(pieces));
        Check(
            mail,
            static text =>
            {
                Touch.Everything(Mail.Parse(text));
                return true;
            },
            2000);
    }

    [Fact]
    public async Task Mutated_messages_never_throw()
    {
        byte[] original = Encoding.Latin1.GetBytes(await MimeWriterTests.TextAsync(MimeWriterTests.Draft with
        {
            Subject = "Grüße aus Wien, mit einem längeren Betreff, der umbrochen wird",
            HtmlBody = "<p>Привет</p>",
            InlineResources = [DraftAttachment.FromBytes("bild.png", "image/png", new byte[100], "pic@1")],
            Attachments = [DraftAttachment.FromBytes("Angebot für Müller.pdf", "application/pdf", new byte[200]),
                DraftAttachment.FromBytes(null, "message/rfc822", "Subject: x\r\n\r\ny"u8.ToArray())],
        }));
        Check(
            Gen.Choose(0, original.Length - 1).Zip(Gen.Choose(0, 255)).ListOf(12).Zip(Gen.Choose(0, 3)),
            values =>
            {
                List<byte> mutated = [.. original];
                foreach ((int position, int value) in values.Item1)
                {
                    int at = position % mutated.Count;
                    switch (values.Item2)
                    {
                        case 0:
                            mutated[at] = (byte)value;
                            break;
                        case 1:
                            mutated.RemoveRange(at, Math.Min(value, mutated.Count - at - 1));
                            break;
                        case 2:
                            mutated.InsertRange(at, mutated.GetRange(Math.Max(0, at - value), Math.Min(value, mutated.Count - at) / 2));
                            break;
                        default:
                            mutated.Insert(at, (byte)"\r\n-:;\"<>=? "[value % 11]);
                            break;
                    }
                }

                Touch.Everything(MimeMessage.Parse(mutated.ToArray()));
                return true;
            },
            1000);
    }

    // Always the same cases: a failure is one of the code, never of the day.
    private static void Check<T>(Gen<T> generator, Func<T, bool> property, int rounds = 300) =>
        Prop.ForAll(generator.ToArbitrary(), property).Check(Config.QuickThrowOnFailure.WithMaxTest(rounds).WithReplay(20260102UL, 30405UL));

    private static bool Lines(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal)
            && text.Split("\r\n").All(static line => line.Length <= 998 && !line.Contains('\r') && !line.Contains('\n'));

    // What the writer promises: one line without control characters, and no half characters.
    private static string Written(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(Cleaned(text)));

    private static string Cleaned(string text) => EmailRouter.Mime.Headers.HeaderText.Clean(text);

    private static string Body(string text) =>
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Replace("\r\n", "\n").Replace('\r', '\n').Replace("\n", "\r\n")));

    private static bool SameName(string? read, string written)
    {
        string expected = written.Trim(' ', '\t');
        // Quotes around a name are taken for the habit of some mailers; a name that repeats the address says nothing.
        if (expected.Length > 2 && expected[0] == '\'' && expected[^1] == '\'')
            expected = expected[1..^1];
        return (read ?? string.Empty) == expected;
    }
}
