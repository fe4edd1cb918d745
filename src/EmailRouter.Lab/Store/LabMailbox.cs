using System.Globalization;

namespace EmailRouter.Lab.Store;

/// <summary>
/// A mailbox of the lab: an address, a password, a tree of folders with messages, a log of what happened to them, and inbox rules. POP3 shows its Inbox, EWS
/// and Graph all of it. Safe for many sessions at once; every call sees and leaves the mailbox whole.
/// </summary>
public sealed class LabMailbox
{
    private readonly object gate = new();
    private readonly LabMailStore store;
    private readonly LabChangeLog log = new();
    private readonly Dictionary<string, LabFolder> folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> wellKnown = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, SortedDictionary<long, LabMessage>> contents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LabMessage> messages = new(StringComparer.Ordinal);
    private IReadOnlyList<LabInboxRule> rules = [];
    private bool isLocked;
    private long lastPlace;
    private long size;

    internal LabMailbox(LabMailStore store, string address, string password)
    {
        this.store = store;
        Address = address;
        Password = password;
        foreach ((string name, string displayName, string? parent) in LabFolderNames.All)
        {
            LabFolder folder = AddFolder(parent is null ? null : wellKnown[parent], displayName, name, "IPF.Note");
            wellKnown.Add(name, folder.Id);
        }
    }

    /// <summary>Gets the address, which is also the user name.</summary>
    public string Address { get; }

    /// <summary>Gets or sets the name people see; the address's local part at first.</summary>
    public string DisplayName { get => field ?? Address[..Math.Max(1, Address.LastIndexOf('@'))]; set; }

    /// <summary>Gets or sets the password.</summary>
    public string Password { get; set; }

    /// <summary>Gets or sets how many bytes of messages it takes; null for any number.</summary>
    public long? Quota { get; set; }

    /// <summary>Gets who may do what in it besides its owner.</summary>
    public LabMailboxRights Rights { get; } = new();

    /// <summary>Gets or sets a value indicating whether Outlook has left rules of its own that only it applies (EWS <c>OutlookRuleBlobExists</c>).</summary>
    public bool HasOutlookRuleBlob { get; set; }

    /// <summary>Gets the messages now in the Inbox, oldest first.</summary>
    public IReadOnlyList<LabMessage> Messages => MessagesIn(FolderOf(LabFolderNames.Inbox).Id);

    /// <summary>Gets the folders, the root first, every folder after the one above it.</summary>
    public IReadOnlyList<LabFolder> Folders
    {
        get
        {
            lock (gate)
                return Below(wellKnown[LabFolderNames.Root], andItself: true);
        }
    }

    /// <summary>Gets the inbox rules in their order.</summary>
    public IReadOnlyList<LabInboxRule> Rules
    {
        get
        {
            lock (gate)
                return rules;
        }
    }

    /// <summary>Gets the number of the last change in the mailbox.</summary>
    public long Sequence
    {
        get
        {
            lock (gate)
                return log.Sequence;
        }
    }

    /// <summary>Gets how many bytes the messages have.</summary>
    public long Size
    {
        get
        {
            lock (gate)
                return size;
        }
    }

    /// <summary>Gets a value indicating whether it takes no further message.</summary>
    public bool IsFull => Quota is { } quota && Size >= quota;

    /// <summary>Gets a value indicating whether a POP3 session holds the maildrop's lock (RFC 1939 4).</summary>
    public bool IsLocked
    {
        get
        {
            lock (gate)
                return isLocked;
        }
    }

    /// <summary>Removes all messages of the Inbox.</summary>
    public void Clear() => Remove(Messages.Select(m => m.Id).ToHashSet(StringComparer.Ordinal));

    /// <summary>Gets a folder that every mailbox has.</summary>
    /// <param name="wellKnownName">Its name, see <see cref="LabFolderNames"/>; case does not matter.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="LabStoreException">There is no folder of that name.</exception>
    public LabFolder FolderOf(string wellKnownName)
    {
        lock (gate)
            return wellKnown.TryGetValue(wellKnownName, out string? id) ? folders[id] : throw NoFolder(wellKnownName);
    }

    /// <summary>Finds a folder.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The folder, or null.</returns>
    public LabFolder? FindFolder(string id)
    {
        lock (gate)
            return folders.GetValueOrDefault(id);
    }

