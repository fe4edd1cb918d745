using System.Xml.Linq;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>GetItem, FindItem, CreateItem, SendItem, UpdateItem, MoveItem, CopyItem, DeleteItem, MarkAllItemsAsRead.</summary>
internal static class EwsItemOperations
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    public static XElement Get(EwsCall call)
    {
        EwsItemShape shape = EwsItemShape.Parse(call.Child("ItemShape"));
        return call.Answer(
            call.Children("ItemIds"),
            id =>
            {
                (LabMailbox mailbox, LabMessage message) = call.Item(id);
                return new XElement(M + "Items", shape.Render(mailbox, message));
            },
            NoItems);
    }

    public static XElement Find(EwsCall call)
    {
        EwsItemShape shape = EwsItemShape.Parse(call.Child("ItemShape"), inList: true);
        if (call.Child("QueryString") is not null)
            throw new EwsException("ErrorContentIndexingNotEnabled", "The lab has no index for query strings; use a restriction.");
        if (call.Child("GroupBy") is not null || call.Child("DistinguishedGroupBy") is not null)
            throw new EwsException("ErrorInvalidOperation", "The lab groups nothing.");
        string traversal = call.Operation.Attribute("Traversal")?.Value ?? throw EwsException.Schema(call.Operation, "The required attribute 'Traversal' is missing.");
        Predicate<EwsItemView> test = call.Child("Restriction")?.Elements().FirstOrDefault() is { } expression ? EwsRestriction.Parse<EwsItemView>(expression, Path) : _ => true;
        (EwsRead<EwsItemView> Read, bool Descending)[] order = [.. call.Children("SortOrder").Select(o =>
            (Path(o.Elements().First()), o.Attribute("Order")?.Value == "Descending"))];
        return call.Answer(call.Children("ParentFolderIds"), id =>
        {
            (LabMailbox mailbox, LabFolder folder) = call.Folder(id);
            IEnumerable<LabMessage> lying = traversal switch
            {
                "Shallow" => mailbox.MessagesIn(folder.Id).Reverse(),
                "SoftDeleted" => mailbox.MessagesIn(mailbox.FolderOf(LabFolderNames.RecoverableItemsDeletions).Id).Reverse(),
                _ => [],
            };
            EwsItemView[] found = [.. lying.Select(m => new EwsItemView(mailbox, m, "Best")).Where(v => test(v))];
            if (order.Length > 0)
                found = [.. found.Order(Comparer<EwsItemView>.Create((one, other) => Compare(order, one, other)))];
            XElement? view = call.Child("IndexedPageItemView");
            EwsPage<EwsItemView> page = EwsPage<EwsItemView>.Of(found, view, call.Server.MaxFindRows(call.Child("Restriction") is not null));
            return page.RootFolder(new XElement(T + "Items", page.Rows.Select(v => shape.Render(mailbox, v.Message))));
        });
    }

    public static XElement Create(EwsCall call)
    {
        string disposition = Disposition(call);
        return call.Answer(
            call.Children("Items"),
            item =>
            {
                LabMailbox mailbox = call.Mailbox;
                LabFolder? target = null;
                if (call.First("SavedItemFolderId") is { } folderId)
                    (mailbox, target) = call.Folder(folderId);
                LabMessage made = EwsItemEdit.Create(mailbox, item, call.Store.Clock);
                if (disposition == "SaveOnly")
                {
                    var known = new LabNewMessage
                    {
                        IsRead = made.IsRead,
                        IsDraft = made.IsDraft,
                        ItemClass = made.ItemClass,
                        Categories = made.Categories,
                        Importance = made.Importance,
                        Properties = made.Properties,
                    };
                    return Shown(mailbox, mailbox.Add((target ?? mailbox.FolderOf(LabFolderNames.Drafts)).Id, made.Content, known));
                }

                // The folder of the copy may be another mailbox's; whoever acts is the one who sends.
                LabMailbox sender = call.Mailbox;
                string? saveTo = disposition != "SendAndSaveCopy" ? null
                    : target is null || mailbox != sender ? sender.FolderOf(LabFolderNames.SentItems).Id : target.Id;
                call.Store.Submit(new LabSubmission(sender, made.Content) { Account = call.Account.Name, SaveTo = saveTo, ItemClass = made.ItemClass });
                return NoItems();
            },
            NoItems);
    }

    public static XElement Send(EwsCall call)
    {
        bool save = EwsNames.IsTrue(call.Operation.Attribute("SaveItemToFolder")?.Value);
        XElement? folderId = call.First("SavedItemFolderId");
        if (!save && folderId is not null)
            throw new EwsException("ErrorInvalidSendItemSaveSettings", "A folder is named although no copy is to be kept.");
        return call.Answer(call.Children("ItemIds"), id =>
        {
            (LabMailbox mailbox, LabMessage message) = call.Item(id);
            CheckKey(id, message, required: true);
            string? saveTo = !save ? null : folderId is null ? mailbox.FolderOf(LabFolderNames.SentItems).Id : call.Folder(folderId).Folder.Id;
            call.Store.Submit(new LabSubmission(mailbox, message.Content) { Account = call.Account.Name, SaveTo = saveTo, ItemClass = message.ItemClass });
            mailbox.Delete(message.Id, LabDeletion.Hard);
            return null;
        });
    }

    public static XElement Update(EwsCall call)
    {
        string conflict = call.Operation.Attribute("ConflictResolution")?.Value
            ?? throw EwsException.Schema(call.Operation, "The required attribute 'ConflictResolution' is missing.");
        string? disposition = call.Operation.Attribute("MessageDisposition")?.Value;
        return call.Answer(
            call.Children("ItemChanges"),
            change =>
            {
                XElement? id = change.Elements().FirstOrDefault();
                (LabMailbox mailbox, LabMessage message) = call.Item(id);
                if (disposition is null && EwsItemFields.ElementOf(message.ItemClass) == "Message")
                    throw new EwsException("ErrorMessageDispositionRequired", "Messages need a MessageDisposition.");
                if (conflict != "AlwaysOverwrite")
                    CheckKey(id!, message, required: true, mayMerge: conflict == "AutoResolve");
                XElement updates = change.Element(T + "Updates") ?? throw EwsException.Schema(change, "The element 'Updates' is missing.");
                LabMessage updated = mailbox.Update(
                    message.Id, m => EwsItemEdit.Update(mailbox, m, updates, call.Store.Clock), conflict == "NeverOverwrite" ? message.ChangeKey : null);
                if (disposition is "SendOnly" or "SendAndSaveCopy")
                {
                    string? saveTo = disposition == "SendOnly" ? null : mailbox.FolderOf(LabFolderNames.SentItems).Id;
                    call.Store.Submit(new LabSubmission(mailbox, updated.Content) { Account = call.Account.Name, SaveTo = saveTo });
                    mailbox.Delete(updated.Id, LabDeletion.Hard);
                    return new[] { NoItems(), NoConflicts() };
                }

                return new[] { Shown(mailbox, updated), NoConflicts() };
            },
            NoItems);
    }

    public static XElement Move(EwsCall call) => Transfer(call, (mailbox, message, folder) => mailbox.Move(message.Id, folder.Id));

    public static XElement Copy(EwsCall call) => Transfer(call, (mailbox, message, folder) => mailbox.Copy(message.Id, folder.Id));

    public static XElement Delete(EwsCall call)
    {
        LabDeletion how = EwsFolderOperations.Deletion(call.Operation);
        return call.Answer(call.Children("ItemIds"), id =>
        {
            (LabMailbox mailbox, LabMessage message) = call.Item(id);
            mailbox.Delete(message.Id, how);
            return null;
        });
    }

    public static XElement MarkAllAsRead(EwsCall call)
    {
        bool isRead = EwsNames.IsTrue(call.Child("ReadFlag")?.Value);
        return call.Answer(call.Children("FolderIds"), id =>
        {
            (LabMailbox mailbox, LabFolder folder) = call.Folder(id);
            foreach (LabMessage message in mailbox.MessagesIn(folder.Id))
                mailbox.Update(message.Id, m => m with { IsRead = isRead });
            return null;
        });
    }

    /// <summary>Reads what a path of a restriction or sort order names.</summary>
    public static EwsRead<EwsItemView> Path(XElement path)
    {
        if (path.Name == T + "ExtendedFieldURI")
        {
            EwsExtendedProperty property = EwsExtendedProperty.Parse(path);
            EwsValueKind kind = property.Type switch
            {
                "Integer" or "Long" or "Short" => EwsValueKind.Number,
                "SystemTime" => EwsValueKind.Date,
                "Boolean" => EwsValueKind.Flag,
                _ => EwsValueKind.Text,
            };
            return view => (kind, property.Read(view.Message) ?? []);
        }

        return EwsItemFields.Find(path) is { } field ? view => (field.Kind, EwsItemFields.Values(field.Read(view))) : _ => (EwsValueKind.Text, []);
    }

    /// <summary>Checks the change key that came with an id.</summary>
    public static void CheckKey(XElement id, LabMessage message, bool required, bool mayMerge = false)
    {
        string? key = id.Attribute("ChangeKey")?.Value;
        if (key is null && required)
            throw new EwsException("ErrorChangeKeyRequiredForWriteOperations", "The change key is required for this operation.");
        if (key is not null && key != EwsId.Key(message.ChangeKey) && !mayMerge)
            throw new EwsException("ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.");
    }

    public static XElement NoItems() => new(M + "Items");

    private static XElement NoConflicts() => new(M + "ConflictResults", new XElement(T + "Count", 0));

    private static XElement Shown(LabMailbox mailbox, LabMessage message) =>
        new(M + "Items", new XElement(T + EwsItemFields.ElementOf(message.ItemClass), EwsId.ItemElement(mailbox, message)));

    private static string Disposition(EwsCall call)
    {
        string? disposition = call.Operation.Attribute("MessageDisposition")?.Value;
        return disposition switch
        {
            "SaveOnly" or "SendOnly" or "SendAndSaveCopy" => disposition,
            null => throw new EwsException("ErrorMessageDispositionRequired", "Messages need a MessageDisposition."),
            _ => throw EwsException.Schema(call.Operation, $"The 'MessageDisposition' attribute is invalid - The value '{disposition}' is invalid."),
        };
    }

    private static XElement Transfer(EwsCall call, Func<LabMailbox, LabMessage, LabFolder, LabMessage> transfer)
    {
        bool returnIds = call.Child("ReturnNewItemIds") is not { } wanted || EwsNames.IsTrue(wanted.Value);
        return call.Answer(
            call.Children("ItemIds"),
            id =>
            {
                (LabMailbox target, LabFolder folder) = EwsFolderOperations.To(call);
                (LabMailbox mailbox, LabMessage message) = call.Item(id);
                if (target == mailbox)
                {
                    LabMessage there = transfer(mailbox, message, folder);
                    return returnIds ? Shown(mailbox, there) : NoItems();
                }

                // Across mailboxes no id comes back.
                target.Add(folder.Id, message.Content, new LabNewMessage { ReceivedOn = message.ReceivedOn, IsRead = message.IsRead, Categories = message.Categories });
                if (call.Operation.Name == M + "MoveItem")
                    mailbox.Delete(message.Id, LabDeletion.Hard);
                return NoItems();
            },
            NoItems);
    }

    private static int Compare((EwsRead<EwsItemView> Read, bool Descending)[] order, EwsItemView one, EwsItemView other)
    {
        foreach ((EwsRead<EwsItemView> read, bool descending) in order)
        {
            (EwsValueKind kind, IReadOnlyList<string> left) = read(one);
            IReadOnlyList<string> right = read(other).Values;
            int result = (left.Count, right.Count) switch
            {
                (0, 0) => 0,
                (0, _) => -1,
                (_, 0) => 1,
                _ => EwsRestriction.Compare(kind, left[0], right[0]),
            };
            if (kind == EwsValueKind.Date && left.Count > 0 && right.Count > 0 && result == 0)
                result = one.Message.ReceivedOn.CompareTo(other.Message.ReceivedOn);
            if (result != 0)
                return descending ? -result : result;
        }

        return 0;
    }
}
