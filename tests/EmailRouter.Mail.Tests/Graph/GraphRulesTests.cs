using System.Net;
using System.Text.Json;
using EmailRouter.Mail.Tests.Scripting;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed class GraphRulesTests
{
    private const string Rules = User + "mailFolders/inbox/messageRules";

    private const string Ours = """
        {"id":"R=1","displayName":"CRM Router","sequence":2,"isEnabled":true,"hasError":false,"isReadOnly":false,"conditions":null,
         "exceptions":{"isAutomaticForward":true,"isNonDeliveryReport":true,"isAutomaticReply":true,"isSigned":false,"headerContains":["X-CRM-LOOP: CONTOSO"]},
         "actions":{"stopProcessingRules":false,"forwardAsAttachmentTo":[{"emailAddress":{"name":"Crm","address":"CRM@EXAMPLE.TEST"}}]}}
        """;

    private static readonly ForwardingRule Rule = new() { Name = "CRM router", Target = "crm@example.test", LoopHeader = "X-Crm-Loop", LoopValue = "contoso" };

    [Fact]
    public async Task A_missing_rule_is_added_first_with_its_exceptions()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"value":[]}""").Json("{}", HttpStatusCode.Created);

        RuleChange change = await DeployAsync(http, Rule);

        Assert.Equal(RuleChangeKind.Added, change.Kind);
        Assert.Empty(change.Warnings);
        Assert.Equal(("POST", Rules), (http.Last().Method, http.Last().Url.AbsoluteUri));
        Assert.Equal(
            """{"sequence":1,"displayName":"CRM router","isEnabled":true,"conditions":{},"exceptions":{"isAutomaticForward":true,"isNonDeliveryReport":true,"isAutomaticReply":true,"headerContains":["X-Crm-Loop: contoso"]},"actions":{"forwardAsAttachmentTo":[{"emailAddress":{"name":"crm@example.test","address":"crm@example.test"}}],"stopProcessingRules":false}}""",
            http.Last().Body);
    }

    [Fact]
    public async Task A_rule_that_works_is_left_alone_whatever_case_the_service_writes_it_in()
    {
        ScriptedHttp http = new ScriptedHttp().Json($$"""{"value":[{{Ours}}]}""");

        RuleChange change = await DeployAsync(http, Rule);

        Assert.Equal(RuleChangeKind.None, change.Kind);
        Assert.Single(http.Requests);
    }

    [Theory]
    [InlineData("\"isEnabled\":true", "\"isEnabled\":false")]
    [InlineData("CRM@EXAMPLE.TEST", "old@example.test")]
    [InlineData("forwardAsAttachmentTo", "redirectTo")]
    [InlineData("\"isNonDeliveryReport\":true", "\"isNonDeliveryReport\":false")]
    [InlineData("X-CRM-LOOP: CONTOSO", "X-CRM-LOOP: FABRIKAM")]
    [InlineData("\"conditions\":null", "\"conditions\":{\"subjectContains\":[\"order\"]}")]
    [InlineData("\"stopProcessingRules\":false", "\"stopProcessingRules\":true")]
    public async Task A_rule_that_says_something_else_is_corrected_in_its_place(string was, string now)
    {
        ScriptedHttp http = new ScriptedHttp().Json($$"""{"value":[{{Ours.Replace(was, now, StringComparison.Ordinal)}}]}""").Json("{}");

        RuleChange change = await DeployAsync(http, Rule);

        Assert.Equal(RuleChangeKind.Updated, change.Kind);
        Assert.Equal(("PATCH", Rules + "/R%3D1"), (http.Last().Method, http.Last().Url.AbsoluteUri));
        Assert.DoesNotContain("sequence", http.Last().Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirecting_rule_for_all_mail_has_no_exceptions()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"value":[]}""").Json("{}", HttpStatusCode.Created);

        await DeployAsync(http, Rule with { Kind = ForwardingKinds.Redirect, LoopHeader = null, ForwardAutomaticMail = true });

        using JsonDocument body = JsonDocument.Parse(http.Last().Body);
        Assert.Empty(body.RootElement.GetProperty("exceptions").EnumerateObject());
        Assert.Equal(1, body.RootElement.GetProperty("actions").GetProperty("redirectTo").GetArrayLength());
    }

    [Fact]
    public async Task Nothing_is_written_when_only_asked_what_would_be()
    {
        foreach (string rules in new[] { string.Empty, Ours.Replace("CRM@", "old@", StringComparison.Ordinal) })
        {
            ScriptedHttp http = new ScriptedHttp().Json($$"""{"value":[{{rules}}]}""");

            RuleChange change = await DeployAsync(http, Rule, new RuleDeployment { DryRun = true });

            Assert.Equal(rules.Length == 0 ? RuleChangeKind.Added : RuleChangeKind.Updated, change.Kind);
            Assert.Contains("would be", change.Detail, StringComparison.Ordinal);
            Assert.Single(http.Requests);
        }
    }

    [Fact]
    public async Task A_rule_with_an_error_is_replaced_and_a_second_one_removed()
    {
        string broken = Ours.Replace("\"hasError\":false", "\"hasError\":true", StringComparison.Ordinal).Replace("R=1", "R2", StringComparison.Ordinal);
        ScriptedHttp one = new ScriptedHttp().Json($$"""{"value":[{{broken}}]}""").Json("{}", HttpStatusCode.Created).Then(HttpStatusCode.NoContent);
        ScriptedHttp two = new ScriptedHttp().Json($$"""{"value":[{{broken}},{{Ours}}]}""").Json("{}").Error(404, "ErrorItemNotFound");

        RuleChange replaced = await DeployAsync(one, Rule);
        RuleChange cleaned = await DeployAsync(two, Rule);

        Assert.Equal(["GET", "POST", "DELETE"], one.Requests.Select(r => r.Method));
        Assert.Equal(["GET", "PATCH", "DELETE"], two.Requests.Select(r => r.Method));
        Assert.EndsWith("/R2", two.Last().Url.AbsoluteUri, StringComparison.Ordinal);
        Assert.Single(replaced.Warnings);
        Assert.Single(cleaned.Warnings);
    }

    [Fact]
    public async Task A_rule_that_cannot_be_changed_is_named()
    {
        string locked = Ours.Replace("\"isReadOnly\":false", "\"isReadOnly\":true", StringComparison.Ordinal).Replace("CRM@", "old@", StringComparison.Ordinal);
        ScriptedHttp http = new ScriptedHttp().Json($$"""{"value":[{{locked}}]}""").Json($$"""{"value":[{{locked}}]}""");

        var deployed = await Assert.ThrowsAsync<MailCommandException>(() => DeployAsync(http, Rule));
        await using IInboxRules rules = await OpenAsync(http);
        var removed = await Assert.ThrowsAsync<MailCommandException>(async () => await rules.RemoveAsync(Rule.Name, new RuleDeployment(), default));

        Assert.Equal(["MailRuleReadOnly", "MailRuleReadOnly"], [deployed.ErrorId, removed.ErrorId]);
    }

    [Fact]
    public async Task A_target_outside_and_a_rule_that_stops_others_are_worth_a_warning()
    {
        string other = """{"id":"X","displayName":"Newsletters","sequence":1,"isEnabled":true,"actions":{"moveToFolder":"F","stopProcessingRules":true}}""";
        ScriptedHttp http = new ScriptedHttp().Json($$"""{"value":[{{other}},{{Ours}}]}""").Json("{}");

        RuleChange change = await DeployAsync(http, Rule with { Target = "crm@outside.example" });

        Assert.Contains(change.Warnings, w => w.Contains("5.7.520", StringComparison.Ordinal));
        Assert.Contains(change.Warnings, w => w.Contains("Newsletters", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_rules_that_forward_are_listed_over_all_pages()
    {
        string next = $"\"@odata.nextLink\":\"{Rules}?$skip=1\"";
        ScriptedHttp http = new ScriptedHttp()
            .Json($$"""{"value":[{{Ours}},{"id":"M","displayName":"Move","actions":{"moveToFolder":"F"} },7,{"displayName":"no id"}],{{next}} }""")
            .Json("""{"value":[{"id":"F","displayName":"Inline","sequence":1,"isEnabled":false,"hasError":true,"actions":{"forwardTo":[{"emailAddress":{"address":"a@example.test"}},5,{}]}}]}""");
        await using IInboxRules rules = await OpenAsync(http);

        IReadOnlyList<InboxRule> found = await rules.ListAsync(default);

        Assert.Equal(["Inline", "CRM Router"], found.Select(r => r.Name));
        Assert.Equal([ForwardingKinds.None, ForwardingKinds.Attachment], found.Select(r => r.Kind));
        Assert.Equal(["a@example.test"], found[0].Targets);
        Assert.Equal((false, true, 1), (found[0].IsEnabled, found[0].HasError, found[0].Sequence));
    }

    [Fact]
    public async Task Removing_takes_the_rule_away_and_nothing_else()
    {
        ScriptedHttp http = new ScriptedHttp().Json($$"""{"value":[{"id":"X","displayName":"Other"},{{Ours}}]}""").Then(HttpStatusCode.NoContent).Json("""{"value":[]}""");
        await using IInboxRules rules = await OpenAsync(http);

        RuleChange removed = await rules.RemoveAsync("crm ROUTER", new RuleDeployment(), default);
        RuleChange again = await rules.RemoveAsync("crm ROUTER", new RuleDeployment(), default);

        Assert.Equal([RuleChangeKind.Removed, RuleChangeKind.None], [removed.Kind, again.Kind]);
        Assert.Equal(Rules + "/R%3D1", http.Requests[1].Url.AbsoluteUri);
    }

    [Fact]
    public async Task A_missing_permission_is_named_with_the_rules()
    {
        ScriptedHttp http = new ScriptedHttp().Error(403, "ErrorAccessDenied");

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(() => DeployAsync(http, Rule));

        Assert.Contains("MailboxSettings.ReadWrite", e.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"value":{}}""")]
    [InlineData("[]")]
    public async Task An_answer_without_a_list_is_an_error_and_no_empty_mailbox(string body)
    {
        await Assert.ThrowsAsync<MailProtocolException>(() => DeployAsync(new ScriptedHttp().Json(body), Rule));
    }

    [Theory]
    [InlineData(ForwardingKinds.None)]
    [InlineData(ForwardingKinds.Attachment | ForwardingKinds.Redirect)]
    public async Task A_rule_forwards_in_one_way(ForwardingKinds kind)
    {
        var e = await Assert.ThrowsAsync<MailCommandException>(() => DeployAsync(new ScriptedHttp(), Rule with { Kind = kind }));

        Assert.Equal("MailRulesUnsupported", e.ErrorId);
    }

    [Fact]
    public async Task A_target_that_is_no_address_is_refused_before_anything_is_asked()
    {
        var e = await Assert.ThrowsAsync<MailCommandException>(() => DeployAsync(new ScriptedHttp(), Rule with { Target = "nobody" }));

        Assert.Equal(MailException.InvalidAddress, e.ErrorId);
    }

    private static async Task<IInboxRules> OpenAsync(ScriptedHttp http) => await NewSystem().OpenRulesAsync(Endpoint(), Login(), http.Context, default);

    private static async Task<RuleChange> DeployAsync(ScriptedHttp http, ForwardingRule rule, RuleDeployment? how = null)
    {
        await using IInboxRules rules = await OpenAsync(http);
        return await rules.DeployAsync(rule, how ?? new RuleDeployment(), default);
    }
}
