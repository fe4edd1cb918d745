using EmailRouter.Mime;

namespace EmailRouter.Routing.Incoming.Forwarding;

/// <summary>
/// What a forwarded message says of the mailbox it came through, the surest first: what the router's own rules leave behind, then what mail servers write, then who
/// sent the wrapper, and last whom the mail was written to.
/// </summary>
/// <param name="Source">Where it stands, e.g. <c>Delivered-To</c>.</param>
/// <param name="Address">The address; a server may leave out the domain.</param>
internal sealed record ForwardOrigin(string Source, string Address)
{
    /// <summary>The header that the router's Sieve rules add.</summary>
    public const string Header = "X-EmailRouter-Mailbox";

    /// <summary>The header Pigeonhole adds to what it redirects.</summary>
    private const string SieveHeader = "X-Sieve-Redirected-From";

    private static readonly string[] TraceHeaders = ["Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "X-Delivered-To", "X-Receiver"];
    private static readonly string[] ResentHeaders = ["Resent-From", "Resent-Sender", "Resent-To"];
    private static readonly string[] ForwardHeaders = ["X-MS-Exchange-Inbox-Rules-Loop", "X-Forwarded-For"];
    private static readonly string[] SenderHeaders = ["From", "Sender", "Return-Path"];

    /// <summary>Lists what a message says.</summary>
    /// <param name="outer">The message as it lies in the forward mailbox.</param>
    /// <param name="inner">The mail that was attached to it; null when it was sent on as it is.</param>
    /// <param name="forwardMailbox">The forward mailbox's address.</param>
    /// <returns>The places, the surest first; those that name only the forward mailbox itself are left out.</returns>
    public static IEnumerable<ForwardOrigin> Find(MimeMessage outer, MimeMessage? inner, string forwardMailbox)
    {
        foreach (ForwardOrigin place in In(outer, ["To", "Cc", .. TraceHeaders, "Resent-To"]))
        {
            if (PlusAddress.Read(place.Address, forwardMailbox) is { } owner)
                yield return new ForwardOrigin($"the plus-address {place.Address} in {place.Source}", owner);
        }

        IEnumerable<ForwardOrigin> rest = In(outer, [Header, SieveHeader, .. TraceHeaders, .. ResentHeaders, .. ForwardHeaders]);
        if (inner is not null)
            rest = rest.Concat(In(outer, SenderHeaders)).Concat(In(inner, TraceHeaders).Select(o => o with { Source = $"{o.Source} of the attached message" }));
        foreach (ForwardOrigin place in rest)
        {
            if (!place.Address.Equals(forwardMailbox, StringComparison.OrdinalIgnoreCase) && PlusAddress.Read(place.Address, forwardMailbox) is null)
                yield return place;
        }
    }

    private static IEnumerable<ForwardOrigin> In(MimeMessage message, IEnumerable<string> headers)
    {
        foreach (string name in headers)
        {
            foreach (string value in message.Headers.GetAll(name).Take(20))
            {
                // Gmail names the mailbox and, behind it, where it forwards to.
                string text = name == "X-Forwarded-For" ? value.Trim().Split(' ', 2)[0] : value;
                foreach (MailAddress address in MailAddress.ParseList(text).Take(100))
                {
                    if (address.Address.Trim() is { Length: > 0 } one)
                        yield return new ForwardOrigin(name, one);
                }
            }
        }
    }
}
