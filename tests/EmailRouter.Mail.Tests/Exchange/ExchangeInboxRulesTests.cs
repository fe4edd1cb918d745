using System.Xml.Linq;
using static EmailRouter.Mail.Tests.Exchange.EwsScript;

namespace EmailRouter.Mail.Tests.Exchange;

public sealed class ExchangeInboxRulesTests
{
    private const string Exceptions =
        "<t:Exceptions><t:ContainsHeaderStrings><t:String>Auto-Submitted: auto-</t:String><t:String>X-Router: a1</t:String></t:ContainsHeaderStrings><t:IsAutomaticReply>true</t:IsAutomaticReply></t:Exceptions>";

    private const string Attach =
        "<t:ForwardAsAttachmentToRecipients><t:Address><t:EmailAddress>CRM@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Address></t:ForwardAsAttachmentToRecipients>";

    private static ForwardingRule Wanted => new() { Name = "CRM router", Target = "crm@example.com", LoopHeader = "X-Router", LoopValue = "a1" };

    [Fact]
    public async Task The_rules_that_forward_are_listed_whoever_made_them()
    {
        EwsScript script = new EwsScript().On("GetInboxRules", Rules(false)).On("GetInboxRules", Rules(
            true,
            Rule("R2", "Away", 2, "<t:Actions><t:ForwardToRecipients><t:Address><t:EmailAddress>x@example.com</t:EmailAddress></t:Address></t:ForwardToRecipients></t:Actions>", enabled: false),
            Rule("R1", "CRM router", 1, $"{Exceptions}<t:Actions>{Attach}</t:Actions>", more: "<t:IsInError>true</t:IsInError>"),
            Rule("R3", "Sort", 3, "<t:Actions><t:Delete>true</t:Delete></t:Actions>")));
        await using IInboxRules rules = await script.OpenRulesAsync();

        IReadOnlyList<InboxRule> list = await rules.ListAsync(default);

        Assert.Equal([("CRM router", "R1", ForwardingKinds.Attachment, true, true), ("Away", "R2", ForwardingKinds.None, false, false)],
            list.Select(r => (r.Name, r.Id, r.Kind, r.IsEnabled, r.HasError)));
        Assert.Equal(["CRM@example.com"], list[0].Targets);
    }

    [Fact]
    public async Task A_mailbox_without_rules_has_an_empty_list()
    {
        EwsScript script = new EwsScript().On("GetInboxRules", Envelope("<m:GetInboxRulesResponse ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode></m:GetInboxRulesResponse>")).On("GetInboxRules", Rules(false));
        await using IInboxRules rules = await script.OpenRulesAsync();

        Assert.Empty(await rules.ListAsync(default));
    }

    [Fact]
    public async Task A_rule_that_is_missing_is_made_with_exceptions_for_the_routers_own_mail_and_automatic_answers()
    {
        string there = Rules(false, Rule("R1", "CRM router", 1, $"{Exceptions}<t:Actions>{Attach}</t:Actions>"));
        EwsScript script = new EwsScript().On("GetInboxRules", Rules(false)).On("GetInboxRules", Rules(false)).On("UpdateInboxRules", Updated()).On("GetInboxRules", there);
        await using IInboxRules rules = await script.OpenRulesAsync();

        RuleChange change = await rules.DeployAsync(Wanted, new RuleDeployment(), default);

        Assert.Equal(RuleChangeKind.Added, change.Kind);
        Assert.Empty(change.Warnings);
        XElement rule = script.Request(2).Descendants(T + "CreateRuleOperation").Single().Element(T + "Rule")!;
        Assert.Equal(["X-Router: a1", "Auto-Submitted: auto-"], rule.Descendants(T + "String").Select(s => s.Value));
        Assert.Equal("crm@example.com", rule.Element(T + "Actions")!.Element(T + "ForwardAsAttachmentToRecipients")!.Descendants(T + "EmailAddress").Single().Value);
        Assert.Null(script.Request(2).Element(M + "RemoveOutlookRuleBlob"));
    }

