using EmailRouter.Mail.Sieve;

namespace EmailRouter.Mail.Tests.Sieve;

public sealed class ForwardingScriptTests
{
    private static readonly ForwardingRule Rule = new()
    {
        Name = "crm",
        Target = "forward@example.test",
        LoopHeader = "X-EmailRouter-Loop",
        LoopValue = "router.example.test",
    };

    /// <summary>Scripts of users, as programs and people write them.</summary>
    public static TheoryData<string> UserScripts =>
    [
        string.Empty,
        "keep;",
        "require \"fileinto\";\r\nfileinto \"Work\";\r\n",
        "require [\"fileinto\", \"vacation\"];\n# rule:[Work]\nif header :contains \"Subject\" \"a\" { fileinto \"Work\"; stop; }\n",
        "require [\"fileinto\"]; require \"copy\"; # both\r\nkeep;\r\n",
        "require\r\n  [\"a\\\"]; keep\",\r\n   \"copy\"]\r\n  ;keep;\r\n",
        "/* require \"x\"; */ # require \"y\";\r\nrequire \"fileinto\"; keep;",
        "require \"fileinto\";",
        "require \"fileinto\"; # the end",
        "# Kommentar: Ümläute\r\nif true { keep; }\r\n",
        "\uFEFFrequire \"fileinto\";\r\nkeep;\r\n",
    ];

    [Theory]
    [MemberData(nameof(UserScripts))]
    public void Taking_a_rule_out_gives_back_the_script_to_the_byte(string script)
    {
        string with = ForwardingScript.Insert(script, Rule);

        Assert.NotEqual(script, with);
        Assert.True(ForwardingScript.Contains(with, "crm"));
        Assert.Equal(script, ForwardingScript.Remove(with, "crm"));
        Assert.False(ForwardingScript.Contains(script, "crm"));
    }

    [Theory]
    [MemberData(nameof(UserScripts))]
    public void A_rule_is_there_once_however_often_it_is_put_there(string script)
    {
        string with = ForwardingScript.Insert(script, Rule);

        Assert.Equal(with, ForwardingScript.Insert(with, Rule));
    }

    [Theory]
    [MemberData(nameof(UserScripts))]
    public void Rules_stand_beside_each_other_and_leave_in_any_order(string script)
    {
        string both = ForwardingScript.Insert(ForwardingScript.Insert(script, Rule), Rule with { Name = "other", Target = "b@example.test" });

        string one = ForwardingScript.Remove(both, "crm");

        Assert.True(ForwardingScript.Contains(one, "other"));
        Assert.False(ForwardingScript.Contains(one, "crm"));
        Assert.Equal(script, ForwardingScript.Remove(one, "other"));
        Assert.Equal(script, ForwardingScript.Remove(ForwardingScript.Remove(both, "other"), "crm"));
    }

    [Fact]
    public void The_block_stands_behind_the_require_commands_and_before_the_rules()
    {
        string with = ForwardingScript.Insert("require \"fileinto\";\r\nif true { stop; }\r\n", Rule);

        Assert.Matches(
            "^require \"fileinto\";\r\n# EmailRouter begin\r\nrequire \\[\"copy\"\\];\r\n# EmailRouter rule crm\r\n"
            + "if allof \\(not header :contains \"X-EmailRouter-Loop\" \"router.example.test\", not header :contains \"Auto-Submitted\" \"auto-\"\\) \\{\r\n"
            + "  redirect :copy \"forward@example.test\";\r\n\\}\r\n# EmailRouter end\r\nif true \\{ stop; \\}\r\n$",
            with);
    }

    [Fact]
    public void A_changed_rule_replaces_the_old_one_in_its_place()
    {
        const string User = "require \"fileinto\"; keep;\n";
        string with = ForwardingScript.Insert(User, Rule);

        string changed = ForwardingScript.Insert(with, Rule with { Target = "new@example.test" });

        Assert.Contains("new@example.test", changed, StringComparison.Ordinal);
        Assert.DoesNotContain("forward@example.test", changed, StringComparison.Ordinal);
        Assert.Equal(User, ForwardingScript.Remove(changed, "crm"));
    }

    [Fact]
    public void A_rule_without_conditions_redirects_everything()
    {
        string with = ForwardingScript.Insert(string.Empty, new ForwardingRule { Name = "a", Target = "a@example.test", ForwardAutomaticMail = true });

        Assert.Contains("\r\nredirect :copy \"a@example.test\";\r\n", with, StringComparison.Ordinal);
        Assert.DoesNotContain("if ", with, StringComparison.Ordinal);
    }

