using System.Globalization;

namespace EmailRouter.Mime.Tests;

public sealed class MailDateTests
{
    [Theory]
    [InlineData("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00")]
    [InlineData("Thu, 13 Feb 1969 23:32 -0330", "1969-02-13T23:32:00-03:30")]
    [InlineData("21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06+00:00")]
    [InlineData("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", null)]
    [InlineData("Thu,\t13 Feb 1969 23:32 -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30")]
    [InlineData("Mon, 4 Sep 17 10:00:00 EST", "2017-09-04T10:00:00-05:00")]
    [InlineData("4 Sep 117 10:00:00 Z", "2017-09-04T10:00:00+00:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00 -0000", "2017-09-04T10:00:00+00:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00", "2017-09-04T10:00:00+00:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00 XYZ", "2017-09-04T10:00:00+00:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00 GMT+0200", "2017-09-04T10:00:00+02:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00 +0200 (CEST)", "2017-09-04T10:00:00+02:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00 +02:00", "2017-09-04T10:00:00+02:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00 +9999", "2017-09-04T10:00:00+00:00")]
    [InlineData("Mon, 04 Sep 2017 10:00:00 PM +0000", "2017-09-04T22:00:00+00:00")]
    [InlineData("Mon, 04 Sep 2017 12:05 AM", "2017-09-04T00:05:00+00:00")]
    [InlineData("Mon, 04 Sep 2017 10:00pm", "2017-09-04T22:00:00+00:00")]
    [InlineData("Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00+00:00")]
    [InlineData("Mon Sep  4 10:00:00 2017", "2017-09-04T10:00:00+00:00")]
    [InlineData("Mon Sep  4 10:00:00 PDT 2017", "2017-09-04T10:00:00-07:00")]
    [InlineData("Monday, 04-Sep-17 10:00:00 GMT", "2017-09-04T10:00:00+00:00")]
    [InlineData("2017-09-04T10:00:00+02:00", "2017-09-04T10:00:00+02:00")]
    [InlineData("2017-09-04T10:00:00Z", "2017-09-04T10:00:00+00:00")]
    [InlineData("2017-09-04 10:00:00 +0200", "2017-09-04T10:00:00+02:00")]
    [InlineData("9/4/2017 3:00 PM", "2017-09-04T15:00:00+00:00")]
    [InlineData("24/4/2017 3:00", "2017-04-24T03:00:00+00:00")]
    [InlineData("Mon, 04 September 2017 10:00:00.123 +0200", "2017-09-04T10:00:00+02:00")]
    [InlineData("29 Feb 2024 24:00:00 +0000", "2024-03-01T00:00:00+00:00")]
    [InlineData("30 Feb 2024 10:00:00 +0000", null)]
    [InlineData("4 Sep 2017 25:00:00 +0000", null)]
    [InlineData("4 Sep 2017", null)]
    [InlineData("yesterday", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    [InlineData("99999999999999999999 Sep 2017 10:00", null)]
    [InlineData("1 Jan 0001 00:00:00 +1400", "2001-01-01T00:00:00+14:00")]
    [InlineData("31 Dec 9999 23:59:59 -1400", null)]
    public void Dates_are_read_as_senders_write_them(string? text, string? expected)
    {
        bool read = MailDate.TryParse(text, out DateTimeOffset date);

        Assert.Equal(expected is not null, read);
        if (expected is not null)
            Assert.Equal(DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture), date);
        if (expected is not null)
            Assert.Equal(DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture).Offset, date.Offset);
    }

    [Fact]
    public void Dates_are_written_as_the_standard_wants_them()
    {
        Assert.Equal("Mon, 04 Sep 2017 10:00:00 +0200", MailDate.Format(new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.FromHours(2))));
        Assert.Equal("Thu, 13 Feb 1969 23:32:00 -0330", MailDate.Format(new DateTimeOffset(1969, 2, 13, 23, 32, 0, new TimeSpan(-3, -30, 0))));
    }

    [Fact]
    public void Without_a_readable_date_the_newest_received_header_counts()
    {
        MimeMessage message = Mail.Parse(
            "Received: from a by b; rubbish\r\nReceived: from b by c; Mon, 4 Sep 2017 10:00:00 +0000\r\n"
                + "Received: from x; Sun, 3 Sep 2017 10:00:00 +0000\r\nDate: never\r\n\r\n");

        Assert.Equal(new DateTimeOffset(2017, 9, 4, 10, 0, 0, TimeSpan.Zero), message.Date);
    }
}
