namespace EmailRouter.Interop.Tests.Servers;

/// <summary>A Dovecot whose LMTP runs Sieve scripts; what they redirect is written into a folder instead of being sent.</summary>
public sealed class SieveFixture : IAsyncLifetime
{
    private DovecotServer? server;
    private ServerFolder? folder;

    public DovecotServer Server => server ?? throw new InvalidOperationException("Pigeonhole is not installed; the test should have been skipped.");

    public async Task InitializeAsync()
    {
        if (Installed.WhyNot(Software.Dovecot) is not null || Installed.WhyNot(Software.Pigeonhole) is not null)
            return;
        folder = new ServerFolder("redirects");
        folder.MakeFolder("sent");
        string program = folder.At("sendmail");
        folder.Write("sendmail", $"#!/bin/sh\nfile=$(mktemp {folder.At("sent")}/XXXXXXXX.part)\n{{ echo \"To: $*\"; cat; }} >\"$file\"\nmv \"$file\" \"${{file%.part}}.eml\"\n");
        await ServerProcess.RunAsync("chmod", "0755", program);
        server = await DovecotServer.StartAsync($$"""
            sendmail_path = {{program}}
            postmaster_address = postmaster@example.test
            protocol lmtp {
              mail_plugins = sieve
            }
            plugin {
              sieve = file:~/sieve;active=~/.dovecot.sieve
              sieve_extensions = +editheader
            }

            """);
    }

    /// <summary>What was redirected for a user: the arguments of sendmail, then the message.</summary>
    public string[] Forwarded(string user) =>
        [.. Directory.GetFiles(folder!.At("sent"), "*.eml").Select(File.ReadAllText).Where(t => t.Contains(user + "\n", StringComparison.Ordinal) || t.Contains(user + "\r\n", StringComparison.Ordinal))];

    public async Task DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
        folder?.Dispose();
    }
}
