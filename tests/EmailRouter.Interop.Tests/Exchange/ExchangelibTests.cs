using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Lab.Exchange;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Interop.Tests.Exchange;

/// <summary>
/// Lets exchangelib, a client we did not write, judge the lab's Exchange server: the script asserts what it sees, the test what the mailboxes hold then.
/// </summary>
public sealed class ExchangelibTests : IAsyncLifetime
{
    private const string Anna = "anna@contoso.test";
    private const string Bert = "bert@contoso.test";

    private readonly LabMailStore store = new();
    private readonly LabExchangeServer server;
    private readonly LabMailbox anna;
    private readonly LabMailbox bert;

    public ExchangelibTests()
    {
        server = new LabExchangeServer(store);
        anna = store.AddMailbox(Anna, "secret");
        bert = store.AddMailbox(Bert, "geheim");
        store.AddAccount("svc-crm", "service").AllowImpersonation(Anna);
    }

    public Task InitializeAsync()
    {
        server.Start();
        Deliver("From: Kunde <kunde@fabrikam.test>\r\nTo: anna@contoso.test\r\nMessage-ID: <one@fabrikam.test>\r\nX-Case: 4711\r\nSubject: Case one\r\n\r\nThe first text.\r\n");
        Deliver("From: kunde@fabrikam.test\r\nTo: anna@contoso.test\r\nSubject: Case two\r\nContent-Type: text/html\r\n\r\n<p>The second text.</p>\r\n");
        Deliver(
            "From: kunde@fabrikam.test\r\nTo: anna@contoso.test\r\nSubject: =?utf-8?q?Anhang_f=C3=BCr_Sie?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n" +
            "--b\r\nContent-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nHello\r\n" +
            "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@fabrikam.test\r\nSubject: Inside\r\n\r\nInner text\r\n--b--\r\n");
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => server.DisposeAsync().AsTask();

    [ServerFact(Software.Exchangelib)]
    public async Task It_lists_searches_and_reads_messages_with_their_attachments()
    {
        await RunAsync("read");
        Assert.Equal(3, anna.Messages.Count);
    }

    [ServerFact(Software.Exchangelib)]
    public async Task It_reads_as_a_service_that_impersonates() => await RunAsync("impersonate");

    [ServerFact(Software.Exchangelib)]
    public async Task It_sends_messages_made_of_properties_and_of_MIME()
    {
        await RunAsync("send");

        Assert.Equal(["At once", "By way of Drafts, changed", "MIME"], store.Sent.Select(s => MimeMessage.Parse(s.Content).Subject));
        Assert.Equal([Bert, "kunde@fabrikam.test", "blind@fabrikam.test"], store.Sent[0].Recipients);
        MimeMessage arrived = Assert.Single(bert.Messages).Mime;
        Assert.Equal(Anna, Assert.Single(arrived.From).Address);
        Assert.Contains("Grüße", arrived.HtmlBody!.GetText(), StringComparison.Ordinal);
        Assert.Empty(arrived.Bcc);
        MimePart file = Assert.Single(MimeMessage.Parse(store.Sent[1].Content).Attachments);
        Assert.Equal("b.bin", file.FileName);
        Assert.Equal(256, file.GetDecodedLength());
        Assert.Equal("<mime@contoso.test>", MimeMessage.Parse(store.Sent[2].Content).MessageId);
    }

    [ServerFact(Software.Exchangelib)]
    public async Task It_manages_folders_and_marks_moves_copies_and_deletes_messages()
    {
        await RunAsync("manage");

        LabFolder crm = Assert.Single(anna.FoldersBelow(anna.FolderOf(LabFolderNames.Inbox).Id));
        Assert.Equal("CRM done", crm.DisplayName);
        IReadOnlyList<LabMessage> kept = anna.MessagesIn(crm.Id);
        Assert.Equal(["Case one", "Case two"], kept.Select(m => m.Mime.Subject));
        Assert.True(kept[0].IsRead);
        Assert.Equal(["CRM", "Kunde"], kept[0].Categories);
        Assert.Equal("high", kept[0].Importance);
        Assert.Equal(["case-4711"], kept[0].Properties.Values.Single());
        Assert.Empty(anna.Messages);
        Assert.Single(anna.MessagesIn(anna.FolderOf(LabFolderNames.DeletedItems).Id));
    }

    [ServerFact(Software.Exchangelib)]
    public async Task It_follows_folders_and_messages_by_their_states()
    {
        await RunAsync("sync");
        Assert.Equal(2, anna.Messages.Count);
    }

    [ServerFact(Software.Exchangelib)]
    public async Task It_is_told_what_happens_by_pull_and_by_stream()
    {
        await RunAsync("notify");
        Assert.Equal(5, anna.Messages.Count);
        Assert.Equal(0, server.SubscriptionCount);
    }

    [ServerFact(Software.Exchangelib)]
    public async Task Its_transport_carries_rules_that_then_apply()
    {
        await RunAsync("rules");

        Assert.Equal("To the CRM", Assert.Single(anna.Rules).Name);
        Deliver("From: kunde@fabrikam.test\r\nSubject: A new case\r\n\r\nText\r\n");
        Deliver("From: kunde@fabrikam.test\r\nSubject: Something else\r\n\r\nText\r\n");
        MimeMessage forwarded = Assert.Single(bert.Messages).Mime;
        Assert.Equal("A new case", Assert.Single(forwarded.Attachments).EmbeddedMessage!.Subject);
    }

    [ServerFact(Software.Exchangelib)]
    public async Task It_resolves_names_and_walks_the_tree() => await RunAsync("directory");

    private void Deliver(string text) => store.Deliver(Anna, Encoding.ASCII.GetBytes(text));

    private async Task RunAsync(string part)
    {
        string output = await ServerProcess.RunAsync(
            "/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "Exchange", "exchangelib_client.py"), server.EwsUrl.ToString(), Anna, "secret", part);
        Assert.True(output.TrimEnd().EndsWith("done", StringComparison.Ordinal), output);
    }
}
