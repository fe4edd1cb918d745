namespace EmailRouter.Mime.Tests;

public sealed class MailAddressTests
{
    // RFC 5322 A.1, A.5, A.6 and everyday carelessness.
    [Theory]
    [InlineData("john@example.com", "|john@example.com")]
    [InlineData("John Doe <jdoe@machine.example>", "John Doe|jdoe@machine.example")]
    [InlineData("\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com")]
    [InlineData("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", "Mary Smith|mary@x.test", "|jdoe@example.org", "Who?|one@y.test")]
    [InlineData("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", "|boss@nil.test", "Giant; \"Big\" Box|sysservices@example.net")]
    [InlineData("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", "Ed Jones|c@a.test", "|joe@where.test", "John|jdoe@one.test")]
    [InlineData("Undisclosed recipients:;")]
    [InlineData("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete@silly.test")]
    [InlineData("A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org,\r\n"
        + " John <jdoe@one.test> (my dear friend); (the end of the group)", "Chris Jones|c@public.example", "|joe@example.org", "John|jdoe@one.test")]
    [InlineData("Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com")]
    [InlineData("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", "Mary Smith|mary@example.net", "|jdoe@test.example")]
    [InlineData("<@a.test,@b.test:mary@example.net>", "|mary@example.net")]
    [InlineData("ann@example.com (Ann Smith)", "Ann Smith|ann@example.com")]
    [InlineData("Smith, Ann <ann@example.com>", "Smith, Ann|ann@example.com")]
    [InlineData("bob@example.com, Smith, Ann <ann@example.com>", "|bob@example.com", "Smith, Ann|ann@example.com")]
    [InlineData("a@example.com; b@example.com;", "|a@example.com", "|b@example.com")]
    [InlineData("Ann <ann@example.com", "Ann|ann@example.com")]
    [InlineData("Ann <ann@example.com, Bob <bob@example.com>", "Ann|ann@example.com", "Bob|bob@example.com")]
    [InlineData("Ann <<ann@example.com>>", "Ann|ann@example.com")]
    [InlineData("ann@example.com <ann@example.com>", "|ann@example.com")]
    [InlineData("\"ann@example.com\" <ann@example.com>", "|ann@example.com")]
    [InlineData("boss@example.net <ann@example.com>", "boss@example.net|ann@example.com")]
    [InlineData("'Ann Smith' <ann@example.com>", "Ann Smith|ann@example.com")]
    [InlineData("Ann ann@example.com", "Ann|ann@example.com")]
    [InlineData("<mailto:ann@example.com>", "|ann@example.com")]
    [InlineData("\"ann smith\"@example.com", "|\"ann smith\"@example.com")]
    [InlineData("\"a,b\" <\"x y@z\"@example.com>", "a,b|\"x y@z\"@example.com")]
    [InlineData("ann@[192.0.2.1]", "|ann@[192.0.2.1]")]
    [InlineData("ann@[IPv6:2001:db8::1]", "|ann@[IPv6:2001:db8::1]")]
    [InlineData("=?utf-8?Q?M=C3=BCller=2C_Ann?= <ann@example.com>", "Müller, Ann|ann@example.com")]
    [InlineData("\"=?utf-8?Q?M=C3=BCller?=\" <ann@example.com>", "Müller|ann@example.com")]
    [InlineData("=?utf-8?Q?Ann_M=C3=BC?= =?utf-8?Q?ller?= <ann@example.com>", "Ann Müller|ann@example.com")]
    [InlineData("Ann  \t Smith <ann@example.com>", "Ann Smith|ann@example.com")]
    [InlineData("=?utf-8?Q?Ann_(?= ann@example.com", "Ann (|ann@example.com")]
    [InlineData("=?utf-8?Q?Ann_(?= Smith", new string[0])]
    [InlineData("=?x(y?B?w?= ann@example.com", "|ann@example.com")]
    [InlineData("ann@example.com.", "|ann@example.com")]
    [InlineData("ann@bücher.example", "|ann@bücher.example")]
    [InlineData("root", "|root")]
    [InlineData("MAILER-DAEMON, Ann Smith", "|MAILER-DAEMON")]
    [InlineData("<>")]
    [InlineData("")]
    [InlineData(",,;;")]
    [InlineData("no address here")]
    [InlineData("a:b:c@example.com;;", "|c@example.com")]
    [InlineData("Ann <ann@example.com> extra, bob@example.com", "Ann extra|ann@example.com", "|bob@example.com")]
    public void Lists_are_read_as_people_write_them(string text, params string[] expected) =>
        Assert.Equal(expected, MailAddress.ParseList(text.Replace("\r\n", string.Empty)).Select(address => $"{address.DisplayName}|{address.Address}"));

