namespace EmailRouter.Mail.Sieve;

/// <summary>A redirect in a script.</summary>
/// <param name="Rule">The name of the router's rule; null for one that somebody else wrote.</param>
/// <param name="Target">The address.</param>
public sealed record ScriptRedirect(string? Rule, string Target);
