using System.Globalization;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Servers;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Lab;

/// <summary>Says how to reach a running lab.</summary>
internal static class LabDirections
{
    public static void Write(LabSession session, TextWriter output)
    {
        SeedUser user = SeedOrganization.Users[0];
        output.WriteLine();
        output.WriteLine("The lab stays up until Ctrl+C.");
        output.WriteLine();
        output.WriteLine($"  POP3   {Ports(session.Pop3, "STLS")}");
        output.WriteLine($"  SMTP   {Ports(session.Smtp, "STARTTLS")}");
        output.WriteLine($"  Graph  {session.Graph.ServiceUrl} or {session.Graph.TlsServiceUrl}");
        output.WriteLine($"  OAuth  {session.Tokens.Authority}   client {LabSession.ClientId}, secret \"{LabSession.ClientSecret}\",");
        output.WriteLine($"         certificate pin {session.Tokens.CertificatePin}; in the clear {session.Tokens.TokenUrl}");
        output.WriteLine($"  Login  {user.Address} with password {SeedOrganization.PasswordOf(user.Address)}, and so on for every mailbox;");
        output.WriteLine("         mail to those mailboxes needs no login");
        output.WriteLine($"  CRM    {session.CrmPath}");
        output.WriteLine();
        output.WriteLine("From PowerShell 7.4 or later, after ./build.ps1:");
        output.WriteLine();
        foreach (string command in Commands(session))
            output.WriteLine("  " + command);
        output.WriteLine();
    }

    private static string Ports(LabServer server, string upgrade) => string.Create(
        CultureInfo.InvariantCulture, $"{server.Host} port {server.Port} ({upgrade}), {server.TlsPort} (TLS)   certificate pin {server.CertificatePin}");

    private static string[] Commands(LabSession session) =>
    [
        "Import-Module ./artifacts/EmailRouter",
        $"$env:{ConfigurationLocation.Variable} = '{session.ConfigurationPath}'",
        "Get-RouterMailbox | Format-Table",
        "Get-RouterMailbox -Queue | Test-RouterAccess | Where-Object Success | Invoke-RouterPoll -ThrottleLimit 8 | Format-Table",
        "Get-RouterDecision -First 20 | Format-Table",
    ];
}
