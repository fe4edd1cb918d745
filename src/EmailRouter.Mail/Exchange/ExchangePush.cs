using System.Globalization;
using System.Net;
using System.Text;
using EmailRouter.Mail.Exchange.Soap;
using EmailRouter.Mail.Net.Http;

namespace EmailRouter.Mail.Exchange;

/// <summary>
/// Waits for new mail by a streaming subscription (Subscribe, GetStreamingEvents). It only hints: nothing is guaranteed across a failure of the server, so polling goes on beside it.
/// </summary>
internal sealed class ExchangePush(EwsChannel channel, MailContext context)
{
    private const int LongestMinutes = 30;

    /// <summary>The greatest part of the stream that is held together: no event is that long.</summary>
    private const int Window = 256 * 1024;

    private static readonly string[] Arrivals = ["NewMailEvent", "CreatedEvent", "MovedEvent", "CopiedEvent"];

    /// <summary>The server that holds the subscription must be the one that streams it.</summary>
    private static readonly KeyValuePair<string, string>[] Affinity = [new("X-PreferServerAffinity", "true")];

    /// <summary>What is streamed must not wait in a compressor.</summary>
    private static readonly KeyValuePair<string, string>[] Streaming = [.. Affinity, new("Accept-Encoding", "identity")];

    private string? subscription;

    /// <summary>Gets a value indicating whether there is a subscription.</summary>
    public bool IsSubscribed => subscription is not null;

    /// <summary>Subscribes.</summary>
    /// <param name="folders">The folders.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task.</returns>
    public async ValueTask SubscribeAsync(IEnumerable<ExchangeFolderId> folders, CancellationToken cancellationToken)
    {
        var call = new EwsCall("Subscribe", MailStep.List, w =>
        {
            w.Start("m:Subscribe").Start("m:StreamingSubscriptionRequest").Start("t:FolderIds");
            foreach (ExchangeFolderId folder in folders)
                w.Folder(folder);
            w.End().Start("t:EventTypes").Element("t:EventType", "NewMailEvent").Element("t:EventType", "CreatedEvent").Element("t:EventType", "MovedEvent").End().End().End();
        })
        {
            Headers = Affinity,
        };
        EwsMessage answer = await channel.AskOneAsync(call, "to announce new mail", cancellationToken).ConfigureAwait(false);
        subscription = answer.Element.Child("SubscriptionId")?.Value.Trim() is { Length: > 0 } id ? id : throw channel.Malformed(call, "it holds no subscription", null);
    }

    /// <summary>Waits.</summary>
    /// <param name="atMost">How long.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>True when something came; false when the time was up or the server ended the stream.</returns>
    public async ValueTask<bool> WaitAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var time = new CancellationTokenSource(atMost, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellationToken);
        int minutes = Math.Clamp((int)Math.Ceiling(atMost.TotalMinutes), 1, LongestMinutes);
        var call = new EwsCall("GetStreamingEvents", MailStep.List, w => w
            .Start("m:GetStreamingEvents").Start("m:SubscriptionIds").Element("t:SubscriptionId", subscription!).End()
            .Element("m:ConnectionTimeout", minutes.ToString(CultureInfo.InvariantCulture)).End())
        {
            Headers = Streaming,
        };
        try
        {
            using HttpAnswer answer = await channel.OpenEndlessAsync(call, either.Token).ConfigureAwait(false);
            if (answer.Status != HttpStatusCode.OK)
            {
                subscription = null;
                return false;
            }

            return await ReadAsync(answer.Body, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <summary>Ends the subscription.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task.</returns>
    public async ValueTask UnsubscribeAsync(CancellationToken cancellationToken)
    {
        string? ended = subscription;
        subscription = null;
        if (ended is not null)
        {
            var call = new EwsCall("Unsubscribe", MailStep.Complete, w => w.Start("m:Unsubscribe").Element("m:SubscriptionId", ended).End()) { Headers = Affinity };
            await channel.AskAsync(call, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Forgets the subscription; the next wait makes a new one.</summary>
    public void Forget() => subscription = null;

    /// <summary>
    /// The stream is one envelope after the other without a common root, which no XML reader takes. What is wanted of it are the names of elements, and those are looked for behind
    /// a <c>&lt;</c> or a prefix.
    /// </summary>
    private async ValueTask<bool> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        byte[] piece = new byte[8 * 1024];
        var text = new StringBuilder();
        int read;
        while ((read = await body.ReadAsync(piece, cancellationToken).ConfigureAwait(false)) > 0)
        {
            text.Append(Encoding.Latin1.GetString(piece, 0, read));
            string all = text.ToString();
            if (Arrivals.Any(name => HasElement(all, name)))
                return true;
            if (HasElement(all, "ErrorSubscriptionIds") || all.Contains("ResponseClass=\"Error\"", StringComparison.Ordinal) || HasElement(all, "Fault"))
            {
                channel.Note("the subscription is refused");
                subscription = null;
                return false;
            }

            // Whole envelopes without news are done with.
            int end = all.LastIndexOf(":Envelope>", StringComparison.Ordinal);
            if (end >= 0)
                text.Remove(0, end);
            if (text.Length > Window)
                return true;       // whatever that is, polling finds out
        }

        return false;
    }

    private static bool HasElement(string text, string name)
    {
        for (int at = text.IndexOf(name, StringComparison.Ordinal); at > 0; at = text.IndexOf(name, at + 1, StringComparison.Ordinal))
        {
            if (text[at - 1] is '<' or ':' && at + name.Length < text.Length && text[at + name.Length] is '>' or ' ' or '/' or '\r' or '\n')
                return true;
        }

        return false;
    }
}
