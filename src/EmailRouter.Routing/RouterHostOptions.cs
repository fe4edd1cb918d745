using EmailRouter.Mail;
using EmailRouter.Mail.Drop;
using EmailRouter.Mail.Exchange;
using EmailRouter.Mail.Graph;
using EmailRouter.Mail.Imap;
using EmailRouter.Mail.Maildir;
using EmailRouter.Mail.Pickup;
using EmailRouter.Mail.Pop3;
using EmailRouter.Mail.Sieve;
using EmailRouter.Mail.Smtp;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing;

/// <summary>What a <see cref="Router"/> is made of.</summary>
public sealed record RouterHostOptions
{
    /// <summary>Gets the configuration file; null for the machine's (<see cref="ConfigurationLocation.Find()"/>).</summary>
    public string? ConfigurationPath { get; init; }

    /// <summary>Gets the systems it knows. Defaults to all that come with the router.</summary>
    public RouterSystems Systems { get; init; } = BuiltInSystems();

    /// <summary>Gets clock, network and limits of the mail side. Its clock is the router's.</summary>
    public MailContext Mail { get; init; } = new();

    /// <summary>Gets the randomness of retry delays, from 0 up to 1. Defaults to the system's.</summary>
    public Func<double> Random { get; init; } = System.Random.Shared.NextDouble;

    /// <summary>Gets what makes the HTTP client that tokens are got with; null for the platform's.</summary>
    public Func<HttpClient>? TokenHttp { get; init; }

    /// <summary>Makes the systems that come with the router.</summary>
    /// <returns>POP3, IMAP, Exchange, SMTP, Sieve, Graph, the folders, the embedded CRM, Dataverse, Organization.svc and CrmService.asmx.</returns>
    public static RouterSystems BuiltInSystems() => new RouterSystems()
        .Add(new Pop3System())
        .Add(new ImapSystem())
        .Add(new ExchangeSystem())
        .Add(new SmtpSystem())
        .Add(new SieveSystem())
        .Add(new GraphSystem())
        .Add(new PickupFolderSystem())
        .Add(new MaildirSystem())
        .Add(new DropFolderSystem())
        .Add(new EmbeddedCrmSystem())
        .Add(new DataverseCrmSystem())
        .Add(new OrganizationCrmSystem())
        .Add(new CrmServiceSystem());
}
