using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using EmailRouter.Shared.Http;

namespace EmailRouter.Crm.Server;

/// <summary>Turns what a server answers into errors an administrator can act on.</summary>
internal static partial class AnswerErrors
{
    /// <summary>Explains an answer that is no success.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <param name="server">The server's name.</param>
    /// <returns>The error.</returns>
    public static CrmException Explain(CrmAnswer answer, string what, string server) =>
        answer.IsWebPage && answer.Status is not (401 or 403 or 429 or 502 or 503 or 504)
            ? Page(answer, what)
            : FaultTable.Explain(FaultOf(answer), what, server);

    /// <summary>Says whether an answer means that a row is there already.</summary>
    /// <param name="answer">The answer.</param>
    /// <returns>True for a row with the same key.</returns>
    public static bool IsDuplicate(CrmAnswer answer) => !answer.IsSuccess && FaultTable.IsDuplicate(FaultOf(answer));

    private static ServerFault FaultOf(CrmAnswer answer)
    {
        (string code, string message) = answer.Error;
        return new ServerFault(answer.Status, Code(code), message) { RetryAfter = answer.RetryAfter };
    }

    /// <summary>The log-in was refused.</summary>
    /// <param name="answer">The answer with status 401.</param>
    /// <param name="credential">Who logged in.</param>
    /// <param name="server">The server's name.</param>
    /// <param name="token">The token it was tried with; null for other log-ins. Only its tenant and issuer are looked at, and never shown whole.</param>
    /// <param name="now">The time.</param>
    /// <returns>The error.</returns>
    public static CrmException LoginRefused(CrmAnswer answer, string credential, string server, string? token, DateTimeOffset now)
    {
        var words = new List<string> { $"{server} refused the log-in ({credential})" };
        string remedy = "Check the credential of the deployment, and that its user exists in the organization and is enabled.";
        (_, string message) = answer.Error;
        if (message.Length > 0)
            words.Add(FaultTable.Cut(message));
        Uri? authority = Authority(answer.Challenges);
        if (authority is not null)
        {
            words.Add($"it wants a token of {authority}");
            if (token is null)
                remedy = $"The server takes OAuth tokens only: set the deployment's authentication to OAuth with the authority {authority}.";
            else if (TokenTenant(token) is { } tenant && TenantOf(authority) is { } wanted && !wanted.Equals(tenant, StringComparison.OrdinalIgnoreCase))
            {
                words.Add($"and the token is of the tenant {tenant}");
                remedy = $"Set the tenant of the deployment's OAuth settings to {wanted}.";
            }
        }
        else if (token is not null && answer.Challenges.Any(IsWindows))
        {
            words.Add("it wants a Windows log-in");
            remedy = "Set the deployment's authentication to a password or to the account of the process.";
        }

        if (ClockWords(answer.Date, now) is { } clock)
        {
            words.Add(clock);
            remedy = SetClock;
        }

        return new CrmException("CrmLoginRefused", string.Join("; ", words) + ".", remedy);
    }

    /// <summary>What to do where <see cref="ClockWords"/> says something.</summary>
    public const string SetClock = "Set this machine's clock: tokens are good for a short time only.";

    /// <summary>Says that clocks differ by more than log-ins bear.</summary>
    /// <param name="date">The server's time; null when it does not say.</param>
    /// <param name="now">The time.</param>
    /// <returns>The words; null when there is nothing to say.</returns>
    public static string? ClockWords(DateTimeOffset? date, DateTimeOffset now) =>
        date is { } theirs && (theirs - now).Duration() > TimeSpan.FromMinutes(4)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"and this machine's clock differs from the server's by {Math.Round((theirs - now).Duration().TotalMinutes)} minutes")
            : null;

    /// <summary>A page for people came where the service's answer was expected.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>The error.</returns>
    public static CrmException Page(CrmAnswer answer, string what)
    {
        ReadOnlySpan<byte> beginning = answer.Body.Span[..Math.Min(answer.Body.Length, 4096)];
        string title = WebPage.Title(beginning);
        return new CrmException(
            "CrmWebPage",
            $"A web page{(title.Length > 0 ? $" (\"{title}\")" : string.Empty)} came where the service's answer about {what} was expected " +
            $"(HTTP {answer.Status}).",
            WebPage.IsLogin(beginning)
                ? "A log-in form stands before the service: enter the address of the organization itself, and the authentication it asks for."
                : "Check the deployment's address; a proxy or portal on the way may have answered in the server's place.");
    }

    /// <summary>The server sends on to another address.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="address">What was asked.</param>
    /// <returns>The error.</returns>
    public static CrmException Redirected(CrmAnswer answer, Uri address) => new(
        "CrmRedirected",
        $"{address.GetLeftPart(UriPartial.Path)} sends on to " +
        $"{(answer.Location is { } to ? new Uri(address, to).GetLeftPart(UriPartial.Path) : "nowhere")} (HTTP {answer.Status}).",
        "Enter the address of the organization itself; a redirect mostly leads to a log-in form, to which no credential is sent.");

    /// <summary>An answer cannot be read.</summary>
    /// <param name="what">What was asked for, in words.</param>
    /// <param name="why">What is wrong with it.</param>
    /// <param name="inner">The cause.</param>
    /// <returns>The error.</returns>
    public static CrmException Unreadable(string what, string why, Exception? inner = null) => new(
        "CrmAnswerUnreadable", $"The server's answer about {what} cannot be read: {why}.",
        "If it happens again, look for a proxy on the way that changes or cuts answers.", inner)
    {
        IsTransient = true,
    };

    /// <summary>Reads the authority out of what a server asks for at 401.</summary>
    /// <param name="challenges">The values of <c>WWW-Authenticate</c>.</param>
    /// <returns>The authority's address; null when none is named.</returns>
    public static Uri? Authority(IEnumerable<string> challenges)
    {
        foreach (string challenge in challenges)
        {
            if (AuthorityUri().Match(challenge) is { Success: true } match && Uri.TryCreate(match.Groups[1].Value, UriKind.Absolute, out Uri? authority))
                return authority;
        }

        return null;
    }

    private static bool IsWindows(string challenge) =>
        challenge.StartsWith("Negotiate", StringComparison.OrdinalIgnoreCase) || challenge.StartsWith("NTLM", StringComparison.OrdinalIgnoreCase);

    private static string? TenantOf(Uri authority) =>
        authority.Segments.Length > 1 && Guid.TryParse(authority.Segments[1].Trim('/'), out Guid tenant) ? tenant.ToString("D") : null;

    private static string? TokenTenant(string token)
    {
        string[] parts = token.Split('.');
        if (parts.Length < 2)
            return null;
        try
        {
            string payload = parts[1].Replace('-', '+').Replace('_', '/');
            using JsonDocument json = JsonDocument.Parse(Convert.FromBase64String(payload.PadRight((payload.Length + 3) / 4 * 4, '=')));
            return json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement.Text("tid") : null;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            // A token need not be a JWT; then it tells nothing.
            return null;
        }
    }

    private static uint Code(string text)
    {
        string digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        if (uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) && digits.Length == 8)
            return code;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? unchecked((uint)number) : 0;
    }

    [GeneratedRegex("authorization_uri\\s*=\\s*\"?([^\",\\s]+)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, 250)]
    private static partial Regex AuthorityUri();
}
