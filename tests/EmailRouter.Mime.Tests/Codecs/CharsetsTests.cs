using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime.Tests.Codecs;

public sealed class CharsetsTests
{
    [Theory]
    [InlineData("utf-8", 65001)]
    [InlineData("UTF8", 65001)]
    [InlineData("unicode", 65001)]
    [InlineData("cp65001", 65001)]
    [InlineData("cp1252", 1252)]
    [InlineData("windows-1252", 1252)]
    [InlineData("iso-8859-1", 1252)]
    [InlineData("latin1", 1252)]
    [InlineData("x-cp1251", 1251)]
    [InlineData("iso-8859-2", 28592)]
    [InlineData("iso-8859-15", 28605)]
    [InlineData("iso-8859-8-i", 38598)]
    [InlineData("ks_c_5601-1987", 949)]
    [InlineData("gb2312", 54936)]
    [InlineData("ansi_x3.4-1968", 20127)]
    [InlineData("us-ascii;", 20127)]
    [InlineData("\"utf-8\"", 65001)]
    [InlineData(" 'utf-8' ", 65001)]
    [InlineData("ibm850", 850)]
    [InlineData("shift_jis", 932)]
    [InlineData("windows-31j", 932)]
    [InlineData("tis-620", 874)]
    [InlineData("utf-16be", 1201)]
    public void Charsets_are_found_by_the_names_mail_uses(string name, int codePage) => Assert.Equal(codePage, Charsets.Find(name)!.CodePage);

    [Theory]
    [InlineData("x-unknown")]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("cp99999")]
    [InlineData("utf-7")]
    [InlineData("\0\u0001")]
    [InlineData("a very long name that can be no charset in the world")]
    public void Nobody_knows_these(string? name) => Assert.Null(Charsets.Find(name));

    [Fact]
    public void No_code_page_throws_on_any_bytes()
    {
        var random = new Random(1);
        foreach (EncodingInfo info in CodePagesEncodingProvider.Instance.GetEncodings())
        {
            Encoding encoding = Charsets.Find(info.Name) ?? info.GetEncoding();
            for (int round = 0; round < 30; round++)
            {
                byte[] bytes = new byte[random.Next(200)];
                random.NextBytes(bytes);
                if (round % 2 == 0)
                {
                    for (int i = 0; i < bytes.Length; i++)
                        bytes[i] = "\u001b$()BJ~{}AG\u000e\u000f\r\n 1"[bytes[i] % 17] is var character ? (byte)character : (byte)0;
                }

                Assert.NotNull(Charsets.GetString(encoding, bytes));
            }
        }
    }
}
