using System.Text;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Store;

public sealed class LabMailboxTests
{
    private readonly LabMailStore store = new();
    private readonly LabMailbox mailbox;
    private readonly string inbox;

    public LabMailboxTests()
    {
        mailbox = store.AddMailbox("anna@contoso.test", "secret");
        inbox = mailbox.FolderOf(LabFolderNames.Inbox).Id;
    }

    [Fact]
    public void Every_mailbox_has_the_well_known_folders_in_one_tree()
    {
        string top = mailbox.FolderOf("MSGFOLDERROOT").Id;

        Assert.Equal(
            ["Archive", "Deleted Items", "Drafts", "Inbox", "Junk Email", "Outbox", "Sent Items"], mailbox.FoldersBelow(top).Select(f => f.DisplayName));
        Assert.Equal(LabFolderNames.All.Count, mailbox.Folders.Count);
        Assert.Null(mailbox.Folders[0].ParentId);
        Assert.Equal(LabStoreError.FolderNotFound, Assert.Throws<LabStoreException>(() => mailbox.FolderOf("calendar")).Error);
    }

    [Fact]
    public void A_folder_is_made_renamed_moved_and_deleted()
    {
        LabFolder crm = mailbox.CreateFolder(inbox, "CRM");
        LabFolder done = mailbox.CreateFolder(crm.Id, "done");
        LabFolder renamed = mailbox.UpdateFolder(done.Id, "settled");

        Assert.Equal("settled", mailbox.FindFolder(done.Id)!.DisplayName);
        Assert.NotEqual(done.ChangeKey, renamed.ChangeKey);
        Assert.Equal(LabStoreError.FolderExists, Assert.Throws<LabStoreException>(() => mailbox.CreateFolder(inbox, "crm")).Error);
        Assert.Equal(LabStoreError.FolderLoop, Assert.Throws<LabStoreException>(() => mailbox.UpdateFolder(crm.Id, parentId: done.Id)).Error);
        Assert.Equal(LabStoreError.WellKnownFolder, Assert.Throws<LabStoreException>(() => mailbox.UpdateFolder(inbox, "Eingang")).Error);

        LabMessage message = Add("one", done.Id);
        mailbox.DeleteFolder(crm.Id, LabDeletion.MoveToDeletedItems);
        Assert.Equal(mailbox.FolderOf(LabFolderNames.DeletedItems).Id, mailbox.FindFolder(crm.Id)!.ParentId);
        mailbox.DeleteFolder(crm.Id, LabDeletion.Hard);
        Assert.Null(mailbox.FindFolder(done.Id));
        Assert.Null(mailbox.FindMessage(message.Id));
        Assert.Equal(0, mailbox.Size);
    }

    [Fact]
    public void A_message_that_moves_keeps_its_id_and_gets_another_entry_id()
    {
        LabMessage message = Add("one");
        LabMessage moved = mailbox.Move(message.Id, mailbox.FolderOf(LabFolderNames.Archive).Id);

        Assert.Equal(message.Id, moved.Id);
        Assert.NotEqual(message.EntryId, moved.EntryId);
        Assert.NotEqual(message.ChangeKey, moved.ChangeKey);
        Assert.Null(mailbox.FindEntry(message.EntryId));
        Assert.Equal(moved, mailbox.FindEntry(moved.EntryId));
        Assert.Empty(mailbox.Messages);
        LabMessage copy = mailbox.Copy(moved.Id, inbox);
        Assert.NotEqual(moved.Id, copy.Id);
        Assert.Equal(copy, Assert.Single(mailbox.Messages));
    }

    [Fact]
    public void A_message_is_deleted_to_where_it_was_asked()
    {
        LabMessage bin = Add("one");
        LabMessage soft = Add("two");
        LabMessage hard = Add("three");

        mailbox.Delete(bin.Id, LabDeletion.MoveToDeletedItems);
        mailbox.Delete(soft.Id, LabDeletion.Soft);
        Assert.Null(mailbox.Delete(hard.Id, LabDeletion.Hard));

        Assert.Equal(bin.Id, Assert.Single(mailbox.MessagesIn(mailbox.FolderOf(LabFolderNames.DeletedItems).Id)).Id);
        Assert.Equal(soft.Id, Assert.Single(mailbox.MessagesIn(mailbox.FolderOf(LabFolderNames.RecoverableItemsDeletions).Id)).Id);
        Assert.Null(mailbox.FindMessage(hard.Id));
        Assert.Equal(LabStoreError.MessageNotFound, Assert.Throws<LabStoreException>(() => mailbox.Delete(hard.Id, LabDeletion.Hard)).Error);
    }

    [Fact]
    public void An_update_gives_a_new_change_key_and_an_old_one_is_refused()
    {
        LabMessage message = Add("one");
        LabMessage same = mailbox.Update(message.Id, m => m with { IsRead = false });
        LabMessage read = mailbox.Update(message.Id, m => m with { IsRead = true, Categories = ["CRM"] }, message.ChangeKey);

        Assert.Equal(message.ChangeKey, same.ChangeKey);
        Assert.NotEqual(message.ChangeKey, read.ChangeKey);
        Assert.Equal(
            LabStoreError.Conflict, Assert.Throws<LabStoreException>(() => mailbox.Update(message.Id, m => m with { IsRead = false }, message.ChangeKey)).Error);
        Assert.True(Assert.Single(mailbox.Messages).IsRead);
    }

