using System.Text;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Interop.Tests.Routing;

/// <summary>What the drop folder writes is handed to Postfix by the script of the samples, through its sendmail command.</summary>
public sealed class DropFolderPostfixTests(PostfixFixture fixture) : IClassFixture<PostfixFixture>, IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("emailrouter-drop-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [ServerFact(Software.Postfix, Software.Python)]
    public async Task Messages_reach_those_of_the_envelope_byte_for_byte_and_nobody_learns_of_Bcc()
    {
        await using Organization organization = await Organization.OpenAsync();
        RecordReference to = await ContactAsync(organization, "Tilda", "tilda@example.test");
        RecordReference copy = await ContactAsync(organization, "Carl", "carl@example.test");
        RecordReference blind = await ContactAsync(organization, "Bea", "bea@example.test");
        byte[] attachment = new byte[100_000];
        new Random(1).NextBytes(attachment);
        foreach (string body in new[] { "<p>Grüße</p>\n.\n..\nFrom here\n", $"<p>{new string('x', 5000)}</p>" })
        {
            Guid id = await organization.Crm.CreateDraftAsync(
                new EmailDraft
                {
                    From = organization.Sales,
                    To = [to],
                    Cc = [copy],
                    Bcc = [blind],
                    Subject = "Angebot für Größe 7",
                    Description = body,
                    Attachments = [new EmailAttachment("Preis.pdf", "application/pdf", attachment.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(attachment)))],
                },
                default);
            await organization.Crm.SendEmailAsync(id, issueSend: true, default);
        }

        await using Router router = await organization.OpenRouterAsync(Profile, "unused", "unused");
        SendResult result = await router.SendAsync(null, new SendOptions(), default);
        Assert.Empty(result.Errors);
        Assert.Equal(2, result.Sent);
        Dictionary<string, byte[]> dropped = Directory.GetFiles(folder, "*.eml").Select(File.ReadAllBytes).ToDictionary(m => MimeMessage.Parse(m).MessageId!);

        await HandOverAsync();

        IReadOnlyList<DeliveredMessage> arrived = await fixture.Server.WaitForDeliveryAsync(6);
        Assert.Equal(6, arrived.Count);
        Assert.All(arrived.GroupBy(m => MimeMessage.Parse(m.Content).MessageId!), copies =>
        {
            Assert.Equal(["bea@example.test", "carl@example.test", "tilda@example.test"], copies.Select(m => m.Recipient).Order(StringComparer.Ordinal));
            Assert.All(copies, m =>
            {
                Assert.Equal(Organization.Queue, m.EnvelopeFrom);
                Assert.True(m.Content.AsSpan().SequenceEqual(dropped[copies.Key]), $"the copy for {m.Recipient} differs");
                Assert.DoesNotContain("bea@", Encoding.Latin1.GetString(m.Content), StringComparison.OrdinalIgnoreCase);
            });
        });
        Assert.Empty(Directory.GetFiles(folder));
    }

    [ServerFact(Software.Postfix, Software.Python)]
    public async Task A_message_whose_envelope_cannot_be_read_is_left_and_named()
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "a.eml"), "Subject: x\r\n\r\n");

        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(HandOverAsync);

        Assert.Contains("a.eml", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder, "a.eml")));
    }

    private ProfileConfiguration Profile => new()
    {
        Name = "Drop",
        Direction = MailDirection.Outgoing,
        System = "DropFolder",
        Path = folder,
        CredentialSource = CredentialSource.Anonymous,
        Options = new Dictionary<string, string> { ["envelope"] = "json" },
    };

    private static async Task<RecordReference> ContactAsync(Organization organization, string name, string address) =>
        (await organization.CreateAsync("contact", ("fullname", name), ("emailaddress1", address))).ToReference();

    private Task<string> HandOverAsync() => ServerProcess.RunAsync(
        "python3", Path.Combine(RepositoryFolder(), "samples", "drop-folder", "hand-over.py"), folder, Installed.Find("sendmail")!, "-C", fixture.Server.ConfigurationFolder);

    private static string RepositoryFolder()
    {
        string? at = AppContext.BaseDirectory;
        while (at is not null && !File.Exists(Path.Combine(at, "EmailRouter.slnx")))
            at = Path.GetDirectoryName(at);
        return at ?? throw new InvalidOperationException("The tests do not run within the repository.");
    }
}
