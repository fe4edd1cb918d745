using System.Buffers.Binary;
using System.Text;
using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed class MessageContentsTests
{
    private readonly List<Evidence> evidence = [];

    [Fact]
    public async Task Winmail_dat_gives_its_real_attachments_and_body()
    {
        MimeMessage message = Message(Tnef(), "This is the plain text.");

        var contents = MessageContents.Of(message, evidence);
        IReadOnlyList<EmailAttachment> kept = AttachmentPolicy.Apply(contents, new OrganizationSettings { OrganizationId = Guid.Empty }, evidence);

        Assert.Equal(("<p>rich</p>", "text/html"), contents.ReadBody(100));
        Assert.Equal(["report.pdf", "Inner.eml", "other.txt"], kept.Select(static a => a.FileName));
        Assert.Equal(["application/octet-stream", "message/rfc822", "text/plain"], kept.Select(static a => a.MimeType));
        using var copy = new MemoryStream();
        await (await kept[0].Open(default)).CopyToAsync(copy);
        Assert.Equal([1, 2, 3], copy.ToArray());
        Assert.Equal(3, kept[0].Size);
        Assert.Equal("Inner", MimeMessage.Parse(await BytesAsync(kept[1])).Subject);
        Assert.Equal(["\"winmail.dat\" is unpacked: 2 attachments, an HTML body"], evidence.Select(static e => e.Text));
    }

    [Fact]
    public void Blocked_types_are_blocked_inside_of_winmail_dat_too()
    {
        var settings = new OrganizationSettings { OrganizationId = Guid.Empty };
        string blocked = settings.BlockedAttachments.First();

        IReadOnlyList<EmailAttachment> kept = AttachmentPolicy.Apply(MessageContents.Of(Message(Tnef("bad." + blocked), "x"), evidence), settings, evidence);

        Assert.DoesNotContain(kept, a => a.FileName.StartsWith("bad", StringComparison.Ordinal));
        Assert.Contains(evidence, e => e.Text.Contains("are blocked", StringComparison.Ordinal));
    }

    [Fact]
    public void A_broken_winmail_dat_is_kept_beside_what_came_out_of_it()
    {
        var contents = MessageContents.Of(Message(Tnef()[..^40], "Plain."), evidence);

        Assert.Contains("winmail.dat", contents.Files.Select(static f => f.FileName));
        Assert.Contains("report.pdf", contents.Files.Select(static f => f.FileName));
        Assert.Contains("kept as well", Assert.Single(evidence).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_TNEF_stays_a_file()
    {
        var contents = MessageContents.Of(Message("nothing of the kind"u8.ToArray(), "Plain."), evidence);

        Assert.Equal(["winmail.dat", "other.txt"], contents.Files.Select(static f => f.FileName));
        Assert.Equal(("Plain.", "text/plain"), contents.ReadBody(100));
        Assert.Contains("kept as it is", Assert.Single(evidence).Text, StringComparison.Ordinal);
    }

    private static async Task<byte[]> BytesAsync(EmailAttachment attachment)
    {
        using var copy = new MemoryStream();
        await using Stream stream = await attachment.Open(default);
        await stream.CopyToAsync(copy);
        Assert.Equal(attachment.Size, copy.Length);
        return copy.ToArray();
    }

    private static MimeMessage Message(byte[] winmail, string text) => MimeMessage.Parse(Encoding.ASCII.GetBytes($"""
        From: ann@adatum.test
        Content-Type: multipart/mixed; boundary=b

        --b
        Content-Type: text/plain

        {text}
        --b
        Content-Type: application/ms-tnef; name="winmail.dat"
        Content-Transfer-Encoding: base64

        {Convert.ToBase64String(winmail)}
        --b
        Content-Type: text/plain
        Content-Disposition: attachment; filename=other.txt

        other
        --b--

        """.ReplaceLineEndings("\r\n")));

    // [MS-OXTNEF] 2.1: an HTML body (0x1013), a file, an attached message.
    private static byte[] Tnef(string file = "report.pdf") =>
    [
        .. Number(0x223E9F78), 1, 0,
        .. Attribute(1, 0x00069003, Properties(0x10130102, "<p>rich</p>"u8.ToArray())),
        .. Attribute(2, 0x00069002, new byte[14]),
        .. Attribute(2, 0x00018010, Encoding.ASCII.GetBytes(file + "\0")),
        .. Attribute(2, 0x0006800F, [1, 2, 3]),
        .. Attribute(2, 0x00069002, new byte[14]),
        .. Attribute(2, 0x00069005, Properties(0x3701000D,
            [.. new byte[16], .. Number(0x223E9F78), 1, 0, .. Attribute(1, 0x00069003, Properties(0x0037001E, "Inner\0"u8.ToArray()))])),
    ];

    private static byte[] Properties(uint tag, byte[] value) =>
        [.. Number(1), .. Number(tag), .. Number(1), .. Number((uint)value.Length), .. value, .. new byte[(4 - (value.Length & 3)) & 3]];

    private static byte[] Attribute(byte level, uint id, byte[] data) => [level, .. Number(id), .. Number((uint)data.Length), .. data, 0, 0];

    private static byte[] Number(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }
}
