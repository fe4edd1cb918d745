using System.Collections.Concurrent;
using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>Someone who wants to hear what happens in folders of a mailbox.</summary>
internal sealed class EwsSubscription(string id, LabMailbox mailbox, IReadOnlySet<string>? folders, IReadOnlySet<string> types, bool isPull, long position)
{
    private static readonly XNamespace T = EwsNames.T;

    public string Id => id;

    public LabMailbox Mailbox => mailbox;

    public bool IsPull => isPull;

    /// <summary>The number of the mailbox's last change that was told.</summary>
    public long Position { get; set; } = position;

    /// <summary>The connection that streams it now; another one takes it over.</summary>
    public object? Connection { get; set; }

    /// <summary>The events after the position, which moves on.</summary>
    public IReadOnlyList<XElement> Take()
    {
        IReadOnlyList<LabChange> changes = mailbox.ChangesSince(Position) ?? throw new EwsException("ErrorExpiredSubscription", "The subscription has expired.");
        if (changes.Count > 0)
            Position = changes[^1].Sequence;
        return [.. changes.SelectMany(Events)];
    }

    private IEnumerable<XElement> Events(LabChange change)
    {
        bool isHere = folders is null || folders.Contains(change.FolderId) || (change.MovedFrom is { } origin && folders.Contains(origin.FolderId));
        if (!isHere || (change.Kind == LabChangeKind.Deleted && change.IsMove))
            yield break;
        string[] names = change.Kind switch
        {
            LabChangeKind.Created when change.MovedFrom is not null => ["MovedEvent"],
            LabChangeKind.Created when change.IsCopy => ["CopiedEvent"],
            LabChangeKind.Created when change.IsNewMail => ["CreatedEvent", "NewMailEvent"],
            LabChangeKind.Created or LabChangeKind.FolderCreated => ["CreatedEvent"],
            LabChangeKind.Deleted or LabChangeKind.FolderDeleted => ["DeletedEvent"],
            _ => ["ModifiedEvent"],
        };
        foreach (string name in names.Where(types.Contains))
        {
            yield return new XElement(
                T + name,
                isPull ? new XElement(T + "Watermark", EwsSubscriptions.Watermark(change.Sequence)) : null,
                new XElement(T + "TimeStamp", EwsNames.Date(change.On)),
                change.MessageId.Length == 0 ? FolderId("FolderId", change.FolderId) : ItemId("ItemId", change.EntryId, change.Sequence),
                FolderId("ParentFolderId", change.MessageId.Length == 0 ? mailbox.FindFolder(change.FolderId)?.ParentId ?? change.FolderId : change.FolderId),
                change.MovedFrom is { } from
                    ? new[] { ItemId("OldItemId", from.EntryId, change.Sequence), FolderId("OldParentFolderId", from.FolderId) } : null);
        }
    }

    private XElement ItemId(string name, string entryId, long version) => new(
        T + name, new XAttribute("Id", EwsId.OfEntry(mailbox, entryId)), new XAttribute("ChangeKey", EwsId.Key(LabEntryId.ChangeKey(version))));

    private XElement FolderId(string name, string folderId) => new(
        T + name,
        new XAttribute("Id", new EwsId(EwsId.Folder, mailbox.Address, folderId).ToString()),
        new XAttribute("ChangeKey", EwsId.Key(mailbox.FindFolder(folderId)?.ChangeKey ?? "0")));
}

