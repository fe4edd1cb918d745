using System.Text.Json;

namespace EmailRouter.Mail.Graph;

/// <summary>Does what was noted to happen to messages, together: 20 messages cost one request.</summary>
internal sealed class GraphSettler(GraphClient client, GraphFolders folders)
{
    private const string What = "settle";
    private const int MaximumConflicts = 4;

    private readonly Dictionary<string, Settlement> noted = new(StringComparer.Ordinal);
    private readonly GraphBatch batch = new(client);
    private GraphRefusedException? refused;
    private int refusals;

    /// <summary>Gets how many messages are noted.</summary>
    public int Count => noted.Count;

    /// <summary>Notes what is to happen to a message; what was noted before is void.</summary>
    /// <param name="message">The message.</param>
    /// <param name="how">What is to happen.</param>
    public void Note(MessageRef message, Settlement how) => noted[message.Id] = how;

    /// <summary>Does it all. What the service refuses does not keep the rest from being done; messages that are gone need nothing.</summary>
    /// <param name="cancellationToken">Stops the attempt; what is done is done.</param>
    /// <returns>The exception to throw when the session has ended; null when the service did everything.</returns>
    public async ValueTask<MailCommandException?> RunAsync(CancellationToken cancellationToken)
    {
        foreach (IGrouping<Settlement, string> group in noted.GroupBy(n => n.Value, n => n.Key))
        {
            string[] ids = [.. group];
            switch (group.Key.Kind)
            {
                case SettlementKinds.MarkRead:
                    await DoAsync([.. ids.Select(id => new GraphPart(HttpMethod.Patch, PathOf(id), json => json.WriteBoolean("isRead", true)))], cancellationToken).ConfigureAwait(false);
                    break;
                case SettlementKinds.Categorize:
                    await CategorizeAsync(ids, group.Key.Category!, cancellationToken).ConfigureAwait(false);
                    break;
                case SettlementKinds.Delete when client.Options.PermanentDelete:
                    await DoAsync([.. ids.Select(id => new GraphPart(HttpMethod.Post, PathOf(id) + "/permanentDelete"))], cancellationToken).ConfigureAwait(false);
                    break;
                case SettlementKinds.Delete:
                    await DoAsync([.. ids.Select(id => new GraphPart(HttpMethod.Delete, PathOf(id)))], cancellationToken).ConfigureAwait(false);
                    break;
                case SettlementKinds.Move:
                    await MoveAsync(ids, group.Key.Folder!, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }

        noted.Clear();
        return refused is null
            ? null
            : new MailCommandException(
                "MailSettlementFailed", MailStep.Settle, $"{client.Where(What)}: {refusals} messages could not be settled; the first answer: {refused.Error}", refused.Remedy, refused)
            {
                Reply = refused.Reply,
                IsTransient = refused.IsTransient,
                RetryAfter = refused.RetryAfter,
                Conversation = client.Conversation,
            };
    }

    private string PathOf(string id) => $"{client.User}/messages/{Uri.EscapeDataString(id)}";

    private ValueTask<IReadOnlyList<GraphPartAnswer>> DoAsync(IReadOnlyList<GraphPart> parts, CancellationToken cancellationToken) => DoAsync(parts, GraphFault.ItemGone, cancellationToken);

    /// <summary>Does all parts and notes the refusals but those that are the caller's to handle.</summary>
    private async ValueTask<IReadOnlyList<GraphPartAnswer>> DoAsync(IReadOnlyList<GraphPart> parts, GraphFault expected, CancellationToken cancellationToken)
    {
        IReadOnlyList<GraphPartAnswer> answers = await batch.RunAsync(MailStep.Settle, What, parts, cancellationToken).ConfigureAwait(false);
        foreach (GraphPartAnswer answer in answers)
        {
            if (answer.Error is { } error && error.Fault != GraphFault.ItemGone && error.Fault != expected)
                Refuse(error);
        }

        return answers;
    }

    private async ValueTask MoveAsync(string[] ids, string name, CancellationToken cancellationToken)
    {
        IReadOnlyList<GraphPartAnswer> answers = await TryAsync(ids).ConfigureAwait(false);
        ids = [.. ids.Where((_, i) => answers[i].Error is { Fault: GraphFault.FolderMissing })];
        if (ids.Length == 0)
            return;

        // The folder was removed since it was found; it is made again.
        folders.Forget(name);
        answers = await TryAsync(ids).ConfigureAwait(false);
        foreach (GraphError error in answers.Select(a => a.Error).Where(e => e is { Fault: GraphFault.FolderMissing }).OfType<GraphError>())
            Refuse(error);

        async ValueTask<IReadOnlyList<GraphPartAnswer>> TryAsync(string[] some)
        {
            GraphFolder folder = await folders.FindAsync(name, create: true, MailStep.Settle, cancellationToken).ConfigureAwait(false);
            return await DoAsync(
                [.. some.Select(id => new GraphPart(HttpMethod.Post, PathOf(id) + "/move", json => json.WriteString("destinationId", folder.Key)))],
                GraphFault.FolderMissing,
                cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The list of categories is replaced as a whole, so it is read first, and written only over what was read.</summary>
    private async ValueTask CategorizeAsync(string[] ids, string category, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ids.Length > 0; attempt++)
        {
            IReadOnlyList<GraphPartAnswer> now = await DoAsync(
                [.. ids.Select(id => new GraphPart(HttpMethod.Get, PathOf(id) + "?$select=categories"))], cancellationToken).ConfigureAwait(false);
            var changed = new List<string>();
            var parts = new List<GraphPart>();
            for (int i = 0; i < ids.Length; i++)
            {
                IReadOnlyList<string> categories = GraphJson.Texts(now[i].Body, "categories");
                if (now[i].Error is not null || categories.Contains(category, StringComparer.OrdinalIgnoreCase))
                    continue;
                changed.Add(ids[i]);
                parts.Add(new GraphPart(HttpMethod.Patch, PathOf(ids[i]), json => WriteCategories(json, [.. categories, category]), GraphJson.Text(now[i].Body, "@odata.etag")));
            }

            IReadOnlyList<GraphPartAnswer> answers = await DoAsync(parts, GraphFault.Conflict, cancellationToken).ConfigureAwait(false);
            GraphError? conflict = answers.Select(a => a.Error).FirstOrDefault(e => e is { Fault: GraphFault.Conflict });
            ids = [.. changed.Where((_, i) => answers[i].Error is { Fault: GraphFault.Conflict })];
            if (ids.Length > 0 && attempt == MaximumConflicts)
            {
                Refuse(conflict!);
                return;
            }
        }
    }

    private static void WriteCategories(Utf8JsonWriter json, IEnumerable<string> categories)
    {
        json.WriteStartArray("categories");
        foreach (string name in categories)
            json.WriteStringValue(name);
        json.WriteEndArray();
    }

    private void Refuse(GraphError error)
    {
        refusals++;
        refused ??= new GraphRefusedException(error, MailStep.Settle, client.Where(What), null, client.Conversation);
    }
}
