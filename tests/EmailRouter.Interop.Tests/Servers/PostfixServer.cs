using System.Globalization;
using System.Text;

namespace EmailRouter.Interop.Tests.Servers;

/// <summary>A message that arrived, as Postfix wrote it down.</summary>
/// <param name="Recipient">The envelope recipient.</param>
/// <param name="EnvelopeFrom">The envelope sender.</param>
/// <param name="Content">The bytes as sent: without the fields Postfix puts on top, and with CRLF line ends.</param>
public sealed record DeliveredMessage(string Recipient, string EnvelopeFrom, byte[] Content);

/// <summary>
/// A private Postfix: relay and submission with STARTTLS and implicit TLS on free loopback ports. It takes mail for every address of
/// <c>example.test</c> but refuses <c>refused…@</c> for good and <c>later…@</c> for now, takes up to <see cref="SizeLimit"/> bytes, and delivers into
/// one Maildir. Needs root.
/// </summary>
public sealed class PostfixServer : IAsyncDisposable
{
    /// <summary>The largest message it takes, in bytes.</summary>
    public const int SizeLimit = 2_000_000;

    private readonly ServerFolder folder;
    private readonly ServerProcess process;

    private PostfixServer(ServerFolder folder, ServerProcess process, int[] ports)
    {
        this.folder = folder;
        this.process = process;
        SmtpPort = ports[0];
        SmtpsPort = ports[1];
    }

    /// <summary>Gets the port of SMTP with STARTTLS.</summary>
    public int SmtpPort { get; }

    /// <summary>Gets the port of SMTP over TLS.</summary>
    public int SmtpsPort { get; }

    /// <summary>Gets the pin of the server's public key.</summary>
    public string Pin => folder.Pin;

    /// <summary>Gets the folder of its configuration, which its sendmail command takes.</summary>
    public string ConfigurationFolder => folder.At("etc");

    /// <summary>Gets the log so far.</summary>
    public string Log => File.Exists(folder.At("mail.log")) ? File.ReadAllText(folder.At("mail.log")) : string.Empty;

    /// <summary>Starts a server.</summary>
    /// <param name="accounts">Whose users may log in; null for a server without AUTH.</param>
    /// <param name="extraConfiguration">Lines to add to main.cf.</param>
    /// <returns>The server, ready for connections.</returns>
    public static async Task<PostfixServer> StartAsync(DovecotServer? accounts = null, string extraConfiguration = "")
    {
        for (int attempt = 1; ; attempt++)
        {
            var folder = new ServerFolder("postfix");
            int[] ports = ServerFolder.FreePorts(2);
            folder.MakeCertificate();
            folder.MakeFolder("etc", open: false);
            folder.MakeFolder("spool", open: false);
            folder.MakeFolder("data", open: false);
            folder.MakeFolder("mail");
            folder.MakeFolder("mail/all");
            folder.Write("etc/main.cf", MainConfiguration(folder, accounts) + extraConfiguration);
            folder.Write("etc/master.cf", MasterConfiguration(ports));
            folder.Write("etc/recipients", "/^refused/ REJECT 5.1.1 no such user here\n/^later/ DEFER try again in 300 seconds\n");
            await ServerProcess.RunAsync("chown", "postfix", folder.At("data"));
            ServerProcess process = ServerProcess.Start("postfix", "-c", folder.At("etc"), "start-fg");
            process.PidFile = folder.At("spool/pid/master.pid");
            var server = new PostfixServer(folder, process, ports);
            try
            {
                foreach (int port in ports)
                    await process.WaitForPortAsync(port, () => server.Log);
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await server.DisposeAsync();       // somebody took one of the ports in between
            }
        }
    }

    /// <summary>Reads what has arrived.</summary>
    /// <returns>The messages in the order of delivery, one for each recipient.</returns>
    public IReadOnlyList<DeliveredMessage> Delivered()
    {
        string arrived = folder.At("mail/all/new");
        return Directory.Exists(arrived)
            ? [.. Directory.GetFiles(arrived).Order(StringComparer.Ordinal).Select(file => Read(File.ReadAllBytes(file)))]
            : [];
    }

