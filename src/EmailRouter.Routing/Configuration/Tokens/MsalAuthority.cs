using Microsoft.Identity.Client;

namespace EmailRouter.Routing.Configuration;

/// <summary>Who gives the tokens, as the identity library takes it.</summary>
internal static class MsalAuthority
{
    /// <summary>Tells whether an authority is AD FS: its address ends in <c>/adfs</c>.</summary>
    /// <param name="authority">The authority.</param>
    /// <returns>True for AD FS.</returns>
    public static bool IsAdfs(Uri? authority) => authority?.AbsolutePath.TrimEnd('/').EndsWith("/adfs", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Names the authority. It is the administrator's word: no third server is asked whether it exists.</summary>
    /// <typeparam name="T">The kind of application.</typeparam>
    /// <param name="builder">The builder.</param>
    /// <param name="oauth">The settings.</param>
    /// <returns>The builder.</returns>
    public static T At<T>(this AbstractApplicationBuilder<T> builder, OAuthConfiguration oauth)
        where T : BaseAbstractApplicationBuilder<T>
    {
        if (IsAdfs(oauth.Authority))
            return builder.WithAdfsAuthority(oauth.Authority!.AbsoluteUri, validateAuthority: false);
        string authority = oauth.Authority?.AbsoluteUri ?? $"https://login.microsoftonline.com/{oauth.TenantId}";
        return builder.WithAuthority(authority, validateAuthority: false);
    }
}
