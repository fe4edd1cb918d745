using System.Net;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mail.Net.Http;

namespace EmailRouter.Routing.Configuration;

/// <summary>Deployments reached by HTTP as the CRM side takes them.</summary>
public static class CrmEndpoints
{
    /// <summary>Makes the CRM side's endpoint of a deployment; secrets are decrypted only here, tokens got when they are needed.</summary>
    /// <param name="deployment">A deployment with a web address.</param>
    /// <param name="context">What decrypts secrets and gets tokens.</param>
    /// <returns>The endpoint.</returns>
    /// <exception cref="RouterException"><c>RouterDeploymentIncomplete</c>, or a secret cannot be decrypted.</exception>
    /// <exception cref="CrmException"><c>CrmTokenRefused</c>: the certificate of an application cannot be used.</exception>
    public static CrmEndpoint ToEndpoint(this DeploymentConfiguration deployment, DeploymentContext context)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(context);
        return new CrmEndpoint
        {
            Url = deployment.Url ?? throw ConfigurationErrors.DeploymentIncomplete(deployment.Name, "has no address", "Set its address with Set-RouterDeployment -Url."),
            Organization = string.IsNullOrWhiteSpace(deployment.Organization) ? null : deployment.Organization.Trim(),
            Credentials = CredentialsOf(deployment, context),
            AllowPlainTextPassword = deployment.AllowPlainTextPassword,
            Options = deployment.Options,
        };
    }

    /// <summary>Makes what a CRM on HTTP needs beside the address: the mail side's clock and network, with the deployment's pins.</summary>
    /// <param name="deployment">The deployment.</param>
    /// <param name="context">Clock, network and randomness.</param>
    /// <returns>The context; each call of its <see cref="CrmContext.Http"/> makes a handler, so that each credential has connections of its own.</returns>
    public static CrmContext ToCrmContext(this DeploymentConfiguration deployment, DeploymentContext context)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(context);
        var server = new MailEndpoint
        {
            Host = deployment.Url?.Host ?? string.Empty,
            Url = deployment.Url,
            CertificatePins = [.. deployment.CertificatePins.Select(pin => pin.ToLowerInvariant())],
            AllowPlainTextPassword = deployment.AllowPlainTextPassword,
        };
        return new CrmContext
        {
            Clock = context.Mail.Clock,
            Random = context.Random,
            Http = credential => context.Mail.Http?.Invoke(server) ?? HttpHandlers.Create(server, context.Mail, WindowsLogin(credential)),
            Deadline = context.Mail.Deadlines.Command,
            ProtocolLog = context.Mail.ProtocolLog,
        };
    }

    private static IReadOnlyList<CrmCredential> CredentialsOf(DeploymentConfiguration deployment, DeploymentContext context)
    {
        switch (deployment.Authentication)
        {
            case CrmAuthentication.Process:
                return [new CrmProcessAccount()];
            case CrmAuthentication.Password:
                StoredCredential stored = deployment.Credential ?? throw ConfigurationErrors.DeploymentIncomplete(
                    deployment.Name, "has no credential", "Set its credential with Set-RouterDeployment -Credential.");
                return [new CrmPassword(stored.UserName, context.Secrets.Unprotect(stored.Secret))];
            default:
                return [.. Enumerable.Empty<OAuthConfiguration?>().Append(deployment.OAuth).Concat(deployment.FurtherApplications)
                    .Select(application => context.Tokens.CredentialOf(TokenSubject.Of(deployment, application)))];
        }
    }

    private static NetworkCredential? WindowsLogin(CrmCredential credential) => credential switch
    {
        CrmPassword password => HttpHandlers.WindowsLogin(password.UserName, password.Secret),
        CrmProcessAccount => CredentialCache.DefaultNetworkCredentials,
        _ => null,
    };
}
