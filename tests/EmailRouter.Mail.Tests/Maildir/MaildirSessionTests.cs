using EmailRouter.Mail.Maildir;
using EmailRouter.Mail.Tests.Files;

namespace EmailRouter.Mail.Tests.Maildir;

public sealed class MaildirSessionTests : IDisposable
{
    private static readonly char Colon = OperatingSystem.IsWindows() ? ';' : ':';

    private readonly MailFolder folder = new();

    public MaildirSessionTests()
    {
        foreach (string part in new[] { "tmp", "new", "cur" })
            Directory.CreateDirectory(folder.At(part));
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task New_and_seen_messages_are_listed_oldest_first_by_their_unique_names()
    {
        Put("cur", "2.b.test", "FS", 99);
        Put("new", "1.a.test", null, 98);
        Put("new", "3.c.test", null, 100);
        await using IMailboxSession session = await OpenAsync();

        List<MessageRef> messages = await MailFolder.ListAsync(session);

        Assert.Equal(["3.c.test", "2.b.test", "1.a.test"], messages.Select(m => m.Id));
        Assert.Equal("Subject: 2.b.test\r\n\r\n", await MailFolder.TextAsync(session, messages[1]));
        Assert.Equal(folder.Clock.GetUtcNow() - TimeSpan.FromSeconds(99), messages[1].ReceivedOn);
    }

    [Fact]
    public async Task Listing_and_fetching_leave_new_messages_new()
    {
        Put("new", "1.a.test");
        await using (IMailboxSession session = await OpenAsync())
        {
            MessageRef message = Assert.Single(await MailFolder.ListAsync(session));
            await MailFolder.TextAsync(session, message);
            await session.SettleAsync(message, Settlement.Keep, default);
            await session.CompleteAsync(default);
        }

        Assert.Equal(["new/1.a.test"], Tree());
    }

    [Fact]
    public async Task What_is_being_delivered_drafted_or_thrown_away_is_not_listed()
    {
        Put("tmp", "1.tmp.test");
        Put("cur", "2.draft.test", "D");
        Put("cur", "3.trashed.test", "ST");
        folder.Put("new/.hidden");
        folder.Put("new/4.empty.test", string.Empty);
        await using IMailboxSession session = await OpenAsync();

        Assert.Empty(await MailFolder.ListAsync(session));
    }

    [Fact]
    public async Task Marking_read_moves_to_cur_and_keeps_other_flags()
    {
        Put("new", "1.a.test");
        Put("cur", "2.b.test", "FR");
        Put("cur", "3.c.test", "S");
        await SettleAllAsync(Settlement.MarkRead);

        Assert.Equal([$"cur/1.a.test{Colon}2,S", $"cur/2.b.test{Colon}2,FRS", $"cur/3.c.test{Colon}2,S"], Tree());
    }

    [Fact]
    public async Task Deleting_deletes()
    {
        Put("new", "1.a.test");
        Put("cur", "2.b.test", "F");
        await SettleAllAsync(Settlement.Delete);

        Assert.Empty(Tree());
    }

    [Theory]
    [InlineData("Archive/2026", ".Archive.2026")]
    [InlineData("INBOX.Archive", ".Archive")]
    [InlineData("Gelöscht & weg", ".Gel&APY-scht &- weg")]
    public async Task Moving_goes_to_a_Maildir_folder_that_is_made_when_missing(string name, string path)
    {
        Put("new", "1.a.test");
        Put("cur", "2.b.test", "FS");
        await SettleAllAsync(Settlement.MoveTo(name));

        Assert.Equal([$"{path}/cur/2.b.test{Colon}2,FS", $"{path}/maildirfolder", $"{path}/new/1.a.test"], Tree());
        Assert.True(Directory.Exists(folder.At($"{path}/tmp")));
    }

    [Fact]
    public async Task A_moved_message_never_replaces_another_of_its_name()
    {
        folder.Put(".Archive/new/1.a.test", "there already");
        Put("new", "1.a.test");
        await SettleAllAsync(Settlement.MoveTo("Archive"));

        Assert.Equal("there already", File.ReadAllText(folder.At(".Archive/new/1.a.test")));
        Assert.Equal("Subject: 1.a.test\r\n\r\n", File.ReadAllText(folder.At(".Archive/new/1.a.test_2")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("INBOX")]
    [InlineData("..")]
    [InlineData("../other")]
    [InlineData("a\\b")]
    public async Task A_message_cannot_be_moved_out_of_the_Maildir(string target)
    {
        Put("new", "1.a.test");

        MailException e = await Assert.ThrowsAsync<MailCommandException>(() => SettleAllAsync(Settlement.MoveTo(target)));

        Assert.Equal("MailFolderOutside", e.ErrorId);
        Assert.Equal(["new/1.a.test"], Tree());
    }

    [Fact]
    public async Task A_message_that_another_program_marks_meanwhile_is_found_again()
    {
        string path = Put("new", "1.a.test");
        await using IMailboxSession session = await OpenAsync();
        MessageRef message = Assert.Single(await MailFolder.ListAsync(session));

        File.Move(path, folder.At($"cur/1.a.test{Colon}2,S"));
        Assert.Equal("Subject: 1.a.test\r\n\r\n", await MailFolder.TextAsync(session, message));
        File.Move(folder.At($"cur/1.a.test{Colon}2,S"), folder.At($"cur/1.a.test{Colon}2,RS"));
        await session.SettleAsync(message, Settlement.Delete, default);
        await session.CompleteAsync(default);

        Assert.Empty(Tree());
    }

    [Fact]
    public async Task A_message_that_is_gone_harms_no_other()
    {
        string path = Put("new", "1.a.test", secondsAgo: 99);
        Put("new", "2.b.test", secondsAgo: 98);
        await using IMailboxSession session = await OpenAsync();
        List<MessageRef> messages = await MailFolder.ListAsync(session);

        File.Delete(path);

        Assert.Equal(MailException.MessageGone, await MailFolder.TextAsync(session, messages[0]));
        Assert.Equal("Subject: 2.b.test\r\n\r\n", await MailFolder.TextAsync(session, messages[1]));
        await session.SettleAsync(messages[0], Settlement.Delete, default);
        await session.CompleteAsync(default);
    }

    [Theory]
    [InlineData(null, "does not exist")]
    [InlineData("plain", "no Maildir")]
    public async Task A_folder_that_is_no_Maildir_is_named_with_its_remedy(string? sub, string why)
    {
        if (sub is not null)
            Directory.CreateDirectory(folder.At(sub));

        MailException e = await Assert.ThrowsAsync<MailConnectionException>(() => OpenAsync(sub ?? "nowhere"));

        Assert.Equal("MailFolderMissing", e.ErrorId);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_path_may_hold_the_address()
    {
        foreach (string part in new[] { "new", "cur" })
            Directory.CreateDirectory(folder.At($"example.test/sales/{part}"));
        folder.Put("example.test/sales/new/1.a.test");
        await using IMailboxSession session = await OpenAsync("{domain}/{local}");

        Assert.Single(await MailFolder.ListAsync(session));
    }

    private string Put(string part, string unique, string? flags = null, double secondsAgo = 60) =>
        folder.Put($"{part}/{unique}{(flags is null ? string.Empty : $"{Colon}2,{flags}")}", $"Subject: {unique}\r\n\r\n", secondsAgo);

    private List<string> Tree() =>
        [.. Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Select(p => Path.GetRelativePath(folder.Path, p).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    private async Task SettleAllAsync(Settlement how)
    {
        await using IMailboxSession session = await OpenAsync();
        foreach (MessageRef message in await MailFolder.ListAsync(session))
            await session.SettleAsync(message, how, default);
        await session.CompleteAsync(default);
    }

    private async Task<IMailboxSession> OpenAsync(string? sub = null) => await new MaildirSystem().OpenMailboxAsync(
        folder.Endpoint() with { Path = sub is null ? folder.Path : folder.At(sub) }, folder.Login, folder.Context, default);
}