/// <summary>Subscribe, Unsubscribe, GetEvents, GetStreamingEvents.</summary>
internal sealed class EwsSubscriptions(LabExchangeServer server)
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    private readonly ConcurrentDictionary<string, EwsSubscription> known = new(StringComparer.Ordinal);

    public int Count => known.Count;

    public static string Watermark(long sequence) => EwsId.Key(sequence.ToString(CultureInfo.InvariantCulture));

    public void Clear() => known.Clear();

    public XElement Subscribe(EwsCall call) => call.Answer(() =>
    {
        XElement request = call.Operation.Elements().FirstOrDefault() ?? throw EwsException.Schema(call.Operation, "The element 'Subscribe' has incomplete content.");
        bool isPull = request.Name.LocalName switch
        {
            "PullSubscriptionRequest" => true,
            "StreamingSubscriptionRequest" => false,
            "PushSubscriptionRequest" => throw new EwsException("ErrorInvalidSubscriptionRequest", "The lab pushes nothing."),
            _ => throw EwsException.Schema(request, $"The element '{request.Name.LocalName}' is no subscription request."),
        };
        bool all = EwsNames.IsTrue(request.Attribute("SubscribeToAllFolders")?.Value);
        (LabMailbox Mailbox, LabFolder Folder)[] folders = [.. (request.Element(T + "FolderIds")?.Elements() ?? []).Select(call.Folder)];
        HashSet<string> types = [.. (request.Element(T + "EventTypes")?.Elements() ?? []).Select(e => e.Value)];
        if (types.Count == 0 || (!all && folders.Length == 0))
            throw new EwsException("ErrorInvalidSubscriptionRequest", "A subscription needs folders and event types.");
        if (folders.Select(f => f.Mailbox).Distinct().Count() > 1)
            throw new EwsException("ErrorInvalidSubscriptionRequest", "All folders of a subscription lie in one mailbox.");
        LabMailbox mailbox = folders.Length > 0 ? folders[0].Mailbox : call.Mailbox;
        if (known.Values.Count(s => s.Mailbox == mailbox) >= server.MaxSubscriptions)
            throw new EwsException("ErrorExceededSubscriptionCount", "There are too many subscriptions.");
        var subscription = new EwsSubscription(
            Convert.ToBase64String(Guid.NewGuid().ToByteArray()), mailbox, all ? null : folders.Select(f => f.Folder.Id).ToHashSet(StringComparer.Ordinal), types, isPull, mailbox.Sequence);
        known[subscription.Id] = subscription;
        return new[]
        {
            new XElement(M + "SubscriptionId", subscription.Id),
            isPull ? new XElement(M + "Watermark", Watermark(subscription.Position)) : null,
        };
    });

    public XElement Unsubscribe(EwsCall call) => call.Answer(() =>
        known.TryRemove(call.Child("SubscriptionId")?.Value ?? string.Empty, out _) ? (object?)null : throw NotFound());

    public XElement GetEvents(EwsCall call) => call.Answer(() =>
    {
        EwsSubscription subscription = known.GetValueOrDefault(call.Child("SubscriptionId")?.Value ?? string.Empty) ?? throw NotFound();
        if (!subscription.IsPull)
            throw new EwsException("ErrorInvalidPullSubscriptionId", "The subscription is not one to be pulled.");
        string before = Watermark(subscription.Position);
        if (call.Child("Watermark")?.Value is not { Length: > 0 })
            throw new EwsException("ErrorInvalidWatermark", "The watermark is missing.");
        IReadOnlyList<XElement> events = subscription.Take();
        return new XElement(
            M + "Notification",
            new XElement(T + "SubscriptionId", subscription.Id),
            new XElement(T + "PreviousWatermark", before),
            new XElement(T + "MoreEvents", "false"),
            events.Count > 0 ? events : [new XElement(T + "StatusEvent", new XElement(T + "Watermark", Watermark(subscription.Position)))]);
    });

    /// <summary>Tells what happens, one whole envelope after the other, until the time of the connection is over.</summary>
    public async Task StreamAsync(EwsCall call, Func<XElement, ValueTask<bool>> write, CancellationToken cancellationToken)
    {
        string[] ids = [.. call.Children("SubscriptionIds").Select(e => e.Value)];
        EwsSubscription[] subscriptions = [.. ids.Select(i => known.GetValueOrDefault(i)).OfType<EwsSubscription>().Where(s => !s.IsPull && call.Account.CanOpen(s.Mailbox))];
        if (ids.Length == 0 || subscriptions.Length < ids.Length)
        {
            string[] lost = [.. ids.Except(subscriptions.Select(s => s.Id))];
            await write(call.Answer(() => throw new EwsException("ErrorSubscriptionNotFound", "The subscription was not found.")
            {
                Payload = [new XElement(M + "ErrorSubscriptionIds", lost.Select(i => new XElement(M + "SubscriptionId", i)))],
            }));
            return;
        }

        XElement timeout = call.Child("ConnectionTimeout") ?? throw EwsException.Schema(call.Operation, "The element 'ConnectionTimeout' is missing.");
        if (!int.TryParse(timeout.Value, CultureInfo.InvariantCulture, out int minutes) || minutes is < 1 or > 30)
            throw EwsException.Schema(timeout, $"The 'ConnectionTimeout' element is invalid - The value '{timeout.Value}' is invalid.");
        object connection = new();
        foreach (EwsSubscription subscription in subscriptions)
            subscription.Connection = connection;
        DateTimeOffset end = server.Clock.GetUtcNow().AddMinutes(minutes);
        if (!await write(call.Answer(() => Status("OK"))))
            return;
        while (true)
        {
            if (Array.Exists(subscriptions, s => s.Connection != connection))
            {
                await write(call.Answer(() => throw new EwsException("ErrorNewEventStreamConnectionOpened", "Another connection has taken the subscription over.")));
                return;
            }

            XElement[] notifications = [.. subscriptions.Select(s => (Subscription: s, Events: s.Take())).Where(n => n.Events.Count > 0).Select(n =>
                new XElement(M + "Notification", new XElement(T + "SubscriptionId", n.Subscription.Id), n.Events))];
            TimeSpan left = end - server.Clock.GetUtcNow();
            if (left <= TimeSpan.Zero)
            {
                await write(call.Answer(() => Status("Closed")));
                return;
            }

            if (notifications.Length > 0)
            {
                if (!await write(call.Answer(() => new XElement(M + "Notifications", notifications))))
                    return;
                continue;
            }

            using var one = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            TimeSpan wait = left < server.Heartbeat ? left : server.Heartbeat;
            Task<bool>[] waits = [.. subscriptions.Select(s => s.Mailbox.WaitForChangeAsync(s.Position, wait, one.Token))];
            bool happened = await await Task.WhenAny(waits);
            await one.CancelAsync();
            await Task.WhenAll(waits.Select(w => w.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default)));
            cancellationToken.ThrowIfCancellationRequested();
            if (!happened && !await write(call.Answer(() => new XElement(
                    M + "Notifications",
                    subscriptions.Select(s => new XElement(M + "Notification", new XElement(T + "SubscriptionId", s.Id), new XElement(T + "StatusEvent")))))))
            {
                return;
            }
        }
    }

    private static XElement Status(string status) => new(M + "ConnectionStatus", status);

    private static EwsException NotFound() => new("ErrorSubscriptionNotFound", "The subscription was not found.");
}
