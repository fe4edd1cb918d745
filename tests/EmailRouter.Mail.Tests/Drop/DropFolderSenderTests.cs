using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Mail.Drop;
using EmailRouter.Mail.Tests.Files;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Tests.Drop;

public sealed class DropFolderSenderTests : IDisposable
{
    private const string Id = "<0123456789abcdef.emailrouter@example.test>";

    private readonly MailFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_message_lies_in_the_folder_with_its_envelope_on_top()
    {
        await using IMailSender sender = await OpenAsync();

        SendReceipt receipt = await sender.SendAsync(Message(), default);

        string file = Assert.Single(Directory.GetFiles(folder.Path));
        Assert.EndsWith(".eml", file, StringComparison.Ordinal);
        Assert.Equal(
            "X-Sender: sales@example.test\r\nX-Receiver: ann@adatum.test\r\nX-Receiver: bob@adatum.test\r\nSubject: x\r\n\r\nbody\r\n", await File.ReadAllTextAsync(file));
        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Contains(Path.GetFileName(file), receipt.Reply, StringComparison.Ordinal);
        Assert.Equal([("ann@adatum.test", SendStatus.Accepted), ("bob@adatum.test", SendStatus.Accepted)], receipt.Recipients.Select(r => (r.Address, r.Status)));
        Assert.Empty(Directory.GetFiles(folder.At("tmp")));
    }

    [Fact]
    public async Task The_envelope_can_be_a_file_beside_the_untouched_message()
    {
        await using IMailSender sender = await OpenAsync("json");

        await sender.SendAsync(Message() with { EnvelopeId = "42", Notify = DeliveryNotifications.Failure, EnvelopeFrom = string.Empty }, default);

        string file = Assert.Single(Directory.GetFiles(folder.Path, "*.eml"));
        Assert.Equal("Subject: x\r\n\r\nbody\r\n", await File.ReadAllTextAsync(file));
        JsonNode envelope = JsonNode.Parse(await File.ReadAllTextAsync(Path.ChangeExtension(file, ".json")))!;
        Assert.Equal(
            $$"""{"sender":"","recipients":["ann@adatum.test","bob@adatum.test"],"messageId":"{{Id}}","envelopeId":"42","notify":"Failure"}""",
            envelope.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    [Fact]
    public async Task A_null_reverse_path_is_written_as_one()
    {
        await using IMailSender sender = await OpenAsync("both");

        await sender.SendAsync(Message() with { EnvelopeFrom = string.Empty }, default);

        Assert.StartsWith("X-Sender: <>\r\n", await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(folder.Path, "*.eml"))), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(folder.Path, "*.json"));
    }

    [Fact]
    public async Task Nothing_can_be_seen_before_the_router_has_journalled_and_the_bytes_are_on_the_disk_by_then()
    {
        await using IMailSender sender = await OpenAsync();
        int seen = -1;
        long durable = 0;

        await sender.SendAsync(
            Message() with
            {
                BeforeCommit = (recipients, _) =>
                {
                    seen = Directory.GetFiles(folder.Path).Length;
                    durable = new FileInfo(Assert.Single(Directory.GetFiles(folder.At("tmp")))).Length;
                    Assert.Equal(["ann@adatum.test", "bob@adatum.test"], recipients);
                    return ValueTask.CompletedTask;
                },
            },
            default);

        Assert.Equal(0, seen);
        Assert.Equal(new FileInfo(Assert.Single(Directory.GetFiles(folder.Path))).Length, durable);
    }

    [Fact]
    public async Task When_the_router_does_not_let_it_go_nothing_is_left()
    {
        await using IMailSender sender = await OpenAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            sender.SendAsync(Message() with { BeforeCommit = (_, _) => throw new InvalidOperationException() }, default).AsTask());

