using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace EmailRouter.Lab.Dataverse;

/// <summary>What the service refuses by rule, switched while it runs. Faults of the network and of the service are <see cref="Servers.LabFaults"/>.</summary>
public sealed class LabDataversePolicy
{
    private static readonly string[] kinds = ["Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign"];

    private readonly ConcurrentDictionary<(Guid User, string Privilege), bool> denied = new();

    /// <summary>Gets or sets a value indicating whether the organization takes no changes.</summary>
    public bool IsReadOnly { get; set; }

    /// <summary>Gets the message with which a plug-in refuses every creation and change of a table, by the table's name.</summary>
    public ConcurrentDictionary<string, string> PlugInErrors { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets the tables in which no two records may have the same address when the client asks for duplicate detection; the values do not
    /// count.</summary>
    public ConcurrentDictionary<string, bool> DuplicateRules { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// Gets or sets a value indicating whether lists of rows come with links in place of the lists they expand, as in versions 8 and early 9.0; single rows
    /// expand as ever.
    /// </summary>
    public bool LinksExpandedLists { get; set; }

    /// <summary>
    /// Gets or sets what becomes of <c>ExtraProperties</c> of CheckIncomingEmail and DeliverIncomingEmail, of which the service's reference says that they are
    /// for internal use only. By default the email's <c>inreplyto</c> and <c>conversationindex</c> are read in them.
    /// </summary>
    public LabExtraProperties ExtraProperties { get; set; }

    /// <summary>
    /// Gets or sets the organization's name in addresses, as on premises: its services are at <c>/Name/api/data</c> and <c>/Name/XRMServices</c> alone. Null,
    /// the default: at the root, as online, and below any name.
    /// </summary>
    public string? UrlName { get; set; }

    /// <summary>
    /// Gets or sets what says whether the timestamp of a message is signed with a key (WS-Security), which makes the deployment a claims-based one:
    /// Organization.svc says so in its description, and takes messages with tokens of the token server's AD FS. Null, the default: it is none.
    /// </summary>
    public Func<string, byte[], bool>? VerifySignature { get; set; }

    /// <summary>Gets or sets by which services the server tells of its organization. By default by all.</summary>
    public LabDiscovery Discovery { get; set; } = LabDiscovery.WebApi | LabDiscovery.Soap;

    /// <summary>Gets or sets how many requests a user may make in 300 seconds before the service answers 429; null for no limit. Online it is 6,000.</summary>
    public int? RequestLimit { get; set; }

    /// <summary>Gets or sets how long the requests of a user may take together within 300 seconds; null for no limit. Online it is 20 minutes.</summary>
    public TimeSpan? TimeLimit { get; set; }

    /// <summary>Gets or sets how many requests of a user run at once; null for no limit. Online it is 52.</summary>
    public int? ConcurrentLimit { get; set; }

    /// <summary>Takes privileges from a user.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="privileges">The privileges, e.g. <c>prvReadActivity</c>.</param>
    public void Deny(Guid userId, params string[] privileges)
    {
        ArgumentNullException.ThrowIfNull(privileges);
        foreach (string privilege in privileges)
            denied[(userId, privilege)] = true;
    }

    /// <summary>Gives privileges back to a user.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="privileges">The privileges.</param>
    public void Grant(Guid userId, params string[] privileges)
    {
        ArgumentNullException.ThrowIfNull(privileges);
        foreach (string privilege in privileges)
            denied.TryRemove((userId, privilege), out _);
    }

    /// <summary>Says whether a user lacks a privilege. Users of the lab have all that were not taken from them.</summary>
    internal bool IsDenied(Guid userId, string privilege) => denied.ContainsKey((userId, privilege));

    /// <summary>Gives the part of privileges' names that stands for a table; activities and what belongs to them share one.</summary>
    internal static string PrivilegeNameOf(string logicalName) => logicalName switch
    {
        "email" or "activityparty" or "activitymimeattachment" => "Activity",
        "systemuser" => "User",
        "usersettings" => "UserSettings",
        "emailserverprofile" => "EmailServerProfile",
        "businessunit" => "BusinessUnit",
        "queueitem" => "Queue",
        "annotation" => "Note",
        _ when logicalName.Contains('_', StringComparison.Ordinal) => logicalName,
        _ => char.ToUpperInvariant(logicalName[0]) + logicalName[1..],
    };

    /// <summary>Gives all privileges there are for tables.</summary>
    internal static IEnumerable<string> PrivilegesOf(IEnumerable<string> logicalNames) =>
        logicalNames.Select(PrivilegeNameOf).Distinct().SelectMany(n => kinds.Select(k => $"prv{k}{n}")).Append("prvReadEntity").Append("prvReadAttribute").Append("prvActOnBehalfOfAnotherUser").Append("prvSendAsUser");

    /// <summary>Gives the id of a privilege; the same every time.</summary>
    internal static Guid IdOf(string privilege) => new(SHA256.HashData(Encoding.UTF8.GetBytes(privilege)).AsSpan(0, 16));
}

/// <summary>The services by which a server tells of its organizations.</summary>
[Flags]
public enum LabDiscovery
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Discovery by the Web API, <c>api/discovery</c>.</summary>
    WebApi = 1,

    /// <summary>Discovery.svc.</summary>
    Soap = 2,
}

/// <summary>What a server does with <c>ExtraProperties</c>.</summary>
public enum LabExtraProperties
{
    /// <summary>It reads which email is answered, and the conversation.</summary>
    Read,

    /// <summary>It ignores them.</summary>
    Ignored,

    /// <summary>It refuses messages that have them.</summary>
    Refused,
}