    /// <summary>Lists the folders below a folder.</summary>
    /// <param name="id">The folder's id.</param>
    /// <param name="deep">Whether those below them are listed too, each after the one above it.</param>
    /// <returns>The folders.</returns>
    /// <exception cref="LabStoreException">There is no such folder.</exception>
    public IReadOnlyList<LabFolder> FoldersBelow(string id, bool deep = false)
    {
        lock (gate)
        {
            LabFolder parent = Need(id);
            return deep ? Below(parent.Id, andItself: false) : Children(parent.Id);
        }
    }

    /// <summary>Makes a folder.</summary>
    /// <param name="parentId">The id of the folder above.</param>
    /// <param name="displayName">The name, unlike its neighbours' without regard to case.</param>
    /// <param name="folderClass">What it is for.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="LabStoreException">There is no folder above, or one of that name.</exception>
    public LabFolder CreateFolder(string parentId, string displayName, string folderClass = "IPF.Note")
    {
        ArgumentException.ThrowIfNullOrEmpty(displayName);
        lock (gate)
        {
            CheckName(Need(parentId).Id, displayName, except: null);
            return AddFolder(parentId, displayName, null, folderClass);
        }
    }

    /// <summary>Renames a folder, or puts it elsewhere.</summary>
    /// <param name="id">The folder's id.</param>
    /// <param name="displayName">The new name; null for the old one.</param>
    /// <param name="parentId">The id of the folder that is to be above it; null for the old one.</param>
    /// <returns>The folder as it is then.</returns>
    /// <exception cref="LabStoreException">There is no such folder; it is a well-known one; the name is taken; it would stand below itself.</exception>
    public LabFolder UpdateFolder(string id, string? displayName = null, string? parentId = null)
    {
        lock (gate)
        {
            LabFolder folder = NeedOwn(id);
            LabFolder parent = Need(parentId ?? folder.ParentId!);
            for (LabFolder? at = parent; at is not null; at = at.ParentId is null ? null : folders[at.ParentId])
            {
                if (at.Id == id)
                    throw new LabStoreException(LabStoreError.FolderLoop, $"The folder {folder.DisplayName} cannot stand below itself.");
            }

            CheckName(parent.Id, displayName ?? folder.DisplayName, except: id);
            LabFolder changed = folder with { DisplayName = displayName ?? folder.DisplayName, ParentId = parent.Id, Version = log.Take() };
            folders[id] = changed;
            Tell(changed.Version, LabChangeKind.FolderUpdated, changed);
            return changed;
        }
    }

    /// <summary>Deletes a folder with all that is in it and below it.</summary>
    /// <param name="id">The folder's id.</param>
    /// <param name="how">Into Deleted Items it moves as it is; otherwise it is gone, and its messages go as told.</param>
    /// <exception cref="LabStoreException">There is no such folder; it is a well-known one.</exception>
    public void DeleteFolder(string id, LabDeletion how)
    {
        lock (gate)
        {
            LabFolder folder = NeedOwn(id);
            if (how == LabDeletion.MoveToDeletedItems)
            {
                string bin = wellKnown[LabFolderNames.DeletedItems];
                string name = folder.DisplayName;
                for (int number = 1; Children(bin).Any(f => f.Id != id && Same(f.DisplayName, name)); number++)
                    name = string.Create(CultureInfo.InvariantCulture, $"{folder.DisplayName}{number}");
                UpdateFolder(id, name, bin);
                return;
            }

            foreach (LabFolder each in Enumerable.Reverse(Below(id, andItself: true)))
            {
                foreach (LabMessage message in contents[each.Id].Values.ToArray())
                    Delete(message.Id, how);
                folders.Remove(each.Id);
                contents.Remove(each.Id);
                Tell(log.Take(), LabChangeKind.FolderDeleted, each);
            }
        }
    }

    /// <summary>Lists the messages of a folder.</summary>
    /// <param name="folderId">The folder's id.</param>
    /// <returns>The messages in the order in which they came into the folder.</returns>
    /// <exception cref="LabStoreException">There is no such folder.</exception>
    public IReadOnlyList<LabMessage> MessagesIn(string folderId)
    {
        lock (gate)
            return [.. contents[Need(folderId).Id].Values];
    }

    /// <summary>Finds a message wherever it lies.</summary>
    /// <param name="id">Its immutable id.</param>
    /// <returns>The message, or null.</returns>
    public LabMessage? FindMessage(string id)
    {
        lock (gate)
            return messages.GetValueOrDefault(id);
    }

    /// <summary>Finds a message by the id that changes when it moves.</summary>
    /// <param name="entryId">Its <see cref="LabMessage.EntryId"/>.</param>
    /// <returns>The message, or null when it is gone or has moved.</returns>
    public LabMessage? FindEntry(string entryId)
    {
        ArgumentNullException.ThrowIfNull(entryId);
        return FindMessage(LabEntryId.IdOf(entryId)) is { } message && message.EntryId == entryId ? message : null;
    }

