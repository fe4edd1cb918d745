using EmailRouter.Mail.Pickup;
using EmailRouter.Mail.Tests.Files;

namespace EmailRouter.Mail.Tests.Pickup;

public sealed class PickupFolderSessionTests : IDisposable
{
    private readonly MailFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Messages_are_listed_oldest_first_and_fetched_as_they_are()
    {
        folder.Put("b.eml", "Subject: old\r\n\r\n", secondsAgo: 100);
        folder.Put("a.EML", "Subject: new\n\nbare line feeds\n", secondsAgo: 50);
        await using IMailboxSession session = await OpenAsync();

        List<MessageRef> messages = await MailFolder.ListAsync(session);

        Assert.Equal([16, 30], messages.Select(m => m.Size));
        Assert.Equal(folder.Clock.GetUtcNow() - TimeSpan.FromSeconds(100), messages[0].ReceivedOn);
        Assert.All(messages, m => Assert.Null(m.Cursor));
        Assert.Equal("Subject: old\r\n\r\n", await MailFolder.TextAsync(session, messages[0]));
        Assert.Equal("Subject: new\n\nbare line feeds\n", await MailFolder.TextAsync(session, messages[1]));
        using FetchedMessage header = await session.FetchHeaderAsync(messages[1], default);
        Assert.Equal("Subject: new\n\n", System.Text.Encoding.UTF8.GetString(header.Content!.Memory.Span));
    }

    [Fact]
    public async Task Ids_stay_the_same_until_the_file_is_another()
    {
        folder.Put("a.eml", "one", secondsAgo: 100);
        string first = await IdAsync();
        string again = await IdAsync();
        folder.Put("a.eml", "two", secondsAgo: 50);
        string replaced = await IdAsync();

        Assert.Equal(first, again);
        Assert.NotEqual(first, replaced);
    }

