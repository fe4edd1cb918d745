using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Imap;

public sealed class ImapSentFolderTests
{
    private const string Search = @"UID SEARCH OR HEADER Message-ID ""<a@example.test>"" HEADER X-Microsoft-Original-Message-ID ""<a@example.test>""";
    private const string Fields = "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-MICROSOFT-ORIGINAL-MESSAGE-ID)])";

    private static readonly string Opened = ImapSessionTests.Open("IMAP4rev1 SPECIAL-USE", "3 EXISTS", "[UIDNEXT 4]");

    private static readonly string Selected = Opened + """
        C: A3 LIST (SPECIAL-USE) "" "*"    S: * LIST (\Drafts) "/" "[Gmail]/Drafts"\r\n* LIST (\Sent \HasNoChildren) "/" "[Gmail]/Sent Mail"\r\nA3 OK
        C: A4 SELECT "[Gmail]/Sent Mail"    S: * 900 EXISTS\r\n* OK [UIDVALIDITY 9] ok\r\nA4 OK

        """;

    [Theory]
    [InlineData(@"* 7 FETCH (UID 70 BODY[HEADER.FIELDS (MESSAGE-ID)] {32}\r\nMessage-ID: <a@example.test>\r\n\r\n)", true)]
    [InlineData(@"* 7 FETCH (UID 70 BODY[HEADER.FIELDS (MESSAGE-ID)] {35}\r\nMessage-ID: \r\n <a@example.test>\r\n\r\n)", true)]
    [InlineData(@"* 7 FETCH (UID 70 BODY[HEADER.FIELDS (MESSAGE-ID)] {84}\r\nMessage-ID: <new@outlook.com>\r\nX-Microsoft-Original-Message-ID: <a@example.test>\r\n\r\n)", true)]
    [InlineData(@"* 7 FETCH (UID 70 BODY[HEADER.FIELDS (MESSAGE-ID)] {33}\r\nMessage-ID: <aa@example.test>\r\n\r\n)", null)]
    [InlineData(@"* 7 FETCH (FLAGS (\Seen))", null)]
    public async Task A_message_counts_as_sent_when_a_header_in_the_folder_is_exactly_its_own(string fetched, bool? expected)
    {
        var transport = new ScriptedTransport(Selected + $"""
            C: A5 {Search}    S: * SEARCH 70 12\r\nA5 OK
            C: A6 UID FETCH 12,70 {Fields}    S: {fetched}\r\nA6 OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        Assert.Equal(expected, await Assert.IsAssignableFrom<ISentLookup>(session).WasSentAsync("<a@example.test>", default));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task What_is_not_found_is_not_known_to_be_unsent_and_is_looked_for_anew()
    {
        var transport = new ScriptedTransport(Selected + $"""
            C: A5 {Search}    S: * SEARCH\r\nA5 OK
            C: A6 LIST (SPECIAL-USE) "" "*"    S: * LIST (\Sent) "/" "[Gmail]/Sent Mail"\r\nA6 OK
            C: A7 NOOP    S: A7 OK
            C: A8 {Search}    S: * SEARCH\r\nA8 OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        Assert.Null(await ((ISentLookup)session).WasSentAsync("<a@example.test>", default));
        Assert.Null(await ((ISentLookup)session).WasSentAsync("<a@example.test>", default));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_folder_that_the_profile_names_goes_before_the_one_that_is_marked()
    {
        var transport = new ScriptedTransport(Opened + """
            C: A3 LIST "" "*"    S: * LIST () "/" INBOX\r\n* LIST () "/" "Gesendet"\r\nA3 OK
            C: A4 LIST "" ""    S: * LIST (\NoSelect) "/" ""\r\nA4 OK
            C: A5 SELECT "Gesendet"    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 9] ok\r\nA5 OK

            """ + $@"C: A6 {Search}    S: * SEARCH\r\nA6 OK");
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport, options: ("sentFolder", "Gesendet"));

        Assert.Null(await ((ISentLookup)session).WasSentAsync("<a@example.test>", default));

        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("C: A3 LIST (SPECIAL-USE) \"\" \"*\"    S: A3 OK", "MailFolderNotFound")]
    [InlineData("C: A3 LIST (SPECIAL-USE) \"\" \"*\"    S: * LIST (\\Sent) \"/\" S\\r\\nA3 OK\nC: A4 SELECT \"S\"    S: A4 NO no", "MailServerRefused")]
    [InlineData("C: A3 LIST (SPECIAL-USE) \"\" \"*\"    S: * LIST (\\Sent) \"/\" S\\r\\nA3 OK\nC: A4 SELECT \"S\"    S: A4 OK\nC: A5 " + Search + "    S: A5 NO no", "MailServerRefused")]
    public async Task A_server_that_does_not_let_look_is_an_error_and_no_answer(string script, string errorId)
    {
        var transport = new ScriptedTransport(Opened + script);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        MailException e = await Assert.ThrowsAnyAsync<MailException>(async () => await ((ISentLookup)session).WasSentAsync("<a@example.test>", default));

        Assert.Equal(errorId, e.ErrorId);
    }
}