    [Fact]
    public async Task A_rule_that_is_as_it_should_be_is_left_alone()
    {
        EwsScript script = Deployed(Rule("R1", "crm ROUTER", 4, $"<t:Conditions/>{Exceptions}<t:Actions>{Attach}</t:Actions>"));
        await using IInboxRules rules = await script.OpenRulesAsync();

        Assert.Equal(RuleChangeKind.None, (await rules.DeployAsync(Wanted, new RuleDeployment(), default)).Kind);
        script.Http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_recipient_that_the_server_writes_as_a_name_of_its_directory_is_resolved_once()
    {
        string attach = Attach.Replace("CRM@example.com", "/o=Ex/cn=crm", StringComparison.Ordinal).Replace("SMTP", "EX", StringComparison.Ordinal);
        EwsScript script = Deployed(Rule("R1", "CRM router", 1, $"{Exceptions}<t:Actions>{attach}</t:Actions>"))
            .On("ResolveNames", Answer("ResolveNames", Success("ResolveNames", "<m:ResolutionSet><t:Resolution><t:Mailbox><t:EmailAddress>crm@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox></t:Resolution></m:ResolutionSet>")))
            .On("GetInboxRules", Rules(false, Rule("R1", "CRM router", 1, $"{Exceptions}<t:Actions>{attach}</t:Actions>")));
        await using IInboxRules rules = await script.OpenRulesAsync();

        Assert.Equal(RuleChangeKind.None, (await rules.DeployAsync(Wanted, new RuleDeployment(), default)).Kind);
        Assert.Equal(RuleChangeKind.None, (await rules.DeployAsync(Wanted, new RuleDeployment(), default)).Kind);
    }

    [Theory]
    [InlineData("<t:Actions>{0}</t:Actions>", true, "exceptions")]
    [InlineData("{1}<t:Actions>{0}</t:Actions>", false, "switched off")]
    [InlineData("<t:Conditions><t:HasAttachments>true</t:HasAttachments></t:Conditions>{1}<t:Actions>{0}</t:Actions>", true, "conditions")]
    [InlineData("{1}<t:Actions>{0}<t:StopProcessingRules>true</t:StopProcessingRules></t:Actions>", true, "StopProcessingRules")]
    [InlineData("{1}<t:Actions><t:RedirectToRecipients><t:Address><t:EmailAddress>crm@example.com</t:EmailAddress></t:Address></t:RedirectToRecipients></t:Actions>", true, "RedirectToRecipients")]
    public async Task A_rule_that_says_something_else_is_put_right_in_its_place(string body, bool enabled, string difference)
    {
        string there = Rule("R7", "CRM router", 4, string.Format(System.Globalization.CultureInfo.InvariantCulture, body, Attach, Exceptions), enabled);
        EwsScript script = Deployed(there).On("UpdateInboxRules", Updated()).On("GetInboxRules", Rules(false, there));
        await using IInboxRules rules = await script.OpenRulesAsync();

        RuleChange change = await rules.DeployAsync(Wanted, new RuleDeployment(), default);

        Assert.Equal(RuleChangeKind.Updated, change.Kind);
        Assert.Contains(difference, change.Detail, StringComparison.Ordinal);
        XElement rule = script.Request(2).Descendants(T + "SetRuleOperation").Single().Element(T + "Rule")!;
        Assert.Equal(("R7", "4"), (rule.Element(T + "RuleId")!.Value, rule.Element(T + "Priority")!.Value));
    }

    [Fact]
    public async Task A_rule_that_is_there_twice_is_there_once_afterwards()
    {
        string first = Rule("R1", "CRM router", 1, $"{Exceptions}<t:Actions>{Attach}</t:Actions>");
        EwsScript script = Deployed(first, first.Replace("R1", "R2", StringComparison.Ordinal)).On("UpdateInboxRules", Updated()).On("GetInboxRules", Rules(false, first));
        await using IInboxRules rules = await script.OpenRulesAsync();

        Assert.Equal(RuleChangeKind.Updated, (await rules.DeployAsync(Wanted, new RuleDeployment(), default)).Kind);
        Assert.Equal("R2", script.Request(2).Descendants(T + "DeleteRuleOperation").Single().Value);
    }

    [Fact]
    public async Task Rules_that_Outlook_keeps_are_dropped_only_when_that_is_allowed_and_after_all_were_saved()
    {
        var order = new List<string>();
        string other = Rule("R3", "Sort", 1, "<t:Actions><t:Delete>true</t:Delete></t:Actions>");
        EwsScript script = new EwsScript().On("GetInboxRules", Rules(true, other)).On("GetInboxRules", Rules(true, other)).On("GetInboxRules", Rules(true, other)).On("GetInboxRules", Rules(true, other))
            .On("UpdateInboxRules", (_, _) =>
            {
                order.Add("written");
                return Task.FromResult(EmailRouter.Mail.Tests.Scripting.ScriptedHttp.Answer(System.Net.HttpStatusCode.OK, Updated()));
            })
            .On("GetInboxRules", Rules(false));
        await using IInboxRules rules = await script.OpenRulesAsync();

        RuleChange dry = await rules.DeployAsync(Wanted, new RuleDeployment { DryRun = true }, default);
        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await rules.DeployAsync(Wanted, new RuleDeployment(), default));
        RuleChange change = await rules.DeployAsync(Wanted, new RuleDeployment
        {
            DropClientSideRules = true,
            SavePrevious = (name, text, _) =>
            {
                order.Add(name);
                Assert.Contains("Sort", text, StringComparison.Ordinal);
                return ValueTask.CompletedTask;
            },
        }, default);

        Assert.Equal(("MailRulesClientSide", RuleChangeKind.Added), (e.ErrorId, dry.Kind));
        Assert.Single(dry.Warnings);
        Assert.Equal(["inbox-rules.xml", "written"], order);
        Assert.Equal("true", script.Request(4).Element(M + "RemoveOutlookRuleBlob")!.Value);
        Assert.Equal(2, change.Warnings.Count);       // lost rules, and the new one is not listed
    }

