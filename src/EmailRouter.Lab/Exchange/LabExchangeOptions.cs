using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;

namespace EmailRouter.Lab.Exchange;

/// <summary>Options of the lab's Exchange server.</summary>
public sealed record LabExchangeOptions : LabHttpOptions
{
    /// <summary>Gets who checks tokens; null when only passwords are taken.</summary>
    public LabTokenServer? Tokens { get; init; }

    /// <summary>Gets the resources that tokens may be for, beside the server itself.</summary>
    public IReadOnlyList<string> Audiences { get; init; } = ["https://outlook.office365.com", "https://outlook.office.com"];

    /// <summary>Gets a value indicating whether passwords are taken (Basic). Defaults to true.</summary>
    public bool AllowBasic { get; init; } = true;

    /// <summary>Gets the newest schema version it knows. Defaults to that of Exchange 2016 and later.</summary>
    public EwsVersion Version { get; init; } = EwsVersion.Exchange2016;
}
