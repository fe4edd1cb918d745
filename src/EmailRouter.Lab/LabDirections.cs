using System.Globalization;
using EmailRouter.Lab.Seed;
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
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  POP3   {session.Pop3.Host} port {session.Pop3.Port} (STLS), {session.Pop3.TlsPort} (TLS)   certificate pin {session.Pop3.CertificatePin}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  SMTP   {session.Smtp.Host} port {session.Smtp.Port} (STARTTLS), {session.Smtp.TlsPort} (TLS)   certificate pin {session.Smtp.CertificatePin}"));
        output.WriteLine($"  Login  {user.Address} with password {user.Password}, and so on for every mailbox;");
        output.WriteLine("         mail to those mailboxes needs no login");
        output.WriteLine($"  CRM    {session.CrmPath}");
        output.WriteLine();
        output.WriteLine("From PowerShell 7.4 or later, after ./build.ps1:");
        output.WriteLine();
        foreach (string command in Commands(session))
            output.WriteLine("  " + command);
        output.WriteLine();
    }

    private static string[] Commands(LabSession session) =>
    [
        "Import-Module ./artifacts/EmailRouter",
        $"$env:{ConfigurationLocation.Variable} = '{session.ConfigurationPath}'",
        "Get-RouterMailbox | Format-Table",
        "Get-RouterMailbox -Queue | Test-RouterAccess | Where-Object Success | Invoke-RouterPoll -ThrottleLimit 8 | Format-Table",
        "Get-RouterDecision -First 20 | Format-Table",
    ];
}
