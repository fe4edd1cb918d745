namespace EmailRouter.Mail.Sieve;

/// <summary>A script on a server.</summary>
/// <param name="Name">The name.</param>
/// <param name="IsActive">Whether it is the one that runs.</param>
public sealed record SieveScriptEntry(string Name, bool IsActive);

/// <summary>A script with its text.</summary>
/// <param name="Name">The name.</param>
/// <param name="Text">The text, as the server gave it.</param>
public sealed record SieveScript(string Name, string Text);
