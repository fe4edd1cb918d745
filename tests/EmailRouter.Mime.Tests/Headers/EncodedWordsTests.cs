using EmailRouter.Mime.Headers;

namespace EmailRouter.Mime.Tests.Headers;

public sealed class EncodedWordsTests
{
    // RFC 2047 8.
    [Theory]
    [InlineData("(=?ISO-8859-1?Q?a?=)", "(a)")]
    [InlineData("(=?ISO-8859-1?Q?a?= b)", "(a b)")]
    [InlineData("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)")]
    [InlineData("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)")]
    [InlineData("(=?ISO-8859-1?Q?a_b?=)", "(a b)")]
    [InlineData("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)")]
    [InlineData("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>")]
    [InlineData("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen")]
    [InlineData("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
        "If you can read this you understand the example.")]
    [InlineData("=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ")]
    // RFC 2231 5.
    [InlineData("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore")]
    // Everyday ones.
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("Re: =?utf-8?q?gr=c3=bc=c3=9fe?= [CRM:1]", "Re: grüße [CRM:1]")]
    [InlineData("=?koi8-r?B?8NLJ18XU?=", "Привет")]
    [InlineData("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本")]
    [InlineData("=?gb2312?B?1tDOxA==?=", "中文")]
    [InlineData("=?ks_c_5601-1987?B?x9Gx2w==?=", "한글")]
    [InlineData("=?windows-1251?Q?=CF=F0?=", "Пр")]
    [InlineData("=?big5?B?pKSk5Q==?=", "中文")]
    public void Encoded_words_are_decoded(string raw, string text) => Assert.Equal(text, EncodedWords.Decode(raw));

    [Theory]
    [InlineData("=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€")]                       // one character over two words
    [InlineData("=?utf-8?Q?=E2=82?=\t=?UTF-8?Q?=AC?=", "€")]
    [InlineData("=?utf-8?Q?=E2=82?= =?utf-8?B?rA==?=", "€")]                     // the same in two encodings
    [InlineData("=?utf-8?B?SGVsbG?= =?utf-8?B?8gV29ybGQ=?=", "Hello World")]      // base64 cut anywhere
    [InlineData("=?utf-8?B?SGVsbG8?=", "Hello")]                                  // no padding
    [InlineData("=?utf-8?Q?no end", "no end")]
    [InlineData("=?utf-8?Q?a b c?=", "a b c")]
    [InlineData("=?utf-8?Q?one =?utf-8?Q?two?=", "onetwo")]                        // the first lacks its end
    [InlineData("x=?utf-8?Q?=41?=y", "xAy")]
    [InlineData("=?x-unknown?Q?caf=E9?=", "café")]                                 // unknown charset: windows-1252
    [InlineData("=?x-unknown?Q?caf=C3=A9?=", "café")]                              // unknown charset: UTF-8
    [InlineData("=??Q?caf=C3=A9?=", "café")]                                       // no charset
    [InlineData("=?us-ascii?Q?caf=C3=A9?=", "café")]
    [InlineData("=?utf-8?Q?a=ZZb?=", "a=ZZb")]
    [InlineData("=?utf-8?Q?grüße?=", "grüße")]                                     // raw characters inside
    [InlineData("=?utf-8?X?abc?=", "=?utf-8?X?abc?=")]
    [InlineData("=?", "=?")]
    [InlineData("=?utf-8?Q", "=?utf-8?Q")]
    [InlineData("=?utf-8?Q?", "=?utf-8?Q?")]
    [InlineData("what? =?utf-8?Q?yes?=", "what? yes")]
    [InlineData("=?utf-8?Q??= x", " x")]
    [InlineData("=?utf-8?B?Z3LDvMOfZTo: b@example.com", "=?utf-8?B?Z3LDvMOfZTo: b@example.com")]
    [InlineData("=?utf-8?B?SGVsbG8=", "Hello")]
    public void Broken_encoded_words_are_read_as_far_as_possible(string raw, string text) => Assert.Equal(text, EncodedWords.Decode(raw));

    [Fact]
    public void Text_without_encoded_words_is_not_copied()
    {
        string text = "nothing = to ? do";

        Assert.Same(text, EncodedWords.Decode(text));
    }
}
