using System.Globalization;
using System.Text;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Servers;

/// <summary>The servers as clients of other people see them.</summary>
public sealed class ForeignClientTests : IAsyncLifetime
{
    private readonly LabMailStore store = new();
    private readonly LabPop3Server pop3;
    private readonly LabSmtpServer smtp;

    public ForeignClientTests()
    {
        pop3 = new LabPop3Server(store);
        smtp = new LabSmtpServer(store);
    }

    public Task InitializeAsync()
    {
        store.AddMailbox("anna@contoso.test", "secret");
        store.AddMailbox("grün@contoso.test", "secret");
        pop3.Start();
        smtp.Start();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await pop3.DisposeAsync();
        await smtp.DisposeAsync();
    }

    [ToolFact("python3")]
    public async Task Python_reads_a_maildrop_in_the_clear_after_STLS_and_over_TLS()
    {
        store.Deliver("anna@contoso.test", Encoding.ASCII.GetBytes("Subject: one\r\n\r\n.dot\r\nline\r\n"));
        store.Deliver("anna@contoso.test", Encoding.ASCII.GetBytes("Subject: two\r\n\r\n" + string.Concat(Enumerable.Repeat("0123456789\r\n", 20_000))));
        await PythonAsync("""
            import poplib, ssl, sys
            host, port, tls, _, _ = sys.argv[1:6]
            context = ssl.create_default_context(cadata=open(sys.argv[6]).read())

            def look(pop):
                pop.user('anna@contoso.test'); pop.pass_('secret')
                assert pop.stat()[0] == 2
                uidls = [l.split()[1] for l in pop.uidl()[1]]
                assert len(set(uidls)) == 2
                assert pop.retr(1)[1] == [b'Subject: one', b'', b'.dot', b'line'], pop.retr(1)
                assert pop.top(2, 1)[1] == [b'Subject: two', b'', b'0123456789']
                assert len(pop.retr(2)[1]) == 20002
                assert b'PIPELINING' in [k.encode() for k in pop.capa()]
                return uidls

            pop = poplib.POP3(host, int(port)); first = look(pop); pop.quit()
            pop = poplib.POP3(host, int(port)); pop.stls(context); assert look(pop) == first; pop.quit()
            pop = poplib.POP3_SSL(host, int(tls), context=context); assert look(pop) == first
            pop.dele(1); pop.close()
            pop = poplib.POP3_SSL(host, int(tls), context=context); assert look(pop) == first
            pop.dele(1); pop.quit()
            """);
        Assert.Single(store.Find("anna@contoso.test")!.Messages);
    }

    [ToolFact("python3")]
    public async Task Python_sends_with_every_login_and_reads_every_refusal()
    {
        await PythonAsync("""
            import smtplib, ssl, sys
            _, _, _, port, tls = sys.argv[1:6]
            host = sys.argv[1]
            context = ssl.create_default_context(cadata=open(sys.argv[6]).read())
            text = 'From: kim@adatum.test\r\nTo: anna@contoso.test\r\nSubject: x\r\n\r\n.dot\r\nbye\r\n'

            s = smtplib.SMTP(host, int(port)); s.ehlo('client.test')
            for e in ('pipelining', 'size', '8bitmime', 'smtputf8', 'dsn', 'enhancedstatuscodes', 'starttls', 'auth'):
                assert s.has_extn(e), e
            refused = s.sendmail('kim@adatum.test', ['anna@contoso.test', 'nobody@contoso.test', 'lee@adatum.test'], text)
            assert refused['nobody@contoso.test'][0] == 550 and refused['lee@adatum.test'][0] == 554, refused
            s.starttls(context=context); s.login('anna@contoso.test', 'secret')
            assert s.sendmail('anna@contoso.test', ['lee@adatum.test'], text, mail_options=['BODY=8BITMIME'], rcpt_options=['NOTIFY=FAILURE']) == {}
            s.quit()

            s = smtplib.SMTP_SSL(host, int(tls), context=context); s.ehlo('client.test')
            s.user, s.password = 'anna@contoso.test', 'secret'
            assert s.auth('LOGIN', s.auth_login)[0] == 235
            from email.message import EmailMessage
            m = EmailMessage(); m['From'] = 'grün@contoso.test'; m['To'] = 'grün@contoso.test'; m['Subject'] = 'größe'; m.set_content('hallo')
            assert s.send_message(m) == {}
            s.quit()

            s = smtplib.SMTP(host, int(port))
            try:
                s.login('anna@contoso.test', 'wrong'); assert False
            except smtplib.SMTPAuthenticationError as e:
                assert e.smtp_code == 535
            """);
        Assert.Equal(3, store.Sent.Count);
        Assert.EndsWith("\r\n.dot\r\nbye\r\n", Encoding.ASCII.GetString(store.Sent[0].Content.Span), StringComparison.Ordinal);
        Assert.Equal("FAILURE", store.Sent[1].Notify["lee@adatum.test"]);
        Assert.True(store.Sent[2].IsUtf8);
        Assert.Single(store.Find("grün@contoso.test")!.Messages);
    }

