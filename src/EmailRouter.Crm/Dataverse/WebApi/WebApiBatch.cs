using System.Globalization;
using System.Text;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>
/// Requests that travel together (<c>$batch</c>): single ones, and change sets whose requests are done all or not at all. A single request that fails does not
/// stop those after it.
/// </summary>
/// <param name="what">What the batch is for, in words for messages.</param>
internal sealed class WebApiBatch(string what)
{
    /// <summary>The greatest number of requests a server takes in one batch.</summary>
    public const int MaxRequests = 1000;

    private readonly List<Part> parts = [];

    /// <summary>Gets what the batch is for.</summary>
    public string What { get; } = what;

    /// <summary>Gets the number of requests.</summary>
    public int RequestCount => parts.Sum(p => p.Requests.Count);

    /// <summary>Gets the number of answers to expect: one for each single request and one for each change set.</summary>
    public int Count => parts.Count;

    /// <summary>Gets a value indicating whether all of it may be sent again when nobody knows whether it was done.</summary>
    public bool IsRepeatable => parts.All(p => p.IsRepeatable);

    /// <summary>Gets the bodies of all requests.</summary>
    public IEnumerable<WebApiBody> Bodies => parts.SelectMany(p => p.Requests).Select(r => r.Body).OfType<WebApiBody>();

    /// <summary>Gets how much its requests carry, in bytes.</summary>
    public long BodySize => Bodies.Sum(b => b.Size);

    /// <summary>Puts several batches into one; the answers come in the same order.</summary>
    /// <param name="batches">The batches.</param>
    /// <returns>The batch.</returns>
    public static WebApiBatch Join(IReadOnlyList<WebApiBatch> batches)
    {
        var joined = new WebApiBatch(string.Join("; ", batches.Select(b => b.What).Distinct()));
        foreach (WebApiBatch batch in batches)
            joined.parts.AddRange(batch.parts);
        return joined;
    }

    /// <summary>Adds a single request.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The place of its answer.</returns>
    public int Add(WebApiRequest request)
    {
        parts.Add(new Part([request], IsChangeSet: false, request.IsRepeatable));
        return parts.Count - 1;
    }

    /// <summary>Adds a change set.</summary>
    /// <param name="requests">The requests, in order.</param>
    /// <param name="isRepeatable">True when doing it a second time fails or changes nothing, because the rows' ids or versions are fixed.</param>
    /// <returns>The place of its answer.</returns>
    public int AddChangeSet(IReadOnlyList<WebApiRequest> requests, bool isRepeatable)
    {
        parts.Add(new Part(requests, IsChangeSet: true, isRepeatable));
        return parts.Count - 1;
    }

    /// <summary>Tells what the request of an answer is for.</summary>
    /// <param name="index">The place of the answer.</param>
    /// <returns>The words.</returns>
    public string WhatOf(int index) => parts[index].Requests[0].What;

    /// <summary>Tells whether an answer is that of a change set.</summary>
    /// <param name="index">The place of the answer.</param>
    /// <returns>True for a change set.</returns>
    public bool IsChangeSet(int index) => parts[index].IsChangeSet;

    /// <summary>Writes the batch as <c>multipart/mixed</c>.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="root">The path of the Web API on its server, with a slash at its end.</param>
    /// <param name="boundary">The boundary.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>A task that ends when everything is written.</returns>
    public async Task WriteAsync(Stream target, Uri root, string boundary, CancellationToken cancellationToken)
    {
        for (int i = 0; i < parts.Count; i++)
        {
            Part part = parts[i];
            if (!part.IsChangeSet)
            {
                await WriteTextAsync(target, $"--{boundary}\r\n", cancellationToken).ConfigureAwait(false);
                await WriteRequestAsync(target, root, part.Requests[0], null, cancellationToken).ConfigureAwait(false);
                continue;
            }

            // The outer boundary must not be the beginning of an inner one (RFC 2046 5.1.1).
            string inner = string.Create(CultureInfo.InvariantCulture, $"changeset{i}_{boundary}");
            await WriteTextAsync(target, $"--{boundary}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n", cancellationToken).ConfigureAwait(false);
            for (int n = 0; n < part.Requests.Count; n++)
            {
                await WriteTextAsync(target, $"--{inner}\r\n", cancellationToken).ConfigureAwait(false);
                await WriteRequestAsync(target, root, part.Requests[n], n + 1, cancellationToken).ConfigureAwait(false);
            }

            await WriteTextAsync(target, $"--{inner}--\r\n", cancellationToken).ConfigureAwait(false);
        }

        await WriteTextAsync(target, $"--{boundary}--\r\n", cancellationToken).ConfigureAwait(false);
    }

    private static async Task WriteRequestAsync(Stream target, Uri root, WebApiRequest request, int? contentId, CancellationToken cancellationToken)
    {
        var head = new StringBuilder("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
        if (contentId is { } id)
            head.Append(CultureInfo.InvariantCulture, $"Content-ID: {id}\r\n");
        head.Append("\r\n").Append(request.Method.Method).Append(' ').Append(new Uri(root, request.Path).PathAndQuery).Append(" HTTP/1.1\r\n");
        foreach ((string name, string value) in request.Headers())
            head.Append(name).Append(": ").Append(value).Append("\r\n");
        if (request.Body is not null)
            head.Append("Content-Type: application/json; charset=utf-8\r\n");
        await WriteTextAsync(target, head.Append("\r\n").ToString(), cancellationToken).ConfigureAwait(false);
        if (request.Body is not null)
            await request.Body.WriteAsync(target, cancellationToken).ConfigureAwait(false);
        await WriteTextAsync(target, "\r\n", cancellationToken).ConfigureAwait(false);
    }

    private static ValueTask WriteTextAsync(Stream target, string text, CancellationToken cancellationToken) =>
        target.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);

    private sealed record Part(IReadOnlyList<WebApiRequest> Requests, bool IsChangeSet, bool IsRepeatable);
}
