using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class AutomaticMailTests
{
    [Theory]
    [InlineData("Auto-Submitted: auto-replied")]
    [InlineData("auto-submitted:\r\n auto-generated; type=x")]
    [InlineData("Precedence: bulk")]
    [InlineData("Precedence: LIST")]
    [InlineData("List-Id: News <news.example.test>")]
    [InlineData("List-Unsubscribe: <https://example.test/u>")]
    [InlineData("X-Autoreply: yes")]
    public void Headers_of_programs_are_recognised(string header) => Assert.NotNull(AutomaticMail.Recognise(With($"From: a@b.test\r\n{header}\r\nSubject: x\r\n")));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Auto-Submitted: no")]
    [InlineData("Precedence: first-class")]
    [InlineData("Subject: x\r\n Precedence: bulk")]
    [InlineData("no header at all")]
    [InlineData(":\r\n: bulk\r\n \r\n")]
    public void Other_headers_say_nothing(string? headers) => Assert.Null(AutomaticMail.Recognise(With(headers)));

    [Theory]
    [InlineData("IPM.Note.Rules.OofTemplate.Microsoft")]
    [InlineData("ipm.note.rules.replytemplate.microsoft")]
    [InlineData("REPORT.IPM.Note.NDR")]
    public void Classes_of_automatic_answers_are_recognised(string messageClass) =>
        Assert.NotNull(AutomaticMail.Recognise(With(null) with { MessageClass = messageClass }));

    [Theory]
    [InlineData("MAILER-DAEMON@customer.test")]
    [InlineData("postmaster@customer.test")]
    public void Mail_systems_are_recognised_by_their_names(string sender) => Assert.NotNull(AutomaticMail.Recognise(Office.Message(sender, Office.Anna)));

    private static IncomingEmail With(string? headers) => Office.Message(Office.Stranger, Office.Anna) with { InternetMessageHeaders = headers };
}
