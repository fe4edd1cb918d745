using EmailRouter.Lab.Graph;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Mail.Graph;

namespace EmailRouter.Bench;

/// <summary>Mailboxes of Exchange Online: the router's Graph client against the lab's endpoint, which throttles as the service does.</summary>
internal sealed class GraphBenchmark : HttpMailboxBenchmark
{
    public override string Name => "graph";

    public override string Summary => "[messages]: mailboxes by Graph with 20 ms added to each request, beside the same requests one after the other";

    protected override ValueTask<HttpMailboxLab> StartAsync(LabMailStore store)
    {
        var tokens = new LabTokenServer();
        var server = new LabGraphServer(store, tokens);
        server.Start();
        string token = tokens.Issue(LabGraphServer.Resource, roles: ["Mail.ReadWrite"]);
        return ValueTask.FromResult(new HttpMailboxLab(
            server,
            "GET messages/{id}/$value",
            new GraphSystem(),
            new MailEndpoint { Host = string.Empty, Url = server.ServiceUrl, AllowPlainTextPassword = true },
            mailbox => new MailLogin(mailbox, MailCredential.Token(mailbox, _ => new(new AccessToken(token)))),
            tokens));
    }
}