        Assert.Empty(Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task The_place_of_the_file_tells_whether_it_was_sent()
    {
        await using IMailSender sender = await OpenAsync();
        var lookup = Assert.IsAssignableFrom<ISentLookup>(sender);
        Assert.Null(await lookup.WasSentAsync(Id, default));

        // As a crash between journal and renaming leaves it.
        await sender.SendAsync(Message(), default);
        string file = Assert.Single(Directory.GetFiles(folder.Path));
        string temporary = folder.At("tmp/" + Path.GetFileName(file));
        Assert.True(await lookup.WasSentAsync(Id, default));
        File.Move(file, temporary);
        Assert.False(await lookup.WasSentAsync(Id, default));
        File.Delete(temporary);
        Assert.Null(await lookup.WasSentAsync(Id, default));
    }

    [Fact]
    public async Task Sent_again_it_is_still_one_file()
    {
        await using IMailSender sender = await OpenAsync();

        await sender.SendAsync(Message(), default);
        await sender.SendAsync(Message(), default);

        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public async Task Messages_whose_ids_differ_only_where_no_file_name_can_are_still_two()
    {
        await using IMailSender sender = await OpenAsync();

        await sender.SendAsync(Message() with { MessageId = "<a/b@example.test>" }, default);
        await sender.SendAsync(Message() with { MessageId = "<a:b@example.test>" }, default);
        await sender.SendAsync(Message() with { MessageId = "<../../x@example.test>" }, default);

        Assert.Equal(3, Directory.GetFiles(folder.Path).Length);
    }

    [Theory]
    [InlineData("a@adatum.test\r\nX-Receiver: eve@evil.test")]
    [InlineData("a@adatum.test\nBcc: eve@evil.test")]
    [InlineData("<a@adatum.test>")]
    public async Task An_address_cannot_bring_lines_of_its_own(string address)
    {
        await using IMailSender sender = await OpenAsync();

        MailException e = await Assert.ThrowsAsync<MailCommandException>(() => sender.SendAsync(Message() with { Recipients = [address] }, default).AsTask());

        Assert.Equal(MailException.InvalidAddress, e.ErrorId);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public async Task A_link_in_the_place_of_the_temporary_file_is_removed_and_not_written_through()
    {
        if (OperatingSystem.IsWindows())
            return;
        await using IMailSender sender = await OpenAsync();
        await sender.SendAsync(Message(), default);
        string file = Assert.Single(Directory.GetFiles(folder.Path));
        string victim = folder.Put("elsewhere/victim", "untouched");
        File.CreateSymbolicLink(folder.At("tmp/" + Path.GetFileName(file)), victim);

        await sender.SendAsync(Message(), default);

        Assert.Equal("untouched", await File.ReadAllTextAsync(victim));
        Assert.Null(new FileInfo(file).LinkTarget);
    }

    [Fact]
    public async Task A_missing_folder_is_named_when_it_is_opened_and_when_it_goes_away()
    {
        MailException atOpening = await Assert.ThrowsAsync<MailConnectionException>(() => new DropFolderSystem()
            .OpenSenderAsync(folder.Endpoint() with { Path = folder.At("nowhere") }, folder.Login, folder.Context, default).AsTask());
        Directory.CreateDirectory(folder.At("soon-gone"));
        await using IMailSender sender = await new DropFolderSystem().OpenSenderAsync(folder.Endpoint() with { Path = folder.At("soon-gone") }, folder.Login, folder.Context, default);
        Directory.Delete(folder.At("soon-gone"));
        MailException atSending = await Assert.ThrowsAsync<MailConnectionException>(() => sender.SendAsync(Message(), default).AsTask());

        Assert.Equal(("MailFolderMissing", "MailFolderMissing"), (atOpening.ErrorId, atSending.ErrorId));
        Assert.False(Directory.Exists(folder.At("soon-gone")));
    }

    [Fact]
    public async Task An_envelope_form_that_nobody_knows_is_refused() =>
        Assert.Equal("MailOptionInvalid", (await Assert.ThrowsAsync<MailCommandException>(() => OpenAsync("xml"))).ErrorId);

    [Fact]
    public async Task Nobody_but_owner_and_group_reads_it()
    {
        if (OperatingSystem.IsWindows())
            return;
        await using IMailSender sender = await OpenAsync();
        await sender.SendAsync(Message(), default);

        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Assert.Single(Directory.GetFiles(folder.Path))) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite));
    }

    private static OutgoingMessage Message() => new()
    {
        EnvelopeFrom = "sales@example.test",
        Recipients = ["ann@adatum.test", "bob@adatum.test"],
        MessageId = Id,
        Content = MessageBuffer.Wrap(Encoding.UTF8.GetBytes("Subject: x\r\n\r\nbody\r\n")),
    };

    private async Task<IMailSender> OpenAsync(string? envelope = null) => await new DropFolderSystem().OpenSenderAsync(
        envelope is null ? folder.Endpoint() : folder.Endpoint((DropFolderSystem.EnvelopeOption, envelope)), folder.Login, folder.Context, default);
}
