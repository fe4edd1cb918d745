namespace EmailRouter.Mail.Exchange;

/// <summary>Exchange Online, which is no place for Exchange Web Services any more: it blocks them since October 2026, for good from April 2027.</summary>
internal static class ExchangeOnline
{
    private static readonly string[] Domains =
        ["outlook.com", "office365.com", "office.com", "office365.us", "partner.outlook.cn", "onmicrosoft.com", "onmicrosoft.us", "partner.onmschina.cn"];

    /// <summary>Says whether a host belongs to it.</summary>
    /// <param name="host">The host or domain.</param>
    /// <returns>True when it does.</returns>
    public static bool Is(string host) =>
        Array.Exists(Domains, d => host.Equals(d, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + d, StringComparison.OrdinalIgnoreCase));

    /// <summary>The error of a mailbox that lies there.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="found">What shows that it lies there.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Error(string mailbox, string found) => new(
        "MailExchangeOnlineNeedsGraph",
        MailStep.Resolve,
        $"{mailbox}: {found} is Exchange Online, which blocks Exchange Web Services since October 2026.",
        "Use the system Graph for this mailbox; the system Exchange is for Exchange Server (2010 SP1 to Subscription Edition).");
}
