using System.Globalization;

namespace EmailRouter.Interop.Tests.Servers;

/// <summary>
/// Private GNU Mailutils servers for POP3 and IMAP over one Maildir a user, on free loopback ports, plain and over TLS. They differ from Dovecot where a client is easily
/// caught: sizes that are not those of what is sent, an X-UIDL header of their own in the message, UIDs by the second server, no UIDPLUS, no MOVE, other SASL mechanisms.
/// </summary>
public sealed class MailutilsServer : IAsyncDisposable
{
    /// <summary>The password of every user.</summary>
    public const string Password = "s3cret-word";

    /// <summary>The domain of every user; the servers know users by their whole address.</summary>
    public const string Domain = "example.test";

    // crypt(3) of the password with SHA-512, as the servers' file of users wants it.
    private const string Hash = "$6$emailrouter$FwRSnfJ.aCPIlNr0xjR6yKkgmeIS9uYh7HumGVAmUTTgLMSKqPKKTArSIn5uziDNyPt/9rgGFTg/6MWtc/PoO.";

    private readonly ServerFolder folder;
    private readonly ServerProcess[] processes;
    private long delivered;

    private MailutilsServer(ServerFolder folder, ServerProcess[] processes, int[] ports)
    {
        this.folder = folder;
        this.processes = processes;
        Pop3Port = ports[0];
        Pop3sPort = ports[1];
        ImapPort = ports[2];
        ImapsPort = ports[3];
    }

    /// <summary>Gets the port of POP3 without TLS.</summary>
    public int Pop3Port { get; }

    /// <summary>Gets the port of POP3 over TLS.</summary>
    public int Pop3sPort { get; }

    /// <summary>Gets the port of IMAP without TLS.</summary>
    public int ImapPort { get; }

    /// <summary>Gets the port of IMAP over TLS.</summary>
    public int ImapsPort { get; }

    /// <summary>Gets the pin of the servers' public key.</summary>
    public string Pin => folder.Pin;

    /// <summary>Gets what the servers have printed.</summary>
    public string Log => string.Concat(processes.Select(p => p.Output));

    /// <summary>Starts the servers.</summary>
    /// <param name="users">The names before the @; each has <see cref="Password"/>.</param>
    /// <returns>The servers, ready for connections.</returns>
    public static async Task<MailutilsServer> StartAsync(params string[] users)
    {
        for (int attempt = 1; ; attempt++)
        {
            var folder = new ServerFolder("mailutils");
            int[] ports = ServerFolder.FreePorts(4);
            folder.MakeCertificate();
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(folder.KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);       // readable for others it is refused
            folder.MakeFolder("users", open: false);
            string id = (await ServerProcess.RunAsync("id", "-u")).Trim();
            string group = (await ServerProcess.RunAsync("id", "-g")).Trim();
            folder.Write($"users/{Domain}", string.Concat(users.Select(u => $"{u}:{Hash}:{id}:{group}:{u}:{folder.At($"home-{u}")}:/bin/sh\n")));
            folder.Write("sasl", string.Concat(users.Select(u => $"{u}@{Domain}\t{Password}\n")));
            foreach (string user in users)
            {
                foreach (string part in (string[])["", "/INBOX", "/INBOX/cur", "/INBOX/new", "/INBOX/tmp"])
                    folder.MakeFolder($"home-{user}{part}", open: false);
            }

            folder.Write("pop3.conf", Configuration(folder, ports[0], ports[1]));
            folder.Write("imap.conf", Configuration(folder, ports[2], ports[3]));
            ServerProcess[] processes =
            [
                ServerProcess.Start("pop3d", "--config-file=" + folder.At("pop3.conf"), "--no-site-config"),
                ServerProcess.Start("imap4d", "--config-file=" + folder.At("imap.conf"), "--no-site-config"),
            ];
            var server = new MailutilsServer(folder, processes, ports);
            try
            {
                for (int i = 0; i < ports.Length; i++)
                    await processes[i / 2].WaitForPortAsync(ports[i]);
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await server.DisposeAsync();       // somebody took one of the ports in between
            }
        }
    }

    /// <summary>Puts a message into a mailbox.</summary>
    /// <param name="user">The user.</param>
    /// <param name="message">The message with CRLF line ends; it lies there with LF, as these servers want it.</param>
    /// <returns>A task that ends when it is there.</returns>
    public async Task DeliverAsync(string user, ReadOnlyMemory<byte> message)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{1_700_000_000 + Interlocked.Increment(ref delivered)}.M1P1.test");
        string temporary = folder.At($"home-{user}/INBOX/tmp/{name}");
        byte[] lines = [.. message.ToArray().Where(b => b != (byte)'\r')];
        await File.WriteAllBytesAsync(temporary, lines);
        File.Move(temporary, folder.At($"home-{user}/INBOX/new/{name}"));
    }

    /// <summary>Counts what is in a mailbox.</summary>
    /// <param name="user">The user.</param>
    /// <returns>How many messages lie on the disk.</returns>
    public int Count(string user) => new[] { "cur", "new" }.Sum(part => Directory.GetFiles(folder.At($"home-{user}/INBOX/{part}")).Length);

    public async ValueTask DisposeAsync()
    {
        foreach (ServerProcess process in processes)
            await process.DisposeAsync();
        folder.Dispose();
    }

    private static string Configuration(ServerFolder folder, int plain, int tls) => $$"""
        mode daemon;
        foreground yes;
        logging { syslog no; };
        mailbox { mailbox-type maildir; };
        locking { type null; };
        mandatory-locking { enable no; };
        tls { ssl-certificate-file {{folder.CertificateFile}}; ssl-key-file {{folder.KeyFile}}; };
        server 127.0.0.1:{{plain}} { };
        server 127.0.0.1:{{tls}} { tls-mode connection; };
        auth { authentication clear; authentication generic; authorization clear; authorization virtdomain; };
        virtdomain { passwd-dir {{folder.At("users")}}; };
        gsasl { cram-passwd {{folder.At("sasl")}}; };

        """;
}
