using System.Globalization;

namespace EmailRouter.Interop.Tests.Servers;

/// <summary>A private aiosmtpd (Python's SMTP server): STARTTLS, AUTH PLAIN and LOGIN only behind it, mail written into a folder. Without 8BITMIME on request.</summary>
public sealed class AiosmtpdServer : IAsyncDisposable
{
    private const string Program = """
        import asyncio, os, ssl, sys
        from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

        folder, port, password, seven_bit = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), sys.argv[4] == "7bit"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
        count = 0

        class Keep:
            async def handle_RCPT(self, server, session, envelope, address, options):
                if address.startswith("refused"):
                    return "550 5.1.1 no such user"
                envelope.rcpt_tos.append(address)
                return "250 2.1.5 ok"

            async def handle_DATA(self, server, session, envelope):
                global count
                count += 1
                content = envelope.content.encode() if isinstance(envelope.content, str) else envelope.content
                name = os.path.join(folder, "mail", f"{count:06}.eml")
                with open(name + ".part", "wb") as file:
                    file.write(content)
                os.rename(name + ".part", name)
                return f"250 2.0.0 kept as {count}"

        def check(server, session, envelope, mechanism, data):
            good = isinstance(data, LoginPassword) and data.password == password
            return AuthResult(success=good, handled=good)

        async def main():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: SMTP(Keep(), hostname="mx.example.test", tls_context=context, require_starttls=True, authenticator=check, auth_required=True,
                             decode_data=seven_bit, enable_SMTPUTF8=not seven_bit), "127.0.0.1", port)
            await server.serve_forever()

        asyncio.run(main())
        """;

    private readonly ServerFolder folder;
    private readonly ServerProcess process;

    private AiosmtpdServer(ServerFolder folder, ServerProcess process, int port)
    {
        this.folder = folder;
        this.process = process;
        Port = port;
    }

    public int Port { get; }

    public string Pin => folder.Pin;

    public static async Task<AiosmtpdServer> StartAsync(string password, bool sevenBit)
    {
        for (int attempt = 1; ; attempt++)
        {
            var folder = new ServerFolder("aiosmtpd");
            int port = ServerFolder.FreePorts(1)[0];
            folder.MakeCertificate();
            folder.MakeFolder("mail");
            folder.Write("server.py", Program);
            ServerProcess process = ServerProcess.Start(
                "/usr/bin/python3", folder.At("server.py"), folder.Path, port.ToString(CultureInfo.InvariantCulture), password, sevenBit ? "7bit" : "8bit");
            var server = new AiosmtpdServer(folder, process, port);
            try
            {
                await process.WaitForPortAsync(port, () => string.Empty);
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await server.DisposeAsync();       // somebody took the port in between
            }
        }
    }

    /// <summary>What has arrived, in order.</summary>
    public IReadOnlyList<byte[]> Messages() => [.. Directory.GetFiles(folder.At("mail"), "*.eml").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        folder.Dispose();
    }
}
