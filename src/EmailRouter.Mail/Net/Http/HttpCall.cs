namespace EmailRouter.Mail.Net.Http;

/// <summary>One request of a mail system that is reached by HTTP. It can be made more than once: a refused token and a log-in in several legs repeat it.</summary>
internal sealed record HttpCall
{
    /// <summary>Gets the step it belongs to.</summary>
    public required MailStep Step { get; init; }

    /// <summary>Gets the method.</summary>
    public required HttpMethod Method { get; init; }

    /// <summary>Gets the full address.</summary>
    public required Uri Url { get; init; }

    /// <summary>Gets what is asked for, in two or three words for log and messages, e.g. <c>SyncFolderItems</c>.</summary>
    public required string What { get; init; }

    /// <summary>Gets what makes the body, for each attempt anew; null for none.</summary>
    public Func<HttpContent>? Content { get; init; }

    /// <summary>Gets further headers.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Gets a value indicating whether the credential goes with it. Defaults to true; upload addresses carry their own right, and the first step of Autodiscover none.</summary>
    public bool Authenticate { get; init; } = true;

    /// <summary>Gets a value indicating whether an answer that sends elsewhere (3xx) is the caller's to judge. Defaults to false: it is an error.</summary>
    public bool AllowRedirect { get; init; }

    /// <summary>Gets a value indicating whether the answer comes piece by piece for as long as the server likes, so that its first piece is all that is waited for.
    /// Defaults to false.</summary>
    public bool IsEndless { get; init; }

    /// <summary>Gets how long the answer's head may take; null for <see cref="MailDeadlines.Command"/>.</summary>
    public TimeSpan? Deadline { get; init; }
}