    [ToolFact("curl")]
    public async Task Curl_reads_and_sends()
    {
        store.Deliver("anna@contoso.test", Encoding.ASCII.GetBytes("Subject: one\r\n\r\n.dot\r\n"));
        string pem = await WritePemAsync();
        try
        {
            (int exit, string output, string error) = await ForeignTool.RunAsync(
                "curl", ["-sS", "--cacert", pem, "-u", "anna@contoso.test:secret", Url("pop3s", pop3.TlsPort, "/1")]);
            Assert.True(exit == 0, error);
            Assert.Equal("Subject: one\r\n\r\n.dot\r\n", output);

            (exit, _, error) = await ForeignTool.RunAsync(
                "curl",
                [
                    "-sS", "--ssl-reqd", "--cacert", pem, "-u", "anna@contoso.test:secret", "--mail-from", "anna@contoso.test",
                    "--mail-rcpt", "kim@adatum.test", "-T", "-", Url("smtp", smtp.Port, "/client.test"),
                ],
                "Subject: y\r\n\r\n.dot\r\n");
            Assert.True(exit == 0, error);
            LabSentMessage sent = Assert.Single(store.Sent);
            Assert.True(sent.IsSecure);
            Assert.Equal("Subject: y\r\n\r\n.dot\r\n", Encoding.ASCII.GetString(sent.Content.Span));
        }
        finally
        {
            File.Delete(pem);
        }
    }

    [ToolFact("mpop")]
    public async Task Mpop_fetches_and_empties_a_maildrop()
    {
        for (int i = 0; i < 50; i++)
            store.Deliver("anna@contoso.test", Encoding.ASCII.GetBytes($"From: kim@adatum.test\r\nSubject: {i}\r\n\r\n.{i}\r\n"));
        string folder = Directory.CreateTempSubdirectory("lab-mpop").FullName;
        try
        {
            string maildir = Path.Combine(folder, "mail");
            foreach (string sub in (string[])["cur", "new", "tmp"])
                Directory.CreateDirectory(Path.Combine(maildir, sub));
            string configuration = Path.Combine(folder, "mpoprc");
            string pem = Path.Combine(folder, "ca.pem");
            await File.WriteAllTextAsync(pem, pop3.CertificatePem);
            await File.WriteAllTextAsync(configuration, string.Create(CultureInfo.InvariantCulture, $"""
                account lab
                host localhost
                port {pop3.Port}
                tls on
                tls_starttls on
                tls_trust_file {pem}
                tls_crl_file
                user anna@contoso.test
                passwordeval echo secret
                keep off
                delivery maildir {maildir}
                uidls_file {Path.Combine(folder, "uidls")}

                """));
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(configuration, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            (int exit, string output, string error) = await ForeignTool.RunAsync("mpop", ["-C", configuration, "-q", "lab"]);
            Assert.True(exit == 0, output + error);
            Assert.Equal(50, Directory.GetFiles(Path.Combine(maildir, "new")).Length);
            Assert.Empty(store.Find("anna@contoso.test")!.Messages);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Url(string scheme, int port, string path) => string.Create(CultureInfo.InvariantCulture, $"{scheme}://localhost:{port}{path}");

    private async Task<string> WritePemAsync()
    {
        string path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, pop3.CertificatePem + "\n" + smtp.CertificatePem + "\n");
        return path;
    }

    private async Task PythonAsync(string script)
    {
        string pem = await WritePemAsync();
        try
        {
            string[] ports = [.. new[] { pop3.Port, pop3.TlsPort, smtp.Port, smtp.TlsPort }.Select(p => p.ToString(CultureInfo.InvariantCulture))];
            (int exit, string output, string error) = await ForeignTool.RunAsync("python3", ["-", "localhost", .. ports, pem], script);
            Assert.True(exit == 0, output + error);
        }
        finally
        {
            File.Delete(pem);
        }
    }
}
