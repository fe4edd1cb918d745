namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>One operation to ask the service for.</summary>
/// <param name="Operation">Its name, e.g. <c>SyncFolderItems</c>.</param>
/// <param name="Step">The step it belongs to.</param>
/// <param name="Write">Writes the body; may be called for several versions.</param>
internal sealed record EwsCall(string Operation, MailStep Step, Action<EwsRequestWriter> Write)
{
    /// <summary>The greatest answer that holds no MIME content, in characters.</summary>
    public const long UsualLimit = 16 << 20;

    /// <summary>Gets the greatest number of characters the answer may have. Defaults to <see cref="UsualLimit"/>.</summary>
    public long Limit { get; init; } = UsualLimit;

    /// <summary>Gets further headers.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Gets what makes the content out of the request's bytes; null for just these.</summary>
    public Func<byte[], byte[], HttpContent>? Content { get; init; }

    /// <summary>Gets how long the answer's head may take; null for the usual time.</summary>
    public TimeSpan? Deadline { get; init; }
}
