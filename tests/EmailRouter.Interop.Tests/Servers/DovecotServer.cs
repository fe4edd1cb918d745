using System.Globalization;

namespace EmailRouter.Interop.Tests.Servers;

/// <summary>
/// A private Dovecot: POP3, IMAP, LMTP and, where Pigeonhole is installed, ManageSieve, on free loopback ports, with TLS by a self-signed
/// certificate and Maildirs in a folder of its own. Runs as root or not.
/// </summary>
public sealed class DovecotServer : IAsyncDisposable
{
    /// <summary>The password of every user.</summary>
    public const string Password = "s3cret-word";

    private readonly ServerFolder folder;
    private readonly ServerProcess process;
    private long delivered;

    private DovecotServer(ServerFolder folder, ServerProcess process, int[] ports)
    {
        this.folder = folder;
        this.process = process;
        Pop3Port = ports[0];
        Pop3sPort = ports[1];
        ImapPort = ports[2];
        ImapsPort = ports[3];
        LmtpPort = ports[4];
        SievePort = ports[5];
    }

    /// <summary>Gets the port of POP3 with STLS.</summary>
    public int Pop3Port { get; }

    /// <summary>Gets the port of POP3 over TLS.</summary>
    public int Pop3sPort { get; }

    /// <summary>Gets the port of IMAP with STARTTLS.</summary>
    public int ImapPort { get; }

    /// <summary>Gets the port of IMAP over TLS.</summary>
    public int ImapsPort { get; }

    /// <summary>Gets the port of LMTP.</summary>
    public int LmtpPort { get; }

    /// <summary>Gets the port of ManageSieve; it answers only where Pigeonhole is installed.</summary>
    public int SievePort { get; }

    /// <summary>Gets the pin of the server's public key.</summary>
    public string Pin => folder.Pin;

    /// <summary>Gets the file of the server's certificate.</summary>
    public string CertificateFile => folder.CertificateFile;

    /// <summary>Gets the socket by which Postfix asks for passwords.</summary>
    public string AuthSocket => folder.At("auth-client");

    /// <summary>Gets the log so far.</summary>
    public string Log => File.Exists(folder.At("dovecot.log")) ? File.ReadAllText(folder.At("dovecot.log")) : string.Empty;

    /// <summary>Starts a server.</summary>
    /// <param name="extraConfiguration">Lines to add to its configuration.</param>
    /// <returns>The server, ready for connections. Any user name exists, with <see cref="Password"/>.</returns>
    public static async Task<DovecotServer> StartAsync(string extraConfiguration = "")
    {
        for (int attempt = 1; ; attempt++)
        {
            var folder = new ServerFolder("dovecot");
            int[] ports = ServerFolder.FreePorts(6);
            folder.MakeCertificate();
            folder.MakeFolder("mail");
            folder.MakeFolder("home");
            folder.MakeFolder("run", open: false);
            folder.Write("dovecot.conf", Configuration(folder, ports) + extraConfiguration);
            ServerProcess process = ServerProcess.Start("dovecot", "-F", "-c", folder.At("dovecot.conf"));
            var server = new DovecotServer(folder, process, ports);
            try
            {
                foreach (int port in ports[..5])
                    await process.WaitForPortAsync(port, () => server.Log);
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await server.DisposeAsync();       // somebody took one of the ports in between
            }
        }
    }

    /// <summary>Puts a message into a mailbox, as the bytes are.</summary>
    /// <param name="user">The user.</param>
    /// <param name="message">The message.</param>
    /// <returns>A task that ends when it is there.</returns>
    public async Task DeliverAsync(string user, ReadOnlyMemory<byte> message)
    {
        string mailbox = "mail/" + user;
        if (!Directory.Exists(folder.At(mailbox)))
        {
            foreach (string part in new[] { mailbox, mailbox + "/tmp", mailbox + "/new", mailbox + "/cur" })
                folder.MakeFolder(part);
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"{1_700_000_000 + Interlocked.Increment(ref delivered)}.M1P1.test");
        string temporary = folder.At($"{mailbox}/tmp/{name}");
        await using (FileStream file = File.Create(temporary))
            await file.WriteAsync(message);
        File.Move(temporary, folder.At($"{mailbox}/new/{name}"));
    }

