using System.Text.Json;
using EmailRouter.Crm.Outbox;

namespace EmailRouter.Crm.Server;

/// <summary>Chooses which pending emails to claim, the senders in turn; whose turn it is, is remembered from claim to claim.</summary>
internal sealed class ClaimTurns
{
    /// <summary>How many rows a page is asked to have.</summary>
    public const int PageSize = 250;

    private const int MaxPages = 6;

    private readonly Dictionary<Guid, (long Deficit, long Turn)> shares = [];

    /// <summary>Lists what may be sent and takes some of it.</summary>
    /// <param name="request">How many, and whose.</param>
    /// <param name="directory">Settings and mailboxes.</param>
    /// <param name="readPage">Reads the next rows, highest priority and oldest first, leaving out the senders it is given.</param>
    /// <returns>What was taken.</returns>
    public async ValueTask<List<PendingCandidate>> TakeAsync(
        ClaimRequest request, OrganizationDirectory directory, Func<IReadOnlyCollection<Guid>, ValueTask<List<JsonElement>>> readPage)
    {
        var except = request.ExceptActivityIds.ToHashSet();
        var found = new Dictionary<Guid, List<PendingCandidate>>();
        var satisfied = new HashSet<Guid>();
        for (int page = 0; page < MaxPages; page++)
        {
            List<JsonElement> rows = await readPage(satisfied).ConfigureAwait(false);
            int before = satisfied.Count;
            foreach (JsonElement row in rows)
            {
                if (PendingCandidate.Read(row) is not { } candidate)
                    continue;
                if (!found.TryGetValue(candidate.Sender.Id, out List<PendingCandidate>? own))
                    found[candidate.Sender.Id] = own = [];
                bool isWanted = (request.Senders?.Contains(candidate.Sender.Id) ?? true) && MaySend(candidate.Sender, directory);
                if (isWanted && own.Count < request.MaxPerSender && !except.Contains(candidate.Id) && (request.ActivityIds?.Contains(candidate.Id) ?? true) &&
                    own.TrueForAll(c => c.Id != candidate.Id))
                {
                    own.Add(candidate);
                }

                if (!isWanted || own.Count >= request.MaxPerSender)
                    satisfied.Add(candidate.Sender.Id);
            }

            if (rows.Count < PageSize || satisfied.Count == before)
                break;
        }

        var waiting = found.Where(f => f.Value.Count > 0).Select(f =>
        {
            (long deficit, long lastTurn) = shares.GetValueOrDefault(f.Key);
            return new SenderShare<PendingCandidate>(f.Key, f.Value) { Deficit = deficit, Turn = lastTurn };
        }).ToList();
        List<PendingCandidate> chosen = DeficitRoundRobin.Take(waiting, request.MaxCount);
        if (!request.PeekOnly)
        {
            foreach (SenderShare<PendingCandidate> share in waiting.Where(s => s.IsVisited))
                shares[share.SenderId] = (share.Deficit, share.Turn);
        }

        return chosen;
    }

    /// <summary>Says whether email of a sender may be sent through the router.</summary>
    /// <param name="sender">The sender.</param>
    /// <param name="directory">Settings and mailboxes.</param>
    /// <returns>True when nothing stands against it.</returns>
    public static bool MaySend(RecordReference sender, OrganizationDirectory directory) =>
        SenderGate.Check(sender, directory.Find(sender.Id), directory.Settings).All(e => e.Verdict != EvidenceVerdict.Reject);
}