    /// <summary>Puts a message into a folder. Rules do not apply; <see cref="LabMailStore.Deliver"/> is for mail that arrives.</summary>
    /// <param name="folderId">The folder's id.</param>
    /// <param name="content">The message.</param>
    /// <param name="known">What else is known of it; defaults when omitted.</param>
    /// <returns>The message as it lies in the folder.</returns>
    /// <exception cref="LabStoreException">There is no such folder; the message is too large or the mailbox full.</exception>
    public LabMessage Add(string folderId, ReadOnlyMemory<byte> content, LabNewMessage? known = null)
    {
        known ??= new LabNewMessage();
        DateTimeOffset now = store.Clock.GetUtcNow();
        var message = new LabMessage
        {
            Id = store.NextId(),
            Place = 0,
            FolderId = folderId,
            Content = content,
            ReceivedOn = known.ReceivedOn ?? now,
            CreatedOn = now,
            ModifiedOn = now,
            IsRead = known.IsRead,
            IsDraft = known.IsDraft,
            ItemClass = known.ItemClass ?? LabItemClass.Of(Mime.MimeMessage.Parse(content)),
            Categories = known.Categories,
            Importance = known.Importance,
            Properties = known.Properties,
        };
        lock (gate)
        {
            CheckRoom(content.Length);
            return Put(message, Need(folderId), change => change with { IsNewMail = known.IsNewMail });
        }
    }

    /// <summary>Changes a message where it lies.</summary>
    /// <param name="id">Its immutable id.</param>
    /// <param name="change">Makes the changed message of the present one; ids, folder and version stay as they are.</param>
    /// <param name="changeKey">The change key that the message must still have; null for any.</param>
    /// <returns>The message as it is then; with a new change key if anything changed.</returns>
    /// <exception cref="LabStoreException">There is no such message, it has another change key, or it became too large.</exception>
    public LabMessage Update(string id, Func<LabMessage, LabMessage> change, string? changeKey = null)
    {
        ArgumentNullException.ThrowIfNull(change);
        lock (gate)
        {
            LabMessage before = NeedMessage(id);
            if (changeKey is not null && changeKey != before.ChangeKey)
                throw new LabStoreException(LabStoreError.Conflict, "The message has changed in the meantime.");
            LabMessage after = change(before) with { Id = before.Id, Place = before.Place, FolderId = before.FolderId, Version = before.Version };
            if (after == before)
                return before;
            CheckRoom(after.Content.Length - before.Content.Length);
            bool isReadFlag = after with { IsRead = before.IsRead } == before;
            after = after with { Version = log.Take(), ModifiedOn = store.Clock.GetUtcNow() };
            size += after.Content.Length - before.Content.Length;
            messages[id] = after;
            contents[after.FolderId][after.Place] = after;
            Tell(after.Version, isReadFlag ? LabChangeKind.ReadFlag : LabChangeKind.Updated, after, c => c with { IsRead = after.IsRead });
            return after;
        }
    }

    /// <summary>Moves a message to another folder.</summary>
    /// <param name="id">Its immutable id.</param>
    /// <param name="folderId">The id of the other folder; the same folder gives the message a new place in it.</param>
    /// <returns>The message as it lies there, with another <see cref="LabMessage.EntryId"/>.</returns>
    /// <exception cref="LabStoreException">There is no such message or folder.</exception>
    public LabMessage Move(string id, string folderId)
    {
        lock (gate)
        {
            LabMessage before = NeedMessage(id);
            LabFolder to = Need(folderId);
            Take(before, isMove: true);
            return Put(before, to, change => change with { MovedFrom = new LabMoveOrigin(before.FolderId, before.EntryId) });
        }
    }

    /// <summary>Copies a message.</summary>
    /// <param name="id">Its immutable id.</param>
    /// <param name="folderId">The id of the folder that gets the copy.</param>
    /// <returns>The copy, a message of its own.</returns>
    /// <exception cref="LabStoreException">There is no such message or folder, or the mailbox is full.</exception>
    public LabMessage Copy(string id, string folderId)
    {
        lock (gate)
        {
            LabMessage original = NeedMessage(id);
            LabFolder to = Need(folderId);
            CheckRoom(original.Content.Length);
            DateTimeOffset now = store.Clock.GetUtcNow();
            return Put(original with { Id = store.NextId(), CreatedOn = now, ModifiedOn = now }, to, change => change with { IsCopy = true });
        }
    }

