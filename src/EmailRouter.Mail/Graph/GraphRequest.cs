namespace EmailRouter.Mail.Graph;

/// <summary>One request to Graph.</summary>
internal sealed record GraphRequest
{
    /// <summary>Gets the step it belongs to.</summary>
    public required MailStep Step { get; init; }

    /// <summary>Gets what is asked for, in two or three words for log and messages.</summary>
    public required string What { get; init; }

    /// <summary>Gets the method. Defaults to GET.</summary>
    public HttpMethod Method { get; init; } = HttpMethod.Get;

    /// <summary>Gets the address: relative to the service's, or a link of the service's own, which is followed as it is.</summary>
    public required string Path { get; init; }

    /// <summary>Gets what makes the body, for each attempt anew; null for none.</summary>
    public Func<HttpContent>? Content { get; init; }

    /// <summary>Gets a further preference beside immutable ids, e.g. the size of pages; null for none.</summary>
    public string? Prefer { get; init; }

    /// <summary>Gets the version that must still hold; null for any.</summary>
    public string? IfMatch { get; init; }

    /// <summary>Gets the range of the bytes of an upload; null for everything else.</summary>
    public string? ContentRange { get; init; }

    /// <summary>Gets a value indicating whether doing it twice is doing it once. Defaults to true; what is not is repeated only when the service has done nothing.</summary>
    public bool IsRepeatable { get; init; } = true;

    /// <summary>Gets a value indicating whether the address is one for uploads: it is on another host and carries its own right, so no token goes there.</summary>
    public bool IsUpload { get; init; }

    /// <summary>Gets how long the answer's head may take; null for the usual time.</summary>
    public TimeSpan? Deadline { get; init; }
}
