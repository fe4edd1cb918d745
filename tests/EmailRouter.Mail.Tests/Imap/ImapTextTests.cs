using System.Text;
using EmailRouter.Mail.Imap;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Tests.Imap;

/// <summary>The small texts of the protocol: names, sets, dates, numbers, response codes, capabilities.</summary>
public sealed class ImapTextTests
{
    [Theory]
    [InlineData("INBOX", "INBOX")]
    [InlineData("Entwürfe", "Entw&APw-rfe")]
    [InlineData("a&b", "a&-b")]
    [InlineData("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-")]
    [InlineData("😀", "&2D3eAA-")]
    [InlineData("tab\there", "tab&AAk-here")]
    public void Names_are_modified_utf7(string name, string encoded)
    {
        Assert.Equal(encoded, ModifiedUtf7.Encode(name));
        Assert.Equal(name, ModifiedUtf7.Decode(encoded));
    }

    [Theory]
    [InlineData("a & b")]
    [InlineData("&")]
    [InlineData("&AP!-")]
    [InlineData("&APw")]
    [InlineData("&A-")]
    [InlineData("Größe")]
    public void What_is_no_modified_utf7_stays(string name) => Assert.Equal(name, ModifiedUtf7.Decode(name));

    [Fact]
    public void Any_name_survives_encoding_and_decoding()
    {
        var random = new Random(4);
        for (int i = 0; i < 2000; i++)
        {
            var name = new StringBuilder();
            for (int n = random.Next(0, 30); n > 0; n--)
                name.Append((char)(random.Next(3) == 0 ? random.Next(1, 0xd800) : random.Next(32, 127)));

            string encoded = ModifiedUtf7.Encode(name.ToString());

            Assert.DoesNotContain(encoded, c => c is < ' ' or > '~');
            Assert.Equal(name.ToString(), ModifiedUtf7.Decode(encoded));
        }
    }

    [Fact]
    public void Sets_ascend_have_ranges_and_survive_writing_and_reading()
    {
        var random = new Random(5);
        for (int i = 0; i < 200; i++)
        {
            var uids = new SortedSet<uint>();
            for (int n = random.Next(1, 500); n > 0; n--)
                uids.Add(random.Next(2) == 0 ? (uint)random.Next(1, 1000) : (uint)random.NextInt64(1, uint.MaxValue));
            var read = new List<uint>();

            foreach ((string set, IReadOnlyList<uint> part) in ImapUidSet.Split([.. uids], 100))
            {
                Assert.InRange(set.Length, 1, 830);
                Assert.InRange(part.Count, 1, 100);
                int before = read.Count;
                Assert.True(ImapUidSet.TryParse(Encoding.ASCII.GetBytes(set), read, 10_000));
                Assert.Equal(part, read.Skip(before));
            }

            Assert.Equal(uids, read);
        }
    }

    [Theory]
    [InlineData("5:3", new uint[] { 3, 4, 5 })]
    [InlineData("7,,x,9:", new uint[] { 7, 9 })]
    [InlineData("4294967294:4294967295", new[] { 4294967294, 4294967295 })]
    [InlineData("*", new uint[] { })]
    public void Sets_are_read_leniently(string text, uint[] expected)
    {
        var uids = new List<uint>();

        Assert.True(ImapUidSet.TryParse(Encoding.ASCII.GetBytes(text), uids, 100));

        Assert.Equal(expected, uids);
    }

    [Fact]
    public void A_set_of_everything_is_too_much() => Assert.False(ImapUidSet.TryParse("1:4294967295"u8, [], 1000));

    [Theory]
    [InlineData(" 5-Jan-2026 08:00:00 +0100", "2026-01-05T08:00:00+01:00")]
    [InlineData("31-Dec-2026 23:59:59 -0230", "2026-12-31T23:59:59-02:30")]
    [InlineData("01-feb-2026 00:00:00", "2026-02-01T00:00:00+00:00")]
    public void Dates_are_read(string text, string expected) =>
        Assert.Equal(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), ImapDate.Parse(text));

    [Theory]
    [InlineData("00-Jan-0000 00:00:00 +0000")]
    [InlineData("31-Feb-2026 00:00:00 +0000")]
    [InlineData("")]
    [InlineData("+0000")]
    [InlineData("05-Jan-2026 08:00:00 +9999")]
    [InlineData(null)]
    public void A_date_that_is_none_is_null(string? text) => Assert.Null(ImapDate.Parse(text));

    [Theory]
    [InlineData("12", 12L)]
    [InlineData("99999999999", 99_999_999_999L)]
    [InlineData("9.3736e+06", 9_373_600L)]
    [InlineData("-1", null)]
    [InlineData("", null)]
    [InlineData("12a", null)]
    [InlineData("1e300", null)]
    [InlineData("NaN", null)]
    [InlineData("18446744073709551615", null)]
    public void Numbers_are_read_leniently(string text, long? expected) => Assert.Equal(expected, ImapNumber.Parse(Encoding.ASCII.GetBytes(text)));

    [Theory]
    [InlineData("OK [READ-WRITE] done", "READ-WRITE", "", "done")]
    [InlineData("no [TryCreate] x", "TRYCREATE", "", "x")]
    [InlineData("OK [PERMANENTFLAGS (\\Seen [Gmail]/x ]y[)] ok", "PERMANENTFLAGS", "(\\Seen [Gmail]/x ]y[)", "ok")]
    [InlineData("OK [COPYUID 1 [2:3 4:5] ok", "COPYUID", "1 [2:3 4:5", "ok")]
    [InlineData("OK [PERMANENTFLAGS (\\Seen] ok", "PERMANENTFLAGS", "(\\Seen", "ok")]
    [InlineData("OK [no end", "", "", "[no end")]
    [InlineData("OK []", "", "", "[]")]
    [InlineData("BAD", "", "", "")]
    public void Response_codes_end_where_they_should(string line, string code, string arguments, string text)
    {
        Assert.True(ImapResponse.TryParse(Encoding.ASCII.GetBytes(line), out ImapResponse response));

        Assert.Equal((code, arguments, text), (response.Code, response.Arguments, response.Text));
    }

    [Theory]
    [InlineData("OKAY")]
    [InlineData("")]
    [InlineData("2 EXISTS")]
    public void What_is_no_status_is_told(string line) => Assert.False(ImapResponse.TryParse(Encoding.ASCII.GetBytes(line), out _));

    [Fact]
    public void Capabilities_are_read_in_any_case_and_with_blanks()
    {
        var capabilities = new ImapCapabilities("imap4rev1 Literal + auth=plain AUTH=XOAUTH2 qresync");

        Assert.True(capabilities.Has(ImapFeatures.Rev1 | ImapFeatures.LiteralPlus | ImapFeatures.CondStore | ImapFeatures.QuickResync));
        Assert.False(capabilities.Has(ImapFeatures.Move));
        Assert.Equal(["plain", "XOAUTH2"], capabilities.Mechanisms);
    }

    [Theory]
    [InlineData("7.3", "INBOX")]
    [InlineData("7.3/Sent/Größe & 1.2", "Sent/Größe & 1.2")]
    public void Locations_survive_writing_and_reading(string id, string folder)
    {
        ImapLocation location = ImapLocation.Parse(id)!.Value;

        Assert.Equal(new ImapLocation(folder, 7, 3), location);
        Assert.Equal(id, location.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData(".3")]
    [InlineData("7.-3")]
    [InlineData("sha256:ab")]
    public void What_is_no_location_is_none(string id) => Assert.Null(ImapLocation.Parse(id));
}