    [Fact]
    public void Smuggled_control_characters_do_not_survive() =>
        Assert.Equal([new MailAddress("Ann Bcc: eve@example.net", "ann@example.com")],
            MailAddress.ParseList("=?utf-8?Q?Ann=0D=0ABcc:_eve@example.net?= <ann@example.com>"));

    [Fact]
    public void Several_headers_of_one_name_count_as_one() =>
        Assert.Equal(2, Mail.Parse("To: a@example.com\r\nTo: b@example.com\r\n\r\n").To.Count);

    [Theory]
    [InlineData("ann@example.com", true)]
    [InlineData("ann.smith+tag@example.com", true)]
    [InlineData("\"ann smith\"@example.com", true)]
    [InlineData("ann@[192.0.2.1]", true)]
    [InlineData("ann@[IPv6:2001:db8::1]", true)]
    [InlineData("ann@localhost", true)]
    [InlineData("jürgen@bücher.example", true)]
    [InlineData("ann@under_score.example", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("ann", false)]
    [InlineData("@example.com", false)]
    [InlineData("ann@", false)]
    [InlineData("ann@@example.com", false)]
    [InlineData(".ann@example.com", false)]
    [InlineData("ann.@example.com", false)]
    [InlineData("a..n@example.com", false)]
    [InlineData("ann smith@example.com", false)]
    [InlineData("ann@exa mple.com", false)]
    [InlineData("ann@-example.com", false)]
    [InlineData("ann@example..com", false)]
    [InlineData("ann@example.com\r\nBcc: x", false)]
    [InlineData("\"ann\r\n\"@example.com", false)]
    [InlineData("\"ann\\\"@example.com", false)]
    [InlineData("ann<x>@example.com", false)]
    [InlineData("ann\0@example.com", false)]
    [InlineData("ann@[]", false)]
    [InlineData("ann@[a b]", false)]
    public void Addresses_are_checked(string? address, bool isValid) => Assert.Equal(isValid, MailAddress.IsValidAddrSpec(address));

    [Fact]
    public void Lengths_are_checked()
    {
        Assert.True(MailAddress.IsValidAddrSpec(new string('a', 64) + "@example.com"));
        Assert.False(MailAddress.IsValidAddrSpec(new string('a', 65) + "@example.com"));
        Assert.False(MailAddress.IsValidAddrSpec("a@" + new string('b', 64) + ".example"));
        Assert.False(MailAddress.IsValidAddrSpec("a@" + string.Join('.', Enumerable.Repeat("abcdefghij", 24))));
    }

    [Fact]
    public void Try_parse_wants_exactly_one_valid_address()
    {
        Assert.True(MailAddress.TryParse("Ann <ann@example.com>", out MailAddress? address));
        Assert.Equal(new MailAddress("Ann", "ann@example.com"), address);
        Assert.False(MailAddress.TryParse("a@example.com, b@example.com", out _));
        Assert.False(MailAddress.TryParse("root", out _));
        Assert.False(MailAddress.TryParse(null, out _));
    }

    [Fact]
    public void Local_part_and_domain_are_split_at_the_last_at()
    {
        var address = new MailAddress("\"a@b\"@example.com");

        Assert.Equal("\"a@b\"", address.LocalPart);
        Assert.Equal("example.com", address.Domain);
        Assert.Equal(("root", string.Empty), (new MailAddress("root").LocalPart, new MailAddress("root").Domain));
    }

    [Fact]
    public void International_domains_have_two_forms()
    {
        var address = new MailAddress("ann@bücher.example");

        Assert.Equal("ann@xn--bcher-kva.example", address.ToAsciiDomain());
        Assert.Equal("ann@bücher.example", new MailAddress("ann@xn--bcher-kva.example").ToUnicodeDomain());
        Assert.True(address.IsSameMailbox(new MailAddress("Ann", "ANN@xn--bcher-kva.example")));
        Assert.False(address.IsSameMailbox(new MailAddress("bob@bücher.example")));
        Assert.Equal("a@..", new MailAddress("a@..").ToAsciiDomain());
        Assert.False(address.RequiresSmtpUtf8);
        Assert.True(new MailAddress("jürgen@example.com").RequiresSmtpUtf8);
    }

    [Theory]
    [InlineData("Ann Smith", "Ann Smith <ann@example.com>")]
    [InlineData("Smith, Ann", "\"Smith, Ann\" <ann@example.com>")]
    [InlineData("Ann \"The\" \\ Smith", "\"Ann \\\"The\\\" \\\\ Smith\" <ann@example.com>")]
    [InlineData("Ann\r\nBcc: x", "\"Ann Bcc: x\" <ann@example.com>")]
    [InlineData("Müller", "Müller <ann@example.com>")]
    [InlineData(null, "ann@example.com")]
    [InlineData(" ", "ann@example.com")]
    public void The_text_form_can_be_read_again(string? name, string text) => Assert.Equal(text, new MailAddress(name, "ann@example.com").ToString());
}
