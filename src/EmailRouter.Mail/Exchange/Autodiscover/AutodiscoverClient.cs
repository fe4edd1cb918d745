using System.Text;
using EmailRouter.Mail.Net.Http;

namespace EmailRouter.Mail.Exchange.Autodiscover;

/// <summary>
/// Finds the address of Exchange Web Services by a mailbox's address: at the domain itself, at <c>autodiscover.</c> and the domain, and where a plain request there sends to; by SOAP and by plain XML.
/// </summary>
/// <remarks>
/// The log-in goes only to https addresses whose certificate holds, and which lie in the mailbox's domain or are allowed by the option <c>autodiscoverTrust</c>; an address that such a server
/// names as the mailbox's service is believed. Service records (<c>_autodiscover._tcp</c>) are not asked for, since .NET resolves none: give the profile the address then.
/// </remarks>
internal sealed class AutodiscoverClient : IDisposable
{
    private const int MaximumRedirects = 10;
    private const int MaximumAnswer = 1 << 20;

    /// <summary>Hosts that do not exist or drop packets are part of the search; they must not take minutes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly HttpChannel http;
    private readonly MailLogin login;
    private readonly ExchangeOptions options;
    private readonly HashSet<string> asked = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> failures = [];
    private MailAuthenticationException? refused;
    private int redirects;

    /// <summary>Makes a client.</summary>
    /// <param name="endpoint">Pins and mechanisms.</param>
    /// <param name="login">Whose mailbox, and the credential.</param>
    /// <param name="options">Whom to trust.</param>
    /// <param name="context">Clock, network, limits and observers.</param>
    public AutodiscoverClient(MailEndpoint endpoint, MailLogin login, ExchangeOptions options, MailContext context)
    {
        this.login = login;
        this.options = options;
        http = new HttpChannel(endpoint, login, context);
    }

