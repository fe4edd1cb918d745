using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using EmailRouter.Shared.Http;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>Turns what a server answers into errors an administrator can act on.</summary>
internal static partial class WebApiErrors
{
    private const int MaxWords = 600;

    /// <summary>The codes of a row with the same key, or of duplicate detection.</summary>
    private static readonly HashSet<uint> duplicateCodes = [0x80040237, 0x80060892, 0x80040333, 0x80040338];

    /// <summary>The codes of the service protection limits.</summary>
    private static readonly HashSet<uint> throttleCodes = [0x80072321, 0x80072322, 0x80072326];

    /// <summary>Explains an answer that is no success.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <param name="server">The server's name.</param>
    /// <returns>The error.</returns>
    public static CrmException Explain(WebApiAnswer answer, string what, string server)
    {
        if (answer.IsWebPage && answer.Status is not (401 or 403 or 429 or 502 or 503 or 504))
            return Page(answer, what);
        (string codeText, string message) = answer.Error;
        uint code = Code(codeText);
        string said = message.Length == 0 ? $"HTTP {answer.Status}" : $"{Cut(message)} (HTTP {answer.Status}{(code == 0 ? string.Empty : $", 0x{code:X8}")})";
        string where = $"{server} refused {what}: {said}";
        CrmException Error(string id, string remedy, bool transient = false, bool record = false) => new(id, where, remedy)
        {
            IsTransient = transient,
            IsAboutRecord = record,
            RetryAfter = answer.RetryAfter,
        };

        if (answer.Status == 429 || throttleCodes.Contains(code))
            return Error("CrmThrottled", "Nothing; the router waits. If it happens all day, add further application users to the deployment.", transient: true);
        if (answer.Status is 502 or 503 or 504 or 408)
            return Error("CrmUnavailable", "Nothing, if it passes; the router tries again. Otherwise look at the server's state.", transient: true);
        if (Privilege().Match(message) is { Success: true } privilege)
        {
            return Error(
                "CrmPrivilegeMissing",
                $"Give the router's user a security role with the privilege {privilege.Value} at organization level.");
        }

        if (IsAbout(message, "is disabled") && IsAbout(message, "user") || code is 0x80040225)
            return Error("CrmUserDisabled", "Enable the router's user in the organization, or enter another one in the deployment.");
        if (code is 0x80072560 or 0x80041D1F || IsAbout(message, "not a member of the organization"))
            return Error("CrmUserUnknown", "Create an application user for the router's application in the organization, or correct the deployment's credential.");
        if (IsAbout(message, "read-only") || IsAbout(message, "read only mode") || IsAbout(message, "organization is disabled") || code is 0x80044150)
            return Error("CrmOrganizationReadOnly", "Wait until the organization is out of administration mode, or ask its administrator.", transient: true);
        if (answer.Status == 413 || IsAbout(message, "file size") || IsAbout(message, "attachment file size") || code is 0x80044A02 or 0x80043E05)
            return Error("CrmAttachmentTooLarge", "Raise the organization's greatest file size (organization.maxuploadfilesize), or keep larger files out by the profile's limit.", record: true);
        if (IsDuplicate(answer))
            return Error("CrmRecordExists", "Nothing, if it is the same email. Otherwise look at the organization's duplicate detection rules.", record: true);
        if (code is 0x80040217 || (IsAbout(message, "Does Not Exist") && answer.Status is 404 or 400))
            return Error("CrmRecordMissing", "Name an existing record; it may have been deleted meanwhile.", record: true);
        if (code is 0x80040265 or 0x80040224 or 0x80048D06 || IsAbout(message, "plug-in") || IsAbout(message, "plugin"))
            return Error("CrmPluginRefused", "A plug-in or workflow of the organization refused the record; ask whoever maintains it.", record: true);
        if (code is 0x80044331 or 0x80044330 || IsAbout(message, "exceeded the maximum allowed length"))
            return Error("CrmValueTooLong", "Widen the column in the organization, or shorten the value.", record: true);
        if (RequiredColumn().Match(message) is { Success: true } required)
        {
            string column = required.Groups["column"].Value;
            return Error("CrmColumnRequired", $"The organization requires the column '{column}' of every such record; give it a default there, or make it optional.", record: true);
        }

        if (code is 0x80060888 or 0x8006088A || answer.Status == 404)
            return Error("CrmNotFound", "Check the deployment's address and organization; the server does not know what was asked for.");
        if (answer.Status == 412)
            return Error("CrmRecordChanged", "Nothing; the record was changed by somebody else meanwhile.", record: true);
        return answer.Status switch
        {
            401 or 403 => Error("CrmAccessDenied", "Give the router's user the rights it needs; Test-RouterAccess tells which are missing."),
            500 => Error("CrmServerFailed", "Look at the server's trace; the router tries again.", transient: true),
            501 or 405 => Error("CrmNotSupported", "This version of the server does not offer it; see the documentation of the deployment's settings."),
            _ => Error("CrmRequestRefused", "Look at what the server says; if the record is as it should be, report it.", record: true),
        };
    }

