namespace EmailRouter.Mime;

/// <summary>A group of RFC 5322 3.4, e.g. <c>undisclosed-recipients:;</c>, or a run of addresses outside of any group.</summary>
/// <param name="Name">The decoded name; null outside of groups.</param>
/// <param name="Members">The addresses.</param>
public sealed record MailAddressGroup(string? Name, IReadOnlyList<MailAddress> Members);
