using System.Xml.Linq;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Exchange;

/// <summary>ResolveNames, ConvertId, GetServerTimeZones, and what the lab has nothing for.</summary>
internal static class EwsDirectoryOperations
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    public static XElement ResolveNames(EwsCall call) => call.Answer(() =>
    {
        string entry = call.Child("UnresolvedEntry")?.Value.Trim() ?? throw EwsException.Schema(call.Operation, "The element 'UnresolvedEntry' is missing.");
        if (entry.StartsWith("smtp:", StringComparison.OrdinalIgnoreCase))
            entry = entry[5..];
        LabMailbox[] found = [.. call.Store.Mailboxes.Where(m =>
            m.Address.StartsWith(entry, StringComparison.OrdinalIgnoreCase) || m.DisplayName.StartsWith(entry, StringComparison.OrdinalIgnoreCase))];
        if (entry.Length == 0 || found.Length == 0)
            throw new EwsException("ErrorNameResolutionNoResults", "No results were found.");
        var set = new XElement(
            M + "ResolutionSet",
            new XAttribute("TotalItemsInView", Math.Min(found.Length, 100)),
            new XAttribute("IncludesLastItemInRange", EwsNames.Bool(found.Length <= 100)),
            found.Take(100).Select(m => new XElement(
                T + "Resolution", EwsItemFields.MailboxElement(new MailAddress(m.DisplayName, m.Address), "Mailbox"))));
        return found.Length == 1 ? set : new EwsWarning("ErrorNameResolutionMultipleResults", "Multiple results were found.", set);
    });

    public static XElement ConvertId(EwsCall call)
    {
        string format = call.Operation.Attribute("DestinationFormat")?.Value
            ?? throw EwsException.Schema(call.Operation, "The required attribute 'DestinationFormat' is missing.");
        XNamespace xsi = "http://www.w3.org/2001/XMLSchema-instance";
        return call.Answer(call.Children("SourceIds"), source =>
        {
            string text = source.Attribute("Id")?.Value ?? string.Empty;
            EwsId? id = null;
            foreach (char kind in (char[])[EwsId.Item, EwsId.Folder])
            {
                try
                {
                    id = EwsId.Parse(text, kind);
                    break;
                }
                catch (EwsException e) when (e.Code is "ErrorCannotUseFolderIdForItemId" or "ErrorCannotUseItemIdForFolderId" or "ErrorInvalidId")
                {
                    // The other kind is tried next.
                }
            }

            if (id is null)
                throw new EwsException("ErrorInvalidIdMalformed", "The id is malformed.");
            return new XElement(
                M + "AlternateId",
                new XAttribute(XNamespace.Xmlns + "xsi", xsi),
                new XAttribute(XNamespace.Xmlns + "t", T),
                new XAttribute(xsi + "type", "t:AlternateIdType"),
                new XAttribute("Format", format),
                new XAttribute("Id", text),
                new XAttribute("Mailbox", id.Mailbox));
        });
    }

    public static XElement TimeZones(EwsCall call)
    {
        HashSet<string> wanted = [.. call.Children("Ids").Select(i => i.Value)];
        bool full = EwsNames.IsTrue(call.Operation.Attribute("ReturnFullTimeZoneData")?.Value);
        return call.Answer(() => new XElement(M + "TimeZoneDefinitions", wanted.Count > 0 && !wanted.Contains("UTC") ? [] : new[] { Utc(full) }));
    }

    /// <summary>The lab keeps no such thing, and says so as Exchange does.</summary>
    public static XElement NotThere(EwsCall call) =>
        call.Answer(() => throw new EwsException("ErrorItemNotFound", "The specified object was not found in the store."));

    private static XElement Utc(bool full) => new(
        T + "TimeZoneDefinition",
        new XAttribute("Id", "UTC"),
        new XAttribute("Name", "(UTC) Coordinated Universal Time"),
        !full ? null : new object[]
        {
            new XElement(T + "Periods", new XElement(
                T + "Period", new XAttribute("Bias", "PT0S"), new XAttribute("Name", "Standard"), new XAttribute("Id", "trule:Microsoft/Registry/UTC/1-Standard"))),
            new XElement(T + "TransitionsGroups", new XElement(
                T + "TransitionsGroup",
                new XAttribute("Id", "0"),
                new XElement(T + "Transition", new XElement(T + "To", new XAttribute("Kind", "Period"), "trule:Microsoft/Registry/UTC/1-Standard")))),
            new XElement(T + "Transitions", new XElement(T + "Transition", new XElement(T + "To", new XAttribute("Kind", "Group"), "0"))),
        });
}
