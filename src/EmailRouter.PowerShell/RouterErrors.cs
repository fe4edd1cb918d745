using System.Management.Automation;
using EmailRouter.Mail;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell;

/// <summary>Makes every error record of the module: stable id, category, the mailbox or record it is about, and what to do.</summary>
/// <remarks>Ids are API: scripts decide by them. Their meaning never changes.</remarks>
internal static class RouterErrors
{
    private static readonly (string Word, ErrorCategory Category)[] Words =
    [
        ("HostNotFound", ErrorCategory.ConnectionError),
        ("NotFound", ErrorCategory.ObjectNotFound),
        ("Gone", ErrorCategory.ObjectNotFound),
        ("Exists", ErrorCategory.ResourceExists),
        ("InUse", ErrorCategory.ResourceBusy),
        ("Locked", ErrorCategory.ResourceBusy),
        ("Busy", ErrorCategory.ResourceBusy),
        ("Lease", ErrorCategory.ResourceBusy),
        ("NotInstalled", ErrorCategory.NotInstalled),
        ("NotEmbedded", ErrorCategory.InvalidOperation),
        ("NotNeeded", ErrorCategory.InvalidOperation),
        ("NotAlone", ErrorCategory.InvalidArgument),
        ("NotRunning", ErrorCategory.InvalidOperation),
        ("Mismatch", ErrorCategory.InvalidArgument),
        ("Parameter", ErrorCategory.InvalidArgument),
        ("Authentication", ErrorCategory.AuthenticationError),
        ("Credential", ErrorCategory.AuthenticationError),
        ("Secret", ErrorCategory.AuthenticationError),
        ("Certificate", ErrorCategory.SecurityError),
        ("Tls", ErrorCategory.SecurityError),
        ("Timeout", ErrorCategory.OperationTimeout),
        ("TimedOut", ErrorCategory.OperationTimeout),
        ("Denied", ErrorCategory.PermissionDenied),
        ("NotAllowed", ErrorCategory.PermissionDenied),
        ("Full", ErrorCategory.QuotaExceeded),
        ("Quota", ErrorCategory.QuotaExceeded),
        ("TooLarge", ErrorCategory.LimitsExceeded),
        ("TooMany", ErrorCategory.LimitsExceeded),
        ("Throttled", ErrorCategory.LimitsExceeded),
        ("Corrupt", ErrorCategory.InvalidData),
        ("Invalid", ErrorCategory.InvalidData),
        ("Unreadable", ErrorCategory.InvalidData),
        ("Malformed", ErrorCategory.InvalidData),
        ("Unknown", ErrorCategory.InvalidArgument),
        ("Ambiguous", ErrorCategory.InvalidArgument),
        ("NotUsable", ErrorCategory.InvalidOperation),
        ("Protocol", ErrorCategory.ProtocolError),
        ("Resolve", ErrorCategory.ConnectionError),
        ("Connect", ErrorCategory.ConnectionError),
        ("Unreachable", ErrorCategory.ConnectionError),
        ("Closed", ErrorCategory.ConnectionError),
        ("NotSupported", ErrorCategory.NotImplemented),
        ("Missing", ErrorCategory.ObjectNotFound),
        ("Storage", ErrorCategory.ResourceUnavailable),
        ("Store", ErrorCategory.ResourceUnavailable),
        ("State", ErrorCategory.ResourceUnavailable),
    ];

    // Views before 7.5 leave the recommended action out, and the remedy is what an administrator needs most.
    private static readonly bool ViewShowsRemedies = typeof(PSObject).Assembly.GetName().Version >= new Version(7, 5);

    /// <summary>The ids the cmdlets themselves give; those of the engine come with its errors.</summary>
    public static IReadOnlyList<string> OwnIds { get; } =
    [
        "RouterDeploymentNotFound", "RouterProfileNotFound", "RouterMailboxNotFound", "RouterMailboxBusy", "RouterPathNotFound", "RouterMessageTooLarge",
        "RouterQuarantineNotFound", "RouterParameterInvalid", "RouterSignInNotNeeded", "RouterParameterAmbiguous", "RouterTokenScriptNotAlone",
        "RouterLabNotInstalled", "RouterLabNotRunning", "CrmRecordNotFound", "CrmStoreMissing",
    ];

