using System.Net;
using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Pop3;

namespace EmailRouter.Interop.Tests.Mail;

/// <summary>Tokens against Dovecot's oauth2 passdb, which asks a small identity provider of the test whether a token is good.</summary>
public sealed class OAuthDovecotTests
{
    [ServerFact(Software.Dovecot)]
    public async Task A_good_token_logs_in_and_a_bad_one_is_refused_by_either_mechanism()
    {
        using var folder = new ServerFolder("oauth2");
        int port = ServerFolder.FreePorts(1)[0];
        using var provider = new HttpListener { Prefixes = { $"http://127.0.0.1:{port}/" } };
        provider.Start();
        Task answering = AnswerAsync(provider);
        folder.Write("oauth2.conf", $"""
            introspection_url = http://127.0.0.1:{port}/introspect?token=
            introspection_mode = get
            username_attribute = username
            active_attribute = active
            active_value = true

            """);
        await ServerProcess.RunAsync("chmod", "-R", "a+rX", folder.Path);
        await using (DovecotServer server = await DovecotServer.StartAsync($$"""
            auth_mechanisms = plain xoauth2 oauthbearer
            passdb {
              driver = oauth2
              mechanisms = xoauth2 oauthbearer
              args = {{folder.At("oauth2.conf")}}
            }

            """))
        {
            foreach (string mechanism in new[] { "XOAUTH2", "OAUTHBEARER" })
            {
                Exception? refused = await Record.ExceptionAsync(async () =>
                {
                    await using IMailboxSession session = await OpenAsync(server, mechanism, "good-token");
                    Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
                });
                Assert.True(refused is null, $"{refused?.Message} {server.Log}");

                MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(() => OpenAsync(server, mechanism, "bad-token"));
                Assert.Equal("MailAuthenticationFailed", e.ErrorId);
                Assert.Contains("(", e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain("bad-token", e.Message + string.Join('\n', e.Conversation), StringComparison.Ordinal);
            }
        }

        provider.Stop();
        await answering;
    }

    private static async Task<IMailboxSession> OpenAsync(DovecotServer server, string mechanism, string token) => await new Pop3System().OpenMailboxAsync(
        new MailEndpoint { Host = "localhost", Port = server.Pop3sPort, CertificatePins = [server.Pin], Mechanisms = [mechanism] },
        new MailLogin("anna@example.test", MailCredential.Token("anna@example.test", _ => ValueTask.FromResult(new AccessToken(token)))),
        new MailContext(),
        default);

    private static async Task AnswerAsync(HttpListener provider)
    {
        while (true)
        {
            HttpListenerContext request;
            try
            {
                request = await provider.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;     // the test is over
            }

            bool good = request.Request.QueryString["token"] == "good-token";
            byte[] answer = Encoding.UTF8.GetBytes(good ? """{"active":true,"username":"anna"}""" : """{"active":false}""");
            request.Response.ContentType = "application/json";
            await request.Response.OutputStream.WriteAsync(answer);
            request.Response.Close();
        }
    }
}
