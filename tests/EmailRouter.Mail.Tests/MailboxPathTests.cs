namespace EmailRouter.Mail.Tests;

public sealed class MailboxPathTests
{
    private static readonly string Root = OperatingSystem.IsWindows() ? @"C:\mail\" : "/mail/";

    [Theory]
    [InlineData("all", "Sales@Example.test", "all")]
    [InlineData("{address}", "Sales@Example.test", "sales@example.test")]
    [InlineData("{Domain}/{local}/Maildir", "Sales@Example.test", "example.test/sales/Maildir")]
    [InlineData("{local}", "root", "root")]
    public void Placeholders_stand_for_the_address_and_its_parts(string path, string mailbox, string expected) =>
        Assert.Equal(Path.GetFullPath(Root + expected), MailboxPath.Expand(Root + path, mailbox));

    [Theory]
    [InlineData("../../etc@example.test")]
    [InlineData("..@example.test")]
    [InlineData("a/b@example.test")]
    [InlineData("a\\b@example.test")]
    [InlineData("a:b@example.test")]
    [InlineData("a\nb@example.test")]
    [InlineData("@example.test")]
    [InlineData(".ssh@example.test")]
    [InlineData("{domain}@example.test")]
    public void An_address_cannot_choose_another_folder(string mailbox)
    {
        MailCommandException e = Assert.Throws<MailCommandException>(() => MailboxPath.Expand(Root + "{domain}/{local}", mailbox));

        Assert.Equal("MailPathInvalid", e.ErrorId);
        Assert.NotEmpty(e.Remedy);
    }

    [Theory]
    [InlineData(null, "missing")]
    [InlineData(" ", "missing")]
    [InlineData("mail/in", "no full path")]
    [InlineData("{root}{user}", "{address}")]
    [InlineData("{root}a{", "{address}")]
    [InlineData("{root}a\0b", "control")]
    public void A_fault_of_the_path_is_named(string? path, string problem)
    {
        path = path?.Replace("{root}", Root, StringComparison.Ordinal);

        Assert.Contains(problem, MailboxPath.FindFault(path), StringComparison.Ordinal);
        Assert.Throws<MailCommandException>(() => MailboxPath.Expand(path, "a@example.test"));
    }

    [Fact]
    public void A_right_path_has_no_fault() => Assert.Null(MailboxPath.FindFault(Root + "{domain}/{local}/{address}"));
}
