using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;

namespace EmailRouter.Crm.Organization.Claims;

/// <summary>A fault of WS-Security or WS-Trust: it says that a log-in is refused, not what was asked for.</summary>
/// <param name="Codes">The codes without prefixes, the most general first.</param>
/// <param name="Reason">The server's words.</param>
internal sealed record SecurityFault(IReadOnlyList<string> Codes, string Reason)
{
    // WS-Security 1.1 section 12, WS-Trust 1.3 section 11; MessageExpired as some services call a timestamp that is past.
    private static readonly HashSet<string> security =
    [
        "InvalidSecurity", "InvalidSecurityToken", "FailedAuthentication", "FailedCheck", "SecurityTokenUnavailable", "UnsupportedSecurityToken",
        "UnsupportedAlgorithm", "MessageExpired", "ExpiredData",
    ];

    /// <summary>Gets a value indicating whether the service that a token is asked for is not known.</summary>
    public bool IsUnknownParty => Codes.Contains("InvalidScope");

    /// <summary>Gets a value indicating whether a message is refused for its security header.</summary>
    public bool IsSecurity => Codes.Any(security.Contains);

    /// <summary>Reads a fault of SOAP 1.2 or 1.1.</summary>
    /// <param name="fault">The element.</param>
    /// <returns>Its codes and words.</returns>
    public static SecurityFault Read(XElement fault) => new(
        [
            .. (fault.Child("Code")?.Descendants().Where(e => e.Name.LocalName == "Value") ?? fault.Elements().Where(e => e.Name.LocalName == "faultcode"))
                .Select(e => e.Value.Trim().Split(':')[^1]),
        ],
        (fault.Child("Reason")?.Child("Text") ?? fault.Child("faultstring"))?.Value.Trim() ?? string.Empty);
}