    /// <summary>Says whether an answer means that a row is there already.</summary>
    /// <param name="answer">The answer.</param>
    /// <returns>True for a row with the same key.</returns>
    public static bool IsDuplicate(WebApiAnswer answer)
    {
        if (answer.IsSuccess)
            return false;
        (string codeText, string message) = answer.Error;
        return answer.Status == 409 || duplicateCodes.Contains(Code(codeText)) || IsAbout(message, "duplicate key") || IsAbout(message, "already exists") ||
            IsAbout(message, "matching key values");
    }

    /// <summary>The log-in was refused.</summary>
    /// <param name="answer">The answer with status 401.</param>
    /// <param name="credential">Who logged in.</param>
    /// <param name="server">The server's name.</param>
    /// <param name="token">The token it was tried with; null for other log-ins. Only its tenant and issuer are looked at, and never shown whole.</param>
    /// <param name="now">The time.</param>
    /// <returns>The error.</returns>
    public static CrmException LoginRefused(WebApiAnswer answer, string credential, string server, string? token, DateTimeOffset now)
    {
        var words = new List<string> { $"{server} refused the log-in ({credential})" };
        string remedy = "Check the credential of the deployment, and that its user exists in the organization and is enabled.";
        (_, string message) = answer.Error;
        if (message.Length > 0)
            words.Add(Cut(message));
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
        else if (token is not null && answer.Challenges.Any(c => c.StartsWith("Negotiate", StringComparison.OrdinalIgnoreCase) || c.StartsWith("NTLM", StringComparison.OrdinalIgnoreCase)))
        {
            words.Add("it wants a Windows log-in");
            remedy = "Set the deployment's authentication to a password or to the account of the process.";
        }

        if (answer.Date is { } date && (date - now).Duration() > TimeSpan.FromMinutes(4))
        {
            words.Add($"and this machine's clock differs from the server's by {Math.Round((date - now).Duration().TotalMinutes).ToString(CultureInfo.InvariantCulture)} minutes");
            remedy = "Set this machine's clock: tokens are good for a short time only.";
        }

        return new CrmException("CrmLoginRefused", string.Join("; ", words) + ".", remedy);
    }

    /// <summary>A page for people came where the Web API's answer was expected.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>The error.</returns>
    public static CrmException Page(WebApiAnswer answer, string what)
    {
        ReadOnlySpan<byte> beginning = answer.Body.Span[..Math.Min(answer.Body.Length, 4096)];
        string title = WebPage.Title(beginning);
        return new CrmException(
            "CrmWebPage",
            $"A web page{(title.Length > 0 ? $" (\"{title}\")" : string.Empty)} came where the Web API's answer about {what} was expected (HTTP {answer.Status}).",
            WebPage.IsLogin(beginning)
                ? "A log-in form stands before the service: enter the address of the organization itself, and the authentication it asks for."
                : "Check the deployment's address; a proxy or portal on the way may have answered in the server's place.");
    }

    /// <summary>The server sends on to another address.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="address">What was asked.</param>
    /// <returns>The error.</returns>
    public static CrmException Redirected(WebApiAnswer answer, Uri address) => new(
        "CrmRedirected",
        $"{address.GetLeftPart(UriPartial.Path)} sends on to {(answer.Location is { } to ? new Uri(address, to).GetLeftPart(UriPartial.Path) : "nowhere")} (HTTP {answer.Status}).",
        "Enter the address of the organization itself; a redirect mostly leads to a log-in form, to which no credential is sent.");

    /// <summary>An answer cannot be read.</summary>
    /// <param name="what">What was asked for, in words.</param>
    /// <param name="why">What is wrong with it.</param>
    /// <param name="inner">The cause.</param>
    /// <returns>The error.</returns>
    public static CrmException Unreadable(string what, string why, Exception? inner = null) => new(
        "CrmAnswerUnreadable", $"The server's answer about {what} cannot be read: {why}.", "If it happens again, look for a proxy on the way that changes or cuts answers.", inner)
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

    private static string? TenantOf(Uri authority) => authority.Segments.Length > 1 && Guid.TryParse(authority.Segments[1].Trim('/'), out Guid tenant) ? tenant.ToString("D") : null;

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

    private static bool IsAbout(string message, string words) => message.Contains(words, StringComparison.OrdinalIgnoreCase);

    private static string Cut(string text)
    {
        text = WhiteSpace().Replace(text, " ").Trim();
        return text.Length > MaxWords ? text[..MaxWords] + "..." : text;
    }

    [GeneratedRegex(@"\bprv[A-Za-z_]\w+", RegexOptions.CultureInvariant, 250)]
    private static partial Regex Privilege();

    [GeneratedRegex(@"(?:required|cannot be null|must be provided|is missing)[^']*'(?<column>\w+)'|'(?<column>\w+)'[^']*(?:is required|cannot be null|must be provided|is missing)",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, 250)]
    private static partial Regex RequiredColumn();

    [GeneratedRegex("authorization_uri\\s*=\\s*\"?([^\",\\s]+)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, 250)]
    private static partial Regex AuthorityUri();

    [GeneratedRegex(@"\s+", RegexOptions.None, 250)]
    private static partial Regex WhiteSpace();
}
