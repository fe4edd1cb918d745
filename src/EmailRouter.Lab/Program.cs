using EmailRouter.Lab.Servers;

var store = new LabMailStore();
await using var pop3 = new LabPop3Server(store);
await using var smtp = new LabSmtpServer(store);
pop3.Start();
smtp.Start();
Console.WriteLine($"POP3 {pop3.Host}:{pop3.Port} (TLS {pop3.TlsPort}), SMTP {smtp.Host}:{smtp.Port} (TLS {smtp.TlsPort})");
