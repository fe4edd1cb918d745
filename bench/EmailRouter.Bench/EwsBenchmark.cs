using EmailRouter.Lab.Exchange;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Mail.Exchange;

namespace EmailRouter.Bench;

/// <summary>Mailboxes of Exchange Server: the router's EWS client against the lab's server.</summary>
internal sealed class EwsBenchmark : HttpMailboxBenchmark
{
    public override string Name => "ews";

    public override string Summary => "[messages]: mailboxes by EWS with 20 ms added to each request, beside the same requests one after the other";

    protected override ValueTask<HttpMailboxLab> StartAsync(LabMailStore store)
    {
        var server = new LabExchangeServer(store, new LabExchangeOptions());
        server.Start();
        return ValueTask.FromResult(new HttpMailboxLab(
            server,
            "GetItem",
            new ExchangeSystem(),
            new MailEndpoint { Host = server.Host, Url = server.EwsUrl, AllowPlainTextPassword = true },
            mailbox => new MailLogin(mailbox, MailCredential.Password(mailbox, "secret"))));
    }
}
