namespace EmailRouter.Mime.Tests;

public sealed class CalendarPartTests
{
    private const string Meeting = """
        BEGIN:VCALENDAR
        METHOD:request
        BEGIN:VTIMEZONE
        TZID:Europe
        BEGIN:STANDARD
        DTSTART:16010101T030000
        END:STANDARD
        END:VTIMEZONE
        BEGIN:VEVENT
        UID:0400
         0082
        SUMMARY;LANGUAGE="de:x":Besprechung\, K
        	öln\nmorgen
        DTSTART;TZID=Europe:20260302T100000
        DTEND:20260302T110000Z
        ORGANIZER;CN="Ann: boss":MAILTO:ann@example.test
        BEGIN:VALARM
        SUMMARY:Alarm
        END:VALARM
        END:VEVENT
        BEGIN:VEVENT
        UID:second
        LOCATION:here
        END:VEVENT
        END:VCALENDAR
        """;

    [Fact]
    public void The_first_event_is_read()
    {
        CalendarPart part = CalendarPart.Read(Mail.ParseLines("Content-Type: text/calendar; charset=utf-8; method=PUBLISH\nContent-Transfer-Encoding: 8bit\n\n" + Meeting).Root)!;

        Assert.Equal(new CalendarPart("REQUEST", "04000082", "Besprechung, Köln morgen", "20260302T100000", "20260302T110000Z", "ann@example.test"), part);
    }

    [Fact]
    public void The_content_type_tells_the_method_that_the_text_does_not() =>
        Assert.Equal(new CalendarPart("CANCEL", null, null, null, null, null), CalendarPart.Read(Mail.ParseLines("Content-Type: text/calendar; method=cancel\n\nnothing").Root));

    [Theory]
    [InlineData("")]
    [InlineData("UID:x")]
    [InlineData("BEGIN:VEVENT\nUID\nUID:\nEND")]
    [InlineData("END:VCALENDAR\nEND:VEVENT\n:\n;:\n\"")]
    [InlineData(" folded\n\tfirst")]
    public void Broken_calendars_say_nothing(string text) => Assert.Equal(new CalendarPart(null, null, null, null, null, null), CalendarPart.Parse(text));

    [Fact]
    public void Other_parts_are_no_calendar() => Assert.Null(CalendarPart.Read(Mail.ParseLines("Content-Type: text/plain\n\n" + Meeting).Root));
}