    [Fact]
    public void A_copy_tells_whose_mail_it_is_and_the_users_own_does_not()
    {
        string with = ForwardingScript.Insert("keep;\n", Rule with { Name = "EmailRouter forward", OriginHeader = "X-EmailRouter-Mailbox", OriginValue = "sue@example.test" });

        Assert.Contains("require [\"copy\", \"editheader\"];\n# EmailRouter rule EmailRouter forward\n", with, StringComparison.Ordinal);
        Assert.Contains(
            "  deleteheader \"X-EmailRouter-Mailbox\";\n  addheader \"X-EmailRouter-Mailbox\" \"sue@example.test\";\n"
            + "  redirect :copy \"forward@example.test\";\n  deleteheader \"X-EmailRouter-Mailbox\";\n}\n",
            with,
            StringComparison.Ordinal);
        Assert.Equal("keep;\n", ForwardingScript.Remove(with, "EmailRouter forward"));
        Assert.DoesNotContain("editheader", ForwardingScript.Insert(with, Rule with { Name = "EmailRouter forward" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("keep;", "")]
    [InlineData("redirect \"a@example.test\";", "a@example.test")]
    [InlineData("require \"copy\"; if true { REDIRECT :copy \"\\\"a\\\"@example.test\"; }", "\"a\"@example.test")]
    [InlineData("redirect :copy :notify \"NEVER\" \"a@example.test\"; redirect\r\n\"b@example.test\"\r\n;", "a@example.test b@example.test")]
    [InlineData("# redirect \"a@example.test\";\r\n/* redirect \"b@example.test\"; */ keep;", "")]
    [InlineData("vacation text:\r\nredirect \"a@example.test\";\r\n.\r\n; redirect \"b@example.test\";", "b@example.test")]
    [InlineData("vacation \"redirect \\\"a@example.test\\\";\"; keep;", "")]
    [InlineData("redirect \"a@example.test", "")]
    [InlineData("redirect \"a@example.test\"", "")]
    [InlineData("redirect; redirect {} redirect", "")]
    [InlineData("vacation text: no end; redirect \"a@example.test\";", "")]
    public void Redirects_of_others_are_found_where_they_are_commands(string script, string targets) =>
        Assert.Equal(targets, string.Join(' ', ForwardingScript.ListRedirects(script).Select(r => r.Target)));

    [Fact]
    public void The_routers_rules_are_listed_by_their_names_beside_other_redirects()
    {
        string script = ForwardingScript.Insert("require \"copy\";\r\nredirect :copy \"me@home.test\";\r\n", Rule);

        Assert.Equal([new ScriptRedirect("crm", "forward@example.test"), new ScriptRedirect(null, "me@home.test")], ForwardingScript.ListRedirects(script));
    }

    [Fact]
    public void A_name_that_another_begins_with_is_another_name()
    {
        string with = ForwardingScript.Insert("keep;\r\n", Rule with { Name = "crm-2" });

        Assert.False(ForwardingScript.Contains(with, "crm"));
        Assert.Equal(with, ForwardingScript.Remove(with, "crm"));
    }

    [Theory]
    [InlineData("require [\"fileinto\";\r\nkeep {\r\n")]
    [InlineData("require \"fileinto\r\n")]
    [InlineData("require")]
    [InlineData("/* no end")]
    [InlineData("# EmailRouter begin\r\nkeep;\r\n")]
    [InlineData("keep;\r\n# EmailRouter end\r\n")]
    [InlineData("# EmailRouter end\r\n# EmailRouter begin\r\n")]
    [InlineData("# EmailRouter begin\n# EmailRouter end\n# EmailRouter begin own-line\n# EmailRouter end\n")]
    public void A_script_that_cannot_be_followed_is_left_alone(string script) =>
        Assert.Throws<FormatException>(() => ForwardingScript.Insert(script, Rule));

    [Theory]
    [InlineData("no address", "crm", "X-A", "v")]
    [InlineData("a@example.test\r\n", "crm", "X-A", "v")]
    [InlineData("@example.test", "crm", "X-A", "v")]
    [InlineData("a@example.test", " crm", "X-A", "v")]
    [InlineData("a@example.test", "", "X-A", "v")]
    [InlineData("a@example.test", "crm", "X:A", "v")]
    [InlineData("a@example.test", "crm", "X-A\"", "v")]
    [InlineData("a@example.test", "crm", "X-A", "v\n")]
    public void What_cannot_stand_in_a_script_is_refused(string target, string name, string header, string value) =>
        Assert.Throws<FormatException>(() => ForwardingScript.Insert(string.Empty, new ForwardingRule { Name = name, Target = target, LoopHeader = header, LoopValue = value }));

    [Fact]
    public void Quotes_in_a_target_stay_within_their_string()
    {
        string with = ForwardingScript.Insert(string.Empty, Rule with { Target = "\"a\\b\"@example.test" });

        Assert.Contains("redirect :copy \"\\\"a\\\\b\\\"@example.test\";", with, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("roundcube")]
    [InlineData("my \"best\" \\ script")]
    public void A_master_script_names_what_it_includes(string name)
    {
        string master = ForwardingScript.MakeMaster(name, Rule);

        Assert.Equal(name, ForwardingScript.FindIncluded(master));
        Assert.True(ForwardingScript.Contains(master, "crm"));
        Assert.Contains("include :personal :optional ", master, StringComparison.Ordinal);
        Assert.Null(ForwardingScript.FindIncluded("keep;"));
    }
}
