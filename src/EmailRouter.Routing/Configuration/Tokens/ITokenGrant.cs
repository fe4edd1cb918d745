using EmailRouter.Mail;

namespace EmailRouter.Routing.Configuration;

/// <summary>One way to get access tokens for one subject. Safe for many callers at once.</summary>
internal interface ITokenGrant
{
    /// <summary>Gets a value indicating whether each user has a token of their own; otherwise one token serves all.</summary>
    bool IsPerUser { get; }

    /// <summary>Gets a token that is valid now.</summary>
    /// <param name="user">Whose; null for the only one who signed in.</param>
    /// <param name="renew">Whether to go past every cache, because a server refused the cached one.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The token.</returns>
    /// <exception cref="TokenException">There is none, in words.</exception>
    /// <exception cref="Microsoft.Identity.Client.MsalException">The provider refuses.</exception>
    /// <exception cref="HttpRequestException">The provider is out of reach.</exception>
    ValueTask<AccessToken> GetAsync(string? user, bool renew, CancellationToken cancellationToken);
}
