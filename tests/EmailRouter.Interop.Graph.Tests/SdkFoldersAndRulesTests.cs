using Microsoft.Graph.Models;
using Microsoft.Graph.Models.ODataErrors;

namespace EmailRouter.Interop.Graph.Tests;

/// <summary>Folders and inbox rules with the official SDK.</summary>
public sealed class SdkFoldersAndRulesTests : SdkFixture
{
    private Microsoft.Graph.Users.Item.UserItemRequestBuilder User => Client.Users[Anna];

    [Fact]
    public async Task A_folder_is_made_found_renamed_and_deleted()
    {
        MailFolder? made = await User.MailFolders["inbox"].ChildFolders.PostAsync(new MailFolder { DisplayName = "CRM done" });
        ODataError error = await Assert.ThrowsAsync<ODataError>(() => User.MailFolders["inbox"].ChildFolders.PostAsync(new MailFolder { DisplayName = "crm DONE" }));
        Assert.Equal((409, "ErrorFolderExists"), (error.ResponseStatusCode, error.Error!.Code));
        MailFolder found = (await User.MailFolders["inbox"].ChildFolders.GetAsync(r => r.QueryParameters.Filter = "displayName eq 'CRM done'"))!.Value!.Single();
        Assert.Equal(made!.Id, found.Id);
        Assert.Equal(1, (await User.MailFolders["inbox"].GetAsync())!.ChildFolderCount);
        await User.MailFolders[made.Id].PatchAsync(new MailFolder { DisplayName = "CRM" });
        Assert.Equal("CRM", (await User.MailFolders[made.Id].GetAsync())!.DisplayName);
        await User.MailFolders[made.Id].DeleteAsync();
        Assert.Empty((await User.MailFolders["inbox"].ChildFolders.GetAsync())!.Value!);
        Assert.Contains((await User.MailFolders.GetAsync())!.Value!, f => f.DisplayName == "Inbox");
    }

    [Fact]
    public async Task A_rule_is_made_shown_changed_applied_and_deleted()
    {
        var rules = User.MailFolders["inbox"].MessageRules;
        MessageRule? made = await rules.PostAsync(new MessageRule
        {
            DisplayName = "CRM router (managed)",
            Sequence = 1,
            IsEnabled = true,
            Conditions = new MessageRulePredicates { SentToAddresses = [new Recipient { EmailAddress = new EmailAddress { Address = Anna } }], SubjectContains = ["Offer"] },
            Exceptions = new MessageRulePredicates { IsAutomaticForward = true },
            Actions = new MessageRuleActions { ForwardAsAttachmentTo = [new Recipient { EmailAddress = new EmailAddress { Address = Ben, Name = "CRM" } }], MarkAsRead = true },
        });
        Deliver("Offer");
        Assert.True(Assert.Single(Box.Messages).IsRead);
        Assert.Single(Store.Find(Ben)!.Messages);

        await rules[made!.Id].PatchAsync(new MessageRule { IsEnabled = false });
        MessageRule shown = (await rules.GetAsync())!.Value!.Single();
        Assert.Equal((false, "CRM router (managed)", 1), (shown.IsEnabled, shown.DisplayName, shown.Sequence));
        Assert.Equal(Ben, shown.Actions!.ForwardAsAttachmentTo!.Single().EmailAddress!.Address);
        Assert.Equal(Anna, shown.Conditions!.SentToAddresses!.Single().EmailAddress!.Address);
        Assert.True(shown.Exceptions!.IsAutomaticForward);
        Deliver("Offer 2");
        Assert.Single(Store.Find(Ben)!.Messages);

        await rules[made.Id].DeleteAsync();
        Assert.Empty(Box.Rules);
    }
}
