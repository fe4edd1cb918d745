using EmailRouter.Mail.Files;

namespace EmailRouter.Mail.Tests.Files;

public sealed class FileErrorsTests
{
    private static int DiskFull => OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28;

    public static TheoryData<string, string, bool> Refusals => new()
    {
        { "missing", "MailFolderMissing", false },
        { "denied", "MailFolderDenied", false },
        { "full", "MailDiskFull", true },
        { "other", "MailFolderFailed", true },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_the_file_system_refuses_has_an_id_a_remedy_and_says_whether_it_may_pass(string what, string errorId, bool transient)
    {
        Exception cause = what switch
        {
            "missing" => new DirectoryNotFoundException("no"),
            "denied" => new UnauthorizedAccessException("no"),
            "full" => new IOException("no", DiskFull),
            _ => new IOException("no"),
        };

        MailException e = FileErrors.Folder(cause, MailStep.List, "/mail/in", "listed");

        Assert.Equal((errorId, transient, MailStep.List), (e.ErrorId, e.IsTransient, e.Step));
        Assert.Contains("/mail/in", e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(e.Remedy);
        Assert.Same(cause, e.InnerException);
    }

    [Fact]
    public void A_message_that_may_not_be_read_is_no_passing_trouble_and_a_full_spool_is()
    {
        var message = new MessageRef("m1");

        Assert.Equal(("MailMessageUnavailable", false), Of(new UnauthorizedAccessException("no")));
        Assert.Equal(("MailMessageUnavailable", true), Of(new IOException("held")));
        Assert.Equal(("MailSpoolFailed", true), Of(new IOException("no", DiskFull)));
        Assert.Equal((MailException.MessageGone, false), Of(new FileNotFoundException("no")));

        (string, bool) Of(Exception cause)
        {
            MailCommandException e = FileErrors.Message(message, "/mail/in/m1", cause);
            return (e.ErrorId, e.IsTransient);
        }
    }
}
