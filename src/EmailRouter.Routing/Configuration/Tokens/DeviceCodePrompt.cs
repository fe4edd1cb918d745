namespace EmailRouter.Routing.Configuration;

/// <summary>What a person needs to sign in on another machine.</summary>
/// <param name="UserCode">The code to enter.</param>
/// <param name="Url">Where to enter it.</param>
/// <param name="Message">The provider's own words for both.</param>
/// <param name="ExpiresOn">Until when the code works.</param>
public sealed record DeviceCodePrompt(string UserCode, string Url, string Message, DateTimeOffset ExpiresOn);
