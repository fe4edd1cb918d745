using System.Globalization;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using EmailRouter.Mail.Exchange.Soap;

namespace EmailRouter.Mail.Exchange;

/// <summary>Lists what came into folders since a position (SyncFolderItems), page by page.</summary>
internal sealed class ExchangeListing(EwsChannel channel)
{
    /// <summary>The most that the schema allows in one page.</summary>
    private const int PageSize = 512;

    private ExchangeCursor positions = new();

    /// <summary>Gets the position behind everything listed; null until a listing has ended.</summary>
    public MailboxCursor? Position { get; private set; }

    /// <summary>Lists. Within a page the oldest come first; servers since Exchange 2010 SP2 send the pages of a first listing newest first.</summary>
    /// <param name="folders">The folders with their names in the cursor.</param>
    /// <param name="since">The cursor.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The messages; the last of each page has a cursor.</returns>
    public async IAsyncEnumerable<MessageRef> ReadAsync(
        IReadOnlyList<(string Name, ExchangeFolderId Folder)> folders, MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Position = null;
        positions = ExchangeCursor.Parse(since);
        foreach ((string name, ExchangeFolderId folder) in folders)
        {
            bool isLast = false;
            bool isFirstListing = positions.Find(name) is null;
            while (!isLast)
            {
                string? before = positions.Find(name);
                (EwsMessage page, EwsCall call) = await AskAsync(folder, before, PageSize, cancellationToken).ConfigureAwait(false);
                if (!page.IsSuccess)
                {
                    if (before is null || !ExchangeResponseCodes.IsSyncStateLost(page.Code))
                        throw channel.Refused(page, MailStep.List, $"to list {name}");
                    channel.Note($"the position in {name} is lost ({page.Code}); it is listed from the start");
                    positions.Set(name, null);
                    isFirstListing = true;
                    continue;
                }

                string? state = page.Element.Child("SyncState")?.Value.Trim();
                isLast = page.Element.Child("IncludesLastItemInRange") is not { } more || more.IsTrue();
                if (string.IsNullOrEmpty(state) || state.Contains(' ', StringComparison.Ordinal))
                    throw channel.Malformed(call, "it holds no state to go on from", null);
                if (!isLast && state == before)
                    throw channel.Malformed(call, "the server says that there is more and does not move on", null);
                positions.Set(name, state);

                // Times are whole seconds here: within one of them only the server's order tells which message was first.
                IEnumerable<MessageRef> arrivals = isFirstListing ? Arrivals(page).Reverse() : Arrivals(page);
                MessageRef[] came = [.. arrivals.OrderBy(m => m.ReceivedOn ?? DateTimeOffset.MinValue)];
                for (int i = 0; i < came.Length; i++)
                    yield return i == came.Length - 1 ? came[i] with { Cursor = positions.ToCursor() } : came[i];
            }
        }

        Position = positions.ToCursor();
    }

    /// <summary>Says whether something came since the last listing. Moves no position.</summary>
    /// <param name="folders">The folders.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>True when something came.</returns>
    public async ValueTask<bool> HasArrivalsAsync(IReadOnlyList<(string Name, ExchangeFolderId Folder)> folders, CancellationToken cancellationToken)
    {
        foreach ((string name, ExchangeFolderId folder) in folders)
        {
            if (positions.Find(name) is not { } state)
                return true;
            (EwsMessage page, _) = await AskAsync(folder, state, PageSize, cancellationToken).ConfigureAwait(false);
            if (!page.IsSuccess || Arrivals(page).Any() || page.Element.Child("IncludesLastItemInRange") is { Value: "false" })
                return true;
        }

        return false;
    }

    /// <summary>What came or was moved in. Changes of what was there before (read, categorized, moved away) are none of the router's business.</summary>
    private static IEnumerable<MessageRef> Arrivals(EwsMessage page)
    {
        foreach (XElement item in page.Element.Child("Changes").Children("Create").Select(c => c.Elements().FirstOrDefault()).OfType<XElement>())
        {
            if ((string?)item.Child("ItemId")?.Attribute("Id") is not { Length: > 0 } id)
                continue;
            yield return new MessageRef(id)
            {
                Size = long.TryParse(item.Child("Size")?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out long size) ? size : null,
                ReceivedOn = DateTimeOffset.TryParse(
                    item.Child("DateTimeReceived")?.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset received)
                    ? received : null,
                MessageClass = item.Child("ItemClass")?.Value.Trim() is { Length: > 0 } kind ? kind : null,
            };
        }
    }

    private async ValueTask<(EwsMessage Page, EwsCall Call)> AskAsync(ExchangeFolderId folder, string? state, int count, CancellationToken cancellationToken)
    {
        var call = new EwsCall("SyncFolderItems", MailStep.List, w =>
        {
            w.Start("m:SyncFolderItems").ItemShape(false, "item:ItemClass", "item:DateTimeReceived", "item:Size").Start("m:SyncFolderId").Folder(folder).End();
            if (state is not null)
                w.Element("m:SyncState", state);
            w.Element("m:MaxChangesReturned", count.ToString(CultureInfo.InvariantCulture)).Element("m:SyncScope", "NormalItems").End();
        });
        return ((await channel.AskAsync(call, cancellationToken).ConfigureAwait(false))[0], call);
    }
}