    [Fact]
    public void Changes_of_a_folder_are_told_once_each_from_any_position()
    {
        LabMessage one = Add("one");
        LabMessage two = Add("two");
        long before = mailbox.Sequence;
        LabMessage three = Add("three");
        LabMessage passing = Add("four");
        mailbox.Update(one.Id, m => m with { IsRead = true });
        mailbox.Update(two.Id, m => m with { Categories = ["CRM"] });
        mailbox.Update(two.Id, m => m with { IsRead = true });
        mailbox.Update(three.Id, m => m with { IsRead = true });
        mailbox.Delete(passing.Id, LabDeletion.Hard);

        LabChangePage page = mailbox.ChangesIn(inbox, before)!;
        Assert.Equal(
            [(LabChangeKind.ReadFlag, one.EntryId), (LabChangeKind.Updated, two.EntryId), (LabChangeKind.Created, three.EntryId)],
            page.Changes.Select(c => (c.Kind, c.EntryId)));
        Assert.True(page.IsComplete);
        Assert.Equal(mailbox.Sequence, page.Sequence);
        Assert.Empty(mailbox.ChangesIn(inbox, page.Sequence)!.Changes);

        mailbox.Move(two.Id, mailbox.FolderOf(LabFolderNames.Archive).Id);
        Assert.Equal([(LabChangeKind.Deleted, two.EntryId)], mailbox.ChangesIn(inbox, page.Sequence)!.Changes.Select(c => (c.Kind, c.EntryId)));
        LabChange arrival = Assert.Single(mailbox.ChangesIn(mailbox.FolderOf(LabFolderNames.Archive).Id, 0)!.Changes);
        Assert.Equal(new LabMoveOrigin(inbox, two.EntryId), arrival.MovedFrom);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Pages_of_changes_lead_to_the_folder_as_it_is(int count)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        var random = new Random(4711);
        long position = 0;
        for (int round = 0; round < 50; round++)
        {
            for (int step = random.Next(6); step > 0; step--)
            {
                if (mailbox.Messages is { Count: > 3 } present)
                    mailbox.Delete(present[random.Next(present.Count)].Id, LabDeletion.MoveToDeletedItems);
                LabMessage message = Add("again");
                if (random.Next(2) == 0)
                    mailbox.Update(message.Id, m => m with { IsRead = true });
            }

            LabChangePage page = mailbox.ChangesIn(inbox, position, count)!;
            Assert.True(page.Changes.Count <= count);
            Apply(page);
            position = page.Sequence;
        }

        for (LabChangePage page = mailbox.ChangesIn(inbox, position, count)!; ; page = mailbox.ChangesIn(inbox, page.Sequence, count)!)
        {
            Apply(page);
            if (page.IsComplete)
                break;
        }

        Assert.Equal(mailbox.Messages.Select(m => m.EntryId).Order(StringComparer.Ordinal), known.Order(StringComparer.Ordinal));

        void Apply(LabChangePage page)
        {
            foreach (LabChange change in page.Changes)
            {
                if (change.Kind == LabChangeKind.Deleted)
                    known.Remove(change.EntryId);
                else if (change.Kind == LabChangeKind.Created)
                    Assert.True(known.Add(change.EntryId), "A message that was told already is told as new.");
                else
                    Assert.Contains(change.EntryId, known);
            }
        }
    }

    [Fact]
    public void Forgotten_positions_are_refused_and_the_beginning_tells_everything_that_is_there()
    {
        Add("one");
        long position = mailbox.Sequence;
        mailbox.ForgetChanges();
        Add("two");

        Assert.Null(mailbox.ChangesIn(inbox, position));
        Assert.Null(mailbox.ChangesSince(mailbox.Sequence + 1));
        LabChangePage all = mailbox.ChangesIn(inbox, 0)!;
        Assert.Equal(2, all.Changes.Count);
        Assert.Empty(mailbox.ChangesIn(inbox, all.Sequence)!.Changes);
    }

    [Fact]
    public async Task Whoever_waits_is_woken_by_the_next_change()
    {
        long position = mailbox.Sequence;
        Task<bool> waiting = mailbox.WaitForChangeAsync(position, TimeSpan.FromMinutes(5), CancellationToken.None);
        Assert.False(waiting.IsCompleted);
        Add("one");

        Assert.True(await waiting);
        Assert.True(await mailbox.WaitForChangeAsync(position, TimeSpan.FromMinutes(5), CancellationToken.None));
        Assert.False(await mailbox.WaitForChangeAsync(mailbox.Sequence, TimeSpan.Zero, CancellationToken.None));
    }

    [Fact]
    public void A_full_mailbox_and_a_large_message_are_refused()
    {
        mailbox.Quota = 60;
        Add("one");
        Assert.Equal(LabStoreError.QuotaExceeded, Assert.Throws<LabStoreException>(() => Add(new string('x', 60))).Error);
        mailbox.Quota = null;
        store.MaximumMessageSize = 50;
        Assert.Equal(LabStoreError.MessageTooLarge, Assert.Throws<LabStoreException>(() => Add(new string('x', 60))).Error);
        Assert.Single(mailbox.Messages);
    }

    [Fact]
    public async Task Many_sessions_at_once_leave_the_mailbox_whole()
    {
        string archive = mailbox.FolderOf(LabFolderNames.Archive).Id;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                LabMessage message = Add("one");
                mailbox.Update(message.Id, m => m with { IsRead = true });
                mailbox.Move(message.Id, archive);
                Assert.NotNull(mailbox.ChangesIn(archive, 0, 5));
            }
        })));

        Assert.Empty(mailbox.Messages);
        Assert.Equal(400, mailbox.MessagesIn(archive).Select(m => m.EntryId).Distinct().Count());
        Assert.Equal(400, mailbox.ChangesIn(archive, 0)!.Changes.Count);
    }

    private LabMessage Add(string subject, string? folder = null) => mailbox.Add(folder ?? inbox, Encoding.ASCII.GetBytes($"Subject: {subject}\r\n\r\n"));
}
