namespace EmailRouter.Crm.Server;

/// <summary>A request as <see cref="CrmHttp"/> sends it.</summary>
/// <param name="Method">The method.</param>
/// <param name="Address">The address.</param>
/// <param name="What">What is asked for, in words.</param>
/// <param name="Content">Makes the content, for each attempt anew; null for none.</param>
/// <param name="Headers">The headers.</param>
/// <param name="IsRepeatable">Whether doing it twice does no harm.</param>
/// <param name="ThrowOwnFault">Throws what went wrong on this side while the content was written, if anything did, so that it is not taken for the network's
/// fault.</param>
internal sealed record CrmCall(
    HttpMethod Method,
    Uri Address,
    string What,
    Func<HttpContent?> Content,
    IReadOnlyList<(string Name, string Value)> Headers,
    bool IsRepeatable,
    Action? ThrowOwnFault = null)
{
    /// <summary>Gets a value indicating whether a redirect is an answer. Defaults to false: it is an error.</summary>
    public bool TakesRedirects { get; init; }

    /// <summary>Gets a value indicating whether the answer is read after the exchange. Defaults to false.</summary>
    public bool KeepsOpen { get; init; }

    /// <summary>Gets what the protocol log adds to the address.</summary>
    public string Note { get; init; } = string.Empty;
}
