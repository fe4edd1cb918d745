namespace EmailRouter.Crm;

/// <summary>
/// What a mail server reports about an email that it could not deliver. Anybody can write such a report, so it only counts for an email whose Message-ID or
/// envelope id it names exactly, and for recipients that the email has.
/// </summary>
public sealed record BounceReport
{
    /// <summary>Gets the Message-ID of the returned message, with its angle brackets; null when it is not returned.</summary>
    public string? MessageId { get; init; }

    /// <summary>Gets the email activity that the returned envelope id (RFC 3461 4.4) names; null when none is returned.</summary>
    public Guid? ActivityId { get; init; }

    /// <summary>Gets the tracking tokens in the returned subject. They can be guessed: they show which email is meant and change nothing.</summary>
    public IReadOnlyList<string> TrackingTokens { get; init; } = [];

    /// <summary>Gets the recipients whom the email could not be delivered to.</summary>
    public IReadOnlyList<BouncedRecipient> Recipients { get; init; } = [];

    /// <summary>Gets a value indicating whether to tell only what would be done, and change nothing. Defaults to false.</summary>
    public bool PeekOnly { get; init; }
}

/// <summary>A recipient whom an email could not be delivered to.</summary>
/// <param name="Address">The address that the report is about, after forwarding and aliases.</param>
public sealed record BouncedRecipient(string Address)
{
    /// <summary>Gets the address as the email named it; null when the report does not say.</summary>
    public string? OriginalAddress { get; init; }

    /// <summary>Gets the enhanced status code (RFC 3463), e.g. <c>5.1.1</c>; null when unknown.</summary>
    public string? Status { get; init; }

    /// <summary>Gets the refusing server's own words; null when unknown.</summary>
    public string? Diagnostic { get; init; }

    /// <summary>Gets the sentence for the email's author.</summary>
    public string Explanation => $"Undeliverable to {OriginalAddress ?? Address}: {Diagnostic ?? Status ?? "the mail server gave no reason"}";

    /// <summary>Says whether an address is the one meant.</summary>
    /// <param name="address">An address of the email.</param>
    /// <returns>True when it is either of the two; case does not matter.</returns>
    public bool Is(string address) =>
        string.Equals(address, Address, StringComparison.OrdinalIgnoreCase) || string.Equals(address, OriginalAddress, StringComparison.OrdinalIgnoreCase);
}

/// <summary>What an organization made of a <see cref="BounceReport"/>.</summary>
public sealed record BounceResult
{
    /// <summary>Gets by what the email was found.</summary>
    public required BounceMatch Match { get; init; }

    /// <summary>Gets the email activity; null when none was found.</summary>
    public Guid? ActivityId { get; init; }

    /// <summary>Gets the addresses of the report that are recipients of the email, as the email has them.</summary>
    public IReadOnlyList<string> Recipients { get; init; } = [];

    /// <summary>Gets a value indicating whether the email was (or, when only asked, would be) marked failed or given a further reason.</summary>
    public bool Changed { get; init; }

    /// <summary>Gets what was looked at.</summary>
    public IReadOnlyList<Evidence> Evidence { get; init; } = [];
}

/// <summary>By what a returned email was found, surest first.</summary>
public enum BounceMatch
{
    /// <summary>Not found.</summary>
    None,

    /// <summary>By its Message-ID.</summary>
    MessageId,

    /// <summary>By its envelope id.</summary>
    EnvelopeId,

    /// <summary>By its tracking token only, which proves nothing.</summary>
    TrackingToken,
}