    /// <summary>Makes the record of an exception of the engine.</summary>
    /// <param name="exception">The exception.</param>
    /// <param name="step">The step that it ended.</param>
    /// <param name="target">The mailbox or record; null when it concerns none.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord From(Exception exception, string step, object? target)
    {
        RouterError error = RouterError.From(exception, step);
        return Make(error, CategoryOf(exception, error), target, exception);
    }

    /// <summary>Makes the record of an error that the engine reported as a value.</summary>
    /// <param name="error">The error.</param>
    /// <param name="target">The mailbox or record; null when it concerns none.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord From(RouterError error, object? target) => Make(error, CategoryOf(error), target, new RouterException(error));

    /// <summary>A deployment that was named does not exist.</summary>
    public static ErrorRecord DeploymentNotFound(string name) => Own(
        "RouterDeploymentNotFound", "Configuration", $"There is no deployment '{name}'.",
        "List the deployments with Get-RouterDeployment, or make one with New-RouterDeployment.", name);

    /// <summary>A profile was given both a host and an address; only one of them can be meant.</summary>
    public static ErrorRecord AmbiguousServer(string name) => Own(
        "RouterParameterAmbiguous", "Configuration", $"The profile '{name}' was given both -HostName and -Url.", "Give -Url for systems reached by HTTP, and -HostName for the others.", name);

    /// <summary>Nobody signs in for a profile or deployment.</summary>
    public static ErrorRecord SignInNotNeeded(string name, string logsInBy) => Own(
        "RouterSignInNotNeeded", "SignIn", $"Nobody signs in for '{name}': it uses {logsInBy}.",
        "Where a person is to sign in, set -DeviceCode or -Interactive with Set-RouterProfile or Set-RouterDeployment first.", name);

    /// <summary>A profile that was named does not exist.</summary>
    public static ErrorRecord ProfileNotFound(string name) => Own(
        "RouterProfileNotFound", "Configuration", $"There is no profile '{name}'.",
        "List the profiles with Get-RouterProfile, or make one with New-RouterProfile.", name);

    /// <summary>A mailbox that was named does not exist.</summary>
    public static ErrorRecord MailboxNotFound(string name) => Own(
        "RouterMailboxNotFound", "LoadMailboxes", $"No mailbox of the organization matches '{name}'.",
        "List the mailboxes with Get-RouterMailbox; check that the user or queue has an address in the CRM.", name);

    /// <summary>There is no embedded CRM, and none is to be made.</summary>
    public static ErrorRecord CrmMissing(string path) => Own(
        "CrmStoreMissing", "Open", $"There is no embedded CRM {path}.", "Check the path, or use -Create to make an empty one.", path);

    /// <summary>A record does not exist.</summary>
    public static ErrorRecord RecordNotFound(string logicalName, Guid id) => Own(
        "CrmRecordNotFound", "Find", $"There is no {logicalName} {id}.", "Look for it with other criteria; it may have been deleted.", id);

    /// <summary>Another router is polling the mailbox.</summary>
    public static ErrorRecord MailboxBusy(string address) => Own(
        "RouterMailboxBusy", "Lease", $"Another router is polling the mailbox {address}.",
        "Nothing, when that is intended; otherwise find the other router and stop it.", address);

    /// <summary>A path leads nowhere.</summary>
    public static ErrorRecord PathNotFound(string path) => Own(
        "RouterPathNotFound", "Read", $"There is no file '{path}'.", "Check the path; use -LiteralPath for names with brackets.", path);

    /// <summary>A file is larger than a message may be.</summary>
    public static ErrorRecord FileTooLarge(string path, Exception cause)
    {
        RouterError error = new("RouterMessageTooLarge", "Read", $"{path}: {cause.Message}",
            "Raise maxMessageSize in the configuration, or leave the file out.", IsTransient: false);
        return Make(error, CategoryOf(error), path, cause);
    }

