using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class ConfigurationEditsTests
{
    private static readonly ProfileConfiguration In = new() { Name = "In", Direction = MailDirection.Incoming, System = "Pop3", Host = "mail.example.test" };
    private static readonly DeploymentConfiguration Main = new() { Name = "Main", Path = "crm.db", IncomingProfile = "In" };
    private static readonly RouterConfiguration Both = new RouterConfiguration().AddProfile(In).AddDeployment(Main);

    [Fact]
    public void Names_are_unique_without_regard_to_case()
    {
        Assert.Equal("RouterProfileExists", IdOf(() => Both.AddProfile(In with { Name = "IN" })));
        Assert.Equal("RouterDeploymentExists", IdOf(() => Both.AddDeployment(Main with { Name = "main" })));
    }

    [Fact]
    public void A_change_keeps_the_name_and_the_direction()
    {
        RouterConfiguration changed = Both
            .ChangeProfile("in", old => old with { Name = "Other", Direction = MailDirection.Outgoing, Port = 995 })
            .ChangeDeployment("MAIN", old => old with { Name = "Other", Enabled = false });

        Assert.Equal(("In", MailDirection.Incoming, 995), (changed.Profiles[0].Name, changed.Profiles[0].Direction, changed.Profiles[0].Port));
        Assert.Equal(("Main", false), (changed.Deployments[0].Name, changed.Deployments[0].Enabled));
    }

    [Fact]
    public void What_does_not_exist_cannot_be_changed_or_removed()
    {
        Assert.Equal("RouterProfileNotFound", IdOf(() => Both.ChangeProfile("Nobody", old => old)));
        Assert.Equal("RouterProfileNotFound", IdOf(() => Both.RemoveProfile("Nobody", fromUsers: true)));
        Assert.Equal("RouterDeploymentNotFound", IdOf(() => Both.ChangeDeployment("Nobody", old => old)));
        Assert.Equal("RouterDeploymentNotFound", IdOf(() => Both.RemoveDeployment("Nobody", withMailboxes: true)));
        Assert.Equal("RouterDeploymentNotFound", IdOf(() => Both.ChangeMailbox("Nobody", "a@example.test", old => old)));
    }

    [Fact]
    public void A_used_profile_is_removed_only_from_its_users_too()
    {
        RouterConfiguration used = Both.ChangeMailbox("Main", "a@example.test", old => old with { IncomingProfile = "in" });

        Assert.Equal("RouterProfileInUse", IdOf(() => used.RemoveProfile("In", fromUsers: false)));
        RouterConfiguration removed = used.RemoveProfile("In", fromUsers: true);

        Assert.Empty(removed.Profiles);
        Assert.Null(removed.Deployments[0].IncomingProfile);
        Assert.Null(removed.Mailboxes[0].IncomingProfile);
    }

    [Fact]
    public void A_deployment_takes_the_settings_of_its_mailboxes_along_only_when_told()
    {
        RouterConfiguration used = Both.ChangeMailbox("main", "a@example.test", old => old with { Enabled = false });

        Assert.Equal("RouterDeploymentInUse", IdOf(() => used.RemoveDeployment("Main", withMailboxes: false)));
        RouterConfiguration removed = used.RemoveDeployment("Main", withMailboxes: true);

        Assert.Empty(removed.Deployments);
        Assert.Empty(removed.Mailboxes);
    }

    [Fact]
    public void A_mailbox_has_one_entry_whatever_the_case_of_its_address()
    {
        RouterConfiguration changed = Both
            .ChangeMailbox("main", "a@example.test", old => old with { Enabled = false })
            .ChangeMailbox("MAIN", "A@EXAMPLE.TEST", old => old with { IncomingProfile = "In" });

        MailboxConfiguration mailbox = Assert.Single(changed.Mailboxes);
        Assert.Equal(("Main", "a@example.test", "In", false), (mailbox.Deployment, mailbox.Address, mailbox.IncomingProfile, mailbox.Enabled));
    }

    private static string IdOf(Func<object> edit) => Assert.Throws<RouterException>(edit).Error.ErrorId;
}