    /// <summary>Deletes a message.</summary>
    /// <param name="id">Its immutable id.</param>
    /// <param name="how">Where it goes.</param>
    /// <returns>The message where it lies now; null when it is gone.</returns>
    /// <exception cref="LabStoreException">There is no such message.</exception>
    public LabMessage? Delete(string id, LabDeletion how)
    {
        lock (gate)
        {
            LabMessage message = NeedMessage(id);
            string? to = how switch
            {
                LabDeletion.MoveToDeletedItems => wellKnown[LabFolderNames.DeletedItems],
                LabDeletion.Soft => wellKnown[LabFolderNames.RecoverableItemsDeletions],
                _ => null,
            };
            if (to is not null)
                return Move(id, to);
            Take(message, isMove: false);
            return null;
        }
    }

    /// <summary>Lists what happened in the mailbox after a position.</summary>
    /// <param name="sequence">The position; 0 for the beginning.</param>
    /// <returns>The changes in order; null when the mailbox no longer knows that far back (or never was there).</returns>
    public IReadOnlyList<LabChange>? ChangesSince(long sequence)
    {
        lock (gate)
            return log.Since(sequence) is { } changes ? [.. changes] : null;
    }

    /// <summary>Tells someone who knows a folder as it was at a position what is different now, page by page.</summary>
    /// <param name="folderId">The folder's id.</param>
    /// <param name="sequence">The position; 0 for someone who knows nothing. Of a page before: its <see cref="LabChangePage.Sequence"/>.</param>
    /// <param name="count">How many changes to tell at most.</param>
    /// <returns>The page; null when the mailbox no longer knows that far back.</returns>
    /// <exception cref="LabStoreException">There is no such folder.</exception>
    public LabChangePage? ChangesIn(string folderId, long sequence, int count = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        lock (gate)
        {
            Need(folderId);
            if (log.Since(sequence == 0 ? log.Start : sequence) is not { } changes)
                return null;
            var told = new Dictionary<string, LabChange>(StringComparer.Ordinal);
            var passing = new HashSet<string>(StringComparer.Ordinal);
            long position = sequence;
            bool isComplete = true;
            foreach (LabChange change in changes)
            {
                if (change.FolderId == folderId && change.Kind == LabChangeKind.Created && !IsThere(change))
                    passing.Add(change.EntryId);
                if (change.FolderId == folderId && change.MessageId.Length > 0 && !passing.Contains(change.EntryId))
                {
                    bool isKnown = told.TryGetValue(change.EntryId, out LabChange? earlier);
                    if (!isKnown && told.Count == count)
                    {
                        isComplete = false;
                        break;
                    }

                    if (Net(earlier, change) is { } net)
                        told[change.EntryId] = net;
                    else
                        told.Remove(change.EntryId);
                }

                position = change.Sequence;
            }

            return new LabChangePage([.. told.Values.OrderBy(c => c.Sequence)], isComplete ? log.Sequence : position, isComplete);
        }
    }