    /// <summary>Has the server itself put a message into a folder, which is made when missing, so that it tells others about it.</summary>
    /// <param name="user">The user.</param>
    /// <param name="mailbox">The folder.</param>
    /// <param name="message">The message.</param>
    /// <returns>A task that ends when it is there.</returns>
    public async Task SaveAsync(string user, string mailbox, ReadOnlyMemory<byte> message)
    {
        string configuration = folder.At("dovecot.conf");
        string list = await ServerProcess.RunAsync("doveadm", "-c", configuration, "mailbox", "list", "-u", user);
        if (!list.Split('\n').Contains(mailbox))
            await ServerProcess.RunAsync("doveadm", "-c", configuration, "mailbox", "create", "-u", user, mailbox);
        string file = folder.At($"saved-{Interlocked.Increment(ref delivered)}");
        await using (FileStream stream = File.Create(file))
            await stream.WriteAsync(message);
        await ServerProcess.RunAsync("doveadm", "-c", configuration, "save", "-u", user, "-m", mailbox, file);
    }

    /// <summary>Gets the Maildir of a user, whether it exists yet or not.</summary>
    /// <param name="user">The user.</param>
    /// <returns>Its path.</returns>
    public string Maildir(string user) => folder.At("mail/" + user);

    /// <summary>Reads what is in a mailbox.</summary>
    /// <param name="user">The user.</param>
    /// <returns>The messages, as they lie on the disk.</returns>
    public IReadOnlyList<byte[]> Messages(string user) =>
        [.. new[] { "cur", "new" }
            .Select(part => folder.At($"mail/{user}/{part}"))
            .Where(Directory.Exists)
            .SelectMany(Directory.GetFiles)
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)];

    /// <summary>Makes the server give new UIDs under a new UIDVALIDITY.</summary>
    /// <param name="user">The user.</param>
    /// <returns>A task that ends when it has forgotten the old ones.</returns>
    public async Task ForgetUidsAsync(string user) =>
        await ServerProcess.RunAsync("doveadm", "-c", folder.At("dovecot.conf"), "mailbox", "update", "-u", user, "--uid-validity", "4711", "INBOX");

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        folder.Dispose();
    }

    private static string Configuration(ServerFolder folder, int[] ports)
    {
        // As root Dovecot changes to users of its own and refuses mail of uid 0; otherwise everything runs as whoever we are.
        bool root = Environment.IsPrivilegedProcess;
        string me = Environment.UserName;
        string users = root
            ? "first_valid_uid = 1\nmail_uid = mail\nmail_gid = mail\n"
            : $"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group =\nfirst_valid_uid = 1\n";
        string rootless = root ? string.Empty : "chroot =\n";
        bool sieve = File.Exists("/usr/lib/dovecot/managesieve");
        return $$"""
            protocols = pop3 imap lmtp{{(sieve ? " sieve" : string.Empty)}}
            base_dir = {{folder.At("run")}}
            state_dir = {{folder.At("run")}}
            log_path = {{folder.At("dovecot.log")}}
            listen = 127.0.0.1
            {{users}}
            ssl = yes
            ssl_cert = <{{folder.CertificateFile}}
            ssl_key = <{{folder.KeyFile}}
            ssl_min_protocol = TLSv1.2
            auth_mechanisms = plain login cram-md5 scram-sha-256
            auth_failure_delay = 0
            auth_username_format = %Ln
            mail_location = maildir:{{folder.At("mail")}}/%n
            mail_max_userip_connections = 2000
            maildir_very_dirty_syncs = yes
            pop3_lock_session = yes
            passdb {
              driver = static
              args = password={{Password}}
            }
            userdb {
              driver = static
              args = home={{folder.At("home")}}/%n allow_all_users=yes
            }
            service anvil {
              {{rootless}}
              unix_listener anvil-auth-penalty {
                mode = 0
              }
            }
            service pop3-login {
              {{rootless}}
              service_count = 0
              client_limit = 2000
              inet_listener pop3 {
                port = {{ports[0]}}
              }
              inet_listener pop3s {
                port = {{ports[1]}}
                ssl = yes
              }
            }
            service imap-login {
              {{rootless}}
              service_count = 0
              client_limit = 2000
              inet_listener imap {
                port = {{ports[2]}}
              }
              inet_listener imaps {
                port = {{ports[3]}}
                ssl = yes
              }
            }
            service pop3 {
              process_limit = 2000
            }
            service imap {
              process_limit = 2000
            }
            service lmtp {
              inet_listener lmtp {
                port = {{ports[4]}}
              }
            }
            service auth {
              unix_listener {{folder.At("auth-client")}} {
                mode = 0666
              }
            }
            {{(sieve ? $"service managesieve-login {{\n{rootless}inet_listener sieve {{\nport = {ports[5]}\n}}\n}}" : string.Empty)}}

            """;
    }
}