    /// <summary>Waits until so many messages have arrived.</summary>
    /// <param name="count">How many.</param>
    /// <returns>The messages, see <see cref="Delivered"/>.</returns>
    public async Task<IReadOnlyList<DeliveredMessage>> WaitForDeliveryAsync(int count)
    {
        string arrived = folder.At("mail/all/new");
        for (int i = 0; i < 600; i++)
        {
            if (Directory.Exists(arrived) && Directory.GetFiles(arrived).Length >= count)
                return Delivered();
            await Task.Delay(100);
        }

        throw new InvalidOperationException($"Only {Delivered().Count} of {count} messages arrived within a minute. {Log}");
    }

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        folder.Dispose();
    }

    private static DeliveredMessage Read(byte[] file)
    {
        // Return-Path, X-Original-To, Delivered-To and Received were put on top; ours begins behind the Received of our connection.
        string text = Encoding.Latin1.GetString(file);
        string recipient = string.Empty;
        string sender = string.Empty;
        int position = 0;
        while (true)
        {
            int end = text.IndexOf('\n', position);
            while (end >= 0 && end + 1 < text.Length && text[end + 1] is ' ' or '\t')
                end = text.IndexOf('\n', end + 1);
            string field = text[position..end];
            position = end + 1;
            if (field.StartsWith("Return-Path:", StringComparison.Ordinal))
                sender = field["Return-Path:".Length..].Trim().Trim('<', '>');
            else if (field.StartsWith("X-Original-To:", StringComparison.Ordinal))
                recipient = field["X-Original-To:".Length..].Trim();
            else if (field.StartsWith("Received:", StringComparison.Ordinal))
                break;
        }

        return new DeliveredMessage(recipient, sender, Encoding.Latin1.GetBytes(text[position..].Replace("\n", "\r\n", StringComparison.Ordinal)));
    }

    private static string MainConfiguration(ServerFolder folder, DovecotServer? accounts)
    {
        string sasl = accounts is null
            ? string.Empty
            : $"smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {accounts.AuthSocket}\nsmtpd_tls_auth_only = yes\n";
        return $$"""
            compatibility_level = 3.6
            queue_directory = {{folder.At("spool")}}
            data_directory = {{folder.At("data")}}
            daemon_directory = {{(Directory.Exists("/usr/lib/postfix/sbin") ? "/usr/lib/postfix/sbin" : "/usr/libexec/postfix")}}
            command_directory = {{Path.GetDirectoryName(Installed.Find("postfix"))}}
            mail_owner = postfix
            setgid_group = postdrop
            maillog_file = {{folder.At("mail.log")}}
            maillog_file_prefixes = {{folder.Path}}
            myhostname = mx.example.test
            mydestination =
            mynetworks = 127.0.0.0/8
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            smtputf8_enable = yes
            strict_smtputf8 = no
            message_size_limit = {{SizeLimit}}
            mailbox_size_limit = 0
            virtual_mailbox_limit = 0
            virtual_mailbox_domains = example.test
            virtual_mailbox_base = {{folder.At("mail")}}
            virtual_mailbox_maps = static:all/
            virtual_minimum_uid = 1
            virtual_uid_maps = static:8
            virtual_gid_maps = static:8
            default_transport = error:no mail leaves this machine
            relay_transport = error:no mail leaves this machine
            smtpd_recipient_restrictions = check_recipient_access regexp:{{folder.At("etc/recipients")}}, permit_mynetworks, reject_unauth_destination
            smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
            smtpd_tls_security_level = may
            smtpd_tls_cert_file = {{folder.CertificateFile}}
            smtpd_tls_key_file = {{folder.KeyFile}}
            smtpd_client_connection_count_limit = 0
            smtpd_client_connection_rate_limit = 0
            smtpd_error_sleep_time = 0
            smtpd_soft_error_limit = 1000
            smtpd_hard_error_limit = 2000
            in_flow_delay = 0
            always_add_missing_headers = no
            local_header_rewrite_clients =
            {{sasl}}

            """;
    }

    private static string MasterConfiguration(int[] ports)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"127.0.0.1:{ports[0]} inet n - n - 100 smtpd");
        text.AppendLine(CultureInfo.InvariantCulture, $"127.0.0.1:{ports[1]} inet n - n - 100 smtpd -o smtpd_tls_wrappermode=yes");
        text.Append("""
            pickup unix n - n 1 1 pickup
            cleanup unix n - n - 0 cleanup
            qmgr unix n - n 300 1 qmgr
            tlsmgr unix - - n 1000? 1 tlsmgr
            rewrite unix - - n - - trivial-rewrite
            bounce unix - - n - 0 bounce
            defer unix - - n - 0 bounce
            trace unix - - n - 0 bounce
            verify unix - - n - 1 verify
            flush unix n - n 1000? 0 flush
            proxymap unix - - n - - proxymap
            proxywrite unix - - n - 1 proxymap
            showq unix n - n - - showq
            error unix - - n - - error
            retry unix - - n - - error
            discard unix - - n - - discard
            local unix - n n - - local
            virtual unix - n n - - virtual
            lmtp unix - - n - - lmtp
            anvil unix - - n - 1 anvil
            scache unix - - n - 1 scache
            postlog unix-dgram n - n - 1 postlogd

            """);
        return text.ToString();
    }
}