    /// <summary>Finds the address.</summary>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The address.</returns>
    /// <exception cref="MailException">
    /// <c>MailExchangeOnlineNeedsGraph</c>, <c>MailAutodiscoverUntrusted</c>, <c>MailAutodiscoverLoop</c>, <c>MailAutodiscoverFailed</c>, or the log-in was refused.
    /// </exception>
    public async ValueTask<Uri> FindAsync(CancellationToken cancellationToken)
    {
        string address = login.Mailbox.Trim();
        while (true)
        {
            int at = address.LastIndexOf('@');
            if (at <= 0 || Uri.CheckHostName(address[(at + 1)..]) != UriHostNameType.Dns)
                throw Failed($"\"{address}\" is no address that Autodiscover can be asked about.");
            string domain = address[(at + 1)..];
            if (ExchangeOnline.Is(domain))
                throw ExchangeOnline.Error(login.Mailbox, domain);
            if (!asked.Add(address))
                throw Loop($"it sends from one address to the other and back to {address}");
            AutodiscoverAnswer? answer = await AskDomainAsync(address, domain, cancellationToken).ConfigureAwait(false);
            if (answer?.Url is { } url)
                return ExchangeOnline.Is(url.Host) ? throw ExchangeOnline.Error(login.Mailbox, url.Host) : url;
            if (answer?.RedirectAddress is not { } next)
                throw refused ?? (Exception)Failed($"Autodiscover finds no server for {address}: {string.Join("; ", failures)}.");
            CountRedirect();
            address = next;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async ValueTask<AutodiscoverAnswer?> AskDomainAsync(string address, string domain, CancellationToken cancellationToken)
    {
        foreach (string host in (string[])[domain, "autodiscover." + domain])
        {
            foreach (string file in (string[])["autodiscover.svc", "autodiscover.xml"])
            {
                if (await AskAsync(new Uri($"https://{host}/autodiscover/{file}"), address, domain, cancellationToken).ConfigureAwait(false) is { } answer)
                    return answer;
            }
        }

        Uri? target = await FindRedirectAsync(domain, cancellationToken).ConfigureAwait(false);
        return target is null ? null : await AskAsync(target, address, domain, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks one place, and where it sends to; null when it knows nothing.</summary>
    private async ValueTask<AutodiscoverAnswer?> AskAsync(Uri url, string address, string domain, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (!asked.Add($"{url.AbsoluteUri} {address}"))
                throw Loop($"it comes back to {url.GetLeftPart(UriPartial.Path)}");
            bool isSoap = url.AbsolutePath.EndsWith(".svc", StringComparison.OrdinalIgnoreCase);
            string body = isSoap ? AutodiscoverAnswer.WriteSoap(address, url) : AutodiscoverAnswer.WritePox(address);
            AutodiscoverAnswer answer;
            try
            {
                using HttpAnswer got = await http.SendAsync(Call(HttpMethod.Post, url, body), cancellationToken).ConfigureAwait(false);
                bool sendsElsewhere = (int)got.Status is >= 300 and < 400 && got.Location is not null;
                answer = sendsElsewhere ? new AutodiscoverAnswer(RedirectUrl: new Uri(url, got.Location!))
                    : got.IsSuccess || ((int)got.Status == 500 && !got.IsWebPage) ? AutodiscoverAnswer.Read(await got.ReadTextAsync(MaximumAnswer, cancellationToken).ConfigureAwait(false))
                    : new AutodiscoverAnswer(Failure: $"HTTP {(int)got.Status}");
            }
            catch (MailAuthenticationException e)
            {
                refused = e;
                answer = new AutodiscoverAnswer(Failure: e.Message);
            }
            catch (MailException e) when (e is MailConnectionException or MailTlsException or MailProtocolException)
            {
                answer = new AutodiscoverAnswer(Failure: e.Message);
            }

            if (answer.Url is not null || answer.RedirectAddress is not null)
                return answer;
            if (answer.RedirectUrl is not { } next)
            {
                failures.Add($"{url.Host}{url.AbsolutePath}: {http.Log.Clean(Encoding.UTF8.GetBytes(answer.Failure ?? "no answer"))}");
                return null;
            }

            CountRedirect();
            url = Judge(next, domain);
        }
    }

    /// <summary>Asks without a log-in on a clear line where to go, as the protocol has it; only https addresses are taken from the answer.</summary>
    private async ValueTask<Uri?> FindRedirectAsync(string domain, CancellationToken cancellationToken)
    {
        var url = new Uri($"http://autodiscover.{domain}/autodiscover/autodiscover.xml");
        try
        {
            using HttpAnswer answer = await http.SendAsync(Call(HttpMethod.Get, url, null) with { Authenticate = false }, cancellationToken).ConfigureAwait(false);
            if ((int)answer.Status is >= 300 and < 400 && answer.Location is { } location)
            {
                CountRedirect();
                return Judge(new Uri(url, location), domain);
            }

            failures.Add($"http://{url.Host}: sends nowhere (HTTP {(int)answer.Status})");
        }
        catch (MailException e) when (e is MailConnectionException or MailProtocolException { ErrorId: "MailWebPage" })
        {
            failures.Add($"http://{url.Host}: {e.Message}");
        }

        return null;
    }

    /// <summary>Says whether the log-in may be sent to an address nobody entered.</summary>
    private Uri Judge(Uri url, string domain)
    {
        if (ExchangeOnline.Is(url.Host))
            throw ExchangeOnline.Error(login.Mailbox, url.Host);
        bool isTrusted = IsWithin(url.Host, domain) || options.AutodiscoverTrust.Any(t => IsWithin(url.Host, t.TrimStart('*').TrimStart('.')));
        if (url.Scheme == Uri.UriSchemeHttps && isTrusted)
            return url;
        throw new MailProtocolException(
            "MailAutodiscoverUntrusted",
            MailStep.Resolve,
            $"{login.Mailbox}: Autodiscover sends to {url.GetLeftPart(UriPartial.Path)}, " +
            (isTrusted ? "which is not https." : "which is not in the mailbox's domain."),
            isTrusted
                ? "The log-in is not sent over a clear line; have the redirection corrected, or enter the address of Exchange Web Services in the profile."
                : $"When that is right, set the option {ExchangeOptions.AutodiscoverTrustOption} to {url.Host}, or enter the address of Exchange Web Services in the profile.")
        {
            Conversation = http.Log.Lines,
        };
    }

    private static bool IsWithin(string host, string domain) =>
        domain.Length > 0 && (host.Equals(domain, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase));

    private static HttpCall Call(HttpMethod method, Uri url, string? body) => new()
    {
        Step = MailStep.Resolve,
        Method = method,
        Url = url,
        What = "Autodiscover",
        AllowRedirect = true,
        Deadline = Patience,
        Content = body is null ? null : () => new StringContent(body, Encoding.UTF8, "text/xml"),
    };

    private void CountRedirect()
    {
        if (++redirects > MaximumRedirects)
            throw Loop($"it sends elsewhere more than {MaximumRedirects} times");
    }

    private MailProtocolException Loop(string how) => new(
        "MailAutodiscoverLoop", MailStep.Resolve, $"{login.Mailbox}: Autodiscover leads nowhere: {how}.", "Enter the address of Exchange Web Services in the profile.")
    {
        Conversation = http.Log.Lines,
    };

    private MailConnectionException Failed(string why) => new(
        "MailAutodiscoverFailed", MailStep.Resolve, $"{login.Mailbox}: {why}", "Enter the address of Exchange Web Services in the profile: https://SERVER/EWS/Exchange.asmx.")
    {
        // Names that are not resolved and servers that are down come back.
        IsTransient = true,
        Conversation = http.Log.Lines,
    };
}
