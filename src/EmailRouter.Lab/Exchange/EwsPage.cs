using System.Globalization;
using System.Xml.Linq;

namespace EmailRouter.Lab.Exchange;

/// <summary>A page of what FindItem or FindFolder found.</summary>
internal sealed record EwsPage<TRow>(IReadOnlyList<TRow> Rows, int NextOffset, int Total, bool IsLast)
{
    /// <summary>Cuts a page out of what was found.</summary>
    /// <param name="found">What was found, in order.</param>
    /// <param name="view">IndexedPageItemView, IndexedPageFolderView; null for everything.</param>
    /// <param name="limit">How many rows the server gives at most.</param>
    public static EwsPage<TRow> Of(IReadOnlyList<TRow> found, XElement? view, int limit)
    {
        int offset = Number(view, "Offset") ?? 0;
        int count = Math.Min(Number(view, "MaxEntriesReturned") ?? limit, limit);
        if (offset < 0 || count < 1)
            throw new EwsException("ErrorInvalidIndexedPagingParameters", "The page is not valid.");
        offset = Math.Min(offset, found.Count);
        if (view?.Attribute("BasePoint")?.Value == "End")
        {
            int end = found.Count - offset;
            int start = Math.Max(0, end - count);
            return new EwsPage<TRow>([.. found.Skip(start).Take(end - start)], found.Count - start, found.Count, start == 0);
        }

        TRow[] rows = [.. found.Skip(offset).Take(count)];
        return new EwsPage<TRow>(rows, offset + rows.Length, found.Count, offset + rows.Length >= found.Count);
    }

    /// <summary>The RootFolder element of the answer.</summary>
    public XElement RootFolder(XElement rows) => new(
        EwsNames.M + "RootFolder",
        new XAttribute("IndexedPagingOffset", NextOffset),
        new XAttribute("TotalItemsInView", Total),
        new XAttribute("IncludesLastItemInRange", EwsNames.Bool(IsLast)),
        rows);

    private static int? Number(XElement? view, string name) =>
        view?.Attribute(name)?.Value is { } text ? int.TryParse(text, CultureInfo.InvariantCulture, out int number) ? number : -1 : null;
}