    /// <summary>A message is not, or no longer, in the quarantine.</summary>
    public static ErrorRecord QuarantineNotFound(Guid id) => Own(
        "RouterQuarantineNotFound", "Read", $"There is no message {id} in the quarantine.", "List the messages with Get-RouterQuarantine.", id);

    /// <summary>An email activity failed for good.</summary>
    public static ErrorRecord EmailFailed(Decision decision) => From(
        decision.Error ?? new RouterError($"RouterEmail{decision.Reason}", "Send", decision.Explanation,
            "Correct the email activity in the CRM and send it again.", IsTransient: false),
        decision.ActivityId ?? decision.Id);

    /// <summary>Parameters contradict each other, or a value makes no sense.</summary>
    public static ErrorRecord ParameterInvalid(string message, string remedy, object? target) =>
        Own("RouterParameterInvalid", "Parameters", message, remedy, target);

    /// <summary>A token script reads variables that will not be there when it runs.</summary>
    public static ErrorRecord TokenScriptNotAlone(IReadOnlyList<string> variables) => Own(
        "RouterTokenScriptNotAlone", "Parameters",
        $"The token script reads {string.Join(", ", variables)}, which nothing in it sets: it runs in a PowerShell of its own, where variables of this session do not exist.",
        "Set the variable within the script, from an environment variable ($env:EMAILROUTER_USER and others), a file or a store of secrets.", variables);

    /// <summary>The module was built without the lab.</summary>
    public static ErrorRecord LabNotInstalled(string path, Exception cause)
    {
        RouterError error = new("RouterLabNotInstalled", "LoadLab", $"The lab is not part of this module: {path}.",
            "Build the module with ./build.ps1, which includes the lab.", false);
        return Make(error, ErrorCategory.NotInstalled, path, cause);
    }

    /// <summary>There is no lab to stop.</summary>
    public static ErrorRecord LabNotRunning() => Own(
        "RouterLabNotRunning", "StopLab", "No lab is running in this process.", "Start one with Start-RouterLab.", target: null);

    /// <summary>Chooses the category by the meaning that an id's last words carry.</summary>
    /// <param name="error">The error.</param>
    /// <returns>The category.</returns>
    internal static ErrorCategory CategoryOf(RouterError error)
    {
        foreach ((string word, ErrorCategory category) in Words)
        {
            if (error.ErrorId.Contains(word, StringComparison.Ordinal))
            {
                return category;
            }
        }

        return ErrorCategory.NotSpecified;
    }

    private static ErrorCategory CategoryOf(Exception exception, RouterError error) => exception switch
    {
        MailAuthenticationException => ErrorCategory.AuthenticationError,
        MailTlsException => ErrorCategory.SecurityError,
        MailProtocolException => ErrorCategory.ProtocolError,
        MailConnectionException when CategoryOf(error) != ErrorCategory.OperationTimeout => ErrorCategory.ConnectionError,
        UnauthorizedAccessException => ErrorCategory.PermissionDenied,
        _ => CategoryOf(error),
    };

    private static ErrorRecord Own(string id, string step, string message, string remedy, object? target)
    {
        RouterError error = new(id, step, message, remedy, IsTransient: false);
        return Make(error, CategoryOf(error), target, new RouterException(error));
    }

    private static ErrorRecord Make(RouterError error, ErrorCategory category, object? target, Exception exception)
    {
        bool isNamed = target is null || error.Message.Contains(target.ToString() ?? string.Empty, StringComparison.OrdinalIgnoreCase);
        string about = isNamed ? string.Empty : $"{target}: ";
        string remedy = ViewShowsRemedies ? string.Empty : " " + error.Remedy;
        return new ErrorRecord(exception, error.ErrorId, category, target)
        {
            ErrorDetails = new ErrorDetails($"{about}{error.Step}: {error.Message}{remedy}") { RecommendedAction = error.Remedy },
        };
    }
}
