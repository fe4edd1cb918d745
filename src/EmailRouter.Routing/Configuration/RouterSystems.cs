using EmailRouter.Crm;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>The mail systems and CRM systems the router knows, by the names that profiles and deployments use.</summary>
public sealed class RouterSystems
{
    private readonly Dictionary<string, IMailSystem> mail = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, ICrmSystem> crm = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gets the mail systems.</summary>
    public IReadOnlyCollection<IMailSystem> MailSystems => mail.Values;

    /// <summary>Gets the CRM systems.</summary>
    public IReadOnlyCollection<ICrmSystem> CrmSystems => crm.Values;

    /// <summary>Adds a mail system; one of the same name is replaced.</summary>
    /// <param name="system">The system.</param>
    /// <returns>This.</returns>
    public RouterSystems Add(IMailSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        mail[system.Name] = system;
        return this;
    }

    /// <summary>Adds a CRM system; one of the same name is replaced.</summary>
    /// <param name="system">The system.</param>
    /// <returns>This.</returns>
    public RouterSystems Add(ICrmSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        crm[system.Name] = system;
        return this;
    }

    /// <summary>Finds the mail system of a profile.</summary>
    /// <param name="name">Its name, without regard to case.</param>
    /// <returns>The system.</returns>
    /// <exception cref="RouterException"><c>RouterSystemUnknown</c>.</exception>
    public IMailSystem Mail(string name) => FindMail(name) ?? throw ConfigurationErrors.UnknownSystem("mail", name, mail.Keys);

    /// <summary>Finds the CRM system of a deployment.</summary>
    /// <param name="name">Its name, without regard to case.</param>
    /// <returns>The system.</returns>
    /// <exception cref="RouterException"><c>RouterSystemUnknown</c>.</exception>
    public ICrmSystem Crm(string name) => FindCrm(name) ?? throw ConfigurationErrors.UnknownSystem("CRM", name, crm.Keys);

    /// <summary>Finds a mail system.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The system; null when there is none.</returns>
    internal IMailSystem? FindMail(string name) => mail.GetValueOrDefault(name);

    /// <summary>Finds a CRM system.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The system; null when there is none.</returns>
    internal ICrmSystem? FindCrm(string name) => crm.GetValueOrDefault(name);
}

/// <summary>A kind of CRM the router can work for.</summary>
public interface ICrmSystem
{
    /// <summary>Gets the name used in deployments, e.g. <c>Embedded</c>. Compared without regard to case.</summary>
    string Name { get; }

    /// <summary>Gets who can decide what is promoted into its organizations. Defaults to both, the router and the server.</summary>
    IReadOnlyCollection<DecisionAuthority> Authorities => [DecisionAuthority.Router, DecisionAuthority.Server];

    /// <summary>Opens an organization.</summary>
    /// <param name="deployment">How to reach it.</param>
    /// <param name="context">Clock, network, secrets and where relative paths start.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The organization; the caller disposes it.</returns>
    /// <exception cref="CrmException">It cannot be reached, or refuses.</exception>
    /// <exception cref="RouterException">The deployment's settings do not suffice, or its credential cannot be decrypted.</exception>
    ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken);
}

/// <summary>What a CRM system needs beside the deployment.</summary>
public sealed record DeploymentContext
{
    /// <summary>Gets the mail side's clock and network; a CRM on HTTP is reached through the same.</summary>
    public MailContext Mail { get; init; } = new();

    /// <summary>Gets the randomness of waits, from 0 up to 1. Defaults to the system's.</summary>
    public Func<double> Random { get; init; } = System.Random.Shared.NextDouble;

    /// <summary>Gets the folder at which relative paths start: that of the configuration.</summary>
    public required string Folder { get; init; }

    /// <summary>Gets what decrypts stored credentials.</summary>
    public required ISecretProtector Secrets { get; init; }

    /// <summary>Gets what gets OAuth access tokens.</summary>
    public required TokenSource Tokens { get; init; }
}