    [Fact]
    public async Task What_is_no_finished_message_is_left_alone()
    {
        folder.Put("good.eml");
        folder.Put("being-written.eml", secondsAgo: 1);
        folder.Put("other.txt");
        folder.Put("mail.eml.tmp");
        folder.Put(".hidden.eml");
        folder.Put("empty.eml", string.Empty);
        folder.Put("sub.eml/inner.eml");
        await using IMailboxSession session = await OpenAsync();

        Assert.StartsWith("good.eml:", Assert.Single(await MailFolder.ListAsync(session)).Id, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_is_complete_once_nothing_was_written_for_the_quiet_time()
    {
        folder.Put("a.eml", secondsAgo: 5);

        Assert.Single(await ListAsync());
        Assert.Empty(await ListAsync(("QuietSeconds", "10")));
        folder.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Single(await ListAsync(("QuietSeconds", "10")));
    }

    [Fact]
    public async Task A_file_from_the_future_waits_only_as_long_as_clocks_err()
    {
        folder.Put("skewed.eml", secondsAgo: -600);
        folder.Put("absurd.eml", secondsAgo: -10 * 365 * 86400d);

        Assert.StartsWith("absurd.eml:", Assert.Single(await ListAsync()).Id, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_its_writer_holds_open_is_left_alone()
    {
        string path = folder.Put("a.eml", secondsAgo: 5);
        using (new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None))
            Assert.Empty(await ListAsync());

        Assert.Single(await ListAsync());
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("soon")]
    [InlineData("4000")]
    public async Task A_quiet_time_that_means_nothing_is_refused(string value)
    {
        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(() => ListAsync(("quietSeconds", value)));

        Assert.Equal("MailOptionInvalid", e.ErrorId);
    }

    [Fact]
    public async Task Links_are_never_read()
    {
        string secret = folder.Put("outside/secret", "secret");
        if (!TryLink(folder.At("in/link.eml"), secret))
            return;
        File.SetLastWriteTimeUtc(secret, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        string swapped = folder.Put("in/swapped.eml");
        await using IMailboxSession session = await OpenAsync("in");

        MessageRef message = Assert.Single(await MailFolder.ListAsync(session));
        File.Delete(swapped);
        File.CreateSymbolicLink(swapped, secret);

        Assert.StartsWith("swapped.eml:", message.Id, StringComparison.Ordinal);
        Assert.Equal(MailException.MessageGone, await MailFolder.TextAsync(session, message));
    }

    [Fact]
    public async Task A_file_that_vanishes_or_changes_after_the_listing_is_gone_and_harms_no_other()
    {
        string vanishing = folder.Put("a.eml", secondsAgo: 99);
        folder.Put("b.eml", "before", secondsAgo: 98);
        folder.Put("c.eml", "steady", secondsAgo: 97);
        await using IMailboxSession session = await OpenAsync();
        List<MessageRef> messages = await MailFolder.ListAsync(session);

        File.Delete(vanishing);
        folder.Put("b.eml", "behind, and longer", secondsAgo: 10);

        Assert.Equal(MailException.MessageGone, await MailFolder.TextAsync(session, messages[0]));
        Assert.Equal(MailException.MessageGone, await MailFolder.TextAsync(session, messages[1]));
        Assert.Equal("steady", await MailFolder.TextAsync(session, messages[2]));
        Assert.NotEqual(messages[1].Id, (await ListAsync())[0].Id);
    }

    [Fact]
    public async Task A_file_over_the_size_limit_is_not_read()
    {
        folder.Put("a.eml", new string('x', 2000));
        MailContext context = folder.Context with { Buffers = new() { MaximumSize = 1000 } };
        await using IMailboxSession session = await new PickupFolderSystem().OpenMailboxAsync(folder.Endpoint(), folder.Login, context, default);

        MessageRef message = Assert.Single(await MailFolder.ListAsync(session));

        Assert.Equal(MailException.MessageTooLarge, await MailFolder.TextAsync(session, message));
    }

    [Fact]
    public async Task Settling_deletes_moves_or_leaves()
    {
        folder.Put("keep.eml", "k", secondsAgo: 99);
        folder.Put("delete.eml", "d", secondsAgo: 98);
        folder.Put("move.eml", "m", secondsAgo: 97);
        await using IMailboxSession session = await OpenAsync();
        List<MessageRef> messages = await MailFolder.ListAsync(session);

        await session.SettleAsync(messages[0], Settlement.Keep, default);
        await session.SettleAsync(messages[1], Settlement.Delete, default);
        await session.SettleAsync(messages[2], Settlement.MoveTo("Done/2026"), default);
        await session.CompleteAsync(default);

        Assert.True(File.Exists(folder.At("keep.eml")));
        Assert.False(File.Exists(folder.At("delete.eml")));
        Assert.Equal("m", File.ReadAllText(folder.At("Done/2026/move.eml")));
        Assert.Single(await ListAsync());
    }

    [Fact]
    public async Task A_moved_message_never_replaces_another()
    {
        folder.Put("Done/a.eml", "first");
        folder.Put("Done/a-2.eml", "second");
        folder.Put("a.eml", "third");
        await using IMailboxSession session = await OpenAsync();

        await session.SettleAsync(Assert.Single(await MailFolder.ListAsync(session)), Settlement.MoveTo("Done"), default);

        Assert.Equal(["first", "second", "third"], new[] { "a", "a-2", "a-3" }.Select(n => File.ReadAllText(folder.At($"Done/{n}.eml"))));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../other")]
    [InlineData("a/../../other")]
    [InlineData("/etc")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("a//b")]
    [InlineData("a\nb")]
    public async Task A_message_cannot_be_moved_out_of_the_folder(string target)
    {
        folder.Put("a.eml");
        await using IMailboxSession session = await OpenAsync();
        await session.SettleAsync(Assert.Single(await MailFolder.ListAsync(session)), Settlement.MoveTo(target), default);

        MailException e = await Assert.ThrowsAsync<MailCommandException>(() => session.CompleteAsync(default).AsTask());

        Assert.Equal("MailFolderOutside", e.ErrorId);
        Assert.True(File.Exists(folder.At("a.eml")));
    }

    [Fact]
    public async Task A_sub_folder_that_is_a_link_is_not_followed()
    {
        folder.Put("in/a.eml");
        Directory.CreateDirectory(folder.At("elsewhere"));
        if (!TryLink(folder.At("in/Done"), folder.At("elsewhere")))
            return;
        await using IMailboxSession session = await OpenAsync("in");
        await session.SettleAsync(Assert.Single(await MailFolder.ListAsync(session)), Settlement.MoveTo("Done"), default);

        Assert.Equal("MailFolderOutside", (await Assert.ThrowsAsync<MailCommandException>(() => session.CompleteAsync(default).AsTask())).ErrorId);
        Assert.Empty(Directory.GetFiles(folder.At("elsewhere")));
    }

    [Fact]
    public async Task Settling_what_is_gone_is_no_error_and_what_was_replaced_is_left_alone()
    {
        string gone = folder.Put("a.eml", secondsAgo: 99);
        folder.Put("b.eml", "read", secondsAgo: 98);
        await using IMailboxSession session = await OpenAsync();
        List<MessageRef> messages = await MailFolder.ListAsync(session);
        File.Delete(gone);
        string replaced = folder.Put("b.eml", "not read yet", secondsAgo: 10);

        await session.SettleAsync(messages[0], Settlement.Delete, default);
        await session.SettleAsync(messages[1], Settlement.Delete, default);
        await session.CompleteAsync(default);

        Assert.Equal("not read yet", File.ReadAllText(replaced));
    }

    [Fact]
    public async Task One_message_that_cannot_be_settled_does_not_hold_up_the_others()
    {
        folder.Put("Done", "a file where the folder should be");
        folder.Put("a.eml", "a", secondsAgo: 99);
        folder.Put("b.eml", "b", secondsAgo: 98);
        await using IMailboxSession session = await OpenAsync();
        List<MessageRef> messages = await MailFolder.ListAsync(session);

        await session.SettleAsync(messages[0], Settlement.MoveTo("Done"), default);
        await session.SettleAsync(messages[1], Settlement.Delete, default);
        MailException e = await Assert.ThrowsAsync<MailCommandException>(() => session.CompleteAsync(default).AsTask());

        Assert.Equal("MailSettlementFailed", e.ErrorId);
        Assert.Contains("a.eml", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(folder.At("a.eml")));
        Assert.False(File.Exists(folder.At("b.eml")));
    }

    [Fact]
    public async Task A_pickup_folder_cannot_mark_messages_read()
    {
        folder.Put("a.eml");
        await using IMailboxSession session = await OpenAsync();
        MessageRef message = Assert.Single(await MailFolder.ListAsync(session));

        Assert.Equal(
            "MailSettlementNotSupported",
            (await Assert.ThrowsAsync<MailCommandException>(() => session.SettleAsync(message, Settlement.MarkRead, default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task A_missing_folder_is_named_with_its_remedy()
    {
        MailException e = await Assert.ThrowsAsync<MailConnectionException>(() => OpenAsync("nowhere"));

        Assert.Equal(("MailFolderMissing", MailStep.OpenMailbox), (e.ErrorId, e.Step));
        Assert.Contains(folder.At("nowhere"), e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(e.Remedy);
    }

    [Fact]
    public async Task Waiting_ends_when_a_message_comes()
    {
        await using IMailboxSession session = await OpenAsync(null, ("quietSeconds", "0"));
        Task<bool> waiting = session.WaitForMailAsync(TimeSpan.FromHours(1), default).AsTask();

        folder.Put("a.eml");

        Assert.True(await waiting);
    }

    [Fact]
    public async Task Waiting_ends_when_the_time_is_up()
    {
        await using IMailboxSession session = await OpenAsync();
        Task<bool> waiting = session.WaitForMailAsync(TimeSpan.FromMinutes(1), default).AsTask();

        folder.Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.False(await waiting);
    }

    private static bool TryLink(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        try
        {
            File.CreateSymbolicLink(path, target);
            return true;
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is IOException or UnauthorizedAccessException)
        {
            return false;       // Windows lets only some accounts make links
        }
    }

    private async Task<IMailboxSession> OpenAsync(string? sub = null, params (string, string)[] options) => await new PickupFolderSystem().OpenMailboxAsync(
        folder.Endpoint(options) with { Path = sub is null ? folder.Path : folder.At(sub) }, folder.Login, folder.Context, default);

    private async Task<List<MessageRef>> ListAsync(params (string, string)[] options)
    {
        await using IMailboxSession session = await OpenAsync(null, options);
        return await MailFolder.ListAsync(session);
    }

    private async Task<string> IdAsync() => Assert.Single(await ListAsync()).Id;
}
