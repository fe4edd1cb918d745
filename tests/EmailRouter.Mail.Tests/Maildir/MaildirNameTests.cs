using EmailRouter.Mail.Maildir;

namespace EmailRouter.Mail.Tests.Maildir;

public sealed class MaildirNameTests
{
    [Theory]
    [InlineData("1700000001.M1P1.test", "1700000001.M1P1.test", "")]
    [InlineData("1700000001.M1P1.test,S=42,W=43:2,FS", "1700000001.M1P1.test,S=42,W=43", "FS")]
    [InlineData("1700000001.M1P1.test:2,", "1700000001.M1P1.test", "")]
    [InlineData("1700000001.M1P1.test:2,Sab", "1700000001.M1P1.test", "Sab")]
    [InlineData("1700000001.M1P1.test:1,whatever", "1700000001.M1P1.test", "")]
    [InlineData(":2,S", ":2,S", "")]
    public void The_unique_name_ends_where_the_information_begins(string fileName, string unique, string flags)
    {
        if (OperatingSystem.IsWindows())
            fileName = fileName.Replace(':', ';');

        Assert.Equal(new MaildirName(OperatingSystem.IsWindows() ? unique.Replace(':', ';') : unique, flags), MaildirName.Parse(fileName));
    }

    [Theory]
    [InlineData("", "S")]
    [InlineData("S", "S")]
    [InlineData("FT", "FST")]
    [InlineData("ab", "Sab")]
    public void A_flag_is_added_once_and_in_the_order_of_ASCII(string before, string after) => Assert.Equal(after, new MaildirName("x", before).With('S').Flags);
}
