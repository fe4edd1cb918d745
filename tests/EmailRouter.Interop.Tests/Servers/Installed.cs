namespace EmailRouter.Interop.Tests.Servers;

/// <summary>The software the tests use.</summary>
public enum Software
{
    Dovecot,
    Postfix,
    Mpop,
    Pigeonhole,
    Aiosmtpd,
    Python,
    Mailutils,
    Exchangelib,
    Zeep,
    DynamicsWebApi,
}

/// <summary>Finds out what is installed.</summary>
public static class Installed
{
    /// <summary>Says why software cannot be used here; null when it can.</summary>
    public static string? WhyNot(Software software) => software switch
    {
        _ when OperatingSystem.IsWindows() => $"{software} does not run on Windows",
        Software.Dovecot when Find("dovecot") is null => "Dovecot is not installed (packages dovecot-core, dovecot-pop3d, dovecot-imapd, dovecot-lmtpd)",
        Software.Dovecot when !File.Exists("/usr/lib/dovecot/pop3") => "Dovecot's POP3 server is not installed (package dovecot-pop3d)",
        Software.Postfix when Find("postfix") is null => "Postfix is not installed (package postfix)",
        Software.Postfix when !Environment.IsPrivilegedProcess => "Postfix starts only as root",
        Software.Pigeonhole when !File.Exists("/usr/lib/dovecot/managesieve") => "Pigeonhole is not installed (packages dovecot-sieve, dovecot-managesieved)",
        Software.Aiosmtpd when !File.Exists("/usr/bin/python3") || !Directory.Exists("/usr/lib/python3/dist-packages/aiosmtpd") =>
            "aiosmtpd is not installed (package python3-aiosmtpd)",
        Software.Mpop when Find("mpop") is null => "mpop is not installed (package mpop)",
        Software.Mailutils when Find("pop3d") is null || Find("imap4d") is null => "GNU Mailutils' servers are not installed (packages mailutils-pop3d, mailutils-imap4d)",
        Software.Exchangelib when !File.Exists("/usr/bin/python3") || !Directory.Exists("/usr/lib/python3/dist-packages/exchangelib") =>
            "exchangelib is not installed (package python3-exchangelib)",
        Software.Zeep when !File.Exists("/usr/bin/python3") || !Directory.Exists("/usr/lib/python3/dist-packages/zeep") => "zeep is not installed (package python3-zeep)",
        Software.Python when Find("python3") is null => "Python is not installed (package python3)",
        Software.DynamicsWebApi when Find("node") is null => "Node.js is not installed (package nodejs)",
        Software.DynamicsWebApi when FindNodeModules("dynamics-web-api") is null => "dynamics-web-api is not installed (npm install --global dynamics-web-api)",
        _ => null,
    };

    /// <summary>Finds the folder of a globally installed package of npm; NODE_PATH may name others.</summary>
    public static string? FindNodeModules(string package) =>
        (Environment.GetEnvironmentVariable("NODE_PATH") ?? string.Empty).Split(':')
        .Concat(["/usr/local/lib/node_modules", "/usr/lib/node_modules", "/usr/share/nodejs"])
        .Where(folder => folder.Length > 0)
        .FirstOrDefault(folder => Directory.Exists(Path.Combine(folder, package)));

    /// <summary>Finds a program.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
        .Concat(["/usr/sbin", "/usr/local/sbin", "/sbin"])
        .Where(folder => folder.Length > 0)
        .Select(folder => Path.Combine(folder, program))
        .FirstOrDefault(File.Exists);
}
