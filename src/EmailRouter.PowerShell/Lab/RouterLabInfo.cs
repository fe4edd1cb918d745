namespace EmailRouter.PowerShell.Lab;

/// <summary>A running lab: mail servers on loopback over an embedded CRM, and a router's configuration over both.</summary>
public sealed class RouterLabInfo
{
    private const string DeploymentName = "Lab";

    internal RouterLabInfo(object session)
    {
        // The lab is loaded when it is asked for, so its types are not known when this is compiled.
        dynamic lab = session;
        Session = session;
        Folder = lab.Folder;
        ConfigurationPath = lab.ConfigurationPath;
        CrmPath = lab.CrmPath;
        Deployment = DeploymentName;
        Pop3Port = lab.Pop3.Port;
        Pop3TlsPort = lab.Pop3.TlsPort;
        SmtpPort = lab.Smtp.Port;
        SmtpTlsPort = lab.Smtp.TlsPort;
        ExchangeUrl = lab.Exchange.EwsTlsUrl;
        GraphUrl = lab.Graph.TlsServiceUrl;
        DataverseUrl = lab.Dataverse.TlsUrl;
        TokenUrl = lab.Tokens.Authority;
        CertificatePin = [lab.Pop3.CertificatePin, lab.Smtp.CertificatePin, lab.Exchange.CertificatePin, lab.Graph.CertificatePin, lab.Dataverse.CertificatePin, lab.Tokens.CertificatePin];
    }

    /// <summary>Gets the folder of the CRM, the configuration and the state.</summary>
    public string Folder { get; }

    /// <summary>Gets the configuration file.</summary>
    public string ConfigurationPath { get; }

    /// <summary>Gets the file of the embedded CRM.</summary>
    public string CrmPath { get; }

    /// <summary>Gets the name of the deployment in the configuration.</summary>
    public string Deployment { get; }

    /// <summary>Gets the host of the mail servers.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>Gets the port of the POP3 server (STLS).</summary>
    public int Pop3Port { get; }

    /// <summary>Gets the port of the POP3 server with TLS from the first byte.</summary>
    public int Pop3TlsPort { get; }

    /// <summary>Gets the port of the SMTP server (STARTTLS).</summary>
    public int SmtpPort { get; }

    /// <summary>Gets the port of the SMTP server with TLS from the first byte.</summary>
    public int SmtpTlsPort { get; }

    /// <summary>Gets the address of Exchange Web Services over the same mailboxes; their owners log in by password. The profile <c>Lab Exchange</c> uses it.</summary>
    public Uri ExchangeUrl { get; }

    /// <summary>Gets the address of the Microsoft Graph endpoint over the same mailboxes. The profile <c>Lab Graph</c> uses it.</summary>
    public Uri GraphUrl { get; }

    /// <summary>Gets the address of the Web API of Dataverse over the same CRM.</summary>
    public Uri DataverseUrl { get; }

    /// <summary>Gets the authority that issues tokens for Exchange, Graph and Dataverse; the lab's session names its application and secret.</summary>
    public Uri TokenUrl { get; }

    /// <summary>Gets the SHA-256 pins of the servers' public keys: each server has a key of its own.</summary>
    public string[] CertificatePin { get; }

    /// <summary>Gets the lab itself: its mailboxes, what was sent, and faults that can be switched on.</summary>
    public object Session { get; }

    /// <inheritdoc/>
    public override string ToString() => Folder;
}
