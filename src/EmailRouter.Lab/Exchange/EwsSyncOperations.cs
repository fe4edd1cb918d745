using System.Globalization;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>SyncFolderItems and SyncFolderHierarchy.</summary>
internal static class EwsSyncOperations
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    public static XElement Items(EwsCall call)
    {
        EwsItemShape shape = EwsItemShape.Parse(call.Child("ItemShape"), inList: true);
        XElement maximum = call.Child("MaxChangesReturned") ?? throw EwsException.Schema(call.Operation, "The element 'MaxChangesReturned' is missing.");
        if (!int.TryParse(maximum.Value, CultureInfo.InvariantCulture, out int count) || count is < 1 or > 512)
            throw EwsException.Schema(maximum, $"The 'MaxChangesReturned' element is invalid - The value '{maximum.Value}' is invalid.");
        HashSet<string> ignored = [.. call.Children("Ignore").Select(i => i.Attribute("Id")?.Value ?? string.Empty)];
        return call.Answer(() =>
        {
            LabMailbox mailbox;
            LabFolder folder;
            try
            {
                (mailbox, folder) = call.Folder(call.First("SyncFolderId"));
            }
            catch (EwsException e) when (e.Code == "ErrorFolderNotFound")
            {
                throw new EwsException("ErrorSyncFolderNotFound", e.Message);
            }

            EwsSyncState state = EwsSyncState.Parse(call.Child("SyncState")?.Value, folder.Id);
            (IEnumerable<XElement> changes, state, bool isComplete) = state.Below is { } below
                ? First(mailbox, folder, shape, state, below, count)
                : Later(mailbox, folder, shape, state, count);
            return new[]
            {
                new XElement(M + "SyncState", state.ToString()),
                new XElement(M + "IncludesLastItemInRange", EwsNames.Bool(isComplete)),
                new XElement(M + "Changes", changes.Where(c => !ignored.Contains(c.Descendants(T + "ItemId").First().Attribute("Id")!.Value))),
            };
        });
    }

    public static XElement Hierarchy(EwsCall call)
    {
        EwsFolderShape shape = EwsFolderShape.Parse(call.Child("FolderShape"));
        return call.Answer(() =>
        {
            (LabMailbox mailbox, LabFolder top) = call.First("SyncFolderId") is { } id
                ? call.Folder(id) : (call.Mailbox, call.Mailbox.FolderOf(LabFolderNames.MsgFolderRoot));
            EwsSyncState state = EwsSyncState.Parse(call.Child("SyncState")?.Value, top.Id);
            long now = mailbox.Sequence;
            IReadOnlyList<LabFolder> below = mailbox.FoldersBelow(top.Id, deep: true);
            IEnumerable<XElement> changes = state.Below is not null
                ? below.Select(f => new XElement(T + "Create", shape.Render(mailbox, f)))
                : Changes(mailbox, below, shape, mailbox.ChangesSince(state.Sequence) ?? throw EwsSyncState.Invalid());
            return new[]
            {
                new XElement(M + "SyncState", new EwsSyncState(top.Id, now, null).ToString()),
                new XElement(M + "IncludesLastFolderInRange", "true"),
                new XElement(M + "Changes", changes),
            };
        });
    }

    /// <summary>Tells what lies in the folder, newest first as Exchange does, down to the oldest; changes in the meantime come after that.</summary>
    private static (IEnumerable<XElement> Changes, EwsSyncState State, bool IsComplete) First(
        LabMailbox mailbox, LabFolder folder, EwsItemShape shape, EwsSyncState state, long below, int count)
    {
        long head = below == long.MaxValue ? mailbox.Sequence : state.Sequence;
        LabMessage[] left = [.. mailbox.MessagesIn(folder.Id).Where(m => m.Place < below).OrderByDescending(m => m.Place).Take(count + 1)];
        LabMessage[] told = [.. left.Take(count)];
        bool isAll = left.Length <= count;
        bool isComplete = isAll && mailbox.Sequence == head;
        return (told.Select(m => new XElement(T + "Create", shape.Render(mailbox, m))), new EwsSyncState(folder.Id, head, isAll ? null : told[^1].Place), isComplete);
    }

    private static (IEnumerable<XElement> Changes, EwsSyncState State, bool IsComplete) Later(
        LabMailbox mailbox, LabFolder folder, EwsItemShape shape, EwsSyncState state, int count)
    {
        LabChangePage page = mailbox.ChangesIn(folder.Id, state.Sequence, count) ?? throw EwsSyncState.Invalid();
        return (page.Changes.Select(c => Change(mailbox, c, shape)).OfType<XElement>(), new EwsSyncState(folder.Id, page.Sequence, null), page.IsComplete);
    }

    private static XElement? Change(LabMailbox mailbox, LabChange change, EwsItemShape shape)
    {
        XElement Gone() => new(T + "Delete", new XElement(
            T + "ItemId", new XAttribute("Id", EwsId.OfEntry(mailbox, change.EntryId)), new XAttribute("ChangeKey", EwsId.Key(LabEntryId.ChangeKey(change.Sequence)))));
        if (change.Kind == LabChangeKind.Deleted)
            return Gone();
        if (mailbox.FindEntry(change.EntryId) is not { } message)
            return change.Kind == LabChangeKind.Created ? null : Gone();
        return change.Kind switch
        {
            LabChangeKind.Created => new XElement(T + "Create", shape.Render(mailbox, message)),
            LabChangeKind.ReadFlag => new XElement(T + "ReadFlagChange", EwsId.ItemElement(mailbox, message), new XElement(T + "IsRead", EwsNames.Bool(message.IsRead))),
            _ => new XElement(T + "Update", shape.Render(mailbox, message)),
        };
    }

    private static IEnumerable<XElement> Changes(LabMailbox mailbox, IReadOnlyList<LabFolder> below, EwsFolderShape shape, IReadOnlyList<LabChange> changes)
    {
        foreach (IGrouping<string, LabChange> changed in changes.Where(c => c.MessageId.Length == 0).GroupBy(c => c.FolderId, StringComparer.Ordinal))
        {
            LabFolder? folder = below.FirstOrDefault(f => f.Id == changed.Key);
            bool isNew = changed.Any(c => c.Kind == LabChangeKind.FolderCreated);
            if (folder is not null)
                yield return new XElement(T + (isNew ? "Create" : "Update"), shape.Render(mailbox, folder));
            else if (!isNew)
                yield return new XElement(T + "Delete", new XElement(T + "FolderId", new XAttribute("Id", new EwsId(EwsId.Folder, mailbox.Address, changed.Key).ToString())));
        }
    }
}

/// <summary>A position in the changes of a folder.</summary>
/// <param name="FolderId">The folder.</param>
/// <param name="Sequence">The mailbox's number of changes that is known.</param>
/// <param name="Below">While the folder is told for the first time: the place above which everything was told.</param>
internal sealed record EwsSyncState(string FolderId, long Sequence, long? Below)
{
    public static EwsException Invalid() => new("ErrorInvalidSyncStateData", "The sync state is not valid or too old.");

    public static EwsSyncState Parse(string? text, string folderId)
    {
        if (string.IsNullOrEmpty(text))
            return new EwsSyncState(folderId, 0, long.MaxValue);
        byte[] bytes = new byte[text.Length];
        if (Convert.TryFromBase64String(text, bytes, out int length) && Encoding.ASCII.GetString(bytes, 0, length).Split('|') is ["H4s", var folder, var sequence, var below] &&
            folder == folderId && long.TryParse(sequence, CultureInfo.InvariantCulture, out long known))
        {
            return new EwsSyncState(folder, known, long.TryParse(below, CultureInfo.InvariantCulture, out long place) ? place : null);
        }

        throw Invalid();
    }

    public override string ToString() => Convert.ToBase64String(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"H4s|{FolderId}|{Sequence}|{Below}")));
}