    [Fact]
    public async Task A_rule_is_removed_and_no_other_is_touched()
    {
        EwsScript script = Deployed(Rule("R1", "CRM router", 1, string.Empty), Rule("R2", "CRM router 2", 2, string.Empty)).On("UpdateInboxRules", Updated()).On("GetInboxRules", Rules(false));
        await using IInboxRules rules = await script.OpenRulesAsync();

        RuleChange removed = await rules.RemoveAsync("CRM router", new RuleDeployment(), default);
        RuleChange again = await rules.RemoveAsync("CRM router", new RuleDeployment(), default);

        Assert.Equal((RuleChangeKind.Removed, RuleChangeKind.None), (removed.Kind, again.Kind));
        Assert.Equal("R1", Assert.Single(script.Request(2).Descendants(T + "DeleteRuleOperation")).Value);
    }

    [Fact]
    public async Task A_dry_run_changes_nothing()
    {
        EwsScript script = Deployed(Rule("R1", "CRM router", 1, string.Empty)).On("GetInboxRules", Rules(false, Rule("R1", "CRM router", 1, string.Empty)));
        await using IInboxRules rules = await script.OpenRulesAsync();

        Assert.Equal(RuleChangeKind.Updated, (await rules.DeployAsync(Wanted, new RuleDeployment { DryRun = true }, default)).Kind);
        Assert.Equal(RuleChangeKind.Removed, (await rules.RemoveAsync("CRM router", new RuleDeployment { DryRun = true }, default)).Kind);
        script.Http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task What_the_server_finds_wrong_with_a_rule_is_told_in_words()
    {
        EwsScript script = Deployed().On("UpdateInboxRules", Envelope(
            "<m:UpdateInboxRulesResponse ResponseClass=\"Error\"><m:MessageText>A validation error occurred.</m:MessageText><m:ResponseCode>ErrorInboxRulesValidationError</m:ResponseCode>" +
            "<m:RuleOperationErrors><t:RuleOperationError><t:OperationIndex>0</t:OperationIndex><t:ValidationErrors><t:Error><t:FieldURI>Action:ForwardAsAttachmentToRecipients</t:FieldURI>" +
            "<t:ErrorCode>RecipientDoesNotExist</t:ErrorCode><t:ErrorMessage>No such recipient.</t:ErrorMessage><t:FieldValue>crm@example.com</t:FieldValue></t:Error></t:ValidationErrors>" +
            "</t:RuleOperationError></m:RuleOperationErrors></m:UpdateInboxRulesResponse>"));
        await using IInboxRules rules = await script.OpenRulesAsync();

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await rules.DeployAsync(Wanted, new RuleDeployment(), default));

        Assert.Equal(("MailRulesRefused", MailStep.Rules), (e.ErrorId, e.Step));
        Assert.Contains("the recipient is not in the address book (RecipientDoesNotExist, \"crm@example.com\"): No such recipient.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_that_EWS_cannot_express_is_nobody_elses_to_overwrite()
    {
        EwsScript script = Deployed(Rule("R1", "CRM router", 1, string.Empty, more: "<t:IsNotSupported>true</t:IsNotSupported>"));
        await using IInboxRules rules = await script.OpenRulesAsync();

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await rules.DeployAsync(Wanted, new RuleDeployment(), default));

        Assert.Equal("MailRulesRefused", e.ErrorId);
    }

    [Fact]
    public async Task A_delegate_names_the_mailbox()
    {
        EwsScript script = new EwsScript().With("access", "delegate").On("GetInboxRules", Rules(false)).On("GetInboxRules", Rules(false)).On("UpdateInboxRules", Updated()).On("GetInboxRules", Rules(false));
        await using IInboxRules rules = await script.OpenRulesAsync();

        await rules.DeployAsync(Wanted with { Kind = ForwardingKinds.Redirect, LoopHeader = null, ForwardAutomaticMail = true }, new RuleDeployment(), default);

        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal("box@example.com", script.Request(i).Element(M + "MailboxSmtpAddress")!.Value));
        Assert.Empty(script.Request(2).Descendants(T + "Exceptions"));
        Assert.Single(script.Request(2).Descendants(T + "RedirectToRecipients"));
    }

    private static EwsScript Deployed(params string[] there) => new EwsScript().On("GetInboxRules", Rules(false)).On("GetInboxRules", Rules(false, there));

    private static string Rules(bool outlooks, params string[] rules) => Envelope(
        $"<m:GetInboxRulesResponse ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:OutlookRuleBlobExists>{(outlooks ? "true" : "false")}</m:OutlookRuleBlobExists>" +
        $"<m:InboxRules>{string.Concat(rules)}</m:InboxRules></m:GetInboxRulesResponse>");

    private static string Rule(string id, string name, int priority, string body, bool enabled = true, string more = "") =>
        $"<t:Rule><t:RuleId>{id}</t:RuleId><t:DisplayName>{name}</t:DisplayName><t:Priority>{priority}</t:Priority><t:IsEnabled>{(enabled ? "true" : "false")}</t:IsEnabled>{more}{body}</t:Rule>";

    private static string Updated() => Envelope("<m:UpdateInboxRulesResponse ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode></m:UpdateInboxRulesResponse>");
}
