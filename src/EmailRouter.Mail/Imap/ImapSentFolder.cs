using System.Globalization;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Imap;

/// <summary>
/// Looks for a message in the folder in which the server itself keeps what was sent for an account (Gmail, Exchange, Microsoft 365). What is there was sent; what is not there may be on its
/// way, may have been deleted, or belongs to a server that keeps nothing, so its absence proves nothing.
/// </summary>
internal sealed class ImapSentFolder(ImapClient client, ImapFolderNames names, string folder)
{
    /// <summary>A search finds by parts of a header; so many of what it finds are compared exactly.</summary>
    private const int MostCompared = 20;

    /// <summary>Outlook.com and Exchange give some messages a Message-ID of their own and keep the sender's here.</summary>
    private const string OriginalId = "X-Microsoft-Original-Message-ID";

    /// <summary>Looks for a message.</summary>
    /// <param name="messageId">The Message-ID with its angle brackets.</param>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>Whether it is there.</returns>
    /// <exception cref="MailCommandException">The server has no such folder, or refuses.</exception>
    public async ValueTask<bool> HasAsync(string messageId, CancellationToken cancellationToken)
    {
        string name = (await names.ResolveAsync([folder], cancellationToken).ConfigureAwait(false))[0];
        if (client.Selected?.Name != name)
            await client.SelectAsync(name, null, cancellationToken).ConfigureAwait(false);
        else
            await client.ExecuteAsync(MailStep.List, "NOOP", null, cancellationToken).ConfigureAwait(false);       // a search alone may see only what was there before

        var uids = new SortedSet<uint>();
        string quoted = ImapClient.Quote(messageId);
        ImapResponse found = await client.ExecuteAsync(
            MailStep.List, $"UID SEARCH OR HEADER Message-ID {quoted} HEADER {OriginalId} {quoted}", TakeUids, cancellationToken).ConfigureAwait(false);
        if (!found.IsOk)
            throw ImapErrors.Refused(client.Stream, found, MailStep.List, $"to search the folder {name}");
        if (uids.Count == 0)
            return false;

        bool isThere = false;
        string set = string.Join(',', uids.Reverse().Take(MostCompared).Order().Select(uid => uid.ToString(CultureInfo.InvariantCulture)));
        client.KeepBodies(true);
        ImapResponse fetched = await client.ExecuteAsync(
            MailStep.Fetch, $"UID FETCH {set} (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID {OriginalId.ToUpperInvariant()})])", Compare, cancellationToken).ConfigureAwait(false);
        client.KeepBodies(false);
        return fetched.IsOk ? isThere : throw ImapErrors.Refused(client.Stream, fetched, MailStep.Fetch, $"to read the folder {name}");

        void TakeUids(ImapEvent next)
        {
            if (next.Kind == ImapEventKind.Search)
                uids.UnionWith(next.Uids!);
        }

        void Compare(ImapEvent next)
        {
            if (next.Fetch?.TakeBody() is not { } body)
                return;
            using (body)
            {
                MimeMessage header = MimeMessage.Parse(body.Memory);
                isThere |= IsSame(header.MessageId) || IsSame(header.Headers[OriginalId]);
            }
        }

        bool IsSame(string? id) => id is not null && MessageIds.TrimBrackets(id) == MessageIds.TrimBrackets(messageId);
    }
}