    /// <summary>Waits until the mailbox changes after a position.</summary>
    /// <param name="sequence">The position.</param>
    /// <param name="timeout">How long to wait at most, by the store's clock.</param>
    /// <param name="cancellationToken">Stops the wait.</param>
    /// <returns>True when there is something new; false after the time.</returns>
    public async Task<bool> WaitForChangeAsync(long sequence, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Task next;
        lock (gate)
        {
            if (log.Sequence > sequence)
                return true;
            next = log.Next;
        }

        try
        {
            await next.WaitAsync(timeout, store.Clock, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Forgets what happened so far, so that whoever comes with an earlier position has to begin anew: with the messages that there are.</summary>
    public void ForgetChanges()
    {
        lock (gate)
        {
            log.Forget();
            foreach (LabMessage message in messages.Values.OrderBy(m => m.Place))
                Tell(log.Take(), LabChangeKind.Created, message, change => change);
        }
    }

    /// <summary>Changes the inbox rules, all or none of them.</summary>
    /// <param name="change">Makes the new rules of the present ones; what it throws leaves the rules as they are.</param>
    public void ChangeRules(Func<IReadOnlyList<LabInboxRule>, IEnumerable<LabInboxRule>> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        lock (gate)
            rules = [.. change(rules).OrderBy(r => r.Sequence)];
    }

    internal void Remove(IReadOnlySet<string> ids)
    {
        lock (gate)
        {
            string inbox = wellKnown[LabFolderNames.Inbox];
            foreach (string id in ids)
            {
                if (messages.TryGetValue(id, out LabMessage? message) && message.FolderId == inbox)
                    Take(message, isMove: false);
            }
        }
    }

    internal bool TryLock()
    {
        lock (gate)
        {
            if (isLocked)
                return false;
            return isLocked = true;
        }
    }

    internal void Unlock()
    {
        lock (gate)
            isLocked = false;
    }

    private static bool Same(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    private static LabStoreException NoFolder(string name) => new(LabStoreError.FolderNotFound, $"There is no folder {name}.");

    /// <summary>What is left to be told of a message: what was told so far of it in this page, and what happened next.</summary>
    private LabChange? Net(LabChange? earlier, LabChange change) => (earlier?.Kind, change.Kind) switch
    {
        (_, LabChangeKind.Deleted) => change,
        (LabChangeKind.Created, _) => earlier! with { Sequence = change.Sequence },
        _ when !IsThere(change) => null,
        (LabChangeKind.Updated, LabChangeKind.ReadFlag) => earlier! with { Sequence = change.Sequence },
        _ => change,
    };

    private bool IsThere(LabChange change) => messages.TryGetValue(change.MessageId, out LabMessage? now) && now.EntryId == change.EntryId;

    private LabMessage Put(LabMessage message, LabFolder folder, Func<LabChange, LabChange> detail)
    {
        LabMessage placed = message with { FolderId = folder.Id, Place = ++lastPlace, Version = log.Take() };
        messages[placed.Id] = placed;
        contents[folder.Id].Add(placed.Place, placed);
        size += placed.Content.Length;
        Tell(placed.Version, LabChangeKind.Created, placed, detail);
        return placed;
    }

    private void Take(LabMessage message, bool isMove)
    {
        messages.Remove(message.Id);
        contents[message.FolderId].Remove(message.Place);
        size -= message.Content.Length;
        Tell(log.Take(), LabChangeKind.Deleted, message, change => change with { IsMove = isMove });
    }

    private void Tell(long sequence, LabChangeKind kind, LabMessage message, Func<LabChange, LabChange> detail) =>
        log.Add(detail(new LabChange(sequence, kind, message.FolderId, message.Id, message.EntryId, store.Clock.GetUtcNow())));

    private void Tell(long sequence, LabChangeKind kind, LabFolder folder) =>
        log.Add(new LabChange(sequence, kind, folder.Id, string.Empty, string.Empty, store.Clock.GetUtcNow()));

    private LabFolder AddFolder(string? parentId, string displayName, string? wellKnownName, string folderClass)
    {
        var folder = new LabFolder(store.NextId(), parentId, displayName, wellKnownName, folderClass, log.Take());
        folders.Add(folder.Id, folder);
        contents.Add(folder.Id, []);
        Tell(folder.Version, LabChangeKind.FolderCreated, folder);
        return folder;
    }

    private IReadOnlyList<LabFolder> Children(string id) => [.. folders.Values.Where(f => f.ParentId == id).OrderBy(f => f.DisplayName, StringComparer.OrdinalIgnoreCase)];

    private List<LabFolder> Below(string id, bool andItself)
    {
        var found = new List<LabFolder>();
        if (andItself)
            found.Add(folders[id]);
        foreach (LabFolder child in Children(id))
            found.AddRange(Below(child.Id, andItself: true));
        return found;
    }

    private LabFolder Need(string id) => folders.GetValueOrDefault(id) ?? throw NoFolder(id);

    private LabFolder NeedOwn(string id)
    {
        LabFolder folder = Need(id);
        return folder.WellKnownName is null
            ? folder
            : throw new LabStoreException(LabStoreError.WellKnownFolder, $"The folder {folder.DisplayName} belongs to every mailbox and cannot be changed.");
    }

    private LabMessage NeedMessage(string id) =>
        messages.GetValueOrDefault(id) ?? throw new LabStoreException(LabStoreError.MessageNotFound, "There is no such message.");

    private void CheckName(string parentId, string displayName, string? except)
    {
        if (Children(parentId).Any(f => f.Id != except && Same(f.DisplayName, displayName)))
            throw new LabStoreException(LabStoreError.FolderExists, $"A folder {displayName} is there already.");
    }

    private void CheckRoom(int more)
    {
        if (more > store.MaximumMessageSize)
            throw new LabStoreException(LabStoreError.MessageTooLarge, $"The message has {more:N0} bytes; {store.MaximumMessageSize:N0} are allowed.");
        if (more > 0 && Quota is { } quota && size + more > quota)
            throw new LabStoreException(LabStoreError.QuotaExceeded, $"The mailbox {Address} is full.");
    }
}
