using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>Mailboxes on Exchange Server and Exchange Online are polled through the router into the CRM.</summary>
public sealed class PollingTests
{
    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task What_came_is_promoted_once_and_a_second_poll_finds_nothing(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        for (int i = 1; i <= 5; i++)
            lab.Deliver(RoutedLab.Ben, i);
        PollResult first = await lab.PollWellAsync(RoutedLab.Ben);
        PollResult second = await lab.PollWellAsync(RoutedLab.Ben);

        Assert.Equal((5, 5, 5), (first.Listed, first.New, first.Promoted));
        Assert.Equal((0, 0), (second.Listed, second.New));
        Assert.Equal(["Mail 1", "Mail 2", "Mail 3", "Mail 4", "Mail 5"], await lab.ReceivedAsync());
        lab.Deliver(RoutedLab.Ben, 6);
        Assert.Equal(1, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange, SettlementKinds.MarkRead)]
    [InlineData(RoutedLab.Exchange, SettlementKinds.Categorize)]
    [InlineData(RoutedLab.Exchange, SettlementKinds.Move)]
    [InlineData(RoutedLab.Exchange, SettlementKinds.Delete)]
    [InlineData(RoutedLab.Graph, SettlementKinds.MarkRead)]
    [InlineData(RoutedLab.Graph, SettlementKinds.Categorize)]
    [InlineData(RoutedLab.Graph, SettlementKinds.Move)]
    [InlineData(RoutedLab.Graph, SettlementKinds.Delete)]
    public async Task What_was_promoted_is_settled_on_the_server_and_does_not_come_again(string system, SettlementKinds kind)
    {
        Settlement how = kind switch
        {
            SettlementKinds.MarkRead => Settlement.MarkRead,
            SettlementKinds.Categorize => Settlement.Categorize("Tracked in CRM"),
            SettlementKinds.Move => Settlement.MoveTo("Inbox/CRM/Done"),
            _ => Settlement.Delete,
        };
        await using RoutedLab lab = await RoutedLab.StartAsync(
            system, change: (_, c) => RoutedLab.With(c, RoutedLab.NameOf(system, MailDirection.Incoming), p => p with { Settlement = how }));
        for (int i = 1; i <= 3; i++)
            lab.Deliver(RoutedLab.Ben, i);
        Assert.Equal(3, (await lab.PollWellAsync(RoutedLab.Ben)).Promoted);

        LabMailbox mailbox = lab.Mail.Find(RoutedLab.Ben)!;
        Assert.Equal(kind is SettlementKinds.Move or SettlementKinds.Delete ? 0 : 3, mailbox.Messages.Count);
        if (kind == SettlementKinds.MarkRead)
            Assert.All(mailbox.Messages, m => Assert.True(m.IsRead));
        if (kind == SettlementKinds.Categorize)
            Assert.All(mailbox.Messages, m => Assert.Equal(["Tracked in CRM"], m.Categories));
        if (kind == SettlementKinds.Move)
            Assert.Equal(3, mailbox.MessagesIn(Assert.Single(mailbox.Folders, f => f.DisplayName == "Done").Id).Count);
        if (kind == SettlementKinds.Delete)
            Assert.Equal(3, mailbox.MessagesIn(mailbox.FolderOf(LabFolderNames.DeletedItems).Id).Count);
        Assert.Equal(0, (await lab.PollWellAsync(RoutedLab.Ben)).New);
        Assert.Equal(0, (await lab.PollWellAsync(RoutedLab.Ben)).New);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task What_somebody_reads_flags_or_categorizes_later_is_not_handled_again(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        lab.Deliver(RoutedLab.Ben, 1);
        await lab.PollWellAsync(RoutedLab.Ben);
        await lab.PollWellAsync(RoutedLab.Ben);
        LabMailbox mailbox = lab.Mail.Find(RoutedLab.Ben)!;
        mailbox.Update(mailbox.Messages[0].Id, m => m with { IsRead = true });
        PollResult afterReading = await lab.PollWellAsync(RoutedLab.Ben);
        mailbox.Update(mailbox.Messages[0].Id, m => m with { Categories = ["mine"], Flag = "flagged" });
        PollResult afterFlagging = await lab.PollWellAsync(RoutedLab.Ben);

        Assert.Empty(afterReading.Decisions);
        Assert.Empty(afterFlagging.Decisions);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task What_the_server_takes_for_no_mail_is_not_tracked_whatever_it_says_itself(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        LabMailbox mailbox = lab.Mail.Find(RoutedLab.Ben)!;
        LabMessage normal = lab.Deliver(RoutedLab.Ben, 1);
        mailbox.Add(normal.FolderId, Renumbered(normal, 2), new LabNewMessage { ItemClass = "IPM.Schedule.Meeting.Request", IsNewMail = true });
        mailbox.Add(normal.FolderId, Renumbered(normal, 3), new LabNewMessage { ItemClass = "REPORT.IPM.Note.IPNRN", IsNewMail = true });
        PollResult result = await lab.PollWellAsync(RoutedLab.Ben);

        Assert.Equal(["Mail 1"], await lab.ReceivedAsync());
        Assert.Equal(2, result.Decisions.Count(d => d is { Action: DecisionAction.NotTracked, Reason: DecisionReasons.MessageClassNotTracked }));
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task A_backlog_is_read_in_portions_and_in_the_end_everything_is_there_once(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(system);
        for (int i = 1; i <= 25; i++)
            lab.Deliver(RoutedLab.Ben, i);
        EffectiveMailbox ben = await lab.FindAsync(RoutedLab.Ben);
        int promoted = 0;
        PollStatus last = PollStatus.Incomplete;
        for (int round = 0; round < 5 && last == PollStatus.Incomplete; round++)
        {
            PollResult result = await lab.Router.PollAsync(ben, new PollOptions { MaxMessages = 10 }, default);
            promoted += result.Promoted;
            last = result.Status;
        }

        Assert.Equal((PollStatus.Completed, 25), (last, promoted));
        Assert.Equal(25, (await lab.ReceivedAsync()).Length);
        Assert.Equal(0, (await lab.PollWellAsync(RoutedLab.Ben)).New);
    }

    private static byte[] Renumbered(LabMessage message, int number) =>
        System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(message.Content.Span).Replace("Mail 1", $"Mail {number}", StringComparison.Ordinal).Replace("<1@", $"<{number}@", StringComparison.Ordinal));
}
