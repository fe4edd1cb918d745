using System.Text.RegularExpressions;

namespace EmailRouter.Crm.Server;

/// <summary>What a server says when it refuses, whatever the protocol.</summary>
/// <param name="Status">The HTTP status; 0 where the protocol has faults of its own, whatever the status.</param>
/// <param name="Code">The error's number, e.g. 0x80040217; 0 for none.</param>
/// <param name="Message">The server's words; empty for none.</param>
internal sealed record ServerFault(int Status, uint Code, string Message)
{
    /// <summary>Gets how long to wait; null when the server does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What the errors of CRM servers mean; the numbers are the same by every protocol.</summary>
internal static partial class FaultTable
{
    private const int MaxWords = 600;

    /// <summary>The codes of a row with the same key, or of duplicate detection.</summary>
    private static readonly HashSet<uint> duplicateCodes = [0x80040237, 0x80060892, 0x80040333, 0x80040338];

    /// <summary>The codes of the service protection limits.</summary>
    private static readonly HashSet<uint> throttleCodes = [0x80072321, 0x80072322, 0x80072326];

    /// <summary>The codes of a ticket that is not valid, expired, bad, not enough, or changed ("Web service error codes").</summary>
    private static readonly HashSet<uint> ticketCodes = [0x8004A100, 0x8004A101, 0x8004A102, 0x8004A103, 0x8004A105];

    /// <summary>Explains a refusal.</summary>
    /// <param name="fault">What the server says.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <param name="server">The server's name.</param>
    /// <returns>The error.</returns>
    public static CrmException Explain(ServerFault fault, string what, string server)
    {
        (int status, uint code, string message) = fault;
        string[] marks = [.. new[] { status == 0 ? null : $"HTTP {status}", code == 0 ? null : $"0x{code:X8}" }.OfType<string>()];
        string said = message.Length == 0 ? string.Join(", ", marks) : marks.Length == 0 ? Cut(message) : $"{Cut(message)} ({string.Join(", ", marks)})";
        string where = $"{server} refused {what}: {said}";
        CrmException Error(string id, string remedy, bool transient = false, bool record = false) => new(id, where, remedy)
        {
            IsTransient = transient,
            IsAboutRecord = record,
            RetryAfter = fault.RetryAfter,
        };

        if (IsThrottle(fault))
            return Error("CrmThrottled", "Nothing; the router waits. If it happens all day, add further application users to the deployment.", transient: true);
        if (IsAboutTicket(fault))
        {
            return Error(
                "CrmLoginRefused",
                "Check that the clocks of the CRM's servers agree, and that the deployment names its organization; " +
                "a ticket that ends in use is got anew by itself.");
        }

        if (status is 502 or 503 or 504 or 408)
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
            return Error(
                "CrmUserUnknown",
                "Create an application user for the router's application in the organization, or correct the deployment's credential.");
        if (IsAbout(message, "read-only") || IsAbout(message, "read only mode") || IsAbout(message, "organization is disabled") || code is 0x80044150)
            return Error("CrmOrganizationReadOnly", "Wait until the organization is out of administration mode, or ask its administrator.", transient: true);
        if (status == 413 || IsAbout(message, "file size") || IsAbout(message, "attachment file size") || code is 0x80044A02 or 0x80043E05)
        {
            return Error(
                "CrmAttachmentTooLarge",
                "Raise the organization's greatest file size (organization.maxuploadfilesize), or keep larger files out by the profile's limit.",
                record: true);
        }

        if (IsDuplicate(fault))
            return Error("CrmRecordExists", "Nothing, if it is the same email. Otherwise look at the organization's duplicate detection rules.", record: true);
        if (code is 0x80040217 || (IsAbout(message, "Does Not Exist") && status is 404 or 400 or 0))
            return Error("CrmRecordMissing", "Name an existing record; it may have been deleted meanwhile.", record: true);
        if (code is 0x80040265 or 0x80040224 or 0x80048D06 || IsAbout(message, "plug-in") || IsAbout(message, "plugin"))
            return Error("CrmPluginRefused", "A plug-in or workflow of the organization refused the record; ask whoever maintains it.", record: true);
        if (code is 0x80044331 or 0x80044330 || IsAbout(message, "exceeded the maximum allowed length"))
            return Error("CrmValueTooLong", "Widen the column in the organization, or shorten the value.", record: true);
        if (RequiredColumn().Match(message) is { Success: true } required)
        {
            string column = required.Groups["column"].Value;
            return Error(
                "CrmColumnRequired",
                $"The organization requires the column '{column}' of every such record; give it a default there, or make it optional.", record: true);
        }

        if (code is 0x80060888 or 0x8006088A || status == 404)
            return Error("CrmNotFound", "Check the deployment's address and organization; the server does not know what was asked for.");
        if (status == 412)
            return Error("CrmRecordChanged", "Nothing; the record was changed by somebody else meanwhile.", record: true);
        return status switch
        {
            401 or 403 => Error("CrmAccessDenied", "Give the router's user the rights it needs; Test-RouterAccess tells which are missing."),
            500 => Error("CrmServerFailed", "Look at the server's trace; the router tries again.", transient: true),
            501 or 405 => Error("CrmNotSupported", "This version of the server does not offer it; see the documentation of the deployment's settings."),
            _ => Error("CrmRequestRefused", "Look at what the server says; if the record is as it should be, report it.", record: true),
        };
    }

    /// <summary>Says whether a refusal means that the user asks too much and is to wait.</summary>
    /// <param name="fault">What the server says.</param>
    /// <returns>True for a limit on requests.</returns>
    public static bool IsThrottle(ServerFault fault) => fault.Status == 429 || throttleCodes.Contains(fault.Code);

    /// <summary>Says whether a refusal means the ticket that logged in, which is to be got anew.</summary>
    /// <param name="fault">What the server says.</param>
    /// <returns>True for an expired or otherwise refused ticket.</returns>
    public static bool IsAboutTicket(ServerFault fault) => ticketCodes.Contains(fault.Code);

    /// <summary>Says whether a refusal means that a row is there already.</summary>
    /// <param name="fault">What the server says.</param>
    /// <returns>True for a row with the same key.</returns>
    public static bool IsDuplicate(ServerFault fault) =>
        fault.Status == 409 || duplicateCodes.Contains(fault.Code) || IsAbout(fault.Message, "duplicate key") || IsAbout(fault.Message, "already exists") ||
        IsAbout(fault.Message, "matching key values");

    /// <summary>Makes a server's words short enough for a message.</summary>
    /// <param name="text">The words.</param>
    /// <returns>At most 600 characters on one line.</returns>
    public static string Cut(string text)
    {
        text = WhiteSpace().Replace(text, " ").Trim();
        return text.Length > MaxWords ? text[..MaxWords] + "..." : text;
    }

    private static bool IsAbout(string message, string words) => message.Contains(words, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"\bprv[A-Za-z_]\w+", RegexOptions.CultureInvariant, 250)]
    private static partial Regex Privilege();

    [GeneratedRegex(
        @"(?:required|cannot be null|must be provided|is missing)[^']*'(?<column>\w+)'|" +
        @"'(?<column>\w+)'[^']*(?:is required|cannot be null|must be provided|is missing)",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, 250)]
    private static partial Regex RequiredColumn();

    [GeneratedRegex(@"\s+", RegexOptions.None, 250)]
    private static partial Regex WhiteSpace();
}
